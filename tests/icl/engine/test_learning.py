"""Trained models, what they are compared with, and that a training can go on where it stopped."""

from dataclasses import replace

import pytest
import torch

from vectorlab.errors import InputError, IntegrityError
from vectorlab.icl.domain.laws import Inputs, RegressionLaw, best_one_step
from vectorlab.icl.domain.training_spec import TrainingSpec, Variant
from vectorlab.icl.engine import alignment, comparison, descent
from vectorlab.icl.engine.construction import construct, run_layers
from vectorlab.icl.engine.learning import Learner, held_out
from vectorlab.icl.engine.models import AttentionStack, build_model
from vectorlab.icl.engine.search import Rates, best_rates
from vectorlab.icl.engine.tasks import Tasks, draw_tasks

pytestmark = pytest.mark.kernels

LAW = RegressionLaw(dx=2, n=6, scale=1.0)


def spec(variant: Variant = Variant.LINEAR, **changes) -> TrainingSpec:
    values = {"law": LAW, "steps": 3, "batch": 16, "seed": 1}
    return TrainingSpec.published(variant, **(values | changes))


ALL = {
    "linear": spec(),
    "three shared layers": spec(layers=3),
    "three layers of their own": spec(layers=3, shared=False),
    "four clipped layers": spec(layers=4),
    "two heads": spec(heads=2),
    "softmax": spec(Variant.SOFTMAX),
    "gd": spec(Variant.GD, layers=2),
    "gd++": spec(Variant.GD_PLUS_PLUS, layers=2, shared=False),
    "mlp": spec(Variant.MLP),
    "mlp_gd": spec(Variant.MLP_GD),
}


@pytest.mark.parametrize("chosen", ALL.values(), ids=ALL)
def test_a_training_that_is_interrupted_goes_on_to_the_bit(chosen: TrainingSpec):
    whole, first = Learner(chosen), Learner(chosen)
    losses = [whole.step() for _ in range(4)]
    assert [first.step() for _ in range(2)] == losses[:2]
    second = Learner(chosen)
    second.restore(first.to_bytes())
    assert second.done == 2
    assert [second.step() for _ in range(2)] == losses[2:]
    for name, value in whole.model.state_dict().items():
        assert torch.equal(second.model.state_dict()[name], value), name


@pytest.mark.parametrize("chosen", ALL.values(), ids=ALL)
def test_every_variant_learns_something_from_every_parameter(chosen: TrainingSpec):
    learner = Learner(chosen)
    before = {name: value.clone() for name, value in learner.model.state_dict().items()}
    for _ in range(3):
        learner.step()
    for name, value in learner.model.state_dict().items():
        assert not torch.equal(before[name], value), name


def test_a_state_of_another_training_is_refused():
    with pytest.raises(IntegrityError, match="does not fit this training"):
        Learner(spec(heads=2)).restore(Learner(spec()).to_bytes())


def constructed_stack(layers: int, eta: float) -> AttentionStack:
    """A trainable stack with the weights of the construction."""
    model = build_model(spec(layers=layers), torch.Generator().manual_seed(0))
    assert isinstance(model, AttentionStack)
    layer = construct(torch.zeros(1, LAW.dx), eta=eta, n=LAW.n)
    for name in ("key", "query", "value", "projection"):
        getattr(model, name).data[0, 0] = getattr(layer, name)
    return model


@pytest.mark.parametrize("layers", [1, 3])
def test_what_is_trained_can_be_the_construction(layers: int):
    tasks = draw_tasks(LAW, 5, torch.Generator().manual_seed(1), queries=2)
    origin = torch.zeros(1, LAW.dx)
    wanted = run_layers(construct(origin, eta=0.5, n=LAW.n), tasks, origin, layers)[-1]
    torch.testing.assert_close(constructed_stack(layers, 0.5)(tasks), wanted)


