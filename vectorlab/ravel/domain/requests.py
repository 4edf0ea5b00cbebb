"""What the jobs of RAVEL are asked to do."""

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


@dataclass(frozen=True, kw_only=True)
class RavelRunRequest(NamedRequest, kind="ravel_run", one_per="spec"):
    """Featurizers to train and score."""

    NAMES: ClassVar[str] = "RAVEL run"

    spec: RavelRunSpec
    instance_id: int
    model_id: int
    name: str | None
    weights: str | None  # path of an autoencoder's file, as the worker sees it
