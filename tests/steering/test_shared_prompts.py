"""Rows of one prompt read it once where nothing steers it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
import torch

from tests.steering.builders import OTHER, arm, hook_count, intervention, run_spec, vectors
from tests.tiny_models import tiny_model
from vectorlab.domain.positions import Positions
from vectorlab.domain.runs import Arm
from vectorlab.domain.schedules import Schedule
from vectorlab.steering.generation import generate
from vectorlab.steering.loading import LoadedModel

PROMPTS = ["Once upon a time", "Hi", "Once upon a time"]
RESPONSE = [
    arm(),
    arm(intervention(0.4, positions=Positions.RESPONSE)),
    arm(intervention(0.4, positions=Positions.RESPONSE, vector=OTHER)),
]


@contextmanager
def rows_of_passes(loaded: LoadedModel) -> Iterator[list[int]]:
    seen: list[int] = []

    def look(_module: object, _args: object, kwargs: dict[str, torch.Tensor]) -> None:
        seen.append(len(kwargs["input_ids"]))

    hook = loaded.model.register_forward_pre_hook(look, with_kwargs=True)
    try:
        yield seen
    finally:
        hook.remove()


@pytest.mark.parametrize("kl", [False, True])
@pytest.mark.parametrize("name", ["llama", "gpt2", "mistral", "gemma2", "bloom", "opt"])
def test_prompts_are_read_once_and_the_texts_are_those_of_each_arm_alone(
    name: str, kl: bool
) -> None:
    loaded = tiny_model(name)
    spec = run_spec(loaded, PROMPTS, RESPONSE, do_sample=True, samples=2, kl=kl)
    clean = hook_count(loaded)
    with rows_of_passes(loaded) as seen:
        result = generate(loaded, spec, vectors(loaded))
    assert hook_count(loaded) == clean
    rows = 18 + 12 * kl  # and a shadow for every steered row
    assert (seen[0], set(seen[1:])) == (2, {rows})
    assert result.prompt_rows == 2
    assert generate(loaded, spec, vectors(loaded), plan=result.plan) == result
    for item in result.generations[::5]:
        key = item.key
        alone = run_spec(
            loaded, [PROMPTS[key.prompt]], [RESPONSE[key.arm]], do_sample=True, samples=2
        )
        expected = generate(loaded, alone, vectors(loaded)).generations[key.sample]
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
    with rows_of_passes(loaded) as seen:
        result = generate(loaded, run_spec(loaded, PROMPTS, arms), vectors(loaded))
    assert set(seen) == {6}
    assert result.prompt_rows is None