@pytest.mark.parametrize("gamma", [None, 0.05])
def test_learned_rates_are_descent_at_those_rates(gamma: float | None):
    variant = Variant.GD if gamma is None else Variant.GD_PLUS_PLUS
    model = build_model(spec(variant, layers=3), torch.Generator())
    model.log_eta.data[:] = torch.tensor(0.4).log()
    if gamma is not None:
        model.log_gamma.data[:] = torch.tensor(gamma).log()
    tasks = draw_tasks(LAW, 4, torch.Generator().manual_seed(1), queries=2)
    weights = descent.descend_corrected(tasks, 0.4, gamma or 0.0, 3)[-1]
    torch.testing.assert_close(model(tasks), descent.predict(weights, tasks.queries))


def test_softmax_attends_to_every_demonstration_alike_where_keys_are_zero():
    model = build_model(spec(Variant.SOFTMAX, heads=1), torch.Generator().manual_seed(1))
    model.key.data.zero_()
    tasks = draw_tasks(LAW, 3, torch.Generator().manual_seed(1))
    _, values = model.products()
    mean = torch.cat([tasks.x, tasks.y], -1).mean(1, keepdim=True) @ values.mT
    torch.testing.assert_close(model(tasks), -mean[..., LAW.dx :])


def test_alignment_of_a_predictor_with_itself_is_perfect_and_sensitivities_are_weights():
    tasks = draw_tasks(replace(LAW, dy=2), 50, torch.Generator().manual_seed(1))
    predictor = alignment.gradient_descent(Rates(eta=0.3), 2)
    found = alignment.align(predictor, predictor, tasks)
    assert (found.difference.value, found.prediction_l2.value) == (0, 0)
    assert found.cosine.value == pytest.approx(1, abs=1e-4)
    _, slopes = alignment.sensitivities(predictor, tasks)
    weights = descent.descend(tasks, torch.zeros(2, LAW.dx), 0.3, 2)[-1]
    torch.testing.assert_close(slopes[:, 0], weights)


def test_interpolation_has_the_trained_layer_at_one_end_and_the_construction_at_the_other():
    rates, tasks = Rates(eta=0.7), draw_tasks(LAW, 20, torch.Generator().manual_seed(1))
    trained = build_model(spec(init_scale=0.5), torch.Generator().manual_seed(3))
    ends = [alignment.interpolate(trained, rates, share)(tasks) for share in (0.0, 1.0)]
    torch.testing.assert_close(ends[0], trained(tasks), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ends[1], alignment.gradient_descent(rates, 1)(tasks))
    same = alignment.interpolate(constructed_stack(1, 0.7), rates, 0.5)(tasks)
    torch.testing.assert_close(same, ends[1])
    two = build_model(spec(heads=2), torch.Generator().manual_seed(3))
    with pytest.raises(InputError, match="Only one linear head"):
        alignment.interpolate(two, rates)


def test_a_constructed_layer_applied_again_and_again_follows_damped_descent():
    tasks = draw_tasks(LAW, 30, torch.Generator().manual_seed(1))
    trained = alignment.follow(constructed_stack(1, 0.5), tasks, 6)
    descended = alignment.follow_descent(Rates(eta=0.5), tasks, 6)
    assert trained == pytest.approx(descended, rel=1e-4)
    assert trained[-1] < trained[0]


def test_out_of_distribution_losses_are_shares_of_the_untrained_loss():
    rows = alignment.out_of_distribution(
        {"none": lambda tasks: torch.zeros_like(tasks.targets)}, LAW, batch=20, seed=0
    )
    assert [row["none"] for row in rows] == pytest.approx([1] * len(rows), rel=1e-5)
    assert {row["change"] for row in rows} == {
        "input scale",
        "target scale",
        "normal inputs",
        "laplace inputs",
        "exponential inputs",
    }


def test_searched_rates_are_better_than_their_neighbours_and_scale_with_the_inputs():
    rates = best_rates(LAW, 2)
    wide = best_rates(replace(LAW, scale=2.0, weight_scale=3.0), 2)
    assert wide.eta == pytest.approx(rates.eta / 4)
    tasks = draw_tasks(LAW, 5_000, torch.Generator().manual_seed(5), dtype=torch.float64)

    def loss(eta: float) -> float:
        return alignment.mean_loss(alignment.gradient_descent(Rates(eta=eta), 2), tasks).value

    assert loss(rates.eta) < min(loss(0.7 * rates.eta), loss(1.3 * rates.eta))
    with pytest.raises(InputError, match="steps = 0"):
        best_rates(LAW, 0)


