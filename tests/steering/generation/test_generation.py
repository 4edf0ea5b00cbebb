from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from tests.covering import in_turn, pairwise
from tests.steering.builders import (
    OTHER,
    arm,
    hook_count,
    intervention,
    run_spec,
    small_memory,
    vectors,
)
from tests.tiny_models import CONFIGURATIONS, tiny_model
from vectorlab.domain.interventions.arms import Arm, Combine
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import WHOLE_PARTS, Positions
from vectorlab.domain.runs.batch_plan import BatchPlan
from vectorlab.domain.runs.runs import RunSpec
from vectorlab.domain.runs.texts import FinishReason, GeneratedText, compare_generations
from vectorlab.domain.vectors.vectors import Site
from vectorlab.errors import InputError, IntegrityError, ModelError
from vectorlab.steering.generation.generation import GenerationResult, generate, plan_run
from vectorlab.steering.interventions.arm_table import SteeringTable
from vectorlab.steering.interventions.hooks import steer
from vectorlab.steering.model.loading import LoadedModel

PROMPTS = ["Once upon a time", "Hi", "A somewhat longer prompt than the others.", "x"]
ARMS = [
    arm(),
    arm(intervention(0.3)),
    arm(intervention(0.3, positions=Positions.RESPONSE)),
    arm(intervention(2.0, operator=Operator.ADD, site=Site.BLOCK_OUTPUT, vector=OTHER)),
    arm(intervention(1.0, operator=Operator.ABLATE, site=Site.ATTENTION_OUTPUT)),
    arm(intervention(0.2), intervention(0.2, vector=OTHER), combine=Combine.SUM),
]
FOUR = ["llama", "gpt2", "qwen2", "gemma2"]


def generated(loaded: LoadedModel, spec: RunSpec, **options: object) -> GenerationResult:
    return generate(loaded, spec, vectors(loaded), **options)  # type: ignore[arg-type]


def tokens(result: GenerationResult) -> list[tuple[int, ...]]:
    return [item.token_ids for item in result.generations]


def recomputed(loaded: LoadedModel, prompt: str, one: Arm, answer: Sequence[int]) -> torch.Tensor:
    """Logits of every token of an answer, without a cache and without padding, (steps, V)."""
    table = SteeringTable.build(loaded, [one], vectors(loaded))
    prompt_ids: list[int] = loaded.tokenizer(prompt)["input_ids"]
    ids = torch.tensor([[*prompt_ids, *answer[:-1]]])
    with torch.no_grad(), steer(loaded, table, [0]) as steering:
        steering.set_response(torch.arange(ids.shape[1])[None] >= len(prompt_ids))
        return loaded.model(ids).logits[0, len(prompt_ids) - 1 :]


def assert_greedy_along(logits: torch.Tensor, ids: Sequence[int]) -> None:
    """Every token is the best by these logits, but for ties within float noise."""
    chosen = logits.gather(1, torch.tensor(ids)[:, None])[:, 0]
    assert (logits.amax(dim=1) - chosen).max() < 1e-4


@pytest.mark.parametrize("name", sorted(CONFIGURATIONS))
def test_padded_cached_generation_is_full_recomputation(name: str) -> None:
    loaded = tiny_model(name)
    arms = [arm(), *(arm(intervention(0.4, positions=where)) for where in WHOLE_PARTS)]
    result = generated(loaded, run_spec(loaded, PROMPTS[:2], arms, max_new_tokens=18))
    assert len(result.plan.batches) == 1
    for item in result.generations:
        prompt, used = PROMPTS[item.key.prompt], arms[item.key.arm]
        assert_greedy_along(recomputed(loaded, prompt, used, item.token_ids), item.token_ids)


