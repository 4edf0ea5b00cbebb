"""Asking for what takes time: an equal request is found, or its job is queued."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from vectorlab.domain.jobs.jobs import (
    DEFAULT_QUEUE,
    PRIORITY_BATCH,
    PRIORITY_INTERACTIVE,
    Job,
    JobRequest,
    NamedRequest,
    NewJob,
)
from vectorlab.domain.jobs.requests import GenerateRequest
from vectorlab.errors import ConflictError
from vectorlab.services.jobs import result
from vectorlab.store.database import Database, Transaction
from vectorlab.store.jobs import names
from vectorlab.store.jobs import queue as jobs

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class QueueOptions:
    """How the job of a request is queued.

    Attributes:
        priority: Of the job; interactive ones go before batch ones.
        queue: Only workers of this queue take the job.
    """

    priority: int = PRIORITY_INTERACTIVE
    queue: str = DEFAULT_QUEUE

    def how(self) -> dict[str, Any]:
        """The arguments that services have for it."""
        return {"priority": self.priority, "queue": self.queue}


@dataclass(frozen=True, kw_only=True)
class JobOptions(QueueOptions):
    """The same of a request whose answer may be found.

    Attributes:
        force: Compute it even where an equal request was answered before.
    """

    force: bool = False

    def how(self) -> dict[str, Any]:
        """The arguments that services have for it."""
        return super().how() | {"force": self.force}


@dataclass(frozen=True, kw_only=True)
class Asked(Generic[T]):
    """Either what an equal request made, or the job that will make it."""

    found: T | None
    job: Job | None
    read: Callable[[Job], T]  # what the finished job made

    def answer(self, wait: Callable[[int], Job]) -> T:
        """What was found, or what the job made when ``wait``, given its id, returns it."""
        return cast(T, self.found) if self.job is None else self.read(wait(self.job.id))


def ask(
    tx: Transaction,
    request: JobRequest,
    *,
    found: T | None = None,
    read: Callable[[Job], T],
    actor: str,
    priority: int = PRIORITY_BATCH,
    queue: str = DEFAULT_QUEUE,
) -> Asked[T]:
    """What was found, or the job of a request: an equal one that is under way, or a new one.

    A name that is acknowledged is kept: an equal job without a name takes it. So are scores that a
    run is to get.

    Args:
        tx: An open transaction.
        request: What the job is to do.
        found: What an equal request made earlier.
        read: What the job made, once it has ended; see ``job_reader``.
        actor: Recorded as the one who asked.
        priority: Of the job.
        queue: Only workers of this queue take it.

    Raises:
        ConflictError: If an equal job has another name, or another job is to make something of
            this name.
    """
    if found is not None:
        return Asked(found=found, job=None, read=read)
    if isinstance(request, NamedRequest):
        names.check_promised(tx, request.NAMES, request.name, request.dedupe_key)
    new = NewJob.of(request, priority=priority, queue=queue, created_by=actor)
    while True:
        job, is_new = jobs.enqueue(tx, new)
        kept = job if is_new else _joined(tx, job, request)
        if kept is not None:  # else the job ended meanwhile
            return Asked(found=None, job=kept, read=read)


def job_reader(db: Database, key: str, read: Callable[[Transaction, int], T]) -> Callable[[Job], T]:
    """What reads the thing that a finished job made, given the name of its id in the result.

    It raises ``JobFailed`` or ``JobCancelled`` for a job that made nothing.
    """

    def of_job(job: Job) -> T:
        row_id = result(job)[key]
        with db.read() as tx:
            return read(tx, row_id)

    return of_job


def takes_name(thing: str, current: str | None, name: str | None, *, cure: str = "") -> bool:
    """Whether something that an equal request made is to be given the name asked for.

    Args:
        thing: Such as ``"run 3"``.
        current: The name that it has.
        name: The name asked for.
        cure: How it is given another name, if it can be.

    Raises:
        ConflictError: If it has another name.
    """
    if name is None or name == current:
        return False
    if current is None:
        return True
    raise ConflictError(
        f"An equal request was answered by {thing}, whose name is {current!r}, so {name!r} cannot "
        f"be given as well. Leave the name out{cure}, or make it once more: --force"
    )


def _joined(tx: Transaction, job: Job, request: JobRequest) -> Job | None:
    """The equal job, which takes the name and the scores that are asked for; None if it ended."""
    named = _named(tx, job, request) if isinstance(request, NamedRequest) else job
    if named is None or not isinstance(request, GenerateRequest) or not request.scorers:
        return named
    return names.add_scorers(tx, job.id, request.scorers)


def _named(tx: Transaction, job: Job, request: NamedRequest) -> Job | None:
    """The equal job, with the name that is asked for; None if it ended meanwhile."""
    name = names.of_job(tx, job.id)
    if request.name in (None, name):
        return job
    if name is None:
        return names.give(tx, job.id, str(request.name))
    raise ConflictError(
        f"Job {job.id} does the same and gives it the name {name!r}. Leave the name out, or ask "
        f"again once it has ended: vectorlab jobs wait {job.id}"
    )
