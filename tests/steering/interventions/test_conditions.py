"""Interventions that act on the prompts that meet a condition, and on no others."""

from typing import Any

import pytest
import torch

from tests.steering.builders import OTHER, VECTOR, ZERO, arm, hook_count, intervention, run_spec
from tests.steering.builders import vectors as given_vectors
from tests.tiny_models import tiny_model
from vectorlab.domain.interventions.conditions import Condition, Measure, ThresholdSide
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.runs.batch_plan import BatchPlan
from vectorlab.domain.vectors.vectors import LayerVector, Site
from vectorlab.errors import InputError, NotFoundError, ShapeError
from vectorlab.steering.generation.generation import generate
from vectorlab.steering.interventions.conditions import read_conditions, states_of
from vectorlab.steering.model.loading import LoadedModel

PROMPTS = ["Once upon a time", "Hi", "Zebra crossing", "one two three"]


def condition(threshold: float = 0.0, **changes: Any) -> Condition:
    values: dict[str, Any] = {
        "vector_id": 2,
        "vector_sha256": OTHER,
        "layer": 1,
        "measure": Measure.COSINE,
        "comparison": ThresholdSide.ABOVE,
        "threshold": threshold,
    }
    return Condition(**(values | changes))


def values_of(loaded: LoadedModel, item: Condition) -> list[float]:
    ids = [loaded.tokenizer.encode(text) for text in PROMPTS]
    return [row[0] for row in read_conditions(loaded, ids, [item], given_vectors(loaded))]


@pytest.mark.parametrize("site", list(Site))
@pytest.mark.parametrize("measure", list(Measure))
def test_a_value_is_the_mean_over_the_window_written_out(site: Site, measure: Measure) -> None:
    loaded = tiny_model("llama")
    item = condition(site=site, measure=measure, window=Positions.parse("prompt:last=3"))
    found = values_of(loaded, item)
    vector = torch.from_numpy(given_vectors(loaded)[OTHER][1].values).double()
    for text, value in zip(PROMPTS, found, strict=True):
        ids = loaded.tokenizer.encode(text)
        kept: list[torch.Tensor] = []
        module = loaded.layers.at(site)[1]

        def keep(_module: object, _args: object, out: Any, kept: list[Any] = kept) -> None:
            kept.append(out[0] if isinstance(out, tuple) else out)

        hook = module.register_forward_hook(keep)
        with torch.no_grad():
            loaded.model(input_ids=torch.tensor([ids]))
        hook.remove()
        states = kept[0].reshape(len(ids), -1)[-3:].double()
        along = states @ vector / vector.norm()
        if measure is Measure.COSINE:
            along = along / states.norm(dim=-1)
        assert value == pytest.approx(float(along.mean()), abs=1e-5)


def test_a_row_is_steered_exactly_if_its_prompt_meets_the_condition() -> None:
    loaded = tiny_model("llama")
    values = values_of(loaded, condition())
    threshold = sum(sorted(values)[1:3]) / 2  # two prompts on either side
    item = condition(threshold)
    conditional = arm(intervention(0.9, condition=item))
    clean = hook_count(loaded)
    result = generate(
        loaded, run_spec(loaded, PROMPTS, [arm(), conditional]), given_vectors(loaded)
    )
    assert hook_count(loaded) == clean
    always = generate(
        loaded, run_spec(loaded, PROMPTS, [arm(), arm(intervention(0.9))]), given_vectors(loaded)
    )
    texts = [item.token_ids for item in result.generations]
    steered = [item.token_ids for item in always.generations]
    for prompt, value in enumerate(values):
        baseline, mine = texts[2 * prompt], texts[2 * prompt + 1]
        assert mine == (steered[2 * prompt + 1] if value > threshold else baseline)
    assert result.conditions[0]["values"] == values
    assert result.events == ()
    plan = BatchPlan.from_json(result.plan.to_json())
    spec = run_spec(loaded, PROMPTS, [arm(), conditional])
    assert generate(loaded, spec, given_vectors(loaded), plan=plan) == result


def test_if_and_else_share_an_arm() -> None:
    loaded = tiny_model("llama")
    values = values_of(loaded, condition())
    threshold = sum(sorted(values)[1:3]) / 2
    both = arm(
        intervention(0.9, condition=condition(threshold)),
        intervention(
            -0.9, vector=VECTOR, condition=condition(threshold, comparison=ThresholdSide.BELOW)
        ),
    )
    result = generate(loaded, run_spec(loaded, PROMPTS, [both]), given_vectors(loaded))
    forth, back = (
        generate(
            loaded, run_spec(loaded, PROMPTS, [arm(intervention(strength))]), given_vectors(loaded)
        ).generations
        for strength in (0.9, -0.9)
    )
    for prompt, value in enumerate(values):
        wanted = (forth if value > threshold else back)[prompt]
        assert result.generations[prompt].token_ids == wanted.token_ids


@pytest.mark.parametrize(("threshold", "said"), [(9.0, "none of 4"), (-9.0, "every one of 4")])
def test_a_threshold_that_is_never_crossed_is_told(threshold: float, said: str) -> None:
    loaded = tiny_model("llama")
    one = arm(intervention(0.5, condition=condition(threshold)))
    result = generate(loaded, run_spec(loaded, PROMPTS, [one]), given_vectors(loaded))
    assert f"cosine at layer 1 > {threshold:g} holds for {said} prompts: values" in result.events[0]


def test_a_value_does_not_depend_on_the_other_prompts() -> None:
    loaded = tiny_model("llama")
    ids = [loaded.tokenizer.encode(text) for text in PROMPTS]
    together = read_conditions(loaded, ids, [condition()], given_vectors(loaded))
    alone = [read_conditions(loaded, [row], [condition()], given_vectors(loaded))[0] for row in ids]
    assert together == alone


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"layer": 9}, ShapeError, "at layer 9, but it has layers"),
        ({"vector_sha256": "c" * 64}, NotFoundError, "every condition"),
        ({"vector_sha256": ZERO}, InputError, "is zero at layer 1"),
        ({"window": Positions.parse("prompt:100-")}, InputError, "Prompt 1 has no token in the"),
    ],
)
def test_a_condition_that_cannot_be_measured_is_an_error(
    changes: Any, error: type[Exception], message: str
) -> None:
    loaded = tiny_model("llama")
    clean = hook_count(loaded)
    with pytest.raises(error, match=message):
        values_of(loaded, condition(**changes))
    assert hook_count(loaded) == clean


def test_a_vector_of_another_width_is_named() -> None:
    loaded = tiny_model("llama")
    wide = LayerVector(layer=1, values=torch.ones(7).numpy())
    with pytest.raises(ShapeError, match="has width 7, but the model has d_model 32"):
        read_conditions(loaded, [[1, 2]], [condition()], {OTHER: [wide]})


def test_a_layer_that_the_model_lacks_is_an_error() -> None:
    with pytest.raises(ShapeError, match="layer 3, but the model has 3"):
        states_of(tiny_model("llama"), [1, 2], [(3, Site.BLOCK_OUTPUT)])
