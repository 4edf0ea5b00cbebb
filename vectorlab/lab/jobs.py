"""``lab.jobs``: the queue."""

from collections.abc import Sequence

from vectorlab.domain.jobs.jobs import Job, JobAttempt, JobState, LogLine
from vectorlab.lab.arguments import Verbs
from vectorlab.lab.session import OnText, Session
from vectorlab.services import jobs


class JobVerbs(Verbs):
    """What waits, what runs and what has ended: the verbs of ``lab.jobs``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(
        self,
        *,
        states: Sequence[JobState] = (),
        kind: str | None = None,
        model: str | None = None,
        worker: str | None = None,
        queue: str | None = None,
        since: str | None = None,
        limit: int | None = 50,
    ) -> Sequence[Job]:
        """Jobs, newest first.

        Args:
            states: Only jobs in one of these; none is all.
            kind: Only jobs of this kind, such as ``"generate"``.
            model: Only jobs of this model.
            worker: Only jobs tried by a worker whose id begins like this.
            queue: Only jobs that were put into this queue.
            since: Only jobs asked for within this span, such as ``"2h"``, or since a date.
            limit: At most so many; None is all.
        """
        chosen = jobs.read_filter(
            self._session.db,
            states=states,
            kind=kind,
            model=model,
            worker=worker,
            queue=queue,
            since=since,
        )
        return jobs.list_jobs(self._session.db, chosen, limit=limit)

    def get(self, job_id: int) -> Job:
        """The job with that id."""
        return jobs.get(self._session.db, job_id)

    def attempts(self, job_id: int) -> Sequence[JobAttempt]:
        """Every try at a job, oldest first."""
        return jobs.attempts(self._session.db, job_id)

    def log(self, job_id: int, *, last: int | None = None) -> Sequence[LogLine]:
        """What was logged while a job was worked on, oldest first.

        Args:
            job_id: Of the job.
            last: Only so many lines, the newest; None is all that are kept.
        """
        return jobs.log(self._session.db, job_id, last=last)

    def wait(self, job_id: int, *, on_text: OnText | None = None) -> Job:
        """Wait for a job, working it off here when no worker is alive; see ``Session.wait``."""
        return self._session.wait(job_id, on_text=on_text)

    def cancel(self, job_id: int) -> Job:
        """Cancel a queued job at once, ask a running one to stop."""
        return jobs.cancel(self._session.db, job_id, actor=self._session.settings.user)

    def retry(self, job_id: int) -> Job:
        """Put a failed or cancelled job back into the queue."""
        return jobs.retry(self._session.db, job_id, actor=self._session.settings.user)

    def prune(
        self,
        *,
        older_than: str = "30d",
        states: Sequence[JobState] = (),
        kind: str | None = None,
        model: str | None = None,
        queue: str | None = None,
        dry_run: bool = False,
    ) -> Sequence[Job]:
        """Delete jobs that have ended, with their attempts and logs; what they made stays.

        Args:
            older_than: Only jobs that ended longer ago than ``"90m"``, ``"2h"`` or ``"7d"``, or
                before a date.
            states: Only jobs in one of these; none is all that have ended.
            kind: Only jobs of this kind.
            model: Only jobs of this model.
            queue: Only jobs that were put into this queue.
            dry_run: Delete none.

        Returns:
            The jobs that went, or would go.
        """
        chosen = jobs.read_filter(
            self._session.db,
            states=states,
            kind=kind,
            model=model,
            queue=queue,
            older_than=older_than,
        )
        actor = self._session.settings.user
        return jobs.prune(self._session.db, chosen, actor=actor, dry_run=dry_run)
