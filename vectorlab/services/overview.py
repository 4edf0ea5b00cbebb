"""What somebody comes back for: verdicts, what is under way, tries worth keeping, what is next."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from vectorlab.domain.jobs.jobs import Job, JobFilter, JobState
from vectorlab.domain.overview import NextStep, Try
from vectorlab.services import waiting
from vectorlab.services.jobs import pace, seconds_left, standing
from vectorlab.store import overview
from vectorlab.store.database import Database
from vectorlab.store.jobs import queue
from vectorlab.store.jobs import waiting as line

MOST_UNDER_WAY = 4  # running jobs that are said, and as many that wait
TRIES_READ = 20  # newest, of which those that changed the text are worth keeping


@dataclass(frozen=True, kw_only=True)
class UnderWay:
    """A job that runs or waits, in words."""

    job: Job
    words: str  # what it asks for
    wait: str  # what it waits behind, or what waits behind it
    ends_at: datetime | None  # UTC; None where that is not known

    @property
    def note(self) -> str:
        """How it goes, and until when."""
        stands = standing(self.job)
        if stands != self.job.state.value:
            return stands.removeprefix(f"{self.job.state.value}, ")
        until = "" if self.ends_at is None else f"done about {self.ends_at:%H:%M} UTC"
        return " · ".join(filter(None, (until, pace(self.job), self.wait)))


def under_way(db: Database, *, limit: int = MOST_UNDER_WAY) -> list[UnderWay]:
    """Jobs that run, the newest few, then those that are taken next."""
    with db.read() as tx:
        running = queue.list_jobs(tx, JobFilter(states=(JobState.RUNNING,)), limit=limit)
        found = [*reversed(running), *line.queued(tx, limit=limit)]
    if not found:
        return []
    words, lines = waiting.requests_in_words(db, found), waiting.lines(db, found)
    return [
        UnderWay(
            job=job,
            words=words[job.id],
            wait=waiting.in_words(job, lines.get(job.id), words),
            ends_at=_end(job, lines.get(job.id)),
        )
        for job in found
    ]


def tries(db: Database, *, author: str, limit: int) -> list[Try]:
    """The newest tries of somebody that were not kept and in which steering changed the text."""
    with db.read() as tx:
        found = overview.tries(tx, author=author, limit=TRIES_READ)
    return [each for each in found if each.text != each.plain][:limit]


def next_steps(db: Database, *, author: str) -> list[NextStep]:
    """What the record leaves to be done, a step of every kind, the most pressing first."""
    with db.read() as tx:
        return overview.next_steps(tx, author=author)


def _end(job: Job, line: waiting.WaitingLine | None) -> datetime | None:
    left = seconds_left(job)
    if line is None or left is None or job.lapsed:
        return None
    return line.now + timedelta(seconds=left)
