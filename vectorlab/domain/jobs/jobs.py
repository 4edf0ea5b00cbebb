"""Jobs: durable units of work that a worker claims under a lease."""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Self, TypeVar

from vectorlab.domain.codec import NO_IDS, Coded, Ids, ids_in
from vectorlab.domain.defaults import DEFAULT_QUEUE as DEFAULT_QUEUE
from vectorlab.domain.defaults import PRIORITY_BATCH as PRIORITY_BATCH
from vectorlab.domain.defaults import PRIORITY_INTERACTIVE as PRIORITY_INTERACTIVE
from vectorlab.errors import InputError, IntegrityError

R = TypeVar("R", bound="JobRequest")

SERIES_LENGTH = 100  # characters of a name


class JobState(StrEnum):
    """Where a job stands. ``running`` with a lapsed lease is claimable again."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the job will never run again on its own."""
        return self in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


class LogLevel(StrEnum):
    """How much a line of a job's log matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class AttemptOutcome(StrEnum):
    """How one attempt at a job ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RELEASED = "released"  # handed back to the queue, e.g. on Ctrl-C
    LOST = "lost"  # the lease lapsed: the worker died or hung


class JobRequest(Coded):
    """What a job is asked to do: a frozen dataclass per kind, whose stored form is the job's spec.

    Row ids of the vectors that it names stand beside the rest, as ``vector_ids``.
    """

    KIND: ClassVar[str]  # name of the kind in the store, on the command line and in the dashboard
    ONE_PER: ClassVar[str] = ""  # field whose equal values make equal requests
    model_id: int | None  # a worker prefers jobs of the model it holds

    def __init_subclass__(cls, *, kind: str = "", one_per: str = "") -> None:
        super().__init_subclass__()
        if kind:
            cls.KIND, cls.ONE_PER = kind, one_per

    @property
    def dedupe_key(self) -> str | None:
        """Equal for equal requests, of which at most one is queued or running; its name aside."""
        if not self.ONE_PER:
            return None
        same = getattr(self, self.ONE_PER)
        return f"{self.KIND}:{getattr(same, 'sha256', same)}"

    @property
    def batch_key(self) -> str | None:
        """Equal for jobs that may share a batch; None for one that stays alone."""
        return None

    def in_words(self, vectors: Mapping[int, str]) -> str:
        """What is asked for, as a line of a list; ``vectors`` are names by row id."""
        raise NotImplementedError(f"Kind {self.KIND} does not say what it asks for.")

    def vector_rows(self) -> set[int]:
        """Row ids of the vectors that it names."""
        alone = getattr(self, "vector_id", None)
        return {*ids_in(self).values(), *([] if alone is None else [alone])}

    def to_json(self) -> dict[str, Any]:
        """The request as the store keeps it, JSON types."""
        form: dict[str, Any] = super().to_json()
        ids = ids_in(self)
        return form | ({"vector_ids": ids} if ids else {})

    @classmethod
    def from_json(cls, data: Any, ids: Ids = NO_IDS) -> Self:
        """Inverse of ``to_json``.

        Raises:
            IntegrityError: If the data is no such request.
        """
        own = {name: value for name, value in data.items() if name != "vector_ids"}
        return super().from_json(own, data.get("vector_ids", ids))


