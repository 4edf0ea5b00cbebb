"""Rows of one prompt read it once where nothing steers it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
import torch

from tests.covering import in_turn
from tests.steering.builders import OTHER, arm, hook_count, intervention, run_spec, vectors
from tests.tiny_models import tiny_model
from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.runs.batch_plan import BatchPlan, RowKey
from vectorlab.domain.runs.texts import GeneratedText
from vectorlab.steering.generation.batch_plan import shared_stem, split_prompts
from vectorlab.steering.generation.generation import generate, plan_run
from vectorlab.steering.model.loading import LoadedModel

PROMPTS = ["Once upon a time", "Hi", "Once upon a time"]
RESPONSE = [
    arm(),
    arm(intervention(0.4, positions=Positions.RESPONSE)),
    arm(intervention(0.4, positions=Positions.RESPONSE, vector=OTHER)),
]


@contextmanager
def tokens_of_passes(loaded: LoadedModel) -> Iterator[list[tuple[int, ...]]]:
    seen: list[tuple[int, ...]] = []

    def look(_module: object, _args: object, kwargs: dict[str, torch.Tensor]) -> None:
        seen.append(tuple(kwargs["input_ids"].shape))

    hook = loaded.model.register_forward_pre_hook(look, with_kwargs=True)
    try:
        yield seen
    finally:
        hook.remove()


def alone(loaded: LoadedModel, prompts: Sequence[str], key: RowKey) -> GeneratedText:
    """The text of a row of ``RESPONSE`` (two samples) with no other prompt or arm beside it."""
    spec = run_spec(loaded, [prompts[key.prompt]], [RESPONSE[key.arm]], do_sample=True, samples=2)
    return generate(loaded, spec, vectors(loaded)).generations[key.sample]


@pytest.mark.parametrize(
    ("name", "kl"), in_turn(["llama", "gpt2", "mistral", "gemma2", "bloom", "opt"], [False, True])
)
def test_prompts_are_read_once_and_the_texts_are_those_of_each_arm_alone(
    name: str, kl: bool
) -> None:
    loaded = tiny_model(name)
    spec = run_spec(loaded, PROMPTS, RESPONSE, do_sample=True, samples=2, kl=kl)
    clean = hook_count(loaded)
    with tokens_of_passes(loaded) as passes:
        result = generate(loaded, spec, vectors(loaded))
    seen = [rows for rows, _ in passes]
    assert hook_count(loaded) == clean
    rows = 18 + 12 * kl  # and a shadow for every steered row
    assert (seen[0], set(seen[1:])) == (2, {rows})
    assert result.prompt_rows == 2
    assert generate(loaded, spec, vectors(loaded), plan=result.plan) == result
    for item in result.generations[::5]:
        expected = alone(loaded, PROMPTS, item.key)
        assert item.token_ids == expected.token_ids


@pytest.mark.parametrize(
    "arms",
    [
        [arm(), arm(intervention(0.4))],
        [arm(), arm(intervention(0.4, positions=Positions.PROMPT))],
        [arm(), arm(intervention(0.4, positions=Positions.parse("response:first=2")))],
        [arm(), arm(intervention(0.4, schedule=Schedule.parse("first:2")))],
    ],
)
def test_where_steering_may_touch_or_count_a_prompt_every_row_reads_its_own(
    arms: Sequence[Arm],
) -> None:
    loaded = tiny_model("llama")
    with tokens_of_passes(loaded) as seen:
        result = generate(loaded, run_spec(loaded, PROMPTS, arms), vectors(loaded))
    assert {rows for rows, _ in seen} == {6}
    assert result.prompt_rows is None


STEM = "You are a helpful guide who answers briefly, kindly and always in plain words. "
FAMILY = [STEM + "Say hi", STEM + "One two three four", "Hi", STEM + "Say hi"]


@pytest.mark.parametrize(
    ("name", "kl"), in_turn(["llama", "gpt2", "qwen2", "opt", "falcon"], [False, True])
)
def test_what_prompts_begin_with_alike_is_read_once(name: str, kl: bool) -> None:
    loaded = tiny_model(name)
    spec = run_spec(loaded, FAMILY, RESPONSE, do_sample=True, samples=2, kl=kl)
    with tokens_of_passes(loaded) as seen:
        result = generate(loaded, spec, vectors(loaded))
    [stem] = result.plan.stems or ()
    longest = max(len(loaded.tokenizer.encode(text)) for text in FAMILY)
    # The stem and the short prompt's beginning, then what each of three has of its own.
    assert seen[:2] == [(2, stem), (3, longest - stem)]
    assert set(seen[2:]) == {(24 + 16 * kl, 1)}
    plan = BatchPlan.from_json(result.plan.to_json())
    assert plan == result.plan
    assert generate(loaded, spec, vectors(loaded), plan=plan) == result
    for item in result.generations[::5]:
        expected = alone(loaded, FAMILY, item.key)
        assert item.token_ids == expected.token_ids
        assert item.mean_logprob == pytest.approx(expected.mean_logprob, abs=1e-4)


def test_a_run_of_before_is_replayed_without_a_stem() -> None:
    loaded = tiny_model("llama")
    spec = run_spec(loaded, FAMILY, RESPONSE)
    recorded = BatchPlan(batches=plan_run(loaded, spec).batches)
    with tokens_of_passes(loaded) as seen:
        result = generate(loaded, spec, vectors(loaded), plan=recorded)
    assert seen[0][0] == 3
    assert result.plan == recorded


@pytest.mark.parametrize("name", ["bloom", "mistral"])  # no positions are told; a short window
def test_where_padding_between_tokens_would_matter_prompts_are_read_whole(name: str) -> None:
    loaded = tiny_model(name)
    with tokens_of_passes(loaded) as seen:
        result = generate(loaded, run_spec(loaded, FAMILY, RESPONSE), vectors(loaded))
    assert seen[0][0] == 3
    assert not result.plan.stems


@pytest.mark.parametrize(
    ("prompts", "stem"),
    [
        ([[1] * 80 + [2], [1] * 80 + [3]], 80),
        ([[1] * 80 + [2]] * 5, 0),  # equal prompts are read once in any case
        ([[1] * 30 + [2], [1] * 30 + [3]], 0),  # too little
        ([[1] * 80, [1] * 80 + [3], [1] * 80 + [4, 5]], 80),  # one ends where others go on
        ([[*range(40), n, *[9] * 60, m] for n in (1, 2) for m in (3, 4)], 101),  # two families
    ],
)
def test_the_stem_is_where_reading_once_saves_most(prompts: list[list[int]], stem: int) -> None:
    assert shared_stem(prompts) == stem
    beginnings, rests = split_prompts(prompts, stem)
    assert all(rests)
    assert [[*a, *b] for a, b in zip(beginnings, rests, strict=True)] == prompts