@pytest.mark.parametrize(
    ("name", "bos", "positions"), pairwise(FOUR, [True, False], WHOLE_PARTS), ids=str
)
def test_logits_with_a_cache_are_those_of_full_recomputation(
    name: str, bos: bool, positions: Positions
) -> None:
    loaded = tiny_model(name, bos=bos)
    one = arm(intervention(0.4, positions=positions))
    answer = list(range(60, 68))
    expected = recomputed(loaded, PROMPTS[0], one, answer)
    table = SteeringTable.build(loaded, [one], vectors(loaded))
    ids, past = torch.tensor([loaded.tokenizer(PROMPTS[0])["input_ids"]]), None
    with torch.no_grad(), steer(loaded, table, [0]) as steering:
        for row, token in zip(expected, answer, strict=True):
            output = loaded.model(ids, past_key_values=past, use_cache=True)
            torch.testing.assert_close(output.logits[0, -1], row, atol=1e-4, rtol=1e-4)
            steering.set_response(True)
            ids, past = torch.tensor([[token]]), output.past_key_values


@pytest.mark.parametrize(("name", "bos"), in_turn(FOUR, [True, False]))
def test_one_batch_gives_the_texts_of_single_rows(name: str, bos: bool) -> None:
    loaded = tiny_model(name, bos=bos)
    spec = run_spec(loaded, PROMPTS, ARMS, max_new_tokens=6)
    rows = range(len(spec.rows()))
    together = generated(loaded, spec, plan=BatchPlan(batches=(tuple(rows),)))
    alone = generated(loaded, spec, plan=BatchPlan(batches=tuple((row,) for row in rows)))
    assert tokens(together) == tokens(alone)
    for left, right in zip(together.generations, alone.generations, strict=True):
        assert left.mean_logprob == pytest.approx(right.mean_logprob, abs=1e-4)


def test_arms_differ_and_strength_zero_is_the_baseline() -> None:
    loaded = tiny_model("qwen2")
    spec = run_spec(loaded, PROMPTS[:1], [*ARMS, arm(intervention(0.0))])
    found = tokens(generated(loaded, spec))
    assert found[0] == found[-1]
    assert len(set(found[:-1])) == len(ARMS)


@pytest.mark.kernels
@pytest.mark.parametrize("sampled", [False, True])
def test_a_replay_is_identical_in_every_row(sampled: bool) -> None:
    loaded = tiny_model("llama")
    prompts = [f"{text} {number}" for number in range(2) for text in PROMPTS]
    spec = run_spec(
        loaded, prompts, ARMS[:5], samples=3, do_sample=sampled, top_p=0.9, max_new_tokens=8
    )
    first = generated(loaded, spec, token_budget=500)
    again = generated(loaded, spec, plan=first.plan)
    assert len(first.generations) >= 100
    assert len(first.plan.batches) > 3
    assert compare_generations(first.generations, again.generations) == ()
    assert first.generations == again.generations


@pytest.mark.kernels
def test_samples_differ_but_do_not_depend_on_what_shares_their_batch() -> None:
    loaded = tiny_model("gpt2")
    spec = run_spec(loaded, PROMPTS, ARMS[:2], samples=3, do_sample=True, temperature=1.5)
    large = generated(loaded, spec)
    small = generated(loaded, spec, token_budget=60)
    assert len(small.plan.batches) > len(large.plan.batches)
    assert tokens(large) == tokens(small)
    assert len(set(tokens(large))) > 12


def test_arms_are_compared_on_the_same_draws() -> None:
    loaded = tiny_model("gpt2")
    twins = [arm(intervention(0.2)), arm(intervention(0.2)), arm(intervention(0.0)), arm()]
    spec = run_spec(loaded, PROMPTS[:2], twins, samples=2, do_sample=True)
    found = {item.key: item.token_ids for item in generated(loaded, spec).generations}
    for key, ids in found.items():
        if key.arm in (0, 2):
            assert ids == found[replace(key, arm=key.arm + 1)]


def test_seeds_change_sampled_texts_and_not_greedy_ones() -> None:
    loaded = tiny_model("gpt2")
    for sampled in (True, False):
        specs = [
            run_spec(loaded, PROMPTS, ARMS[:1], seed=seed, do_sample=sampled) for seed in (1, 2)
        ]
        left, right = (tokens(generated(loaded, spec)) for spec in specs)
        assert (left == right) is not sampled


