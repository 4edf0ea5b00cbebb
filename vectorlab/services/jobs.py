"""The queue as people see it: jobs, their attempts, and the workers."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from vectorlab.domain.jobs.jobs import (
    DEFAULT_QUEUE,
    Job,
    JobAttempt,
    JobFilter,
    JobState,
    LogLine,
    NamedRequest,
    PartialText,
    WorkerInfo,
)
from vectorlab.domain.jobs.kinds import kinds, request_class
from vectorlab.errors import InputError, JobCancelled, JobFailed, NotFoundError
from vectorlab.store import audit, models
from vectorlab.store.database import Database, Transaction
from vectorlab.store.jobs import names, pruning
from vectorlab.store.jobs import queue as jobs

# Seconds. A worker renews its lease and touches its row every HEARTBEAT_S or sooner; one that
# missed two beats is taken for gone, and its job is another's once the lease has lapsed.
LEASE_S = 60.0
HEARTBEAT_S = 15.0
ALIVE_S = 2.3 * HEARTBEAT_S

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def get(db: Database, job_id: int) -> Job:
    """The job with that id.

    Raises:
        NotFoundError: If there is none.
    """
    with db.read() as tx:
        return jobs.get_job(tx, job_id)


def list_jobs(
    db: Database,
    job_filter: JobFilter | None = None,
    *,
    state: JobState | None = None,
    limit: int | None = 50,
) -> list[Job]:
    """Jobs, newest first, that pass a filter or are in one state."""
    job_filter = job_filter or JobFilter(states=() if state is None else (state,))
    with db.read() as tx:
        return jobs.list_jobs(tx, job_filter, limit=limit)


def counts(db: Database, job_filter: JobFilter | None = None) -> dict[JobState, int]:
    """How many jobs pass the filter, by state."""
    with db.read() as tx:
        return jobs.count_by_state(tx, job_filter or JobFilter())


def under_way(db: Database) -> tuple[int, int]:
    """How many jobs wait and how many run; finished ones are not looked at."""
    states = (JobState.QUEUED, JobState.RUNNING)
    with db.read() as tx:
        by_state = jobs.count_by_state(tx, JobFilter(states=states))
    return by_state.get(JobState.QUEUED, 0), by_state.get(JobState.RUNNING, 0)


def read_filter(
    db: Database,
    *,
    states: Sequence[JobState] = (),
    kind: str | None = None,
    model: str | None = None,
    worker: str | None = None,
    queue: str | None = None,
    since: str | None = None,
    older_than: str | None = None,
) -> JobFilter:
    """A filter from what people type.

    Args:
        db: The store.
        states: In one of these.
        kind: Of this kind.
        model: Name, id or fingerprint prefix of a model.
        worker: Beginning of the id of a worker that tried it.
        queue: Of this queue.
        since: Asked for within a span such as ``"2h"``, or since an ISO date.
        older_than: Ended longer ago than that.

    Raises:
        NotFoundError: If there is no such model.
        InputError: If there is no such kind, or a time is not understood.
    """
    if kind is not None and kind not in kinds():
        raise InputError(f"Kind {kind!r} is not known. Known are {', '.join(kinds())}.")
    with db.read() as tx:
        model_id = None if model is None else models.get_model(tx, model).id
        now = jobs.now(tx)
    return JobFilter(
        states=tuple(states),
        kind=kind,
        model_id=model_id,
        worker=worker,
        queue=queue,
        since=None if since is None else _moment(since, now),
        until=None if older_than is None else _moment(older_than, now),
    )


def attempts(db: Database, job_id: int) -> list[JobAttempt]:
    """Every try at a job, oldest first."""
    with db.read() as tx:
        return jobs.attempts(tx, job_id)


def log(db: Database, job_id: int, *, last: int | None = None) -> list[LogLine]:
    """What was logged while a job was worked on, oldest first.

    Raises:
        NotFoundError: If there is no such job.
    """
    with db.read() as tx:
        jobs.get_job(tx, job_id)
        return jobs.log(tx, job_id, last=last)


def partial_texts(db: Database, job_id: int) -> list[PartialText]:
    """What a running generation has written so far; nothing once the job has ended."""
    with db.read() as tx:
        return jobs.partials(tx, job_id)


def curves(
    db: Database, job_id: int, *, after_step: int = -1
) -> dict[str, list[tuple[int, float]]]:
    """The curves of a job, live while it runs and kept afterwards.

    Args:
        db: The store.
        job_id: The job.
        after_step: Only points of later steps, to follow a job without reading all again.

    Returns:
        Steps and values by name of the series, in order of steps.

    Raises:
        NotFoundError: If there is no such job.
    """
    with db.read() as tx:
        jobs.get_job(tx, job_id)
        return jobs.curves(tx, job_id, after_step=after_step)


def cancel(db: Database, job_id: int, *, actor: str) -> Job:
    """Cancel a queued job at once, ask a running one to stop."""
    with db.write() as tx:
        _audit(tx, actor, "cancel", job_id)
        return jobs.cancel(tx, job_id)


def retry(db: Database, job_id: int, *, actor: str) -> Job:
    """Put a failed or cancelled job back into the queue.

    Raises:
        NotFoundError: If there is no such job.
        ConflictError: If it has not failed, an equal job is under way, or another one will give
            the name that this one is to give.
    """
    with db.write() as tx:
        job = jobs.get_job(tx, job_id)
        request = request_class(job.kind)
        if job.state.is_final and request is not None and issubclass(request, NamedRequest):
            name = names.of_job(tx, job_id)
            names.check_promised(tx, request.NAMES, name, job.dedupe_key)
        _audit(tx, actor, "retry", job_id)
        return jobs.retry(tx, job_id)


def prune(db: Database, job_filter: JobFilter, *, actor: str, dry_run: bool = False) -> list[Job]:
    """Delete ended jobs that nothing refers to; what they made stays.

    Raises:
        InputError: If the filter names queued or running jobs.
    """
    with db.write() as tx:
        return pruning.prune(tx, job_filter, actor=actor, dry_run=dry_run)


def workers(db: Database) -> list[WorkerInfo]:
    """Every known worker; ``alive`` goes by the database's clock."""
    with db.read() as tx:
        return jobs.list_workers(tx, alive_within_s=ALIVE_S)


