"""Jobs in words: what each asks for, what it waits behind, and what waits behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from vectorlab.domain.jobs.jobs import Job, JobRequest, JobState
from vectorlab.domain.jobs.kinds import request_class
from vectorlab.services.jobs import ALIVE_S, seconds_left, span, standing
from vectorlab.services.listings import ListColumns, jobs_columns
from vectorlab.store.database import Database
from vectorlab.store.jobs import queue, waiting
from vectorlab.store.vectors import vectors


@dataclass(frozen=True, kw_only=True)
class WaitingLine:
    """Where a job stands in its queue."""

    running: tuple[Job, ...]  # of its queue, by workers that are there
    ahead: int  # queued jobs that are taken before it
    waiting: int  # queued jobs of its queue
    workers: int  # of its queue that are there
    now: datetime  # by the database's clock

    @property
    def is_next(self) -> bool:
        """Whether a worker is free for it."""
        return self.workers > len(self.running) + self.ahead

    @property
    def free_in_s(self) -> float | None:
        """How long until a running job ends, as far as its pace tells; None where none does."""
        known = [left for job in self.running if (left := seconds_left(job)) is not None]
        return min(known, default=None)


def requests_in_words(db: Database, jobs: Sequence[Job]) -> dict[int, str]:
    """What each job asks for, by its id; one that this version cannot read is called by its kind.

    One statement, however many jobs there are.
    """
    requests = {job.id: _request(job) for job in jobs}
    rows = {row for request in requests.values() if request for row in request.vector_rows()}
    with db.read() as tx:
        names = vectors.names_of(tx, rows)
    kinds = {job.id: job.kind for job in jobs}
    return {
        number: request.in_words(names) if request else kinds[number]
        for number, request in requests.items()
    }


def _request(job: Job) -> JobRequest | None:
    kind = request_class(job.kind)
    return None if kind is None else job.request(kind)


def lines(db: Database, jobs: Sequence[Job]) -> dict[int, WaitingLine]:
    """Where the queued and running ones of some jobs stand, by id; a few statements in all."""
    active = [job for job in jobs if not job.state.is_final]
    if not active:
        return {}
    queues = sorted({job.queue for job in active})
    with db.read() as tx:
        running = [job for job in waiting.running(tx, queues) if not job.lapsed]
        ranks = waiting.ranks(tx, queues, [job.id for job in active])
        counts = waiting.counts(tx, queues)
        workers = waiting.workers(tx, queues, within_s=ALIVE_S)
        now = queue.now(tx)
    return {
        job.id: WaitingLine(
            running=tuple(other for other in running if other.queue == job.queue),
            ahead=ranks.get(job.id, 1) - 1,
            waiting=counts.get(job.queue, 0),
            workers=workers.get(job.queue, 0),
            now=now,
        )
        for job in active
    }


def wait_of(db: Database, job: Job) -> str:
    """What a job waits behind and until about when, or how many wait behind it."""
    line = lines(db, [job]).get(job.id)
    running = () if line is None else line.running
    return in_words(job, line, requests_in_words(db, running))


def in_words(job: Job, line: WaitingLine | None, requests: Mapping[int, str] | None = None) -> str:
    """What a job waits behind and until about when, or how many wait behind it.

    Args:
        job: The job.
        line: Where it stands.
        requests: What running jobs ask for, by id.
    """
    if line is None or job.lapsed or standing(job) != job.state.value:
        return ""
    if job.state is JobState.RUNNING:
        count = line.waiting
        return f"{count:,} {'job waits' if count == 1 else 'jobs wait'} behind it" if count else ""
    if not line.workers:
        return "waits for a worker; none is alive"
    if line.is_next:
        return "a worker takes it in a moment"
    said = [_behind(job, line, requests or {})]
    if line.ahead:
        said.append(f"{line.ahead:,} {'job is' if line.ahead == 1 else 'jobs are'} before it")
    return "; ".join(filter(None, said))


def columns(db: Database, listed: Sequence[Job]) -> ListColumns:
    """Jobs as a table, one row each, in words and with what they wait behind."""
    words, known = requests_in_words(db, listed), lines(db, listed)
    waits = {job.id: in_words(job, known.get(job.id), words) for job in listed}
    return jobs_columns(listed, words, waits)


def _behind(job: Job, line: WaitingLine, requests: Mapping[int, str]) -> str:
    if not line.running:
        return ""
    first = min(line.running, key=lambda other: seconds_left(other) or float("inf"))
    what = f" ({requests[first.id]})" if first.id in requests else ""
    more = f" and {len(line.running) - 1} more" if len(line.running) > 1 else ""
    behind = f"behind job {first.id}{what}{more}"
    if job.priority > first.priority:
        return f"{behind}, which makes room at the end of its batch"
    left = line.free_in_s
    if left is None:
        return f"{behind}, whose end is not known yet"
    return f"{behind}, until about {line.now + timedelta(seconds=left):%H:%M} UTC, in {span(left)}"