class NamedRequest(JobRequest):
    """A request whose result gets a name."""

    NAMES: ClassVar[str]  # what the name is of: two vectors never share one
    name: str | None  # None: it goes without, or the worker makes one


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """A job that is about to be queued."""

    kind: str
    spec: Mapping[str, Any]  # JSON; all the handler needs beside the store
    dedupe_key: str | None  # at most one queued or running job has it
    model_id: int | None = None  # a worker prefers jobs of the model it holds
    priority: int = PRIORITY_BATCH
    max_attempts: int = 3
    queue: str = DEFAULT_QUEUE  # only workers of this queue take it
    batch_key: str | None = None  # generation jobs with an equal key may share a batch
    created_by: str

    @classmethod
    def of(cls, request: JobRequest, **how: Any) -> "NewJob":
        """A job that does what is requested; ``how`` are its queue, priority and asker."""
        return cls(
            kind=request.KIND,
            spec=request.to_json(),
            dedupe_key=request.dedupe_key,
            model_id=request.model_id,
            batch_key=request.batch_key,
            **how,
        )


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job as the store knows it."""

    id: int
    kind: str
    spec: Mapping[str, Any]  # its request as it is stored
    dedupe_key: str | None
    model_id: int | None
    state: JobState
    priority: int
    queue: str
    batch_key: str | None
    run_after: datetime  # not claimed before
    attempt: int  # attempts begun; the fencing token of a running job
    max_attempts: int
    lease_owner: str | None  # worker id
    lease_until: datetime | None
    lapsed: bool  # running by its row, but the lease is over: nobody is known to work on it
    cancel_requested: bool
    progress_done: int
    progress_total: int | None
    progress_note: str  # what is counted, or what is being done
    progress_rate: float | None  # steps of progress per second, lately
    result: Mapping[str, Any] | None  # ids of what it made, e.g. {"run_id": 3}
    error_class: str | None
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    created_by: str

    def request(self, kind: type[R]) -> R | None:
        """Its request, if it is of that kind and can be read: an old store may hold others."""
        if self.kind != kind.KIND:
            return None
        with suppress(IntegrityError):
            return kind.from_json(self.spec)
        return None


@dataclass(frozen=True, kw_only=True)
class JobAttempt:
    """One try at a job."""

    job_id: int
    attempt: int
    worker_id: str
    started_at: datetime
    ended_at: datetime | None
    outcome: AttemptOutcome | None
    error: str | None


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """One line of a job's log."""

    attempt: int
    level: LogLevel
    message: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class PartialText:
    """What a generation has written so far; never a result."""

    prompt: int
    arm: int
    sample: int
    text: str


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """One point of a curve that a job draws while it works, such as its loss.

    Raises:
        InputError: If the value is not finite, as where a training diverged, or the step or the
            name of the series cannot be kept.
    """

    series: str  # what is drawn, e.g. "loss"
    step: int
    value: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise InputError(
                f"{self.series!r} is {self.value} at step {self.step}; a point of a curve is a "
                "finite number. If it is a loss, the training diverged: lower the learning rate."
            )
        if self.step < 0 or not 0 < len(self.series) <= SERIES_LENGTH:
            raise InputError(
                f"Point {self.step} of series {self.series!r} cannot be kept: steps count from 0 "
                f"and a name has 1 to {SERIES_LENGTH} characters."
            )


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Where a long job stood, so that the next attempt goes on from there."""

    attempt: int  # that saved it
    step: int
    data: bytes  # the handler's own format; never pickle
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class JobFilter:
    """Which jobs are meant; every condition that is given must hold."""

    states: tuple[JobState, ...] = ()
    kind: str | None = None
    model_id: int | None = None
    worker: str | None = None  # beginning of a worker id; of any attempt
    queue: str | None = None
    since: datetime | None = None  # asked for at or after
    until: datetime | None = None  # final ones: ended before; others: asked for before


@dataclass(frozen=True, kw_only=True)
class WorkerInfo:
    """A process that claims jobs."""

    id: str
    host: str
    pid: int
    device: str
    torch_version: str
    queue: str
    state: str  # "busy" while it holds a lease, else "idle", or "stopped"
    jobs: tuple[int, ...]  # that it holds a lease on
    stop_asked: bool
    started_at: datetime
    last_seen: datetime
    alive: bool  # seen within the last lease, by the database's clock
    models: tuple[str, ...] = ()  # names of those it held when it was idle last
    memory_bytes: int | None = None  # that it took then, on its device
