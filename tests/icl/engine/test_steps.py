"""Damped passes, noisy targets and closed forms, held to plain numpy in float64."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from vectorlab.errors import InputError, ShapeError
from vectorlab.icl.domain.copying import LEAK
from vectorlab.icl.domain.laws import (
    ConstructOptions,
    Inputs,
    RegressionLaw,
    best_one_step,
    best_penalty,
)
from vectorlab.icl.engine import closed_form, descent
from vectorlab.icl.engine.construction import construct, run_layers
from vectorlab.icl.engine.losses import losses
from vectorlab.icl.engine.steps import compare_steps
from vectorlab.icl.engine.tasks import Tasks, draw_tasks

LAW = RegressionLaw(dx=3, n=8, scale=1.0)
OPTIONS = ConstructOptions(law=LAW, steps=6, tasks=40, seed=3)


def tasks_of(options: ConstructOptions) -> Tasks:
    """The tasks that a construction draws."""
    generator = torch.Generator().manual_seed(options.seed)
    return draw_tasks(options.law, options.tasks, generator, dtype=torch.float64)


def numpy_losses(tasks: Tasks, eta: float, steps: int) -> list[float]:
    """Losses of the query along explicit descent from 0, written out."""
    x, y = tasks.x.numpy(), tasks.y.numpy()
    query, target = tasks.queries.numpy()[:, 0], tasks.targets.numpy()[:, 0]
    weights = np.zeros((len(x), y.shape[2], x.shape[2]))
    found = []
    for step in range(steps + 1):
        if step:
            errors = np.einsum("boi,bni->bno", weights, x) - y
            weights = weights - eta / x.shape[1] * np.einsum("bno,bni->boi", errors, x)
        wrong = np.einsum("boi,bi->bo", weights, query) - target
        found.append(float((wrong**2).sum(1).mean() / 2))
    return found


@pytest.mark.parametrize("damping", [1.0, 0.75, 0.3])
@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_damped_passes_are_descent_by_so_much_smaller_steps(damping: float, noise: float):
    options = replace(OPTIONS, damping=damping, law=replace(LAW, noise=noise, dy=2))
    found = compare_steps(options)
    wanted = numpy_losses(tasks_of(options), damping * found["eta"], options.steps)
    for route in ("gd", "layer", "targets"):
        assert [row[route] for row in found["steps"]] == pytest.approx(wanted, rel=1e-10), route
    assert found["largest_difference"] < 1e-11


def test_one_undamped_pass_is_one_layer_and_half_a_pass_goes_half_the_way():
    tasks, start = tasks_of(OPTIONS), torch.zeros(1, 3, dtype=torch.float64)
    layer = construct(start, eta=0.4, n=8)
    whole = run_layers(layer, tasks, start, 1)
    assert torch.equal(run_layers(layer, tasks, start, 1, damping=1.0), whole)
    half = run_layers(layer, tasks, start, 1, damping=0.5)
    torch.testing.assert_close(half[1], (whole[0] + whole[1]) / 2, rtol=1e-12, atol=1e-12)


def test_what_is_new_changes_nothing_where_it_is_not_asked_for():
    plain = compare_steps(OPTIONS)
    joined = compare_steps(replace(OPTIONS, separate_tokens=True))
    for row in joined["steps"]:
        assert row.pop("separate") == pytest.approx(row["layer"], abs=1e-9)
    assert joined.pop("copying")["difference"] < 1e-9
    assert joined == plain


def test_the_layer_made_for_one_step_is_iterated_where_damping_allows_it():
    law = RegressionLaw()
    best = best_one_step(law).eta
    damped = compare_steps(ConstructOptions(law=law, steps=50, damping=0.75, tasks=300))
    assert damped["eta"] == best  # 0.75 of it stays below the limit of these tasks
    assert 0.75 * best < damped["limit"] < best
    followed = [row["layer"] for row in damped["steps"]]
    assert followed == sorted(followed, reverse=True)
    undamped = compare_steps(ConstructOptions(law=law, steps=50, tasks=300))
    assert undamped["eta"] == undamped["limit"] / 2
    with pytest.raises(InputError, match="diverges over 50 steps"):
        compare_steps(ConstructOptions(law=law, steps=50, eta=best, tasks=300))


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_closed_forms_are_those_of_numpy(noise: float):
    law = replace(LAW, noise=noise, weight_scale=2.0, dy=2)
    options = replace(OPTIONS, law=law, random_start=True)
    tasks = tasks_of(options)
    start = torch.tensor([[1.0, 0.0, -1.0], [0.5, 2.0, 0.0]], dtype=torch.float64)
    ends, best = closed_form.least_squares(tasks, start), closed_form.ridge(tasks, noise**2 / 4)
    assert best_penalty(law) == noise**2 / 4
    for at, (x, y) in enumerate(zip(tasks.x.numpy(), tasks.y.numpy(), strict=True)):
        solved = np.linalg.lstsq(x, y, rcond=None)[0].T
        np.testing.assert_allclose(ends[at].numpy(), solved, atol=1e-10)
        normal = np.linalg.solve(x.T @ x + noise**2 / 4 * np.eye(3), x.T @ y).T
        np.testing.assert_allclose(best[at].numpy(), normal, atol=1e-10)


@pytest.mark.slow
def test_with_few_demonstrations_the_end_of_descent_hangs_on_where_it_began():
    generator = torch.Generator().manual_seed(1)
    tasks = draw_tasks(replace(LAW, n=2), 5, generator, dtype=torch.float64)
    start = torch.tensor([[1.0, -2.0, 3.0]], dtype=torch.float64)
    eta = 0.9 * float(descent.largest_eta(tasks.x).min())
    ends = descent.descend(tasks, start, eta, 20_000)[-1]
    torch.testing.assert_close(closed_form.least_squares(tasks, start), ends, rtol=0, atol=1e-6)
    assert float((closed_form.least_squares(tasks) - ends).abs().max()) > 0.1
    with pytest.raises(ShapeError, match="W0 has shape"):
        closed_form.least_squares(tasks, start.T)


@pytest.mark.slow
def test_descent_ends_at_least_squares_and_ridge_does_better_where_targets_are_noisy():
    noisy = ConstructOptions(law=replace(LAW, noise=1.0), steps=1000, tasks=200)
    found = compare_steps(noisy)
    last = found["steps"][-1]["layer"]
    assert last == pytest.approx(found["closed_forms"]["least squares"], rel=1e-3)
    assert found["closed_forms"]["ridge"] < 0.8 * last
    quiet = compare_steps(replace(noisy, law=LAW))
    assert quiet["closed_forms"]["penalty"] == 0
    assert quiet["closed_forms"]["least squares"] == quiet["closed_forms"]["ridge"] < 1e-20


@pytest.mark.parametrize("noise", [0.25, 1.0])
def test_no_other_penalty_and_no_step_is_better_than_the_best_penalty_for_the_noise(noise: float):
    law = replace(LAW, noise=noise, weight_scale=0.7)
    tasks = draw_tasks(law, 20_000, torch.Generator().manual_seed(2), dtype=torch.float64)

    def loss(weights: torch.Tensor) -> float:
        return float(losses(descent.predict(weights, tasks.queries), tasks.targets).mean())

    penalty = best_penalty(law)
    best = loss(closed_form.ridge(tasks, penalty))
    assert best < min(loss(closed_form.ridge(tasks, penalty * by)) for by in (0.3, 3.0))
    step = best_one_step(law)
    origin = torch.zeros(1, 3, dtype=torch.float64)
    stepped = loss(descent.descend(tasks, origin, step.eta, 1)[-1])
    assert best < stepped == pytest.approx(step.loss, rel=0.05)


def test_the_default_step_is_the_best_for_the_noise():
    noisy = replace(LAW, noise=1.0)
    found = compare_steps(replace(OPTIONS, law=noisy, steps=1))
    wanted = best_one_step(noisy)
    assert found["eta"] == wanted.eta < best_one_step(LAW).eta
    assert found["best_one_step"] == {"eta": wanted.eta, "loss": wanted.loss}


def test_temperatures_are_tried_and_the_predictions_come_nearer():
    found = compare_steps(replace(OPTIONS, separate_tokens=True))["copying"]
    assert found["leak"] == pytest.approx(LEAK)
    tried = found["temperatures"]
    for name in ("temperature", "leak", "copied", "difference"):
        values = [row[name] for row in tried]
        assert values == sorted(values, reverse=True), name
    assert tried[-1]["difference"] < 1e-9 < 1e-2 < tried[0]["difference"]
    warm = compare_steps(replace(OPTIONS, separate_tokens=True, temperature=1.0))
    assert warm["copying"]["temperature"] == 1.0
    assert warm["copying"]["difference"] > 1e-2
    assert warm["largest_difference"] < 1e-11  # of the other routes, which join nothing


def test_a_law_without_a_best_step_still_has_its_closed_forms():
    law = replace(LAW, inputs=Inputs.EXPONENTIAL)
    found = compare_steps(replace(OPTIONS, law=law))
    assert found["best_one_step"] is None
    assert found["closed_forms"]["least squares"] < 1e-20


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"damping": 0.0}, "damping = 0.0; it must be above 0 and at most 1"),
        ({"damping": 1.5}, "damping = 1.5"),
        ({"temperature": 0.0}, "temperature = 0.0; it must be a positive number"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict, message: str):
    with pytest.raises(InputError, match=message):
        replace(OPTIONS, **changes)
