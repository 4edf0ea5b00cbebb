import math
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.steering.builders import arm, intervention, vectors
from tests.tiny_models import tiny_model
from vectorlab.domain.interventions.arms import Combine
from vectorlab.domain.interventions.operators import OPERATORS, Operator
from vectorlab.errors import InputError
from vectorlab.steering.interventions.arm_table import SteeringTable
from vectorlab.steering.interventions.operators import operation, prepare_constant
from vectorlab.steering.interventions.operators.ablate import ablate
from vectorlab.steering.interventions.operators.add import add
from vectorlab.steering.interventions.operators.base import Operation, Slots
from vectorlab.steering.interventions.operators.rotate import rotate


def prepared(
    operator: Operator,
    vectors: torch.Tensor,
    strengths: list[float],
    combine: Combine = Combine.MEAN,
) -> Any:
    """Slots of a batch of one row."""
    slots = prepare_constant(operator, {"vector": vectors}, torch.tensor(strengths), combine)
    return Slots.stacked([slots]).of_arms(torch.tensor([0]))


def written_out(
    state: list[float], vectors: list[list[float]], strengths: list[float]
) -> list[float]:
    """The published formula in plain Python, one state at a time, mean over vectors."""

    def norm(values: list[float]) -> float:
        return math.sqrt(sum(value * value for value in values))

    def unit(values: list[float]) -> list[float]:
        return [value / max(norm(values), 1e-12) for value in values]

    def cosine(left: list[float], right: list[float]) -> float:
        dot = sum(a * b for a, b in zip(left, right, strict=True))
        return dot / (max(norm(left), 1e-8) * max(norm(right), 1e-8))

    push = [0.0] * len(state)
    for vector, strength in zip(vectors, strengths, strict=True):
        gate = 1 + max(0.0, cosine(state, [-value for value in vector]))
        for index, value in enumerate(unit(vector)):
            push[index] += strength * gate * value / len(vectors)
    turned = unit([a + b for a, b in zip(unit(state), push, strict=True)])
    return [norm(state) * value for value in turned]


