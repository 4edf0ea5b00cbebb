"""States that were recorded before, and which of them may stand in for a forward pass.

The store is not known here: whoever extracts hands in something that finds and keeps states.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from vectorlab.domain.vectors.states import StateBlock, StateSpec
from vectorlab.domain.vectors.vectors import ExtractionSpec
from vectorlab.steering.model.environment import describe_environment
from vectorlab.steering.model.loading import LoadedModel

# What of the environment decides a state: what computes it, beside what is asked for.
_VERSIONS = ("vectorlab", "torch", "transformers", "tokenizers", "attention", "device")
_WHERE_SET = ("placement", "quantiser")
_CPU, _CUDA = ("machine", "cpu"), ("cuda", "device_name")


class StateCache(Protocol):
    """Finds and keeps the states of texts under one ``StateSpec``."""

    def find(self, text_sha256s: Sequence[str]) -> Iterator[StateBlock]:
        """Blocks with those of the texts whose states are there, each text once."""
        ...

    def keep(self, block: StateBlock) -> None:
        """Take states that were just recorded."""
        ...

    def flush(self) -> None:
        """Everything was recorded: what was taken must be safe when this returns."""
        ...


# Opens the cache of a specification, which is complete only once the model is loaded.
OpenCache = Callable[[StateSpec], StateCache]


@dataclass(frozen=True, kw_only=True)
class Reuse:
    """Where the states of an extraction came from; counts are of different texts."""

    reused: int
    computed: int
    spec: StateSpec | None  # None: nothing was kept

    def to_json(self) -> dict[str, int | str | None]:
        """The part of a vector's environment that says so."""
        return {
            "states_reused": self.reused,
            "states_computed": self.computed,
            "states_sha256": None if self.spec is None else self.spec.sha256,
        }


def state_spec(loaded: LoadedModel, spec: ExtractionSpec) -> StateSpec:
    """What an extraction's states depend on beside each text."""
    environment = describe_environment(loaded)
    names = _VERSIONS + (_CUDA if loaded.device.type == "cuda" else _CPU)
    return StateSpec(
        model_fingerprint=spec.model_fingerprint,
        dtype=spec.dtype,
        site=spec.read_site,
        token_rule=spec.token_rule,
        layers=tuple(range(len(loaded.layers))),
        d_model=loaded.description.d_model,
        add_special_tokens=spec.add_special_tokens,
        engine={name: environment[name] for name in names}
        | {name: environment[name] for name in _WHERE_SET if environment[name]},
    )
