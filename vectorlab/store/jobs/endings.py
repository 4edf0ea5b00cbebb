"""What goes when an attempt or a job ends; both sides of the queue need it."""

import sqlalchemy as sa

from vectorlab.domain.jobs.jobs import AttemptOutcome
from vectorlab.store import schema
from vectorlab.store.database import Transaction
from vectorlab.store.jobs.statements import END_ATTEMPTS, LOSE_ATTEMPTS

_of_job: sa.BindParameter[int] = sa.bindparam("of_job")
_drop_partials = schema.job_partials.delete().where(schema.job_partials.c.job_id == _of_job)
_drop_chunks = schema.job_chunks.delete().where(schema.job_chunks.c.job_id == _of_job)
_drop_checkpoint = schema.job_checkpoints.delete().where(schema.job_checkpoints.c.job_id == _of_job)


def end_attempts(
    tx: Transaction, job_id: int, outcome: AttemptOutcome, *, error: str | None = None
) -> None:
    """Close the attempt that is open, before a new one begins; there is at most one.

    What it had written so far is gone with it.
    """
    tx.execute(END_ATTEMPTS, {"of_job": job_id, "with": outcome, "why": error})
    tx.execute(_drop_partials, {"of_job": job_id})


def lose_attempts(tx: Transaction, job_id: int) -> None:
    """Close the attempt whose lease ran out, and say so where people look for the reason."""
    tx.execute(LOSE_ATTEMPTS, {"of_job": job_id})
    tx.execute(_drop_partials, {"of_job": job_id})


def drop_saved(tx: Transaction, job_id: int) -> None:
    """Delete the parts of a result and the checkpoint that nobody will resume from."""
    tx.execute(_drop_chunks, {"of_job": job_id})
    tx.execute(_drop_checkpoint, {"of_job": job_id})
