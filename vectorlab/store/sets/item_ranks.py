"""Turning one ordered list into another with as few rows as possible.

Every item has a rank, a whole number that only says what comes before what. Items that keep
their order keep their ranks; an edited one takes over the rank of what stood there.
"""

from collections.abc import Iterator, Sequence

from vectorlab.domain.text.list_diff import diff_lists

STEP = 65536  # between neighbours of a list that is written whole: room for later insertions

RankRow = tuple[int, int | None]  # rank and the item that takes it; None clears it


def whole(items: Sequence[int]) -> Iterator[RankRow]:
    """Rows of a list that builds on none before, one at a time: a long list has millions."""
    return ((rank * STEP, demonstration_id) for rank, demonstration_id in enumerate(items))


def changes(
    ranks: Sequence[int], before: Sequence[int], after: Sequence[int]
) -> list[RankRow] | None:
    """Rows that turn a list into another.

    Args:
        ranks: Of the items before, rising.
        before: The items that hold them.
        after: The wanted items in their order.

    Returns:
        The rows to write, or None where ranks leave no room between two neighbours.
    """
    rows: list[RankRow] = []
    old_end, new_end = 0, 0  # one past what is dealt with
    for old, new, length in (*diff_lists(before, after).runs, (len(before), len(after), 0)):
        if old > old_end or new > new_end:
            below = ranks[old_end - 1] if old_end else None
            above = ranks[old] if old < len(ranks) else None
            stretch = _stretch(ranks[old_end:old], after[new_end:new], below, above)
            if stretch is None:
                return None
            rows += stretch
        old_end, new_end = old + length, new + length
    return rows


def _stretch(
    free: Sequence[int], items: Sequence[int], below: int | None, above: int | None
) -> list[RankRow] | None:
    """Rows that fill the room between two items that stay."""
    missing = len(items) - len(free)
    ranks = list(free)
    if missing > 0:
        fresh = _between(free[-1] if free else below, above, missing)
        if fresh is None:
            return None
        ranks += fresh
    filled = zip(ranks, items, strict=False)
    return [*filled, *((rank, None) for rank in ranks[len(items) :])]


def _between(below: int | None, above: int | None, count: int) -> list[int] | None:
    if above is None:
        start = -STEP if below is None else below
        return [start + STEP * place for place in range(1, count + 1)]
    if below is None:
        return [above - STEP * place for place in range(count, 0, -1)]
    gap = (above - below) // (count + 1)
    return [below + gap * place for place in range(1, count + 1)] if gap else None
