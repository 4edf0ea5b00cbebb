"""What another processor makes of the same numbers."""

import numpy as np
import numpy.typing as npt


def nudged(values: npt.ArrayLike, seed: int) -> npt.NDArray[np.floating]:
    """Every number one float32 step up or down, or where it was; zero stays zero."""
    given = np.asarray(values)
    exact = given.astype(np.float32)
    way = np.random.default_rng(seed).integers(-1, 2, size=given.shape)
    ends = np.where(way > 0, np.inf, -np.inf).astype(np.float32)
    moved = np.where((way == 0) | (exact == 0), exact, np.nextafter(exact, ends))
    return moved.astype(given.dtype if given.dtype.kind == "f" else np.float64)
