"""How the texts of a run were put into batches, so that a replay does the same."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from vectorlab.domain.codec import Coded, Stored


@dataclass(frozen=True, kw_only=True, order=True)
class RowKey(Coded):
    """Names one generation within a run; all three count from 0."""

    AS_LIST: ClassVar[bool] = True

    prompt: int
    arm: int
    sample: int


class Products(StrEnum):
    """How a linear map multiplies its weights with states; the last bits differ."""

    DIRECT = "direct"  # as the library does
    TRANSPOSED = "transposed"  # weights times the states' columns, for few rows
    WIDENED = "widened"  # in float32 by pieces of the weights, rounded once


@dataclass(frozen=True, kw_only=True)
class Frame(Coded):
    """The rectangle of a batch that was shared with other runs.

    Rounding follows the shape of a batch and not what stands in the other rows, so this is all
    that a replay has to know of them.
    """

    rows: int  # of the whole batch
    first: int  # place of this run's first row; its rows stand together
    width: int  # tokens of the longest prompt
    padded: bool  # whether any prompt was shorter


@dataclass(frozen=True, kw_only=True)
class BatchPlan(Coded):
    """Which rows shared a batch; a replay runs the same batches.

    A row number is its place in ``RunSpec.rows()``.
    """

    padding_side: str = "left"
    batches: tuple[tuple[int, ...], ...]
    # Of each batch; None for one that held this run alone. Empty when all did.
    frames: Annotated[tuple[Frame | None, ...], Stored(if_given=True)] = ()
    # Of each batch, up to which token what its prompts begin with alike is read once; 0 for not
    # at all. Empty when all are; None where it is still to be decided.
    stems: Annotated[tuple[int, ...] | None, Stored(if_given=True)] = ()
    # By which product maps are computed; None where it is still to be decided.
    products: Annotated[Products | None, Stored(if_given=True)] = Products.DIRECT

    def __post_init__(self) -> None:
        for name in ("frames", "stems"):  # one spelling for nothing
            value = getattr(self, name)
            if value is not None and len(value) == len(self.batches) and not any(value):
                object.__setattr__(self, name, ())

    def rounds_like(self, other: "BatchPlan") -> bool:
        """Whether the same batches ran in the same way, in whatever order."""
        return self.products is other.products and self._shapes() == other._shapes()

    def _shapes(self) -> set[tuple[Any, ...]]:
        return {(batch, self.frame_of(batch), self.stem_of(batch)) for batch in self.batches}

    def frame_of(self, batch: tuple[int, ...]) -> Frame | None:
        """The rectangle that a batch shared with other runs."""
        return dict(zip(self.batches, self.frames, strict=True)).get(batch) if self.frames else None

    def stem_of(self, batch: tuple[int, ...]) -> int | None:
        """Up to which token the prompts of a batch are read together; None: not decided yet."""
        if self.stems is None:
            return None
        return dict(zip(self.batches, self.stems, strict=True)).get(batch, 0) if self.stems else 0
