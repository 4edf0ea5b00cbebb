"""Scores of toy tables, by hand."""

import pytest

from vectorlab.errors import InputError
from vectorlab.ravel.domain.measures import (
    AttributeMeasure,
    Judged,
    copy_everything,
    do_nothing,
    effects,
    score,
    summary,
)

pytestmark = pytest.mark.kernels


def judged(target: str, attribute: str, template: int, hits: str) -> list[Judged]:
    """One outcome per letter: c changed, k kept, n neither."""
    return [
        Judged(
            target=target,
            attribute=attribute,
            template=template,
            changed=hit == "c",
            kept=hit == "k",
        )
        for hit in hits
    ]


# Targets a and b, each on prompts of a, b and c; templates of unequal size count equally.
TABLE = [
    *judged("a", "a", 0, "cccn"),  # 0.75
    *judged("a", "a", 1, "ck"),  # 0.5     -> Cause(a) = 0.625
    *judged("a", "b", 2, "kkkkc"),  # 0.8
    *judged("a", "b", 3, "n"),  # 0        -> 0.4
    *judged("a", "c", 4, "kk"),  # 1       -> Isolate(a) = 0.7
    *judged("b", "a", 0, "kkkk"),  # 1
    *judged("b", "a", 1, "kc"),  # 0.5     -> 0.75
    *judged("b", "c", 4, "kn"),  # 0.5     -> Isolate(b) = 0.625
    *judged("b", "b", 2, "cccck"),  # 0.8
    *judged("b", "b", 3, "c"),  # 1        -> Cause(b) = 0.9
]


def test_a_toy_table_matches_what_a_hand_counts():
    found = score(TABLE)
    a, b, mean = summary(found, "a"), summary(found, "b"), summary(found)
    assert (a.cause.value, a.isolate.value) == pytest.approx((0.625, 0.7))
    assert (b.cause.value, b.isolate.value) == pytest.approx((0.9, 0.625))
    assert mean.cause.value == pytest.approx((0.625 + 0.9) / 2)
    assert mean.isolate.value == pytest.approx((0.7 + 0.625) / 2)
    assert mean.disentangle.value == pytest.approx((0.625 + 0.9 + 0.7 + 0.625) / 4)
    assert (mean.cause.n, mean.isolate.n, mean.disentangle.n) == (12, 16, 28)


def test_templates_and_attributes_have_scores_of_their_own():
    found = score(TABLE)
    by_place = {
        (item.target, item.attribute, item.template): (item.measure, item.value, item.n)
        for item in found
        if item.attribute is not None
    }
    assert by_place["a", "a", 0] == (AttributeMeasure.CAUSE, 0.75, 4)
    assert by_place["a", "b", None] == (AttributeMeasure.ISOLATE, pytest.approx(0.4), 6)
    assert by_place["b", "c", 4] == (AttributeMeasure.ISOLATE, 0.5, 2)


def test_intervals_hold_the_value_are_repeatable_and_shrink_with_more_examples():
    few = summary(score(TABLE))
    many = summary(score(TABLE * 16))
    assert few == summary(score(TABLE))
    for item in (few.cause, few.isolate, few.disentangle):
        assert 0 <= item.low <= item.value <= item.high <= 1
    assert many.cause.value == few.cause.value
    assert many.cause.high - many.cause.low < (few.cause.high - few.cause.low) / 2


def test_both_trivial_policies_score_a_half_and_lie_at_opposite_ends():
    idle, greedy = summary(score(do_nothing(TABLE))), summary(score(copy_everything(TABLE)))
    assert (idle.cause.value, idle.isolate.value, idle.disentangle.value) == (0, 1, 0.5)
    assert (greedy.cause.value, greedy.isolate.value, greedy.disentangle.value) == (1, 0, 0.5)


def test_effects_say_what_moved_when_each_target_was_moved():
    found = effects(TABLE)
    assert found["a", "a"] == (6, pytest.approx(4 / 6), pytest.approx(1 / 6))
    assert found["a", "b"] == (6, pytest.approx(1 / 6), pytest.approx(4 / 6))


def test_a_target_without_one_of_both_sides_is_refused():
    with pytest.raises(InputError, match="its own attribute for Cause"):
        score(judged("a", "a", 0, "cc"))
