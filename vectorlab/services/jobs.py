"""The queue as people see it: jobs, their attempts, and the workers."""

from vectorlab.domain.jobs import Job, JobAttempt, JobState, WorkerInfo
from vectorlab.errors import JobCancelled, JobFailed
from vectorlab.store import audit, jobs
from vectorlab.store.database import Database, Transaction

# Seconds. A worker renews its lease and touches its row every HEARTBEAT_S or sooner; one that
# missed two beats is taken for gone, and its job is another's once the lease has lapsed.
LEASE_S = 60.0
HEARTBEAT_S = 15.0
ALIVE_S = 2.3 * HEARTBEAT_S


def get(db: Database, job_id: int) -> Job:
    """The job with that id.

    Raises:
        NotFoundError: If there is none.
    """
    with db.read() as tx:
        return jobs.get_job(tx, job_id)


def list_jobs(db: Database, *, state: JobState | None = None, limit: int = 50) -> list[Job]:
    """Jobs, newest first, optionally in one state."""
    with db.read() as tx:
        return jobs.list_jobs(tx, state=state, limit=limit)


def attempts(db: Database, job_id: int) -> list[JobAttempt]:
    """Every try at a job, oldest first."""
    with db.read() as tx:
        return jobs.attempts(tx, job_id)


def cancel(db: Database, job_id: int, *, actor: str) -> Job:
    """Cancel a queued job at once, ask a running one to stop."""
    with db.write() as tx:
        _audit(tx, actor, "cancel", job_id)
        return jobs.cancel(tx, job_id)


def retry(db: Database, job_id: int, *, actor: str) -> Job:
    """Put a failed or cancelled job back into the queue."""
    with db.write() as tx:
        _audit(tx, actor, "retry", job_id)
        return jobs.retry(tx, job_id)


def workers(db: Database) -> list[WorkerInfo]:
    """Every known worker; ``alive`` goes by the database's clock."""
    with db.read() as tx:
        return jobs.list_workers(tx, alive_within_s=ALIVE_S)


def any_worker_alive(db: Database) -> bool:
    """Whether some worker will pick up a queued job."""
    with db.read() as tx:
        return jobs.any_worker_alive(tx, within_s=ALIVE_S)


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


def _audit(tx: Transaction, actor: str, action: str, job_id: int) -> None:
    audit.record(tx, actor=actor, action=action, object_kind="job", object_id=job_id, details={})
