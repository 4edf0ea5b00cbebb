"""Interventions that act on the generated tokens at which a condition holds."""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.covering import in_turn
from tests.steering.builders import OTHER, VECTOR, arm, hook_count, intervention, run_spec, vectors
from tests.tiny_models import tiny_model
from vectorlab.domain.interventions.arms import Combine, Intervention
from vectorlab.domain.interventions.conditions import Condition, Measure, ThresholdSide
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.runs.batch_plan import BatchPlan
from vectorlab.domain.vectors.vectors import Site
from vectorlab.errors import InputError, ModelError
from vectorlab.steering.generation.generation import Member, generate, generate_together
from vectorlab.steering.interventions.arm_table import SteeringTable
from vectorlab.steering.interventions.hooks import steer
from vectorlab.steering.model.architectures import hidden_of, replace_hidden
from vectorlab.steering.model.loading import LoadedModel
from vectorlab.steering.model.placement import Placement

PROMPTS = ["Once upon a time", "Hi", "Zebra crossing", "one two three"]


def condition(threshold: float = 0.0, window: str = "response:last=1", **changes: Any) -> Condition:
    values: dict[str, Any] = {
        "vector_id": 2,
        "vector_sha256": OTHER,
        "layer": 0,
        "measure": Measure.COSINE,
        "comparison": ThresholdSide.ABOVE,
        "threshold": threshold,
        "window": Positions.parse(window),
    }
    return Condition(**(values | changes))


def steered(item: Condition | None, strength: float = 3.0, **more: Any) -> Intervention:
    options: dict[str, Any] = {
        "operator": Operator.ADD,
        "site": Site.BLOCK_OUTPUT,
        "layers": (1, 2),
        "positions": Positions.RESPONSE,
    }
    return intervention(strength, condition=item, **(options | more))


def written_out(
    loaded: LoadedModel, token_ids: Sequence[int], n_prompt: int, item: Condition, strength: float
) -> tuple[torch.Tensor, list[bool]]:
    """Logits of one text and where the condition holds, token by token without a cache."""
    vector = torch.from_numpy(vectors(loaded)[OTHER][item.layer].values)
    shifts = [torch.from_numpy(part.values) * strength for part in vectors(loaded)[VECTOR]]
    held: list[bool] = []
    logits = torch.empty(0)
    for end in range(n_prompt, len(token_ids) + 1):
        acts = torch.tensor([False] * n_prompt + held + [False] * (end - n_prompt - len(held)))

        def measured(_m: object, _a: object, out: Any, acts: torch.Tensor = acts) -> None:
            found = torch.cosine_similarity(hidden_of(out)[0, n_prompt:], vector, dim=-1)
            window = found[-(item.window.last or len(found)) :]
            if len(found):
                held.append(item.holds(float(window.double().mean())))
                acts[-1] = held[-1]

        def shift(layer: int, acts: torch.Tensor = acts) -> Any:
            return lambda _m, _a, out: replace_hidden(
                out, lambda states: states + acts[None, :, None] * shifts[layer]
            )

        blocks = loaded.layers.blocks
        hooks = [blocks[item.layer].register_forward_hook(measured)]
        hooks += [blocks[layer].register_forward_hook(shift(layer)) for layer in (1, 2)]
        logits = loaded.model(input_ids=torch.tensor([token_ids[:end]])).logits[0]
        for hook in hooks:
            hook.remove()
    return logits, held


@pytest.mark.parametrize(
    ("name", "window"),
    in_turn(["llama", "gpt2", "bloom"], ["response", "response:last=1", "response:last=3"]),
)
@torch.no_grad()
def test_a_token_is_steered_exactly_where_the_condition_holds(name: str, window: str) -> None:
    loaded = tiny_model(name)
    item = condition(0.02, window)
    spec = run_spec(loaded, PROMPTS, [arm(), arm(steered(item))])
    clean = hook_count(loaded)
    result = generate(loaded, spec, vectors(loaded))
    assert hook_count(loaded) == clean
    table = SteeringTable.build(loaded, spec.arms, vectors(loaded))
    patterns = []
    for text in result.generations[1::2]:
        prompt = loaded.tokenizer.encode(PROMPTS[text.key.prompt])
        ids = [*prompt, *text.token_ids[:-1]]
        expected, held = written_out(loaded, ids, len(prompt), item, 3.0)
        assert text.held == (sum(held),)
        patterns += held
        # The same in one pass over prompt and response.
        with steer(loaded, table, [1]) as steering:
            steering.set_response((torch.arange(len(ids)) >= len(prompt))[None])
            whole = loaded.model(input_ids=torch.tensor([ids])).logits[0]
            [[at_once]] = steering.held().values()
        assert at_once[len(prompt) :] == held
        torch.testing.assert_close(whole, expected, atol=1e-4, rtol=1e-4)
        assert tuple(expected[len(prompt) - 1 :].argmax(dim=-1).tolist()) == text.token_ids
    assert {True, False} == set(patterns)