def test_published_defaults_are_those_of_the_code():
    one, deep = TrainingSpec.published(), TrainingSpec.published(layers=5, shared=False)
    assert (one.steps, one.batch, one.learning_rate, one.clip) == (5_000, 2048, 1e-3, 0.001)
    assert (one.init_scale, one.activation_clip, one.law) == (0.002, None, RegressionLaw())
    assert (deep.steps, deep.learning_rate, deep.clip) == (50_000, 5e-4, 10.0)
    assert (deep.init_scale, deep.activation_clip) == (0.0004, 10.0)
    assert TrainingSpec.published(Variant.MLP).steps == 20_000
    assert TrainingSpec.published(Variant.SOFTMAX).heads == 2
    assert TrainingSpec.from_json(deep.to_json()) == deep


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": 0}, "layers = 0"),
        ({"batch": 0}, "batch = 0"),
        ({"learning_rate": -1.0}, "learning_rate = -1.0"),
        ({"variant": Variant.GD, "heads": 2}, "gd has one head"),
        ({"variant": Variant.MLP, "layers": 2}, "mlp has one layer"),
    ],
)
def test_trainings_that_make_no_sense_are_refused(changes: dict, message: str):
    with pytest.raises(InputError, match=message):
        TrainingSpec.published(**{"steps": 1, **changes})


@pytest.mark.parametrize("inputs", [Inputs.UNIFORM, Inputs.EXPONENTIAL])
def test_a_trained_model_is_compared_as_far_as_its_law_allows(
    inputs: Inputs, monkeypatch: pytest.MonkeyPatch
):
    for name in ("WATCHED_TASKS", "ALIGNMENT_TASKS", "CHANGED_TASKS"):
        monkeypatch.setattr(comparison, name, 20)
    chosen = spec(law=replace(LAW, inputs=inputs))
    learner = Learner(chosen)
    drawn = comparison.progress_of(chosen)(learner.model)
    result = comparison.compare_trained(learner)
    assert result["loss"]["low"] <= result["loss"]["value"] <= result["loss"]["high"]
    symmetric = inputs is Inputs.UNIFORM
    assert ("gradient descent" in drawn) == symmetric
    assert ({"gd", "interpolated", "followed", "out_of_distribution"} <= set(result)) == symmetric


def test_a_training_on_noisy_targets_is_held_against_the_step_and_the_ridge_for_that_noise(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(comparison, "ALIGNMENT_TASKS", 2_000)
    monkeypatch.setattr(comparison, "CHANGED_TASKS", 20)
    noisy = replace(LAW, noise=1.0)
    result = comparison.compare_trained(Learner(spec(law=noisy)))
    assert result["gd"]["eta"] == best_one_step(noisy).eta < best_one_step(LAW).eta
    assert result["closed form"]["penalty"] == 1.0
    loss_of = {
        name: result[name]["alignment"]["reference_loss"]["value"] for name in ("gd", "closed form")
    }
    assert loss_of["closed form"] < loss_of["gd"] < result["loss"]["value"]
    quiet = comparison.compare_trained(Learner(spec()))["closed form"]
    assert (quiet["penalty"], quiet["alignment"]["reference_loss"]["value"]) == pytest.approx(
        (0, 0), abs=1e-8
    )


def test_held_out_tasks_are_the_same_every_time_and_none_of_those_trained_on():
    chosen = spec()
    first, again = held_out(chosen, 8), held_out(chosen, 8)
    assert torch.equal(first.x, again.x)
    learner = Learner(chosen)
    trained_on = draw_tasks(LAW, 8, learner._tasks)
    assert not torch.equal(first.x, trained_on.x)
    assert isinstance(first, Tasks)
