"""What the jobs of RAVEL are asked to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from vectorlab.domain.jobs.jobs import NamedRequest
from vectorlab.ravel.domain.instances import InstanceSpec
from vectorlab.ravel.domain.specs import RavelRunSpec


@dataclass(frozen=True, kw_only=True)
class RavelBuildRequest(NamedRequest, kind="ravel_build", one_per="spec"):
    """An instance of attributes of entities: completions, filters, pairs."""

    NAMES: ClassVar[str] = "instance"

    spec: InstanceSpec
    version_id: int  # of the entity data
    model_id: int
    name: str | None

    def in_words(self, vectors: Mapping[int, str]) -> str:
        """What is asked for, as a line of a list."""
        del vectors
        return "RAVEL instance" + (f" {self.name}" if self.name else "")


@dataclass(frozen=True, kw_only=True)
class RavelRunRequest(NamedRequest, kind="ravel_run", one_per="spec"):
    """Featurizers to train and score."""

    NAMES: ClassVar[str] = "RAVEL run"

    spec: RavelRunSpec
    instance_id: int
    model_id: int
    name: str | None
    weights: str | None  # path of an autoencoder's file, as the worker sees it

    def in_words(self, vectors: Mapping[int, str]) -> str:
        """What is asked for, as a line of a list."""
        del vectors
        labels = [arm.label for arm in self.spec.arms]
        more = f" and {len(labels) - 3} more" if len(labels) > 3 else ""
        return f"RAVEL scores of {', '.join(labels[:3])}{more}"