def test_mean_logprob_is_that_of_the_steered_model_at_temperature_one() -> None:
    loaded = tiny_model("llama")
    spec = run_spec(loaded, PROMPTS[:1], [ARMS[1]], max_new_tokens=6)
    (text,) = generated(loaded, spec).generations
    logits = recomputed(loaded, PROMPTS[0], ARMS[1], text.token_ids)
    scores = [
        float(row.log_softmax(-1)[token]) for row, token in zip(logits, text.token_ids, strict=True)
    ]
    assert text.mean_logprob == pytest.approx(sum(scores) / 6, abs=1e-4)


@pytest.mark.parametrize("steps", [5, 24])
def test_a_text_ends_behind_the_end_of_text_which_is_kept(steps: int) -> None:
    loaded = tiny_model("llama")
    spec = run_spec(loaded, PROMPTS, ARMS[:2], max_new_tokens=steps)
    free = generated(loaded, spec).generations
    ending = replace_eos(loaded, free[0].token_ids[3])
    for before, after in zip(free, generated(ending, spec).generations, strict=True):
        _assert_cut(before, after, ending.eos_token_ids[0])


def _assert_cut(before: GeneratedText, after: GeneratedText, eos: int) -> None:
    if eos not in before.token_ids:
        assert after == before
        return
    length = before.token_ids.index(eos) + 1
    assert after.token_ids == before.token_ids[:length]
    assert after.finish_reason is FinishReason.EOS
    assert before.text.startswith(after.text.rstrip("�"))
    assert len(after.text) < len(before.text)


def replace_eos(loaded: LoadedModel, token: int) -> LoadedModel:
    return LoadedModel(**(vars(loaded) | {"eos_token_ids": (token,)}))


def test_a_text_is_cut_before_its_stop_string_and_the_tokens_are_kept() -> None:
    loaded = tiny_model("llama")
    spec = run_spec(loaded, PROMPTS[:1], [arm()], max_new_tokens=30)
    (free,) = generated(loaded, spec).generations
    stop = next(char for char in free.text if char.isascii())
    at = free.text.index(stop)
    (text,) = generated(
        loaded, replace(spec, decoding=replace(spec.decoding, stop=(stop, "never")))
    ).generations
    assert text.finish_reason is FinishReason.STOP
    assert text.text == free.text[:at]
    assert loaded.tokenizer.decode(text.token_ids).endswith(stop)
    assert text.token_ids == free.token_ids[: len(text.token_ids)]


def test_generation_ends_when_every_row_has_ended() -> None:
    loaded = tiny_model("llama")
    spec = run_spec(loaded, PROMPTS[:1], [arm()], max_new_tokens=100)
    (free,) = generated(loaded, spec).generations
    calls: list[int] = []
    hook = loaded.model.register_forward_hook(lambda *_: calls.append(1))
    try:
        generated(replace_eos(loaded, free.token_ids[0]), spec)
    finally:
        hook.remove()
    assert len(calls) == 8  # tokens are looked at every eighth step


def test_finished_batches_are_not_computed_again() -> None:
    loaded = tiny_model("gpt2")
    spec = run_spec(loaded, PROMPTS, ARMS, samples=2, do_sample=True)
    saved: dict[tuple[int, ...], list[GeneratedText]] = {}

    def interrupt(rows: tuple[int, ...], texts: list[GeneratedText]) -> None:
        saved[rows] = texts
        if len(saved) == 2:
            raise KeyboardInterrupt

    plan, clean = plan_run(loaded, spec, token_budget=300), hook_count(loaded)
    with pytest.raises(KeyboardInterrupt):
        generated(loaded, spec, plan=plan, on_batch=interrupt)
    assert hook_count(loaded) == clean
    later: list[tuple[int, ...]] = []
    resumed = generated(
        loaded, spec, plan=plan, done=saved, on_batch=lambda rows, _: later.append(rows)
    )
    assert [*saved, *later] == list(plan.batches)
    assert resumed == generated(loaded, spec, plan=plan)


