"""Figures of single tokens: what a text's tokens were worth, and what a vector points at."""

import numpy as np
import pytest
import torch

from tests.steering.builders import OTHER, arm, intervention, run_spec, vectors
from tests.tiny_models import CONFIGURATIONS, tiny_model
from vectorlab.domain.positions import Positions
from vectorlab.domain.runs import Operator
from vectorlab.domain.schedules import Schedule
from vectorlab.domain.vectors import LayerVector, Site
from vectorlab.steering.generation import generate
from vectorlab.steering.nearest import nearest_tokens
from vectorlab.steering.prepared import PreparedRun
from vectorlab.steering.reading import pieces, read_texts

PROMPTS = ["Once upon a time", "Hi"]
ARMS = [
    arm(),
    arm(intervention(0.3)),
    arm(intervention(0.4, positions=Positions.RESPONSE, schedule=Schedule.parse("first:3"))),
    arm(intervention(2.0, operator=Operator.ADD, site=Site.BLOCK_OUTPUT, vector=OTHER)),
]


def read(loaded, spec):
    made = generate(loaded, spec, vectors(loaded)).generations
    run = PreparedRun.prepare(loaded, spec, vectors(loaded))
    found = read_texts(run, [item.key for item in made], [item.token_ids for item in made])
    return made, found


def test_reading_a_text_once_more_finds_the_log_probabilities_it_was_written_with():
    loaded = tiny_model("llama")
    made, found = read(loaded, run_spec(loaded, PROMPTS, ARMS))
    for text, tokens in zip(made, found, strict=True):
        assert len(tokens.logprobs) == len(tokens.pieces) == len(text.token_ids)
        assert np.mean(tokens.logprobs) == pytest.approx(text.mean_logprob, abs=1e-5)
        is_baseline = text.key.arm == 0
        assert (tokens.logprobs == tokens.baseline_logprobs) == is_baseline


def test_a_model_is_left_as_it_was_and_rows_do_not_depend_on_each_other():
    loaded = tiny_model("gpt2")
    spec = run_spec(loaded, PROMPTS[:1], ARMS)
    made, together = read(loaded, spec)
    run = PreparedRun.prepare(loaded, spec, vectors(loaded))
    for text, tokens in zip(made, together, strict=True):
        [alone] = read_texts(run, [text.key], [text.token_ids])
        assert alone.logprobs == pytest.approx(tokens.logprobs, abs=1e-5)


def test_the_pieces_of_a_text_are_the_text():
    loaded = tiny_model("llama")
    text = "naïve 👩‍👩‍👧 ok"
    ids = loaded.tokenizer(text, add_special_tokens=False)["input_ids"]
    found = pieces(loaded, ids)
    assert len(found) == len(ids)
    assert "".join(found) == loaded.tokenizer.decode(ids)


@pytest.mark.parametrize("architecture", CONFIGURATIONS)
def test_every_architecture_has_its_final_norm_and_head(architecture):
    loaded = tiny_model(architecture)
    width = loaded.description.d_model
    values = np.random.default_rng(1).normal(size=width).astype(np.float32)
    steps = []
    [found] = nearest_tokens(
        loaded,
        [LayerVector(layer=1, values=values)],
        count=3,
        on_progress=lambda *step: steps.append(step),
    )
    assert found.layer == 1
    assert steps == [(1, 1)]
    highs, lows = [t.value for t in found.toward], [t.value for t in found.away]
    assert highs == sorted(highs, reverse=True)
    assert lows == sorted(lows)
    assert highs[-1] > lows[-1]


def test_a_direction_that_is_a_tokens_own_row_is_nearest_to_that_token():
    loaded = tiny_model("llama")
    head = loaded.model.get_output_embeddings().weight
    with torch.no_grad():
        norm = loaded.model.model.norm.weight
        row = (head[65] / norm).float().numpy()
        logits = (head @ (norm * torch.from_numpy(row) / np.sqrt((row**2).mean() + 1e-6))).numpy()
    [found] = nearest_tokens(loaded, [LayerVector(layer=0, values=row)], count=2)
    assert found.toward[0].token_id == int(logits.argmax()) == 65
    assert found.toward[0].value == pytest.approx(float(logits.max()), rel=1e-3)
    assert found.away[0].token_id == int(logits.argmin())