def test_baselines_and_tokens_where_it_does_not_hold_keep_every_bit() -> None:
    loaded = tiny_model("llama")
    never = arm(steered(condition(9.0)), steered(condition(9.0), operator=Operator.ROTATE))
    result = generate(loaded, run_spec(loaded, PROMPTS, [arm(), never]), vectors(loaded))
    plain = generate(loaded, run_spec(loaded, PROMPTS, [arm(), arm()]), vectors(loaded))
    # Under MKL_CBWR=COMPATIBLE, and under nothing else that was tried, they part by 4e-8.
    tolerance = 1e-6 if "MKL_CBWR" in os.environ else 0
    for text, other in zip(result.generations, plain.generations, strict=True):
        assert text.token_ids == other.token_ids
        assert text.mean_logprob == pytest.approx(other.mean_logprob, rel=0, abs=tolerance)
    assert "over response:last=1 held at none of 44 generated tokens" in result.events[0]


def test_a_condition_that_always_holds_steers_like_none() -> None:
    loaded = tiny_model("llama")
    both = [arm(steered(condition(-9.0), positions=Positions.ALL)), arm(steered(None))]
    result = generate(loaded, run_spec(loaded, PROMPTS, both), vectors(loaded))
    texts = [item.token_ids for item in result.generations]
    assert texts[::2] == texts[1::2]
    assert result.conditions[0]["tokens_held"] == [11, None] * 4


def test_if_and_else_take_turns_within_a_text_and_replay() -> None:
    loaded = tiny_model("llama")
    above, below = condition(0.02), condition(0.02, comparison=ThresholdSide.BELOW)
    spec = run_spec(
        loaded,
        PROMPTS,
        [arm(), arm(steered(above), steered(below, -3.0), combine=Combine.SUM)],
        do_sample=True,
        samples=2,
    )
    result = generate(loaded, spec, vectors(loaded))
    for text in result.generations:
        if text.key.arm == 1:
            yes, no = text.held
            assert (yes or 0) + (no or 0) == len(text.token_ids) - 1
    plan = BatchPlan.from_json(result.plan.to_json())
    assert generate(loaded, spec, vectors(loaded), plan=plan) == result


def test_runs_that_share_a_batch_have_the_texts_of_each_alone() -> None:
    loaded = tiny_model("llama")
    first = run_spec(loaded, PROMPTS[:2], [arm(steered(condition(0.02)))])
    other = run_spec(loaded, PROMPTS[2:], [arm(), arm(steered(condition(0.0, "response")))])
    members = [Member(spec=spec, vectors=vectors(loaded)) for spec in (first, other)]
    for spec, found in zip((first, other), generate_together(loaded, members), strict=True):
        assert not isinstance(found, Exception)
        alone = generate(loaded, spec, vectors(loaded))
        assert [(item.token_ids, item.held) for item in found.generations] == [
            (item.token_ids, item.held) for item in alone.generations
        ]


def test_a_text_of_one_token_has_nothing_to_measure() -> None:
    loaded = tiny_model("llama")
    spec = run_spec(loaded, PROMPTS[:1], [arm(steered(condition()))], max_new_tokens=1)
    assert generate(loaded, spec, vectors(loaded)).generations[0].held == (0,)


def test_where_steps_would_be_compiled_the_run_says_that_they_are_not() -> None:
    loaded = tiny_model("llama")
    spec = run_spec(loaded, PROMPTS[:1], [arm(steered(condition()))])
    result = generate(loaded, spec, vectors(loaded), compiled=True)
    assert "not compiled: a condition is measured on what is generated" in result.events


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": None}, r"too late for block_output of layer 0. Steer layers from 1 on"),
        ({"site": Site.ATTENTION_OUTPUT, "layers": (0,)}, "too late for attention_output of layer"),
    ],
)
def test_an_intervention_in_front_of_its_condition_is_an_error(changes: Any, message: str) -> None:
    loaded = tiny_model("llama")
    spec = run_spec(loaded, PROMPTS, [arm(steered(condition(), **changes))])
    with pytest.raises(InputError, match=message):
        generate(loaded, spec, vectors(loaded))


def test_the_output_of_a_block_may_wait_for_its_own_attention() -> None:
    loaded = tiny_model("llama")
    own = steered(condition(-9.0, site=Site.ATTENTION_OUTPUT), layers=(0,))
    result = generate(loaded, run_spec(loaded, PROMPTS, [arm(own)]), vectors(loaded))
    assert result.generations[0].held == (11,)


def test_what_cannot_be_known_in_time_is_refused() -> None:
    with pytest.raises(InputError, match="cannot steer prompt, which is read before"):
        steered(condition(), positions=Positions.PROMPT)
    with pytest.raises(InputError, match="cannot read response:first=4"):
        condition(window="response:first=4")
    with pytest.raises(InputError, match="not known while it grows"):
        steered(None, positions=Positions.parse("response:last=2"))


def test_a_model_spread_over_devices_is_refused() -> None:
    cpu, other = torch.device("cpu"), torch.device("meta")
    placement = Placement(homes=("cpu", "meta", "cpu"), devices=(cpu, other, cpu, cpu))
    loaded = replace(tiny_model("llama"), placement=placement)
    with pytest.raises(ModelError, match="spread over several"):
        SteeringTable.build(loaded, [arm(steered(condition()))], vectors(loaded))
