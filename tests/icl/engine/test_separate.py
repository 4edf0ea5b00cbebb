"""Separate tokens, joined by softmax attention, are joined tokens, as exactly as was promised."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vectorlab.errors import InputError
from vectorlab.icl.domain.copying import LEAK, leak_at, temperature_at
from vectorlab.icl.domain.laws import RegressionLaw
from vectorlab.icl.engine import descent, separate
from vectorlab.icl.engine.construction import construct, run_layers, run_passes
from vectorlab.icl.engine.tasks import Tasks, draw_tasks

TOLERANCE = 1e-9  # for a leak of 1e-12, targets of a few units and up to 6 steps


def case(seed: int, dx: int = 3, dy: int = 2, n: int = 5, queries: int = 2):
    """Tasks in float64, a W0 that is not 0, and a rate that descends."""
    generator = torch.Generator().manual_seed(seed)
    law = RegressionLaw(dx=dx, dy=dy, n=n, scale=1.0, noise=0.1)
    tasks = draw_tasks(law, 4, generator, queries=queries, dtype=torch.float64)
    eta = 0.7 * float(descent.largest_eta(tasks.x).min())
    return tasks, torch.randn(dy, dx, generator=generator, dtype=torch.float64), eta


@settings(deadline=None, max_examples=30)
@given(
    st.integers(0, 2**31),
    st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 9), st.integers(1, 3)),
    st.integers(0, 6),
    st.sampled_from([1.0, 0.75, 0.1]),
)
def test_separate_tokens_are_joined_ones(
    seed: int, shape: tuple[int, ...], steps: int, damping: float
):
    tasks, weights, eta = case(seed, *shape)
    layer = construct(weights, eta=eta, n=tasks.n)
    found = separate.run_separate(
        layer, tasks, weights, steps, temperature=temperature_at(LEAK, tasks.n), damping=damping
    )
    wanted = run_layers(layer, tasks, weights, steps, damping=damping)
    torch.testing.assert_close(found, wanted, rtol=TOLERANCE, atol=TOLERANCE)


def test_the_correction_of_gd_plus_plus_passes_through_as_well():
    tasks, _, eta = case(3)
    origin = torch.zeros(tasks.dy, tasks.dx, dtype=torch.float64)
    layer = construct(origin, eta=eta, n=tasks.n, gamma=eta / (4 * tasks.n))
    temperature = temperature_at(LEAK, tasks.n)
    found = separate.run_separate(layer, tasks, origin, 4, temperature=temperature)
    wanted = run_layers(layer, tasks, origin, 4)
    torch.testing.assert_close(found, wanted, rtol=TOLERANCE, atol=TOLERANCE)


def by_hand(tasks: Tasks, weights: np.ndarray, eta: float, temperature: float) -> np.ndarray:
    """Predictions of the first query after one step, token by token in numpy; one-hot places.

    Scores of one-hot codes lie 1 apart; the gap of the simplex is 1 + 1/(2N), so that the
    temperature is brought to theirs.
    """
    said = []
    n, gap = tasks.n, 1 + 1 / (2 * tasks.n)
    for x, y, query in zip(
        tasks.x.numpy(), tasks.y.numpy(), tasks.queries[:, 0].numpy(), strict=True
    ):
        inputs = [row for pair in zip(x, np.zeros_like(x), strict=True) for row in pair]
        targets = [row for pair in zip(np.zeros_like(y), y, strict=True) for row in pair]
        beside = []
        for place in range(2 * n + 1):  # the query is the last
            scores = np.array([float(other == (place + 1) % (2 * n + 1)) for other in range(2 * n)])
            attention = np.exp(scores * gap / temperature)
            attention /= attention.sum()
            beside.append(sum(a * t for a, t in zip(attention, targets, strict=True)))
        slots = [t + b for t, b in zip(targets, beside[:-1], strict=True)]
        update = sum(
            np.outer(weights @ one - slot, one) for one, slot in zip(inputs, slots, strict=True)
        )
        start = -(weights @ query) + beside[-1]
        said.append(-(start + eta / n * update @ query))
    return np.stack(said)


@pytest.mark.parametrize("temperature", [1.0, 0.2, 0.05])
def test_one_step_from_separate_tokens_is_that_of_numpy_at_any_temperature(temperature: float):
    tasks, weights, eta = case(5)
    found = separate.run_separate(
        construct(weights, eta=eta, n=tasks.n), tasks, weights, 1, temperature=temperature
    )
    wanted = by_hand(tasks, weights.numpy(), eta, temperature)
    np.testing.assert_allclose(found[1, :, 0].numpy(), wanted, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("n", [1, 2, 7])
def test_codes_are_equally_far_apart_and_turn_into_the_next(n: int):
    codes = separate.place_codes(n)
    places = 2 * n + 1
    wanted = np.full((places, places), -1 / (2 * n))
    np.fill_diagonal(wanted, 1.0)
    np.testing.assert_allclose((codes @ codes.T).numpy(), wanted, atol=1e-12)
    turned = (codes @ separate.next_place(n).T).numpy()
    np.testing.assert_allclose(turned, np.roll(codes.numpy(), -1, axis=0), atol=1e-12)


@pytest.mark.parametrize("leak", [0.3, 1e-2, 1e-6, 1e-12])
def test_the_leak_is_what_softmax_gives_to_all_others(leak: float):
    tasks, weights, _ = case(1)
    temperature = temperature_at(leak, tasks.n)
    assert leak_at(temperature, tasks.n) == pytest.approx(leak, rel=1e-9)
    context, queries = separate.separate_tokens(tasks, weights)
    layer = separate.copying_layer(tasks.dx, tasks.dy, tasks.n, temperature)
    attention = layer.attention(context, context)
    for place in range(2 * tasks.n - 1):
        others = attention[:, place].clone()
        others[:, place + 1] = 0
        assert others.sum(-1).numpy() == pytest.approx(leak, rel=1e-6)
    asked = layer.attention(context, queries)  # the first input comes behind the query
    assert asked[..., 1:].sum(-1).numpy() == pytest.approx(leak, rel=1e-6)


def test_targets_are_copied_to_the_leak_and_the_error_goes_with_it():
    tasks, weights, _ = case(2)
    largest = float(tasks.y.abs().max())
    errors = []
    for leak in (1e-3, 1e-6, 1e-9):
        temperature = temperature_at(leak, tasks.n)
        context, _ = separate.join(tasks, weights, temperature)
        error = separate.copying_error(tasks, context)
        assert 0 < error <= 2 * leak * largest
        errors.append(error / leak)
    assert errors == pytest.approx([errors[0]] * 3, rel=1e-2)


def test_what_lies_beside_the_targets_tokens_moves_nothing():
    tasks, weights, eta = case(4)
    context, queries = separate.join(tasks, weights, temperature_at(LEAK, tasks.n))
    layer = separate.widened(construct(weights, eta=eta, n=tasks.n), context.shape[-1])
    wanted = run_passes(layer, tasks, context, queries, 3)
    other = context.clone()
    other[:, 1::2, tasks.dx :] = 7.0
    assert torch.equal(run_passes(layer, tasks, other, queries, 3), wanted)


def test_looking_back_instead_is_right_for_one_step_and_wrong_from_the_second_on():
    """Then inputs keep an empty y slot and count as demonstrations, with -dW x from step 2 on."""
    tasks, weights, eta = case(6)
    origin = torch.zeros_like(weights)
    context, queries = separate.separate_tokens(tasks, origin)
    backward = context.clone()
    backward[:, 1::2, : tasks.dx] = context[:, ::2, : tasks.dx]  # x copied beside y
    layer = separate.widened(construct(origin, eta=eta, n=tasks.n), context.shape[-1])
    wanted = descent.predict(descent.descend(tasks, origin, eta, 2), tasks.queries)
    found = run_passes(layer, tasks, backward, queries, 2)
    torch.testing.assert_close(found[1], wanted[1], rtol=1e-10, atol=1e-10)
    assert float((found[2] - wanted[2]).abs().max()) > 1e-3


@pytest.mark.parametrize("leak", [0.0, 0.9, 1.0])
def test_leaks_that_no_temperature_has_are_refused(leak: float):
    with pytest.raises(InputError, match=r"lies between 0 and 0\.9, which is attention to all"):
        temperature_at(leak, 5)
