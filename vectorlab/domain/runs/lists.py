"""What lists show of runs and vectors, and how they are filtered; nothing that is large."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.runs.runs import RunRecord
from vectorlab.domain.vectors.vectors import Site


class RunKind(StrEnum):
    """Which runs a list holds."""

    KEPT = "kept"  # no tries
    ALL = "all"
    TRIES = "tries"  # of one prompt and without a name, as the playground makes them
    NAMED = "named"  # kept under a name
    ORIGINALS = "originals"  # no replays
    REPLAYS = "replays"


@dataclass(frozen=True, kw_only=True)
class RunFilter:
    """Which runs are meant; every condition that is given must hold."""

    kind: RunKind = RunKind.ALL
    model: str | None = None  # name
    vector_id: int | None = None  # that some arm applied
    words: str = ""  # somewhere in its name, an arm's label or a prompt, in any case


@dataclass(frozen=True, kw_only=True)
class RunSummary(RunRecord):
    """A run as a line of a list."""

    id: int
    name: str | None
    model_name: str
    n_prompts: int
    first_prompt: str  # its beginning
    arms: tuple[str, ...]  # labels
    samples: int
    is_sampled: bool
    seed: int
    replay_of: int | None
    created_at: datetime  # UTC

    @property
    def n_texts(self) -> int:
        """Prompts x arms x samples."""
        return self.n_prompts * len(self.arms) * self.samples


@dataclass(frozen=True, kw_only=True)
class VectorFilter:
    """Which vectors are meant; every condition that is given must hold."""

    model: str | None = None  # name
    method: str | None = None
    set_name: str | None = None
    words: str = ""  # somewhere in its name, in any case


@dataclass(frozen=True, kw_only=True)
class VectorChoice:
    """A vector as one may choose it."""

    id: int
    name: str
    model_name: str
    method: str
    operator: Operator
    write_site: Site
    n_layers: int
    d_model: int


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """How many objects of each kind the store holds."""

    sets: int
    versions: int
    vectors: int
    runs: int
    models: int
