"""k constructed layers are k gradient steps, and no wrong layer passes for one."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vectorlab.errors import InputError, ShapeError
from vectorlab.icl.domain.laws import Inputs, RegressionLaw, best_one_step
from vectorlab.icl.engine import construction, descent, losses
from vectorlab.icl.engine.construction import LinearAttention, construct, run_layers
from vectorlab.icl.engine.tasks import Tasks, draw_sines, draw_tasks

TOLERANCE = 1e-10


def case(
    seed: int, dx: int = 3, dy: int = 2, n: int = 5, queries: int = 2
) -> tuple[Tasks, torch.Tensor]:
    """Tasks in float64 and a W0 that is not 0."""
    generator = torch.Generator().manual_seed(seed)
    law = RegressionLaw(dx=dx, dy=dy, n=n, scale=1.0, noise=0.1)
    tasks = draw_tasks(law, 4, generator, queries=queries, dtype=torch.float64)
    return tasks, torch.randn(dy, dx, generator=generator, dtype=torch.float64)


def moderate_eta(tasks: Tasks) -> float:
    return 0.7 * float(descent.largest_eta(tasks.x).min())


shapes = st.tuples(
    st.integers(1, 6), st.integers(1, 4), st.integers(1, 12), st.integers(1, 3)
)  # dx, dy, N, Q
seeds = st.integers(0, 2**31)


@settings(deadline=None, max_examples=40)
@given(seeds, shapes, st.integers(0, 12))
def test_k_layers_are_k_gradient_steps(seed: int, shape: tuple[int, ...], steps: int):
    tasks, weights = case(seed, *shape)
    eta = moderate_eta(tasks)
    layer = construct(weights, eta=eta, n=tasks.n)
    found = run_layers(layer, tasks, weights, steps)
    wanted = descent.predict(descent.descend(tasks, weights, eta, steps), tasks.queries)
    torch.testing.assert_close(found, wanted, rtol=TOLERANCE, atol=TOLERANCE)


@settings(deadline=None, max_examples=40)
@given(seeds, shapes, st.integers(0, 12))
def test_moving_the_targets_is_moving_the_weights(seed: int, shape: tuple[int, ...], steps: int):
    tasks, weights = case(seed, *shape)
    eta = moderate_eta(tasks)
    moved = descent.move_targets(tasks, weights, eta, steps)
    wanted = descent.predict(descent.descend(tasks, weights, eta, steps), tasks.queries)
    torch.testing.assert_close(moved, wanted, rtol=TOLERANCE, atol=TOLERANCE)


@settings(deadline=None, max_examples=40)
@given(seeds, shapes, st.integers(0, 8), st.floats(0, 1))
def test_corrected_layers_are_descent_with_corrected_inputs(
    seed: int, shape: tuple[int, ...], steps: int, share: float
):
    tasks, _ = case(seed, *shape)
    eta = moderate_eta(tasks)
    gamma = share * eta / tasks.n
    origin = torch.zeros(tasks.dy, tasks.dx, dtype=torch.float64)
    layer = construct(origin, eta=eta, n=tasks.n, gamma=gamma)
    found = run_layers(layer, tasks, origin, steps)
    wanted = descent.predict(descent.descend_corrected(tasks, eta, gamma, steps), tasks.queries)
    torch.testing.assert_close(found, wanted, rtol=TOLERANCE, atol=TOLERANCE)
    if gamma == 0:
        plain = descent.predict(descent.descend(tasks, origin, eta, steps), tasks.queries)
        torch.testing.assert_close(found, plain, rtol=TOLERANCE, atol=TOLERANCE)


@settings(deadline=None, max_examples=40)
@given(seeds, st.integers(1, 6), st.integers(1, 8), st.integers(0, 6))
def test_on_features_a_layer_is_a_step_of_kernel_regression(
    seed: int, width: int, n: int, steps: int
):
    generator = torch.Generator().manual_seed(seed)
    tasks = draw_sines(3, generator, n=n, queries=2, dtype=torch.float64)
    mlp = torch.randn(width, 1, generator=generator, dtype=torch.float64)
    seen = tasks.through(lambda x: torch.tanh(x @ mlp.mT))
    eta = moderate_eta(seen)
    origin = torch.zeros(1, width, dtype=torch.float64)
    found = run_layers(construct(origin, eta=eta, n=n), seen, origin, steps)
    kernel, cross = seen.x @ seen.x.mT, seen.queries @ seen.x.mT
    wanted = descent.kernel_descent(kernel, cross, seen.y, eta, steps)
    torch.testing.assert_close(found, wanted, rtol=TOLERANCE, atol=TOLERANCE)


@settings(deadline=None, max_examples=40)
@given(seeds)
def test_a_query_moves_nothing_but_itself(seed: int):
    tasks, weights = case(seed, queries=3)
    layer = construct(weights, eta=0.1, n=tasks.n)
    alone = Tasks(
        x=tasks.x, y=tasks.y, queries=tasks.queries[:, 1:2], targets=tasks.targets[:, 1:2]
    )
    together = run_layers(layer, tasks, weights, 3)[:, :, 1:2]
    torch.testing.assert_close(run_layers(layer, alone, weights, 3), together)


# What each of these does wrong, a test above would catch: the law fails on it, for a generic
# case, by far more than rounding.


def _forward(
    layer: LinearAttention, context: torch.Tensor, queries: torch.Tensor, steps: int
) -> torch.Tensor:
    for _ in range(steps):
        context, queries = layer(context, queries)
    return queries


def right(tasks: Tasks, weights: torch.Tensor, eta: float, steps: int) -> torch.Tensor:
    return run_layers(construct(weights, eta=eta, n=tasks.n), tasks, weights, steps)[-1]


def no_minus_at_read_out(tasks: Tasks, weights: torch.Tensor, eta: float, steps: int):
    return -right(tasks, weights, eta, steps)


def query_with_plus(tasks: Tasks, weights: torch.Tensor, eta: float, steps: int):
    context, _ = construction.tokens(tasks, weights)
    queries = torch.cat([tasks.queries, tasks.queries @ weights.mT], dim=-1)
    layer = construct(weights, eta=eta, n=tasks.n)
    return construction.read_out(_forward(layer, context, queries, steps), tasks.dx)


def query_in_the_keys(tasks: Tasks, weights: torch.Tensor, eta: float, steps: int):
    context, queries = construction.tokens(tasks, weights)
    layer = construct(weights, eta=eta, n=tasks.n)
    everything = torch.cat([context, queries], dim=1)
    for _ in range(steps):
        everything, _ = layer(everything, queries)
    return construction.read_out(everything[:, tasks.n :], tasks.dx)


def wrong_sign(tasks: Tasks, weights: torch.Tensor, eta: float, steps: int):
    return run_layers(construct(weights, eta=-eta, n=tasks.n), tasks, weights, steps)[-1]


def n_plus_one(tasks: Tasks, weights: torch.Tensor, eta: float, steps: int):
    return run_layers(construct(weights, eta=eta, n=tasks.n + 1), tasks, weights, steps)[-1]


def divided_twice(tasks: Tasks, weights: torch.Tensor, eta: float, steps: int):
    layer = construct(weights, eta=eta / tasks.n, n=tasks.n)
    return run_layers(layer, tasks, weights, steps)[-1]


def one_layer_for_two_rates(tasks: Tasks, weights: torch.Tensor, eta: float, steps: int):
    """The layer of the first rate looped, where rates differ from step to step."""
    return right(tasks, weights, eta, steps)


def rates_of_their_own(tasks: Tasks, weights: torch.Tensor, eta: float, steps: int):
    """What it should be: every step halves the rate, so P differs from layer to layer."""
    current = weights
    for step in range(steps):
        current = current + eta / 2**step * descent.weight_update(current, tasks.x, tasks.y)
    return descent.predict(current, tasks.queries)


def explicit(tasks: Tasks, weights: torch.Tensor, eta: float, steps: int) -> torch.Tensor:
    return descent.predict(descent.descend(tasks, weights, eta, steps)[-1], tasks.queries)


Route = Callable[[Tasks, torch.Tensor, float, int], torch.Tensor]


def distance(first: Route, second: Route, tasks: Tasks, weights: torch.Tensor, steps: int) -> float:
    eta = moderate_eta(tasks)
    return float(
        (first(tasks, weights, eta, steps) - second(tasks, weights, eta, steps)).abs().max()
    )


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize(
    ("wrong", "truth"),
    [
        (no_minus_at_read_out, explicit),
        (query_with_plus, explicit),
        (query_in_the_keys, explicit),
        (wrong_sign, explicit),
        (n_plus_one, explicit),
        (divided_twice, explicit),
    ],
)
def test_the_law_would_catch_the_pitfall(wrong: Route, truth: Route, steps: int):
    tasks, weights = case(3)
    assert distance(right, truth, tasks, weights, steps) < TOLERANCE
    assert distance(wrong, truth, tasks, weights, steps) > 1e-3


def test_rates_that_differ_need_layers_that_differ():
    tasks, weights = case(3)
    assert distance(right, rates_of_their_own, tasks, weights, 1) < TOLERANCE
    assert distance(one_layer_for_two_rates, rates_of_their_own, tasks, weights, 2) > 1e-3


def test_a_query_in_the_keys_is_harmless_at_first_and_wrong_from_the_second_layer_on():
    tasks, weights = case(3, queries=1)
    origin = torch.zeros_like(weights)
    assert distance(query_in_the_keys, explicit, tasks, origin, 1) < TOLERANCE
    assert distance(query_in_the_keys, explicit, tasks, origin, 2) > 1e-3
    assert distance(query_in_the_keys, explicit, tasks, weights, 1) > 1e-3


def test_correcting_the_demonstrations_but_not_the_query_is_caught():
    tasks, _ = case(3)
    origin = torch.zeros(tasks.dy, tasks.dx, dtype=torch.float64)
    eta = moderate_eta(tasks)
    gamma = eta / (4 * tasks.n)
    layer = construct(origin, eta=eta, n=tasks.n, gamma=gamma)
    context, queries = construction.tokens(tasks, origin)
    for _ in range(3):
        inputs = queries[..., : tasks.dx]
        context, queries = layer(context, queries)
        queries[..., : tasks.dx] = inputs
    wrong = construction.read_out(queries, tasks.dx)
    right_way = run_layers(layer, tasks, origin, 3)[-1]
    wanted = descent.predict(descent.descend_corrected(tasks, eta, gamma, 3), tasks.queries)[-1]
    torch.testing.assert_close(right_way, wanted, rtol=TOLERANCE, atol=TOLERANCE)
    assert float((wrong - wanted).abs().max()) > 1e-3


def test_the_matrices_are_those_of_the_proposition():
    weights = torch.tensor([[2.0, 3.0]])
    layer = construct(weights, eta=0.5, n=4)
    assert layer.key.tolist() == layer.query.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert layer.value.tolist() == [[0, 0, 0], [0, 0, 0], [2, 3, -1]]
    assert layer.projection.tolist() == [[0.125, 0, 0], [0, 0.125, 0], [0, 0, 0.125]]
    corrected = construct(torch.zeros(1, 1), eta=0.5, n=4, gamma=0.25)
    assert corrected.value.tolist() == [[1, 0], [0, -1]]
    assert corrected.projection.tolist() == [[-0.25, 0], [0, 0.125]]


def test_a_step_by_hand():
    """x = 2, y = 3, W0 = 1, eta = 0.5: dW = -0.5 (2 - 3) 2 = 1, so a query 5 goes 5 -> 10."""
    tasks = Tasks(
        x=torch.tensor([[[2.0]]]),
        y=torch.tensor([[[3.0]]]),
        queries=torch.tensor([[[5.0]]]),
        targets=torch.tensor([[[0.0]]]),
    )
    found = run_layers(construct(torch.ones(1, 1), eta=0.5, n=1), tasks, torch.ones(1, 1), 1)
    assert found.flatten().tolist() == [5.0, 10.0]


@pytest.mark.parametrize("inputs", [Inputs.UNIFORM, Inputs.NORMAL, Inputs.LAPLACE])
@pytest.mark.parametrize("changes", [{}, {"dy": 2, "noise": 0.5, "n": 4}, {"weight_scale": 2.0}])
def test_the_best_rate_and_its_loss_are_those_of_many_tasks(inputs: Inputs, changes: dict):
    law = RegressionLaw(inputs=inputs, **changes)
    best = best_one_step(law)
    tasks = draw_tasks(law, 10_000, torch.Generator().manual_seed(1), dtype=torch.float64)
    origin = torch.zeros(law.dy, law.dx, dtype=torch.float64)

    def loss(eta: float) -> losses.TaskMean:
        weights = descent.descend(tasks, origin, eta, 1)[-1]
        found = losses.losses(descent.predict(weights, tasks.queries), tasks.targets)
        return losses.estimate(found)

    at_best, untrained = loss(best.eta), loss(0)
    # Twice the 99 % interval: many laws are tried here, and some have heavy tails.
    for found, exact in ((at_best, best.loss), (untrained, best.untrained_loss)):
        assert abs(found.value - exact) < found.high - found.low
        assert found.high - found.low < 0.4 * exact
    assert min(loss(0.7 * best.eta).value, loss(1.3 * best.eta).value) > at_best.value


def test_the_closed_form_is_that_of_the_reference():
    best = best_one_step(RegressionLaw())
    variance = 1 / 12
    assert best.eta == pytest.approx(10 / (19.8 * variance), rel=1e-12)
    assert best.loss == pytest.approx(2.4747 * variance, rel=1e-4)
    assert best.untrained_loss == pytest.approx(5 * variance, rel=1e-12)


def test_many_steps_that_are_too_large_say_what_limit_they_passed():
    tasks, weights = case(3)
    limit = float(descent.largest_eta(tasks.x).min())
    descent.check_converges(tasks.x, 0.99 * limit, steps=50)
    descent.check_converges(tasks.x, 3 * limit, steps=1)
    with pytest.raises(InputError, match=rf"diverges over 50 steps.*is 3 and.*eta = {limit:.4g}"):
        descent.check_converges(tasks.x, 1.5 * limit, steps=50)
    with pytest.raises(InputError, match=r"gamma = .* diverges.*The limit .* gamma ="):
        descent.check_converges(tasks.x, limit / 2, limit, steps=50)
    for run in (
        lambda: descent.descend(tasks, weights, 99 * limit, 300),
        lambda: descent.move_targets(tasks, weights, 99 * limit, 300),
        lambda: run_layers(construct(weights, eta=99 * limit, n=tasks.n), tasks, weights, 300),
    ):
        with pytest.raises(InputError, match=rf"diverges.*The limit .* eta = {limit:.4g}"):
            run()


@settings(deadline=None, max_examples=40)
@given(seeds, st.floats(0.05, 0.999))
def test_below_the_limit_the_error_never_grows_and_above_it_does(seed: int, share: float):
    tasks, weights = case(seed)
    limit = float(descent.largest_eta(tasks.x[:1]))
    one = Tasks(x=tasks.x[:1], y=tasks.y[:1], queries=tasks.queries[:1], targets=tasks.targets[:1])

    def fit(eta: float) -> torch.Tensor:
        path = descent.descend(one, weights, eta, 30)
        return losses.losses(descent.predict(path, one.x), one.y)[:, 0]

    assert bool((fit(share * limit).diff() <= 1e-12).all())
    assert float(fit(limit / share)[-1]) > float(fit(limit * share)[-1])


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda: RegressionLaw(n=0), InputError, r"n = 0; .*no gradient"),
        (lambda: RegressionLaw(dy=0), InputError, r"dy = 0"),
        (lambda: RegressionLaw(scale=-1.0), InputError, r"scale = -1.0; .*positive"),
        (lambda: RegressionLaw(noise=-1.0), InputError, r"noise = -1.0; .*0 or more"),
        (lambda: construct(torch.zeros(1, 2), eta=1.0, n=0), InputError, r"N = 0"),
        (lambda: construct(torch.zeros(2), eta=1.0, n=1), ShapeError, r"W0 has shape \(2,\)"),
        (
            lambda: construct(torch.ones(1, 2), eta=1.0, n=1, gamma=0.1),
            InputError,
            "GD\\+\\+ starts from W0 = 0",
        ),
        (
            lambda: run_layers(construct(torch.zeros(2, 3), eta=1.0, n=5), *case(1, dx=4), 1),
            ShapeError,
            r"this layer reads \(B, N, 5\)",
        ),
        (
            lambda: descent.descend(case(1)[0], torch.zeros(3, 2), 0.1, 1),
            ShapeError,
            r"W0 has shape \(3, 2\); .*\(2, 3\)",
        ),
        (lambda: draw_sines(1, torch.Generator(), n=0), InputError, "N = 0"),
        (
            lambda: LinearAttention(
                key=torch.eye(2), query=torch.eye(2), value=torch.eye(3), projection=torch.eye(2)
            ),
            ShapeError,
            "expected four of",
        ),
        (
            lambda: best_one_step(RegressionLaw(inputs=Inputs.EXPONENTIAL)),
            InputError,
            "no closed form",
        ),
    ],
)
def test_bad_input_is_named(act: Callable[[], object], error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        act()


@pytest.mark.parametrize(
    "changes",
    [
        {"x": (2, 0, 3), "y": (2, 0, 1)},
        {"y": (2, 5, 1)},
        {"queries": (2, 1, 4)},
        {"targets": (2, 1, 2)},
        {"x": (4, 3)},
    ],
)
def test_tasks_that_do_not_agree_are_refused(changes: dict[str, tuple[int, ...]]):
    right_shapes = {"x": (2, 4, 3), "y": (2, 4, 1), "queries": (2, 1, 3), "targets": (2, 1, 1)}
    Tasks(**{name: torch.zeros(shape) for name, shape in right_shapes.items()})
    with pytest.raises(InputError, match=r"expected \(B, N, dx\)|N = 0"):
        Tasks(**{name: torch.zeros(shape) for name, shape in (right_shapes | changes).items()})


def test_laws_go_to_json_and_back():
    law = RegressionLaw(dx=2, inputs=Inputs.LAPLACE, noise=0.5)
    assert RegressionLaw.from_json(law.to_json()) == law