def stop_workers(db: Database, references: Sequence[str] = (), *, actor: str) -> list[str]:
    """Ask living workers to finish their batch, hand their job back and end.

    Args:
        db: The store.
        references: Beginnings of worker ids; none means every living worker.
        actor: Recorded in the audit log.

    Returns:
        Ids of the workers that were asked.

    Raises:
        NotFoundError: If a reference names no living worker.
    """
    with db.write() as tx:
        alive = [worker.id for worker in jobs.list_workers(tx, ALIVE_S) if worker.alive]
        for reference in references:
            if not any(worker_id.startswith(reference) for worker_id in alive):
                raise NotFoundError(
                    "living worker", reference, hint="See who is there: vectorlab worker status"
                )
        meant = [
            worker_id
            for worker_id in alive
            if not references or worker_id.startswith(tuple(references))
        ]
        stopping = jobs.ask_to_stop(tx, meant)
        for worker_id in stopping:
            audit.record(
                tx,
                actor=actor,
                action="stop",
                object_kind="worker",
                object_id=worker_id,
                details={},
            )
    return stopping


def any_worker_alive(db: Database, *, queue: str = DEFAULT_QUEUE) -> bool:
    """Whether some worker will pick up a job of that queue."""
    with db.read() as tx:
        return jobs.any_worker_alive(tx, within_s=ALIVE_S, queue=queue)


def any_due(db: Database, *, queue: str = DEFAULT_QUEUE) -> bool:
    """Whether a job of that queue waits for a worker: queued, or left by one that is gone."""
    with db.read() as tx:
        return jobs.any_due(tx, queue=queue)


def let_go(db: Database, *, host: str, pid: int) -> list[int]:
    """End the leases of a worker whose process is known to have ended; the next takes its jobs.

    Only who saw the process end may say so: a worker that lives would lose its work.

    Returns:
        Ids of the jobs that it held.
    """
    with db.write() as tx:
        return jobs.let_go(tx, host=host, pid=pid)


def standing(job: Job) -> str:
    """Where a job stands, in words that say no more than is known."""
    if job.lapsed:
        return (
            f"running, but worker {job.lease_owner} is gone or hangs; the next free worker "
            "takes over"
        )
    if job.state is JobState.RUNNING and job.cancel_requested:
        return "running, asked to stop"
    if job.state is JobState.QUEUED and job.error:
        reason = job.error.splitlines()[0]
        return f"queued, tried again from {job.run_after:%H:%M:%S} UTC on: {reason}"
    return job.state.value


def pace(job: Job) -> str:
    """Rate and time left of a running job, e.g. ``"85 tokens/s, 0:42 left"``; else empty."""
    if job.state is not JobState.RUNNING or not job.progress_rate:
        return ""
    unit = f" {job.progress_note}" if job.progress_note else ""
    rate = f"{job.progress_rate:.3g}{unit}/s"
    left = seconds_left(job)
    return rate if left is None else f"{rate}, {span(left)} left"


def seconds_left(job: Job) -> float | None:
    """How long a running job will take at its present rate; None where that is not known."""
    if job.state is not JobState.RUNNING or not job.progress_rate or not job.progress_total:
        return None
    return max(0, job.progress_total - job.progress_done) / job.progress_rate


def took(job: Job) -> str:
    """From the first attempt at a job to its end, e.g. ``"took 0:42"``; empty before that."""
    if not job.state.is_final or job.started_at is None or job.finished_at is None:
        return ""
    return f"took {span((job.finished_at - job.started_at).total_seconds())}"


def span(seconds: float) -> str:
    """A length of time as a clock shows it: ``0:07``, ``12:30`` or ``3:05:00``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def result(job: Job) -> dict[str, int]:
    """Ids of what a finished job made, e.g. ``{"run_id": 3}``.

    Raises:
        JobFailed: With the recorded error.
        JobCancelled: If it was cancelled.
    """
    if job.state is JobState.CANCELLED:
        raise JobCancelled(
            f"Job {job.id} was cancelled. Run it again: vectorlab jobs retry {job.id}"
        )
    if job.state is not JobState.SUCCEEDED or job.result is None:
        raise JobFailed(job.error or f"Job {job.id} ended in state {job.state}.")
    return dict(job.result)


def _moment(text: str, now: datetime) -> datetime:
    """A moment from a span before now (``90m``, ``2h``, ``7d``) or an ISO date or time in UTC."""
    number, unit = text[:-1], text[-1:]
    try:
        if unit in _UNITS and number.replace(".", "", 1).isdigit():
            return now - timedelta(**{_UNITS[unit]: float(number)})
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as exc:
        raise InputError(
            f"Time {text!r} is not understood. Write a span such as 90m, 2h or 7d, or a date such "
            "as 2026-01-31."
        ) from exc
    return moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)


def _audit(tx: Transaction, actor: str, action: str, job_id: int) -> None:
    audit.record(tx, actor=actor, action=action, object_kind="job", object_id=job_id, details={})
