"""Linear maps of few rows in bfloat16 on a CPU, as the quicker of two equal products.

A step of decoding sends one token of every row through every map. There oneDNN computes ``x W^T``
slower than ``(W x^T)^T``, which is the same but for its last bits. So what uses it is recorded
with the batches of a run, and a replay uses it where the run did.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeGuard

import torch
from torch import nn
from torch.nn import functional

from vectorlab.steering.loading import LoadedModel

# Rows between which it was the quicker one at every shape of a map; outside they are as quick.
_FEWEST, _MOST = 2, 32


def gains_by_transposing(loaded: LoadedModel) -> bool:
    """Whether the maps of a model are of the kind that is quicker so."""
    return (
        loaded.device.type == "cpu" and loaded.dtype is torch.bfloat16 and loaded.placement is None
    )


@contextmanager
def transposed_maps(loaded: LoadedModel) -> Iterator[None]:
    """A model whose plain linear maps compute ``(W x^T)^T`` for few rows.

    Hooked, quantised and other people's maps stay what they are; so do all maps for many rows,
    such as those of prompts. It costs no memory but the product's own.
    """
    with ExitStack() as stack:
        for module in loaded.model.modules():
            if _is_plain(module):
                vars(module)["forward"] = _few_rows(module)
                stack.callback(vars(module).pop, "forward")
        yield


def _is_plain(module: nn.Module) -> TypeGuard[nn.Linear]:
    return (
        type(module) is nn.Linear
        and type(module.weight) is nn.Parameter
        and module.weight.dtype is torch.bfloat16
        and "forward" not in vars(module)
    )


def _few_rows(module: nn.Linear) -> Callable[[torch.Tensor], torch.Tensor]:
    """The forward of a map; it runs many times in every step."""
    weight, bias = module.weight, module.bias
    column = None if bias is None else bias[:, None]
    wide, width = weight.shape

    def forward(states: torch.Tensor) -> torch.Tensor:
        rows = states.numel() // width
        if not _FEWEST <= rows <= _MOST:
            return functional.linear(states, weight, bias)
        columns = states.reshape(rows, width).t()
        product = weight @ columns if column is None else torch.addmm(column, weight, columns)
        return product.t().contiguous().view(*states.shape[:-1], wide)

    return forward