@given(
    seed=st.integers(0, 10_000),
    strengths=st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=3),
    scale=st.sampled_from([1e-9, 1e-3, 1.0, 100.0]),
)
def test_rotate_is_the_published_formula(seed: int, strengths: list[float], scale: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randn(len(strengths), 6, generator=generator) * scale
    states = torch.randn(1, 4, 6, generator=generator) * 5
    result = rotate(states, prepared(Operator.ROTATE, vectors, strengths))
    expected = [written_out(row, vectors.tolist(), strengths) for row in states[0].tolist()]
    torch.testing.assert_close(result[0], torch.tensor(expected), atol=1e-4, rtol=1e-4)


@given(seed=st.integers(0, 10_000), strength=st.floats(-2, 2))
def test_rotate_keeps_norms(seed: int, strength: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    states = torch.randn(1, 5, 16, generator=generator) * 30
    slots = prepared(Operator.ROTATE, torch.randn(1, 16, generator=generator), [strength])
    torch.testing.assert_close(rotate(states, slots).norm(dim=-1), states.norm(dim=-1))


@pytest.mark.parametrize(
    ("strength", "degrees"), [(0.05, 2.86), (0.1, 5.71), (0.12, 6.84), (0.5, 26.57)]
)
def test_rotate_turns_an_orthogonal_state_by_the_arc_tangent(
    strength: float, degrees: float
) -> None:
    state, vector = torch.tensor([[[3.0, 0.0]]]), torch.tensor([[0.0, 7.0]])
    turned = rotate(state, prepared(Operator.ROTATE, vector, [strength]))[0, 0]
    assert math.degrees(math.atan2(turned[1], turned[0])) == pytest.approx(degrees, abs=0.01)


@pytest.mark.parametrize(("strength", "expected"), [(0.4, -2.0), (0.5, 0.0), (0.6, 2.0)])
def test_rotate_flips_an_opposite_state_beyond_one_half(strength: float, expected: float) -> None:
    slots = prepared(Operator.ROTATE, torch.tensor([[1.0, 0.0]]), [strength])
    turned = rotate(torch.tensor([[[-2.0, 0.0]]]), slots)
    assert turned[0, 0, 0].item() == pytest.approx(expected, abs=1e-5)


def test_rotate_by_two_orthogonal_vectors_divides_their_sum_by_two() -> None:
    vectors = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    state = torch.tensor([[[1.0, 0.0, 0.0]]])
    mean = rotate(state, prepared(Operator.ROTATE, vectors, [0.1, 0.1]))[0, 0]
    total = rotate(state, prepared(Operator.ROTATE, vectors, [0.1, 0.1], Combine.SUM))[0, 0]
    assert math.degrees(math.acos(mean[0])) == pytest.approx(4.04, abs=0.02)
    assert math.degrees(math.acos(total[0])) == pytest.approx(8.05, abs=0.02)


@pytest.mark.parametrize("copies", [2, 3, 7])
def test_copies_of_a_vector_rotate_like_one(copies: int) -> None:
    vector, states = torch.randn(1, 16), torch.randn(1, 5, 16)
    one = rotate(states, prepared(Operator.ROTATE, vector, [0.3]))
    many = rotate(states, prepared(Operator.ROTATE, vector.repeat(copies, 1), [0.3] * copies))
    torch.testing.assert_close(many, one)


def test_rotate_leaves_a_zero_state_at_zero() -> None:
    slots = prepared(Operator.ROTATE, torch.randn(1, 4), [0.3])
    assert torch.equal(rotate(torch.zeros(1, 2, 4), slots), torch.zeros(1, 2, 4))


def test_add_moves_by_the_vectors_as_they_are() -> None:
    vectors = torch.tensor([[1.0, 0.0], [0.0, 10.0]])
    moved = add(torch.tensor([[[5.0, 5.0]]]), prepared(Operator.ADD, vectors, [2.0, -0.5]))
    assert moved.tolist() == [[[7.0, 0.0]]]


def test_ablate_at_strength_one_removes_the_direction_and_nothing_else() -> None:
    vector, states = torch.randn(1, 16), torch.randn(1, 5, 16)
    cleaned = ablate(states, prepared(Operator.ABLATE, vector, [1.0]))
    torch.testing.assert_close(cleaned @ vector[0], torch.zeros(1, 5), atol=1e-5, rtol=0)
    across = states - (states @ vector.T) * vector / vector.square().sum()
    torch.testing.assert_close(cleaned, across)


def test_ablating_a_direction_twice_is_ablating_it_once() -> None:
    vector, states = torch.randn(1, 16), torch.randn(1, 5, 16)
    once = ablate(states, prepared(Operator.ABLATE, vector, [1.0]))
    twice = ablate(states, prepared(Operator.ABLATE, vector.repeat(2, 1), [1.0, 1.0]))
    torch.testing.assert_close(twice, once)


def test_every_operator_has_its_entry_and_its_file() -> None:
    assert set(OPERATORS) == set(Operator)
    assert all(isinstance(operation(item), Operation) for item in Operator)


@pytest.mark.parametrize("operator", list(Operator))
def test_what_an_entry_says_of_strengths_fits_together(operator: Operator) -> None:
    slider = operator.info.slider
    assert slider.lowest < slider.start <= slider.highest
    assert slider.lowest <= operator.info.first_guess <= (operator.info.most or slider.highest)


@pytest.mark.parametrize("operator", list(Operator))
def test_an_entry_says_whether_length_and_mean_matter(operator: Operator) -> None:
    vectors, states = torch.randn(2, 16), torch.randn(1, 5, 16)
    apply = operation(operator).apply
    plain, doubled = (
        apply(states, prepared(operator, factor * vectors, [0.3, 0.3])) for factor in (1, 2)
    )
    assert operator.info.scales_with_length == (not torch.allclose(plain, doubled, atol=1e-5))
    summed = apply(states, prepared(operator, vectors, [0.3, 0.3], Combine.SUM))
    assert operator.info.takes_mean == (not torch.equal(plain, summed))


@dataclass(frozen=True, kw_only=True)
class MatrixSlots(Slots):
    matrices: torch.Tensor  # (K, D, D)


def test_slots_hold_tensors_of_any_shape_and_arms_without_one_hold_zeros() -> None:
    one, two = torch.randn(1, 3, 3), torch.randn(2, 3, 3)
    arms = [
        MatrixSlots(weights=torch.ones(1), matrices=one),
        None,
        MatrixSlots(weights=torch.ones(2), matrices=two),
    ]
    batch = MatrixSlots.stacked(arms).of_arms(torch.tensor([2, 1, 0, 2]))
    assert batch.weights.tolist() == [[[1, 1]], [[0, 0]], [[1, 0]], [[1, 1]]]
    assert torch.equal(batch.matrices[0], two)
    assert torch.equal(batch.matrices[2], torch.cat([one, torch.zeros(1, 3, 3)]))
    assert not batch.matrices[1].any()


def test_a_vector_that_lacks_what_its_operator_needs_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    affine = replace(OPERATORS[Operator.ADD], needs=("vector", "matrix"))
    monkeypatch.setitem(OPERATORS, Operator.ADD, affine)
    loaded = tiny_model("llama")
    with pytest.raises(InputError, match="Operator add needs matrix at every layer"):
        SteeringTable.build(
            loaded, [arm(intervention(1.0, operator=Operator.ADD))], vectors(loaded)
        )
