"""Linear maps in bfloat16 on a CPU, by the quickest of three products that differ in last bits.

Where the processor multiplies bfloat16, oneDNN computes ``x W^T`` for few rows slower than
``(W x^T)^T``. Where it does not, a product in bfloat16 is a slow loop, and it is quicker to widen
the weights to float32, a piece that stays in the cache at a time, and to round the product once.
What a run used is recorded with its batches, and a replay uses it where the run did.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeGuard

import torch
from torch import nn
from torch.nn import functional

from vectorlab.domain.runs.batch_plan import Products
from vectorlab.steering.model.loading import LoadedModel
from vectorlab.steering.model.processor import processor

Product = Callable[[torch.Tensor], torch.Tensor]  # (..., width) -> (..., wide)

# Rows between which the transposed product was the quicker one at every shape of a map; outside
# they are as quick.
_FEWEST, _MOST = 2, 32
_FEWEST_WIDENED = 3  # rows; for less the slow loop is as quick as widening
_SHARE_OF_CACHE = 16  # what a widened piece may take of the last level: it is written, then read


def products_of(loaded: LoadedModel) -> Products:
    """How the maps of a model are computed where nothing else is recorded."""
    if (
        loaded.device.type != "cpu"
        or loaded.dtype is not torch.bfloat16
        or loaded.placement is not None
    ):
        return Products.DIRECT
    return Products.TRANSPOSED if processor().multiplies_bfloat16 else Products.WIDENED


@contextmanager
def maps_by(loaded: LoadedModel, products: Products | None = None) -> Iterator[None]:
    """A model whose plain linear maps are computed so.

    Hooked, quantised and other people's maps stay what they are, and so do maps for so few or so
    many rows that it would not pay. It costs no memory but the product's own.

    Args:
        loaded: The model; it is given back as it was.
        products: None for what suits the processor.
    """
    make = _MAKERS.get(products_of(loaded) if products is None else products)
    with ExitStack() as stack:
        for module in loaded.model.modules() if make else ():
            if make and _is_plain(module):
                vars(module)["forward"] = make(module)
                stack.callback(vars(module).pop, "forward")
        yield


def _is_plain(module: nn.Module) -> TypeGuard[nn.Linear]:
    return (
        type(module) is nn.Linear
        and type(module.weight) is nn.Parameter
        and module.weight.dtype is torch.bfloat16
        and "forward" not in vars(module)
    )


def _transposed(module: nn.Linear) -> Product:
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


def _widened(module: nn.Linear) -> Product:
    """The forward of a map whose weights are made float32 piece by piece."""
    weight, bias = module.weight, module.bias
    width = weight.shape[1]
    most = processor().l3_bytes // _SHARE_OF_CACHE // (4 * width)
    pieces = torch.split(weight, max(1, most))
    biases = [None] * len(pieces) if bias is None else torch.split(bias, max(1, most))

    def forward(states: torch.Tensor) -> torch.Tensor:
        if states.numel() < _FEWEST_WIDENED * width:
            return functional.linear(states, weight, bias)
        wider = states.float()
        products = [
            functional.linear(wider, piece.float(), part if part is None else part.float()).to(
                states.dtype
            )
            for piece, part in zip(pieces, biases, strict=True)
        ]
        return products[0] if len(products) == 1 else torch.cat(products, dim=-1)

    return forward


_MAKERS: dict[Products, Callable[[nn.Linear], Product]] = {
    Products.TRANSPOSED: _transposed,
    Products.WIDENED: _widened,
}
