"""The intervention: states of a base run are edited towards those of a source run.

Only the pass over the prompt is edited, at one layer and at the located tokens; what is generated
behind it is left to the model. The source run is never edited. Hooks come off on every path.

Letters: ``B`` rows, ``M`` swapped tokens of a batch, ``D`` width.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from vectorlab.errors import ArchitectureError
from vectorlab.steering.model.architectures import as_rows, replace_hidden
from vectorlab.steering.model.loading import LoadedModel

# (M, D) base states and (M, D) source states -> (M, D) edited states, all float32.
StateEdit = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True, kw_only=True)
class Swap:
    """What is swapped in one batch."""

    rows: torch.Tensor  # (M,) row of every swapped token
    places: torch.Tensor  # (M,) its place in the row's own tokens, padding not counted
    source: torch.Tensor  # (M, D) float32 states to copy from
    edit: StateEdit

    @classmethod
    def of(
        cls,
        places: Sequence[Sequence[int]],
        sources: Sequence[torch.Tensor],
        edit: StateEdit,
        device: torch.device,
    ) -> "Swap":
        """The swap of a batch, row by row.

        Args:
            places: Of every row, the K places of its swapped tokens, padding not counted.
            sources: Of every row, (K, D) states to copy from.
            edit: Makes edited states of base and source states.
            device: Where the model is.
        """
        rows = [row for row, several in enumerate(places) for _ in several]
        return cls(
            rows=torch.tensor(rows, device=device),
            places=torch.tensor([place for several in places for place in several], device=device),
            source=torch.cat(list(sources)).to(device),
            edit=edit,
        )


@contextmanager
def interchange(
    loaded: LoadedModel, layer: int, swap: Swap, starts: torch.Tensor
) -> Iterator[None]:
    """Edit the first forward pass within the block; later ones, token by token, are left alone.

    **Changes the model in place** by a forward hook on one block, which comes off on every path.

    Args:
        loaded: The model.
        layer: The block whose output is edited, from 0.
        swap: What is swapped in the batch.
        starts: (B,) column of every row's first real token.

    Raises:
        ArchitectureError: If the hooked block never ran.
    """
    ran = [False]
    columns = swap.places + starts[swap.rows]

    def write(hidden: torch.Tensor) -> torch.Tensor:
        states = as_rows(hidden, len(starts))
        base = states[swap.rows, columns]
        edited = swap.edit(base.float(), swap.source)
        changed = states.index_put((swap.rows, columns), edited.to(states.dtype))
        return changed.reshape(hidden.shape)

    def hook(_module: nn.Module, _args: Any, output: Any) -> Any:
        if ran[0]:
            return output
        ran[0] = True
        return replace_hidden(output, write)

    handle = loaded.layers.blocks[layer].register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
    if not ran[0]:
        raise ArchitectureError(
            f"Block {layer} never ran; correct the row of {loaded.description.architecture!r} in "
            "vectorlab/steering/model/architectures.py."
        )
