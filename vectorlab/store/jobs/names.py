"""Names that jobs will give to what they make, and scores that they will ask for."""

from collections.abc import Sequence

import sqlalchemy as sa

from vectorlab.domain.jobs.jobs import Job, JobState, NamedRequest
from vectorlab.domain.jobs.kinds import kinds
from vectorlab.domain.jobs.requests import GenerateRequest
from vectorlab.domain.scores.scores import ScorerSpec
from vectorlab.errors import ConflictError
from vectorlab.store import schema
from vectorlab.store.database import Transaction
from vectorlab.store.jobs.rows import JOB_COLUMNS, hash_of_spec, job_of

_jobs = schema.jobs
_ACTIVE = _jobs.c.state.in_([JobState.QUEUED, JobState.RUNNING])
_NAME = _jobs.c.spec_json["name"].as_string()


def holder(tx: Transaction, noun: str, name: str) -> Job | None:
    """The queued or running job that will give the name to a vector, run or other noun."""
    naming = [
        kind
        for kind, request in kinds().items()
        if issubclass(request, NamedRequest) and noun == request.NAMES
    ]
    query = sa.select(*JOB_COLUMNS).where(_ACTIVE, _jobs.c.kind.in_(naming), name == _NAME)
    row = tx.execute(query.limit(1)).one_or_none()
    return None if row is None else job_of(row)


def check_promised(
    tx: Transaction, noun: str, name: str | None, dedupe_key: str | None = None
) -> None:
    """Return if no job that is under way will give the name, but for one of that key.

    Raises:
        ConflictError: Naming the job.
    """
    job = None if name is None else holder(tx, noun, name)
    if job is not None and (dedupe_key is None or job.dedupe_key != dedupe_key):
        raise ConflictError(
            f"Job {job.id} is to make a {noun} of the name {name!r}. Choose another with --name."
        )


def of_job(tx: Transaction, job_id: int) -> str | None:
    """The name that a job will give; it may come in while the job runs."""
    name: str | None = tx.scalar(sa.select(_NAME).where(_jobs.c.id == job_id))
    return name


def give(tx: Transaction, job_id: int, name: str) -> Job | None:
    """Let a queued or running job give the name; None if it has ended, or has another by now."""
    kind, old = tx.execute(
        sa.select(_jobs.c.kind, _jobs.c.spec_json).where(_jobs.c.id == job_id)
    ).one()
    spec = old | {"name": name}
    row = tx.execute(
        _jobs.update()
        .where(_jobs.c.id == job_id, _ACTIVE, _NAME.is_(None))
        .values(spec_json=spec, spec_sha256=hash_of_spec(kind, spec))
        .returning(*JOB_COLUMNS)
    ).one_or_none()
    return None if row is None else job_of(row)


def scorers_of_job(tx: Transaction, job_id: int) -> tuple[ScorerSpec, ...]:
    """What the texts of a generation job are to be scored by; more may come in while it runs."""
    spec = tx.scalar(sa.select(_jobs.c.spec_json).where(_jobs.c.id == job_id))
    return GenerateRequest.from_json(spec).scorers


def add_scorers(tx: Transaction, job_id: int, scorers: Sequence[ScorerSpec]) -> Job | None:
    """Let a queued or running generation job ask for more scores; None if it has ended."""
    query = sa.select(_jobs.c.kind, _jobs.c.spec_json).where(_jobs.c.id == job_id, _ACTIVE)
    row = tx.execute(query.with_for_update()).one_or_none()
    if row is None:
        return None
    known = GenerateRequest.from_json(row.spec_json).scorers
    wanted = list(dict.fromkeys(scorer.sha256 for scorer in (*known, *scorers)))
    by_hash = {scorer.sha256: scorer.to_json() for scorer in (*known, *scorers)}
    spec = row.spec_json | {"scorers": [by_hash[sha256] for sha256 in wanted]}
    changed = (
        _jobs.update()
        .where(_jobs.c.id == job_id)
        .values(spec_json=spec, spec_sha256=hash_of_spec(row.kind, spec))
    )
    return job_of(tx.execute(changed.returning(*JOB_COLUMNS)).one())
