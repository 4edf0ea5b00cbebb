import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectorlab.domain.runs.batch_plan import BatchPlan
from vectorlab.errors import InputError
from vectorlab.steering.generation.batch_plan import (
    check_plan,
    halves,
    plan_batches,
    remaining_batches,
)


@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=30),
    per_prompt=st.integers(1, 12),
    budget=st.integers(1, 2000),
)
def test_a_plan_holds_every_row_once_within_the_budget(
    lengths: list[int], per_prompt: int, budget: int
) -> None:
    plan = plan_batches(lengths, rows_per_prompt=per_prompt, max_new_tokens=10, token_budget=budget)
    check_plan(plan, len(lengths) * per_prompt)
    for batch in plan.batches:
        width = max(lengths[row // per_prompt] for row in batch) + 10
        assert len(batch) == 1 or len(batch) * width <= budget


@given(lengths=st.lists(st.integers(1, 50), min_size=1, max_size=30))
def test_rows_of_a_prompt_stay_together_where_they_fit(lengths: list[int]) -> None:
    plan = plan_batches(lengths, rows_per_prompt=4, max_new_tokens=10, token_budget=60 * 4)
    for batch in plan.batches:
        assert len(batch) % 4 == 0


def test_long_prompts_come_first() -> None:
    plan = plan_batches([1, 9, 5], rows_per_prompt=1, max_new_tokens=1, token_budget=10)
    assert plan.batches == ((1,), (2,), (0,))


def test_what_is_done_is_not_planned_again() -> None:
    plan = BatchPlan(batches=((0, 1, 2, 3), (4, 5), (6,)))
    assert remaining_batches(plan, [0, 1, 4, 5]) == [(2, 3), (6,)]


def test_halves_hold_the_whole() -> None:
    assert halves((5, 6, 7)) == ((5, 6), (7,))


@pytest.mark.parametrize("batches", [((0, 1),), ((0, 1), (1, 2)), ((0, 1, 2, 3),)])
def test_a_plan_of_another_run_is_refused(batches: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(InputError, match="the run has 3"):
        check_plan(BatchPlan(batches=batches), 3)
