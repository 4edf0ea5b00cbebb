"""Steps on m(x): the layer is the kernel is numpy, and what is trained is taken apart rightly."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from vectorlab.errors import InputError, IntegrityError
from vectorlab.icl.domain.features import LEARNED, FeatureMap, FeatureOptions
from vectorlab.icl.domain.training_spec import FIXED_ETA, Variant
from vectorlab.icl.engine import closed_form, features
from vectorlab.icl.engine.learning import Learner, draw, generator
from vectorlab.icl.engine.tasks import Tasks, draw_sines

OPTIONS = FeatureOptions(tasks=50, training_steps=4, batch=16, width=8, seed=2)
GIVEN = ("input", "untrained mlp", "random fourier", "sin, cos")


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "CHOICE_TASKS", 300)


def trained(options: FeatureOptions = OPTIONS) -> features.FeatureTraining:
    training = features.FeatureTraining(options)
    while training.done < training.steps:
        training.step()
    return training


def by_map(result: dict) -> dict[str, dict]:
    return {row["map"]: row for row in result["maps"]}


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_on_every_map_the_layer_is_the_kernel(steps: int, noise: float):
    options = replace(OPTIONS, steps=steps, noise=noise)
    found = features.compare_features(options, trained(options).models)
    assert [row["map"] for row in found["maps"]] == [item.value for item in FeatureMap]
    for row in found["maps"]:
        assert row["difference"] < 1e-10, row["map"]
        assert row["kernel"] == pytest.approx(row["loss"]["value"], abs=1e-10)
        assert (row["ridge"] is not None) == (row["map"] in GIVEN)
    rows = by_map(found)
    assert rows["mlp + layer"]["from_trained"] == 0
    assert rows["mlp + step"]["eta"] == FIXED_ETA
    assert rows["mlp + layer"]["eta"] is None


def numpy_step(tasks: Tasks, eta: float) -> np.ndarray:
    """One step on (sin x, cos x), from 0, written out."""

    def seen(x: torch.Tensor) -> np.ndarray:
        return np.concatenate([np.sin(x.numpy()), np.cos(x.numpy())], axis=-1)

    x, query, y = seen(tasks.x), seen(tasks.queries), tasks.y.numpy()
    weights = eta / x.shape[1] * np.einsum("bno,bni->boi", y, x)
    return np.einsum("boi,bqi->bqo", weights, query)


def test_the_losses_are_those_of_numpy():
    options = replace(OPTIONS, noise=0.1, training_steps=0)
    found = features.compare_features(options, {})
    source = generator(options.seed, features.HELD_OUT_TASKS)
    tasks = draw_sines(options.tasks, source, n=10, noise=0.1, dtype=torch.float64)
    row = by_map(found)["sin, cos"]
    wrong = numpy_step(tasks, row["eta"]) - tasks.targets.numpy()
    assert row["loss"]["value"] == pytest.approx(float((wrong**2).mean() / 2), rel=1e-10)
    assert found["untrained"]["value"] == pytest.approx(
        float((tasks.targets.numpy() ** 2).mean() / 2), rel=1e-12
    )


def test_what_was_trained_says_the_same_taken_apart():
    training = trained()
    tasks = draw_sines(20, torch.Generator().manual_seed(1), queries=3, dtype=torch.float64)
    for route in features._learned(training.models):
        variant = Variant.MLP if route.map is FeatureMap.LEARNED_LAYER else Variant.MLP_GD
        wanted = training.models[variant].double()(tasks)
        torch.testing.assert_close(route.layer(tasks), wanted, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(route.kernel(tasks), wanted, rtol=1e-10, atol=1e-12)


def test_kernel_ridge_is_ridge_on_the_features():
    tasks = draw_sines(6, torch.Generator().manual_seed(1), queries=2, dtype=torch.float64)
    seen = tasks.through(lambda x: torch.cat([x.sin(), x.cos(), (2 * x).cos()], dim=-1))
    weights = closed_form.ridge(seen, 0.3)
    found = closed_form.kernel_ridge(
        seen.x @ seen.x.mT, seen.queries @ seen.x.mT, seen.y, penalty=0.3
    )
    torch.testing.assert_close(found, seen.queries @ weights.mT, rtol=1e-10, atol=1e-10)


def test_sines_are_linear_in_sine_and_cosine_and_in_nothing_less():
    found = by_map(features.compare_features(replace(OPTIONS, training_steps=0), {}))
    assert found["sin, cos"]["ridge"] < 1e-6
    assert found["input"]["ridge"] > 1e-2
    assert set(found) == set(GIVEN)


def test_rates_are_the_best_for_one_step_on_tasks_of_their_own():
    options = replace(OPTIONS, training_steps=0, tasks=2000)
    found = by_map(features.compare_features(options, {}))["random fourier"]
    source = generator(options.seed, features.HELD_OUT_TASKS)
    tasks = draw_sines(options.tasks, source, dtype=torch.float64)
    given = features._given_maps(options, generator(options.seed, features.CHOICES))
    seen = tasks.through(given[FeatureMap.FOURIER])

    def loss(eta: float) -> float:
        said = eta / 10 * (seen.queries @ seen.x.mT) @ seen.y
        return float((said - seen.targets).square().mean() / 2)

    assert loss(found["eta"]) == pytest.approx(found["loss"]["value"], rel=1e-10)
    assert loss(found["eta"]) < min(loss(0.6 * found["eta"]), loss(1.5 * found["eta"]))


def test_the_example_is_one_task_along_a_line():
    found = features.compare_features(OPTIONS, trained().models)["example"]
    assert (found["x"][0], found["x"][-1], len(found["x"])) == (-5, 5, features.GRID)
    assert set(found["predictions"]) == {item.value for item in FeatureMap}
    assert len(found["demonstrations"]["x"]) == OPTIONS.n
    x, y = np.array(found["x"]), np.array(found["target"])
    basis = np.stack([np.sin(x), np.cos(x)], axis=1)
    fit, *_ = np.linalg.lstsq(basis, y, rcond=None)
    np.testing.assert_allclose(basis @ fit, y, atol=1e-12)
    assert 0.1 <= float(np.hypot(*fit)) <= 0.5
    seen = np.array(found["demonstrations"]["x"])
    at = np.stack([np.sin(seen), np.cos(seen)], axis=1) @ fit
    np.testing.assert_allclose(at, found["demonstrations"]["y"], atol=1e-12)


def test_trainings_go_on_to_the_bit_and_see_the_same_tasks():
    whole, first = trained(), features.FeatureTraining(OPTIONS)
    for _ in range(2):
        first.step()
    second = features.FeatureTraining(OPTIONS)
    second.restore(first.to_bytes())
    assert second.done == 2
    while second.done < second.steps:
        second.step()
    for name, value in whole.weights().items():
        assert torch.equal(second.weights()[name], value), name
    assert second.watch() == whole.watch()
    assert set(whole.watch()) == {str(variant) for variant in LEARNED}
    streams = [draw(spec, 4, generator(spec.seed, 2)) for spec in OPTIONS.trainings()]
    assert torch.equal(streams[0].x, streams[1].x)
    with pytest.raises(IntegrityError, match="does not fit this training"):
        features.FeatureTraining(OPTIONS).restore(Learner(OPTIONS.trainings()[0]).to_bytes())


def test_sines_without_noise_are_what_they_were_and_noise_is_on_the_targets_alone():
    plain, quiet, noisy = (
        draw_sines(500, torch.Generator().manual_seed(4), noise=noise) for noise in (0.0, 0.0, 0.5)
    )
    assert torch.equal(plain.y, quiet.y)
    for name in ("x", "queries", "targets"):
        assert torch.equal(getattr(plain, name), getattr(noisy, name))
    spread = (noisy.y - plain.y).std()
    assert float(spread) == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n": 0}, "n = 0"),
        ({"noise": -1.0}, "noise = -1.0"),
        ({"steps": 0}, "steps = 0; it must lie between 1 and 1000"),
        ({"tasks": 1}, "tasks = 1; it must lie between 2 and"),
        ({"training_steps": -1}, "training_steps = -1; it must lie between 0 and"),
        ({"batch": 0}, "batch = 0; it must lie between 1 and"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict, message: str):
    with pytest.raises(InputError, match=message):
        replace(OPTIONS, **changes)
