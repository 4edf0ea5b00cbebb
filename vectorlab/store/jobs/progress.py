"""What a running job tells beside its progress: a bounded log, and texts that are not finished.

Neither is ever a result. Both are written under the fence of the attempt, in the transaction of
whoever calls.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from vectorlab.domain.jobs.jobs import JobState, LogLevel, LogLine, PartialText
from vectorlab.store import schema
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Transaction
from vectorlab.store.upserts import insert_into

LOG_LINES = 500  # kept per job; the oldest go first
LOG_LINE_LENGTH = 2000  # characters

_jobs = schema.jobs
_logs = schema.job_logs
_partials = schema.job_partials
_ADD = _logs.insert().values(created_at=utc_now())


def append_log(
    tx: Transaction,
    job_id: int,
    attempt: int,
    lines: Sequence[tuple[LogLevel, str]],
    *,
    trim: bool = True,
) -> None:
    """Add lines to the log of a job and drop the oldest beyond ``LOG_LINES``.

    Without ``trim`` some more may stay until the next call, as at the end of a job.

    Not guarded: what an attempt says after it lost its lease explains what happened.

    Args:
        tx: An open transaction that writes.
        job_id: Of the job.
        attempt: Number of the attempt that says it.
        lines: Level and text of each.
        trim: Drop the oldest now.
    """
    if not lines:
        return
    tx.execute(
        _ADD,
        [
            {
                "job_id": job_id,
                "attempt": attempt,
                "level": level,
                "message": _storable(message),
            }
            for level, message in lines[-LOG_LINES:]
        ],
    )
    if trim:
        newest = sa.select(_logs.c.id).where(_logs.c.job_id == job_id).order_by(_logs.c.id.desc())
        first_beyond = newest.offset(LOG_LINES).limit(1).scalar_subquery()
        tx.execute(_logs.delete().where(_logs.c.job_id == job_id, _logs.c.id <= first_beyond))


def log(tx: Transaction, job_id: int, *, last: int | None = None) -> list[LogLine]:
    """Lines of a job's log, oldest first; ``last`` takes so many from the end."""
    query = _logs.select().where(_logs.c.job_id == job_id).order_by(_logs.c.id.desc())
    if last is not None:
        query = query.limit(last)
    return [
        LogLine(
            attempt=row.attempt,
            level=LogLevel(row.level),
            message=row.message,
            created_at=row.created_at,
        )
        for row in reversed(tx.execute(query).all())
    ]


def put_partials(tx: Transaction, job_id: int, attempt: int, texts: Sequence[PartialText]) -> None:
    """Replace what the job has written so far; the caller holds the job.

    Deleted when the attempt ends, however it does.
    """
    values = {
        "attempt": attempt,
        "texts_json": [[text.prompt, text.arm, text.sample, text.text] for text in texts],
        "updated_at": utc_now(),
    }
    tx.execute(
        insert_into(tx, _partials)
        .values(job_id=job_id, **values)
        .on_conflict_do_update(index_elements=[_partials.c.job_id], set_=values)
    )


def partials(tx: Transaction, job_id: int) -> list[PartialText]:
    """What the attempt that owns the job has written so far; nothing once it has ended."""
    query = (
        sa.select(_partials.c.texts_json)
        .join(_jobs, _jobs.c.id == _partials.c.job_id)
        .where(
            _jobs.c.id == job_id,
            _jobs.c.state == JobState.RUNNING,
            _jobs.c.attempt == _partials.c.attempt,
        )
    )
    return [
        PartialText(prompt=prompt, arm=arm, sample=sample, text=text)
        for prompt, arm, sample, text in tx.scalar(query) or []
    ]


def _storable(message: str) -> str:
    text = message.replace("\x00", "")
    cut = len(text) > LOG_LINE_LENGTH
    return text[: LOG_LINE_LENGTH - 1] + "…" if cut else text
