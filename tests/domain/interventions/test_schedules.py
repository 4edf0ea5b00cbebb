import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectorlab.domain.interventions.schedules import Schedule, Shape, first_tokens
from vectorlab.errors import InputError


@pytest.mark.parametrize(
    ("text", "factors"),
    [
        ("constant", (1.0,)),
        ("first:3", (1.0, 1.0, 1.0, 0.0)),
        ("linear:0:1:4", (0.0, 0.25, 0.5, 0.75, 1.0)),
        ("linear:1:-1:2", (1.0, 0.0, -1.0)),
        ("cosine:1:0:2", (1.0, 0.5, 0.0)),
    ],
)
def test_factors_of_each_shape(text: str, factors: tuple[float, ...]):
    schedule = Schedule.parse(text)
    assert schedule.factors == pytest.approx(factors)
    assert str(schedule) == text


def test_the_ramp_of_the_follow_up_of_in_context_vectors():
    """From 1 to 0.5 over 50 generated tokens along a cosine, then level."""
    factors = Schedule.parse("cosine:1:0.5:50").factors
    expected = [0.5 + 0.5 * (1 + math.cos(math.pi * step / 50)) / 2 for step in range(51)]
    assert factors == pytest.approx(expected)
    assert (factors[0], factors[25], factors[-1]) == pytest.approx((1.0, 0.75, 0.5))


FACTORS = st.floats(-1e6, 1e6).filter(bool)


@given(st.sampled_from([Shape.LINEAR, Shape.COSINE]), FACTORS, FACTORS, st.integers(1, 300))
def test_a_spelling_reads_back_as_itself(shape: Shape, start: float, end: float, tokens: int):
    schedule = Schedule(shape=shape, start=start, end=end, tokens=tokens)
    assert Schedule.parse(str(schedule)) == schedule
    assert schedule.factors[0] == start
    assert schedule.factors[-1] == end


@given(st.integers(1, 300))
def test_the_first_tokens_read_back_as_they_are_spelled(tokens: int):
    assert Schedule.parse(str(first_tokens(tokens))) == first_tokens(tokens)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not understood"),
        ("steep", "not understood"),
        ("first", "not understood"),
        ("linear:0:1", "not understood"),
        ("linear:a:1:4", "not understood"),
        ("constant:2", "not understood"),
        ("linear:0:1:0", "must be 1 or more"),
        ("first:0", "must be 1 or more"),
        ("linear:nan:1:4", "not finite"),
        ("cosine:1:inf:4", "not finite"),
        ("linear:0:-0:4", "0 throughout"),
    ],
)
def test_what_is_no_schedule_is_refused(text: str, reason: str):
    with pytest.raises(InputError, match=reason):
        Schedule.parse(text)
