"""Jobs: durable units of work that a worker claims under a lease."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from vectorlab.errors import InputError

SERIES_LENGTH = 100  # characters of a name

PRIORITY_INTERACTIVE = 10  # somebody is waiting at a terminal or a page
PRIORITY_BATCH = 0
DEFAULT_QUEUE = "default"


class JobKind(StrEnum):
    """What a job does; the worker has one handler per kind."""

    EXTRACT = "extract"  # a steering vector from a set version
    EXPLAIN = "explain"  # what each demonstration does to a vector
    GENERATE = "generate"  # a generation run, or the replay of one
    RAVEL_BUILD = "ravel_build"  # an instance: completions, filters, pairs
    RAVEL_RUN = "ravel_run"  # featurizers trained and scored
    CONDITION = "condition"  # a threshold that tells two sets of prompts apart
    EQUALISE = "equalise"  # a vector scaled to do a given damage
    ICL_CONSTRUCT = "icl_construct"  # gradient steps by explicit attention
    ICL_TRAIN = "icl_train"  # a model of in-context regression, from scratch
    ICL_REPRODUCE = "icl_reproduce"  # the published reference points
    ICL_BRIDGE = "icl_bridge"  # what demonstrations do in a language model's prompt
    SCORE = "score"  # the texts of a run by scorers
    CALIBRATE = "calibrate"  # the strength of a vector for a budget of damage
    NEAREST = "nearest"  # the vocabulary tokens nearest to a vector
    READ = "read"  # the tokens of texts of a run, steered and not
    REGISTER = "register"  # a model, from its files


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


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """A request for work."""

    kind: JobKind
    spec: Mapping[str, Any]  # JSON; all the handler needs beside the store
    dedupe_key: str | None  # at most one queued or running job has it
    model_id: int | None = None  # a worker prefers jobs of the model it holds
    priority: int = PRIORITY_BATCH
    max_attempts: int = 3
    queue: str = DEFAULT_QUEUE  # only workers of this queue take it
    batch_key: str | None = None  # generation jobs with an equal key may share a batch
    created_by: str


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job as the store knows it."""

    id: int
    kind: JobKind
    spec: Mapping[str, Any]
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
    kind: JobKind | None = None
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
