"""Windows, chosen tokens and schedules: with a cache, under padding, mixed in one batch."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from tests.covering import in_turn
from tests.steering.builders import (
    OTHER,
    VECTOR,
    ZERO,
    arm,
    hook_count,
    intervention,
    run_spec,
    vectors,
)
from tests.tiny_models import CONFIGURATIONS, tiny_model
from vectorlab.domain.interventions.arms import Arm, Combine
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.runs.batch_plan import BatchPlan
from vectorlab.domain.runs.texts import compare_generations
from vectorlab.domain.vectors.vectors import Site
from vectorlab.errors import InputError
from vectorlab.steering.generation.generation import (
    GenerationResult,
    Member,
    generate,
    generate_together,
)
from vectorlab.steering.interventions.arm_table import SteeringTable
from vectorlab.steering.interventions.hooks import Steering, steer
from vectorlab.steering.interventions.token_positions import PassReader, Rule, RuleReader
from vectorlab.steering.model.loading import LoadedModel

PROMPTS = ["Hi", "A longer prompt than that."]  # of byte tokens, with <s> (id 1) in front


def windowed(text: str, schedule: str = "constant", **more: object) -> Arm:
    return arm(
        intervention(
            0.4,
            positions=Positions.parse(text),
            schedule=Schedule.parse(schedule),
            **more,  # type: ignore[arg-type]
        )
    )


def byte_ids(loaded: LoadedModel, text: str) -> str:
    return ",".join(
        str(token) for token in loaded.tokenizer(text, add_special_tokens=False)["input_ids"]
    )


def mixed_arms(loaded: LoadedModel) -> list[Arm]:
    """Every kind of position and schedule, plain ones and the baseline among them."""
    e = byte_ids(loaded, "e ")
    return [
        arm(),
        windowed("all"),
        windowed("prompt:first=2"),
        windowed("prompt:last=1"),
        windowed("prompt:last=2+response"),
        windowed("response:2-4"),
        windowed("response:first=3", operator=Operator.ADD, site=Site.BLOCK_OUTPUT),
        windowed(f"prompt+tokens={e}"),
        windowed(f"all+except={e}"),
        windowed("all+skip_bos"),
        windowed("all", "first:4"),
        windowed("response", "linear:0:1:6", operator=Operator.ADD_NORM_PRESERVING),
        windowed("all", "cosine:1:0.5:5", operator=Operator.ABLATE),
        windowed("response:1-", operator=Operator.PROJECT_TO, site=Site.ATTENTION_OUTPUT),
        arm(
            intervention(0.3, positions=Positions.parse("prompt:last=2")),
            intervention(0.2, vector=OTHER, layers=(1,), schedule=Schedule.parse("first:2")),
            intervention(0.2, vector=OTHER, operator=Operator.ADD, site=Site.BLOCK_OUTPUT),
        ),
    ]


def in_one_pass(loaded: LoadedModel, ids: Sequence[int], length: int, one: Arm) -> torch.Tensor:
    """Logits from the end of the prompt on, without cache and padding, (steps, V)."""
    table = SteeringTable.build(loaded, [one], vectors(loaded))
    with torch.no_grad(), steer(loaded, table, [0]) as steering:
        steering.set_response((torch.arange(len(ids)) >= length)[None])
        return loaded.model(torch.tensor([ids])).logits[0, length - 1 :]


def cached(
    loaded: LoadedModel, prompts: Sequence[Sequence[int]], answers: torch.Tensor, arms: list[Arm]
) -> torch.Tensor:
    """Logits of one left-padded batch over its cache, (B, steps, V), row b under arm b."""
    from vectorlab.steering.model.batching import forward_arguments, pad

    batch = pad(prompts, side="left", device=loaded.device)
    table = SteeringTable.build(loaded, arms, vectors(loaded))
    mask, pending, past, fed, found = batch.attention_mask, batch.input_ids, None, 0, []
    with torch.no_grad(), steer(loaded, table, range(len(arms))) as steering:
        for step in range(answers.shape[1] + 1):
            arguments = forward_arguments(
                loaded, pending, mask, batch.starts, past=past, past_length=fed, use_cache=True
            )
            output = loaded.model(**arguments)
            found.append(output.logits[:, -1])
            steering.set_response(True)
            fed, past = fed + pending.shape[1], output.past_key_values
            mask = torch.cat([mask, mask.new_ones(len(arms), 1)], dim=1)
            pending = answers[:, step : step + 1]
    return torch.stack(found, dim=1)


@pytest.mark.parametrize("name", sorted(CONFIGURATIONS))
def test_a_padded_cached_batch_of_all_positions_is_full_recomputation(name: str) -> None:
    loaded = tiny_model(name)
    arms = mixed_arms(loaded)
    prompts = [loaded.tokenizer(PROMPTS[row % 2])["input_ids"] for row in range(len(arms))]
    answer = loaded.tokenizer("the end", add_special_tokens=False)["input_ids"]
    together = cached(loaded, prompts, torch.tensor([answer] * len(arms)), arms)
    for row, (one, prompt) in enumerate(zip(arms, prompts, strict=True)):
        expected = in_one_pass(loaded, [*prompt, *answer], len(prompt), one)
        torch.testing.assert_close(together[row], expected, atol=2e-4, rtol=2e-4, msg=str(one))


def test_each_position_of_the_mix_changes_something() -> None:
    """Else the law above would hold of steering that does nothing."""
    loaded = tiny_model("llama")
    arms = mixed_arms(loaded)
    prompt = loaded.tokenizer("A longer prompt")["input_ids"]
    answer = loaded.tokenizer("the end", add_special_tokens=False)["input_ids"]
    result = cached(loaded, [prompt] * len(arms), torch.tensor([answer] * len(arms)), arms)
    distances = torch.cdist(result.flatten(1), result.flatten(1)) + torch.eye(len(arms)) * 9
    assert distances.min() > 1e-2


@pytest.mark.parametrize(
    ("text", "touched"),
    [
        ("all", "ppprr"),
        ("prompt:first=2", "pp..."),
        ("prompt:last=1", "..p.."),
        ("prompt:last=1+response", "..prr"),
        ("prompt:last=2+response+except=60", ".p.r."),
        ("prompt:1-", ".pp.."),
        ("response:first=1", "...r."),
        ("response:1-", "....r"),
        ("all+tokens=60", "..p.r"),
        ("all+except=60", "pp.r."),
        ("all+skip_bos", ".pprr"),
        ("prompt:first=2+skip_bos", ".p..."),
        ("prompt+tokens=1", "p...."),
    ],
)
@pytest.mark.parametrize("padding", [0, 3])
def test_positions_touch_exactly_their_tokens(text: str, touched: str, padding: int) -> None:
    tokens = torch.tensor([[0] * padding + [1, 50, 60, 70, 60]])
    mask = torch.tensor([[0] * padding + [1] * 5])
    reader = RuleReader([Rule(Positions.parse(text), Schedule.CONSTANT)], 1, tokens.device)
    response = torch.arange(5 + padding)[None] >= 3 + padding
    whole = PassReader().read(tokens, mask, response)
    expected = [item != "." for item in touched]
    assert reader.touches(whole)[0, padding:, 0].tolist() == expected
    by_pass = PassReader()
    parts = [by_pass.read(tokens[:, : 3 + padding], mask[:, : 3 + padding], False)]
    parts += [
        by_pass.read(tokens[:, column : column + 1], mask[:, : column + 1], True)
        for column in (3 + padding, 4 + padding)
    ]
    found = torch.cat([reader.touches(part) for part in parts], dim=1)
    assert torch.equal(found[:, padding:], reader.touches(whole)[:, padding:])


def test_many_rules_at_once_are_each_alone() -> None:
    texts = [
        "all",
        "prompt:last=2",
        "prompt:last=1+response",
        "prompt:1-3+skip_bos",
        "response:first=1",
        "response:1-",
    ]
    texts += ["all+tokens=50,60", "response+except=60", "all+skip_bos", "prompt+tokens=1"]
    texts += ["response+thinking", "response+answer"]
    whens = ["constant", "linear:1:0:3", "cosine:1:0.5:2"]
    rules = [
        Rule(Positions.parse(text), Schedule.parse(whens[number % 3]))
        for number, text in enumerate(texts)
    ]
    tokens = torch.tensor([[1, 50, 60, 70, 60, 50], [1, 70, 50, 60, 60, 1]])
    response = torch.arange(6)[None].expand(2, -1) >= torch.tensor([[3], [2]])
    now = PassReader().read(tokens, torch.ones_like(tokens), response)
    now = replace(now, thinking=response & (tokens == 60), marker=response & (tokens == 50))
    together = RuleReader(rules, 1, tokens.device)
    for number, rule in enumerate(rules):
        alone = RuleReader([rule], 1, tokens.device)
        for values in (RuleReader.touches, RuleReader.factors):
            assert torch.equal(values(together, now)[:, :, number], values(alone, now)[:, :, 0])


def test_without_a_bos_the_first_token_is_a_token_like_others() -> None:
    tokens = torch.tensor([[50, 1, 60]])
    now = PassReader().read(tokens, None, False)
    for bos_id in (None, 1):
        rules = [Rule(Positions(skip_bos=True), Schedule.CONSTANT)]
        reader = RuleReader(rules, bos_id, tokens.device)
        assert reader.touches(now).all()


def test_a_schedule_is_the_strength_at_every_generated_token() -> None:
    """One arm with a ramp equals arms of constant strength, each read at its own step."""
    loaded = tiny_model("llama")
    prompt = loaded.tokenizer("Hi")["input_ids"]
    ramp = Schedule.parse("linear:1:0:4")
    steps = torch.tensor([[60, 61, 62, 63, 64, 65]])
    table = SteeringTable.build(loaded, [windowed("all", str(ramp), layers=(0,))], vectors(loaded))
    seen: list[torch.Tensor] = []
    with torch.no_grad(), steer(loaded, table, [0]) as steering:
        look = loaded.layers.mlp[0].register_forward_hook(lambda *given: seen.append(given[2]))
        past, pending = None, torch.tensor([prompt])
        for step in range(6):
            past = loaded.model(pending, past_key_values=past, use_cache=True).past_key_values
            steering.set_response(True)
            pending = steps[:, step : step + 1]
    look.remove()
    clean = {0.0: arm()} | {
        factor: arm(intervention(0.4 * factor, layers=(0,))) for factor in ramp.factors if factor
    }
    for step, factor in enumerate([1.0, *ramp.factors][:6]):
        fed = [*prompt, *steps[0, :step].tolist()]
        again: list[torch.Tensor] = []
        table = SteeringTable.build(loaded, [clean[factor]], vectors(loaded))
        with torch.no_grad(), steer(loaded, table, [0]):
            look = loaded.layers.mlp[0].register_forward_hook(
                lambda *given, kept=again: kept.append(given[2])
            )
            loaded.model(torch.tensor([fed]))
            look.remove()
        torch.testing.assert_close(seen[step][:, -1], again[0][:, -1], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("operator", list(Operator))
def test_untouched_positions_keep_their_bits(operator: Operator, dtype: str) -> None:
    loaded = tiny_model("llama", dtype=dtype)
    tokens = torch.tensor([[1, 40, 50, 60, 70]] * 4)
    window = Positions.parse("prompt:2-3")
    arms = [
        arm(intervention(0.4, operator=operator, positions=window)),
        arm(intervention(0.0, operator=operator, positions=window)),
        arm(intervention(0.4, operator=operator, positions=window, vector=ZERO)),
        arm(
            intervention(
                0.4,
                operator=operator,
                positions=Positions.parse("prompt:2-3+tokens=99"),
            )
        ),
    ]
    with torch.no_grad():
        clean = loaded.model(tokens).logits
        table = SteeringTable.build(loaded, arms, vectors(loaded))
        with steer(loaded, table, range(4)):
            steered = loaded.model(tokens).logits
    assert steered.dtype == loaded.dtype
    assert torch.equal(steered[1:], clean[1:])
    assert torch.equal(steered[0, :2], clean[0, :2])
    assert (steered[0, 2:] != clean[0, 2:]).any(dim=-1).all()


@pytest.mark.parametrize("combine", list(Combine))
def test_the_mean_counts_the_interventions_that_touch_a_position(combine: Combine) -> None:
    loaded = tiny_model("llama")
    tokens = torch.tensor([[1, 40, 50, 60, 70]] * 2)
    first, last = Positions.parse("prompt:first=3"), Positions.parse("prompt:3-")
    apart = arm(
        intervention(0.3, positions=first), intervention(0.3, positions=last), combine=combine
    )
    table = SteeringTable.build(loaded, [apart, arm(intervention(0.3))], vectors(loaded))
    with torch.no_grad(), steer(loaded, table, [0, 1]):
        result = loaded.model(tokens).logits
    torch.testing.assert_close(result[0], result[1], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("operator", list(Operator))
def test_a_window_over_everything_is_the_whole_part(operator: Operator) -> None:
    loaded = tiny_model("gpt2")
    tokens = torch.tensor([[1, 40, 50, 60, 70]] * 2)
    both = [
        intervention(0.4, operator=operator),
        intervention(0.4, operator=operator, vector=OTHER),
    ]
    everywhere = [replace(item, positions=Positions.parse("prompt:first=99")) for item in both]
    table = SteeringTable.build(loaded, [arm(*both), arm(*everywhere)], vectors(loaded))
    with torch.no_grad(), steer(loaded, table, [0, 1]):
        result = loaded.model(tokens).logits
    torch.testing.assert_close(result[0], result[1], atol=1e-5, rtol=1e-5)


def test_plain_arms_do_not_notice_the_windows_of_others() -> None:
    loaded = tiny_model("llama")
    tokens = torch.tensor([[1, 40, 50, 60, 70]] * 2)
    plain = arm(intervention(0.4))

    def result(beside: Arm) -> torch.Tensor:
        table = SteeringTable.build(loaded, [plain, beside], vectors(loaded))
        with torch.no_grad(), steer(loaded, table, [0, 1]):
            return loaded.model(tokens).logits[0]

    assert torch.equal(result(windowed("prompt:last=1", "first:3")), result(arm()))


def test_hooks_that_read_tokens_come_off_too() -> None:
    loaded = tiny_model("llama")
    clean = hook_count(loaded)
    table = SteeringTable.build(loaded, [windowed("prompt:last=1")], vectors(loaded))
    with pytest.raises(KeyboardInterrupt), steer(loaded, table, [0]) as steering:
        _interrupt_when(steering)
    assert hook_count(loaded) == clean


def _interrupt_when(steering: Steering) -> None:
    assert steering.reads_tokens
    raise KeyboardInterrupt


@pytest.mark.parametrize(("name", "sampled"), in_turn(["llama", "gpt2", "qwen2"], [False, True]))
def test_a_batch_of_all_options_replays_token_for_token(name: str, sampled: bool) -> None:
    loaded = tiny_model(name)
    spec = run_spec(loaded, PROMPTS, mixed_arms(loaded), do_sample=sampled, max_new_tokens=8)
    rows = tuple(range(len(spec.rows())))
    plan = BatchPlan(batches=(rows,))
    first = generate(loaded, spec, vectors(loaded), plan=plan)
    again = generate(loaded, spec, vectors(loaded), plan=first.plan)
    assert compare_generations(first.generations, again.generations) == ()
    assert first.generations == again.generations
    alone = generate(
        loaded, spec, vectors(loaded), plan=BatchPlan(batches=tuple((row,) for row in rows))
    )
    assert [item.token_ids for item in alone.generations] == [
        item.token_ids for item in first.generations
    ]


def test_a_window_that_no_text_reaches_is_an_event_of_the_run() -> None:
    loaded = tiny_model("llama")
    arms = [
        replace(windowed("response:20-"), label="late"),
        replace(windowed("prompt+tokens=255"), label="odd"),
        replace(windowed("response:first=1"), label="met"),
    ]
    result = generate(loaded, run_spec(loaded, PROMPTS, arms), vectors(loaded))
    late, odd = result.events
    assert "'late' was not steered at response:20-" in late
    assert "'odd' was not steered at prompt+tokens=255: none of its 2 texts" in odd


def test_the_last_token_is_not_fed_back_and_cannot_be_steered() -> None:
    loaded = tiny_model("llama")
    spec = run_spec(loaded, PROMPTS, [windowed("response:3-3")], max_new_tokens=4)
    assert len(generate(loaded, spec, vectors(loaded)).events) == 1
    longer = run_spec(loaded, PROMPTS, [windowed("response:3-3")], max_new_tokens=5)
    assert generate(loaded, longer, vectors(loaded)).events == ()


def test_vectors_that_are_projected_to_together_must_act_alike() -> None:
    loaded = tiny_model("llama")
    unlike = arm(
        intervention(1.0, operator=Operator.PROJECT_TO),
        intervention(0.5, operator=Operator.PROJECT_TO, vector=OTHER),
    )
    with pytest.raises(InputError, match="act as one"):
        SteeringTable.build(loaded, [unlike], vectors(loaded))


def test_vectors_of_one_arm_have_their_own_strengths_and_layers() -> None:
    loaded = tiny_model("llama")
    tokens = torch.tensor([[1, 40, 50, 60, 70]] * 3)
    a = intervention(0.3, operator=Operator.ADD, vector=VECTOR, layers=(0,))
    b = intervention(0.6, operator=Operator.ADD, vector=OTHER, layers=(1,))
    arms = [arm(a, b), arm(a), arm(b)]
    seen: list[torch.Tensor] = []
    table = SteeringTable.build(loaded, arms, vectors(loaded))
    with torch.no_grad(), steer(loaded, table, range(3)):
        look = loaded.layers.mlp[0].register_forward_hook(lambda *given: seen.append(given[2]))
        result = loaded.model(tokens).logits
        look.remove()
    assert torch.equal(seen[0][0], seen[0][1])
    assert not torch.equal(seen[0][0], seen[0][2])
    assert (result[0] - result[1]).abs().max() > 1e-3


def test_runs_that_share_a_batch_keep_their_windows_and_say_what_they_missed() -> None:
    loaded = tiny_model("llama")
    late = replace(windowed("response:30-"), label="late")
    specs = [
        run_spec(loaded, PROMPTS, mixed_arms(loaded)),
        run_spec(loaded, ["Another prompt, longer than all the others"], [arm(), late]),
        run_spec(loaded, ["x"], [windowed("prompt:last=1", "first:3"), windowed("all+skip_bos")]),
    ]
    members = [Member(spec=spec, vectors=vectors(loaded)) for spec in specs]
    for spec, shared in zip(specs, generate_together(loaded, members), strict=True):
        assert isinstance(shared, GenerationResult)
        assert shared.plan.frames
        alone = generate(loaded, spec, vectors(loaded))
        assert [item.token_ids for item in shared.generations] == [
            item.token_ids for item in alone.generations
        ]
        assert shared.events == alone.events
        again = generate(loaded, spec, vectors(loaded), plan=shared.plan)
        assert again.generations == shared.generations
