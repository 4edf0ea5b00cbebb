"""Texts of a run read once more: every token has the likelihood it was written with."""

from dataclasses import replace

import numpy as np
import pytest

from tests.steering.builders import OTHER, arm, intervention, run_spec, vectors
from tests.tiny_models import tiny_model
from vectorlab.domain.interventions.conditions import Condition, Measure, ThresholdSide
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.vectors.vectors import Site
from vectorlab.evals.forced import read_texts
from vectorlab.steering.generation.generation import generate
from vectorlab.steering.generation.prepared_run import PreparedRun

PROMPTS = ["Once upon a time", "Hi"]
WHEN = Condition(
    vector_id=2,
    vector_sha256=OTHER,
    layer=0,
    measure=Measure.PROJECTION,
    comparison=ThresholdSide.ABOVE,
    threshold=0.0,
    window=Positions.parse("response:last=2"),
)
ARMS = [
    arm(),
    arm(intervention(0.3)),
    arm(intervention(0.4, positions=Positions.RESPONSE, schedule=Schedule.parse("first:3"))),
    arm(intervention(0.4, schedule=Schedule.parse("linear:0:1:6"))),
    arm(intervention(0.4, positions=Positions.parse("response:2-4"))),
    arm(intervention(2.0, operator=Operator.ADD, site=Site.BLOCK_OUTPUT, vector=OTHER)),
]

CONDITIONAL = [
    arm(),
    arm(intervention(3.0, operator=Operator.ADD, layers=(1, 2), condition=WHEN)),
]


@pytest.mark.parametrize("arms", [ARMS, CONDITIONAL])
@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_every_token_has_the_figures_that_were_measured_while_it_was_written(architecture, arms):
    """Holds one pass over the whole text to the passes that generated it, token by token."""
    loaded = tiny_model(architecture)
    spec = run_spec(loaded, PROMPTS, arms)
    spec = replace(spec, decoding=replace(spec.decoding, kl=True))
    made = generate(loaded, spec, vectors(loaded)).generations
    run = PreparedRun.prepare(loaded, spec, vectors(loaded))
    told = []
    read = read_texts(run, made, on_progress=lambda *step: told.append(step))
    assert told[-1][0] == told[-1][1]
    for text, (own, plain) in zip(made, read, strict=True):
        assert own.by_token == pytest.approx(text.divergence.logprobs, abs=2e-5)
        assert plain.by_token == pytest.approx(text.divergence.baseline_logprobs, abs=2e-5)
        assert np.mean(own.by_token) == pytest.approx(text.mean_logprob, abs=2e-5)
        is_baseline = text.key.arm == 0
        assert (own.by_token.tolist() == plain.by_token.tolist()) == is_baseline
        assert "".join(text.divergence.pieces) == text.text
    [(alone, _)] = read_texts(run, made[1:2])
    assert alone.by_token == pytest.approx(read[1][0].by_token, abs=2e-5)
