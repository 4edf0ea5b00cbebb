"""Where a training stands, as bytes: modules, optimisers, random generators and notes.

Any training here may be interrupted at any step and goes on from its last saved state as if
nothing had happened, to the bit on the same machine and thread count. Safetensors, never pickle.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from vectorlab.errors import IntegrityError

_NOTES = "notes"


@dataclass(frozen=True, kw_only=True)
class TrainingState:
    """Everything that the next step of a training depends on.

    ``modules``, ``optimizers`` and ``generators`` are the live objects of the training, by any
    names; the same names must be given to ``load``.
    """

    step: int  # the last step that is done
    modules: Mapping[str, nn.Module] = field(default_factory=dict)
    optimizers: Mapping[str, torch.optim.Optimizer] = field(default_factory=dict)
    generators: Mapping[str, torch.Generator] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)  # JSON: whatever else there is

    def to_bytes(self) -> bytes:
        """The state as one safetensors file."""
        tensors: dict[str, torch.Tensor] = {}
        for name, module in self.modules.items():
            tensors |= _named(f"module.{name}", module.state_dict())
        groups = {}
        for name, optimizer in self.optimizers.items():
            state = optimizer.state_dict()
            groups[name] = state["param_groups"]
            for number, values in state["state"].items():
                tensors |= _named(f"optimizer.{name}.{number}", _only_tensors(name, values))
        for name, generator in self.generators.items():
            tensors[f"generator.{name}"] = generator.get_state()
        notes = {"step": self.step, "groups": groups, "notes": dict(self.notes)}
        return safetensors.torch.save(tensors, metadata={_NOTES: json.dumps(notes)})


def load(
    data: bytes,
    *,
    modules: Mapping[str, nn.Module] | None = None,
    optimizers: Mapping[str, torch.optim.Optimizer] | None = None,
    generators: Mapping[str, torch.Generator] | None = None,
) -> TrainingState:
    """Put a saved state back into live objects.

    Args:
        data: From ``TrainingState.to_bytes``.
        modules: The modules of the training, by the names they were saved under.
        optimizers: The optimisers, made on the parameters of these modules.
        generators: The random generators.

    Returns:
        The state, with its step and notes.

    Raises:
        IntegrityError: If the bytes are no saved state, or one of another training.
    """
    modules, optimizers, generators = modules or {}, optimizers or {}, generators or {}
    try:
        tensors = safetensors.torch.load(data)
        notes = json.loads(_metadata(data)[_NOTES])
        for name, module in modules.items():
            module.load_state_dict(_below(f"module.{name}", tensors))
        for name, optimizer in optimizers.items():
            optimizer.load_state_dict(
                {
                    "state": _by_number(_below(f"optimizer.{name}", tensors)),
                    "param_groups": notes["groups"][name],
                }
            )
        for name, generator in generators.items():
            generator.set_state(tensors[f"generator.{name}"])
    except (SafetensorError, ValueError, KeyError, RuntimeError) as exc:
        raise IntegrityError(
            f"The checkpoint does not fit this training: {str(exc).splitlines()[0]} "
            "Cancel the job and ask for the training anew."
        ) from exc
    return TrainingState(
        step=notes["step"],
        modules=modules,
        optimizers=optimizers,
        generators=generators,
        notes=notes["notes"],
    )


def _named(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        # Contiguous, because an orthogonal parametrisation keeps tensors that are not.
        f"{prefix}.{name}": value.detach().clone(memory_format=torch.contiguous_format)
        for name, value in tensors.items()
    }


def _below(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    start = f"{prefix}."
    return {
        name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)
    }


def _by_number(tensors: Mapping[str, torch.Tensor]) -> dict[int, dict[str, torch.Tensor]]:
    groups: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        number, _, rest = name.partition(".")
        groups.setdefault(int(number), {})[rest] = value
    return groups


def _only_tensors(optimizer: str, values: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    others = [name for name, value in values.items() if not isinstance(value, torch.Tensor)]
    if others:
        raise TypeError(
            f"Optimiser {optimizer!r} keeps {others[0]!r} as {type(values[others[0]]).__name__}; "
            "only tensors can be saved."
        )
    return dict(values)


def _metadata(data: bytes) -> dict[str, str]:
    """The header's own metadata, which ``safetensors.torch.load`` does not give."""
    length = int.from_bytes(data[:8], "little")
    metadata: dict[str, str] = json.loads(data[8 : 8 + length])["__metadata__"]
    return metadata
