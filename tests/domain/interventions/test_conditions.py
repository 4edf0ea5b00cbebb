"""Conditions and the sweep of their thresholds."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectorlab.domain.interventions.arms import Arm, Intervention
from vectorlab.domain.interventions.conditions import (
    Condition,
    Measure,
    SearchSpec,
    ThresholdSide,
    best,
    candidates,
)
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.runs.runs import Prompt, RunSpec
from vectorlab.domain.text.chats import Chat
from vectorlab.domain.vectors.vectors import Site
from vectorlab.errors import InputError

IDS = {"a" * 64: 1, "b" * 64: 2}


def condition(**changes: Any) -> Condition:
    values: dict[str, Any] = {
        "vector_id": 2,
        "vector_sha256": "b" * 64,
        "layer": 3,
        "measure": Measure.COSINE,
        "comparison": ThresholdSide.ABOVE,
        "threshold": 0.25,
    }
    return Condition(**(values | changes))


def spec(item: Condition | None, chat: Chat | None = None) -> RunSpec:
    intervention = Intervention(
        vector_id=1,
        vector_sha256="a" * 64,
        operator=Operator.ADD,
        strength=1,
        site=Site.MLP_OUTPUT,
        condition=item,
    )
    return RunSpec(
        model_fingerprint="f" * 64,
        prompts=(Prompt(text="a"),),
        arms=(Arm(label="x", interventions=(intervention,)),),
        chat=chat,
    )


def test_a_condition_and_a_chat_are_part_of_a_request_and_come_back() -> None:
    chats = (None, Chat(template_sha256="c" * 64), Chat(template_sha256="c" * 64, system="Be kind"))
    items = (None, condition(), condition(threshold=0.5), condition(layer=1))
    specs = [spec(item, chat) for item in items for chat in chats]
    assert len({item.sha256 for item in specs}) == len(specs)
    for item in specs:
        assert RunSpec.from_json(item.to_json(), IDS) == item
    assert specs[-1].vector_ids() == IDS
    assert "condition" not in str(specs[0].to_json())
    assert "chat" not in specs[0].to_json()


def test_a_search_comes_back_from_its_stored_form() -> None:
    search = SearchSpec(
        model_fingerprint="f" * 64,
        vector_sha256="a" * 64,
        positive_sha256="1" * 64,
        negative_sha256="2" * 64,
        window=Positions.parse("prompt:last=2"),
        layers=(1, 2),
        chat=Chat(template_sha256="c" * 64),
    )
    assert SearchSpec.from_json(search.to_json()) == search
    assert replace(search, layers=None).sha256 != search.sha256


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threshold": float("nan")}, "not finite"),
        ({"window": Positions.parse("response:8-15")}, "cannot read response:8-15"),
        ({"window": Positions.ALL}, "cannot read all"),
    ],
)
def test_a_condition_that_cannot_be_read_is_refused(changes: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        condition(**changes)


def test_a_value_at_the_threshold_meets_neither_side() -> None:
    assert [condition().holds(value) for value in (0.24, 0.25, 0.26)] == [False, False, True]
    below = condition(comparison=ThresholdSide.BELOW)
    assert [below.holds(value) for value in (0.24, 0.25, 0.26)] == [True, False, False]


def test_sets_that_lie_apart_are_told_apart_in_the_middle_of_the_gap() -> None:
    found = best(candidates([3.0, 4.0, 5.0], [0.0, 1.0]))
    assert (found.comparison, found.threshold) == (ThresholdSide.ABOVE, 2.0)
    assert (found.accuracy, found.f1, found.margin) == (1.0, 1.0, 0.4)
    found = best(candidates([0.0, 1.0], [3.0, 4.0, 5.0]))
    assert (found.comparison, found.threshold, found.f1) == (ThresholdSide.BELOW, 2.0, 1.0)


def test_a_threshold_is_counted_by_hand() -> None:
    # Above 2.5: one of two positive, one of three negative texts.
    found = next(
        item
        for item in candidates([3.0, 1.0], [0.0, 2.0, 4.0])
        if item.threshold == 2.5 and item.comparison is ThresholdSide.ABOVE
    )
    assert (found.hits, found.false_alarms) == (1, 1)
    assert found.accuracy == pytest.approx(3 / 5)
    assert found.f1 == pytest.approx(2 * 1 / (1 + 1 + 2))


VALUES = st.lists(st.integers(-20, 20).map(float), min_size=1, max_size=12)


@given(positive=VALUES, negative=VALUES)
def test_no_threshold_at_all_is_better_than_the_best(
    positive: list[float], negative: list[float]
) -> None:
    if len({*positive, *negative}) == 1:
        with pytest.raises(InputError, match="no threshold tells them apart"):
            candidates(positive, negative)
        return
    found = best(candidates(positive, negative))
    for comparison in ThresholdSide:
        for threshold in [value + 0.5 for value in range(-20, 20)]:
            hits = sum(comparison.holds(value, threshold) for value in positive)
            alarms = sum(comparison.holds(value, threshold) for value in negative)
            if 0 < hits + alarms < len(positive) + len(negative):
                assert 2 * hits / (hits + alarms + len(positive)) <= found.f1


def test_a_search_needs_two_sides() -> None:
    with pytest.raises(InputError, match="and others"):
        candidates([1.0], [])
