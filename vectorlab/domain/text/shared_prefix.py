"""What two sequences begin with alike."""

from collections.abc import Iterable


def shared_prefix(left: Iterable[object], right: Iterable[object]) -> int:
    """Length of the part that both begin with."""
    count = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        count += 1
    return count