def test_a_full_memory_halves_batches_and_the_plan_says_so() -> None:
    loaded = tiny_model("gpt2")
    spec = run_spec(loaded, PROMPTS, ARMS, do_sample=True)
    expected = generated(loaded, spec)
    with small_memory(loaded, rows=7):
        result = generated(loaded, spec)
    assert result.events[0] == "out of memory with 24 rows: batch halved"
    assert [len(batch) for batch in result.plan.batches] == [6, 6, 6, 6]
    assert tokens(result) == tokens(expected)
    assert generated(loaded, spec, plan=result.plan).generations == result.generations


def test_a_memory_too_small_for_one_row_says_what_would_fit() -> None:
    loaded = tiny_model("gpt2")
    message = r"single text of \d+ tokens, prompt and new ones; none fitted.*bfloat16"
    with small_memory(loaded, rows=0), pytest.raises(ModelError, match=message):
        generated(loaded, run_spec(loaded, PROMPTS, ARMS))


def test_progress_grows_to_its_total_and_can_stop_the_run() -> None:
    loaded = tiny_model("gpt2")
    spec = run_spec(loaded, PROMPTS, ARMS[:2], max_new_tokens=20)
    seen: list[tuple[int, int]] = []
    generated(loaded, spec, token_budget=150, on_progress=lambda *step: seen.append(step))
    assert seen == sorted(seen)
    assert seen[-1] == (160, 160)
    assert len(seen) > 4

    def cancel(_done: int, _total: int) -> None:
        raise InterruptedError

    clean = hook_count(loaded)
    with pytest.raises(InterruptedError):
        generated(loaded, spec, on_progress=cancel)
    assert hook_count(loaded) == clean


def test_a_prompt_beyond_the_context_is_refused_before_anything_runs() -> None:
    loaded = tiny_model("llama")
    spec = run_spec(loaded, ["short", "p" * 110], [arm()], max_new_tokens=20)
    with (
        small_memory(loaded, rows=0),
        pytest.raises(InputError, match=r"Prompt 2 of 2 has 111 tokens and 20 new .* 128 tokens"),
    ):
        generated(loaded, spec)


def test_an_empty_prompt_needs_a_bos() -> None:
    with_bos, without = tiny_model("llama"), tiny_model("llama", bos=False)
    generated(with_bos, run_spec(with_bos, [""], [arm()]))
    with pytest.raises(InputError, match="Prompt 1 of 1 has no tokens"):
        generated(without, run_spec(without, [""], [arm()]))


def test_the_plan_of_another_run_is_refused() -> None:
    loaded = tiny_model("llama")
    with pytest.raises(InputError, match="the run has 6"):
        generated(loaded, run_spec(loaded, ["a"], ARMS), plan=BatchPlan(batches=((0, 1),)))


def test_a_run_of_another_model_is_refused() -> None:
    loaded = tiny_model("llama")
    spec = replace(run_spec(loaded, ["a"], ARMS), model_fingerprint="0" * 64)
    with pytest.raises(IntegrityError, match="request is for model 000000000000"):
        generated(loaded, spec)


def test_numbers_that_are_not_finite_are_an_error_and_not_a_text() -> None:
    loaded = tiny_model("llama")
    one = arm(intervention(3e38, operator=Operator.ADD, site=Site.BLOCK_OUTPUT))
    with pytest.raises(ModelError, match="not finite for prompt 1, arm 'arm', at new token 1"):
        generated(loaded, run_spec(loaded, ["a"], [one]))


@pytest.mark.parametrize("part", ["prompt", "response"])
def test_an_error_says_at_which_layer_the_numbers_ended(part: str) -> None:
    loaded = tiny_model("llama")
    one = arm(
        intervention(
            3e38,
            operator=Operator.ADD,
            site=Site.BLOCK_OUTPUT,
            layers=(1,),
            positions=Positions.parse(part),
        )
    )
    token = 1 if part == "prompt" else 2  # the first answer is fed back for the second
    message = f"at new token {token}, beginning at the output of layer 1"
    with pytest.raises(ModelError, match=message):
        generated(loaded, run_spec(loaded, ["a"], [one]))
