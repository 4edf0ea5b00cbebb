"""What votes come to: counts, the share of the second column, and how sure it is."""

import pytest
import scipy.stats

from vectorlab.domain.runs.votes import Tally
from vectorlab.domain.scores.shares import share_interval


def tally(first: int, second: int, ties: int = 0, neither: int = 0) -> Tally:
    return Tally(first=first, second=second, ties=ties, neither=neither, pairs=40, equal=3)


def test_every_vote_counts_once():
    assert tally(1, 2, ties=4, neither=8).votes == 15


def test_ties_and_refusals_decide_nothing():
    decided, more = tally(3, 9), tally(3, 9, ties=5, neither=6)
    assert (decided.share, decided.interval, decided.p_value) == (
        more.share, more.interval, more.p_value,
    )  # fmt: skip
    assert decided.share == 0.75
    assert decided.p_value == pytest.approx(scipy.stats.binomtest(3, 12).pvalue)


def test_without_a_decided_vote_there_is_no_share():
    nothing = tally(0, 0, ties=2, neither=1)
    assert (nothing.votes, nothing.share, nothing.interval, nothing.p_value) == (
        3, None, None, None,
    )  # fmt: skip


@pytest.mark.parametrize(("hits", "of"), [(0, 1), (1, 1), (3, 12), (20, 40), (97, 100), (0, 500)])
def test_the_interval_of_a_share_is_exact(hits: int, of: int):
    theirs = scipy.stats.binomtest(hits, of).proportion_ci(method="exact")
    assert share_interval(hits, of) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    low, high = share_interval(hits, of)
    assert 0 <= low < high <= 1


def test_sides_that_are_exchanged_mirror_the_share():
    one, other = tally(3, 9), tally(9, 3)
    assert one.share == 1 - other.share
    assert one.p_value == other.p_value
    assert one.interval == pytest.approx([1 - end for end in reversed(other.interval)])
