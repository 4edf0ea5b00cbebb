"""Choosing by computed numbers so that the last bit of one decides nothing.

Another processor adds up in another order and gives the same number a little larger or smaller.
Numbers that ought to be equal then differ, and whichever is larger would be taken. So numbers
within a tolerance count as equal, and of equal ones the first is taken, in an order that is the
same everywhere.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# Of the size of the numbers. Between AVX-512, AVX2 and plain kernels, states, cosines and
# perplexities of the bundled model move by up to 1e-6 of their size, mean divergences by 1e-5.
TOLERANCE = 1e-5

Numbers: TypeAlias = "Sequence[float] | npt.NDArray[np.floating]"


def tie_of(values: Numbers) -> float:
    """Up to which difference numbers of this size count as equal."""
    import numpy as np

    sizes = np.abs(np.asarray(values, dtype=np.float64))
    return TOLERANCE * float(sizes[np.isfinite(sizes)].max(initial=0.0))


def first_best(*columns: Numbers) -> int:
    """The place with the largest number, of equal ones that with the largest in the next column.

    Of those that are equal in all columns, the first.

    Args:
        columns: Of one length, at least 1; no NaN.
    """
    import numpy as np

    places = np.arange(len(columns[0]))
    for column in columns:
        values = np.asarray(column, dtype=np.float64)[places]
        places = places[values >= values.max() - tie_of(values)]
    return int(places[0])


def in_order(values: Numbers) -> list[int]:
    """Every place, the largest number first; neighbours that are equal stand in their own order.

    Args:
        values: n numbers, no NaN.
    """
    import numpy as np

    sizes = np.asarray(values, dtype=np.float64)
    order = np.argsort(-sizes, kind="stable")
    apart = np.diff(sizes[order]) < -tie_of(sizes)
    group = np.concatenate([[0], np.cumsum(apart)])[: len(order)]
    ordered: list[int] = order[np.lexsort((order, group))].tolist()
    return ordered
