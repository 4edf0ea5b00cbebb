"""KL and log-probabilities against the baseline, from the passes that generate."""

import pytest
import torch

from tests.steering.builders import OTHER, arm, hook_count, intervention, run_spec, vectors
from tests.tiny_models import tiny_model
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.vectors.vectors import Site
from vectorlab.steering.generation.generation import fitting_together, generate, plan_run
from vectorlab.steering.interventions.arm_table import SteeringTable
from vectorlab.steering.interventions.hooks import steer
from vectorlab.steering.model.loading import LoadedModel

ARMS = [
    arm(),
    arm(intervention(0.4)),
    arm(intervention(2.0, operator=Operator.ADD, site=Site.BLOCK_OUTPUT, vector=OTHER)),
    arm(intervention(0.6, positions=Positions.RESPONSE)),
]
PROMPTS = ["Once upon a time", "Hi"]


def explicit(
    loaded: LoadedModel, number: int, prompt: list[int], answer: tuple[int, ...]
) -> tuple[list[float], list[float]]:
    """KL and baseline log-probability of every token by two full passes over the whole text."""
    table = SteeringTable.build(loaded, ARMS, vectors(loaded))
    ids = torch.tensor([[*prompt, *answer]])
    inside = (torch.arange(ids.shape[1]) >= len(prompt))[None]
    distributions = []
    for which in (number, 0):
        with torch.no_grad(), steer(loaded, table, [which]) as steering:
            steering.set_response(inside)
            logits = loaded.model(input_ids=ids).logits[0, len(prompt) - 1 : -1]
        distributions.append(logits.double().log_softmax(dim=-1))
    steered, baseline = distributions
    kl = (steered.exp() * (steered - baseline)).sum(dim=-1)
    own = baseline.gather(1, torch.tensor(answer)[:, None])[:, 0]
    return kl.tolist(), own.tolist()


@pytest.mark.parametrize("name", ["llama", "gpt2", "qwen2"])
def test_the_comparison_is_that_of_two_passes_over_the_finished_text(name: str) -> None:
    loaded = tiny_model(name)
    clean = hook_count(loaded)
    result = generate(loaded, run_spec(loaded, PROMPTS, ARMS, kl=True), vectors(loaded))
    assert hook_count(loaded) == clean
    for item in result.generations:
        prompt = loaded.tokenizer.encode(PROMPTS[item.key.prompt])
        kl, baseline = explicit(loaded, item.key.arm, prompt, item.token_ids)
        assert item.divergence is not None
        assert item.divergence.kl == pytest.approx(kl, abs=1e-4)
        assert item.divergence.baseline_logprobs == pytest.approx(baseline, abs=1e-4)
        mean = sum(item.divergence.logprobs) / len(item.token_ids)
        assert item.mean_logprob == pytest.approx(mean)
        assert (item.divergence.mean_kl == 0) == (item.key.arm == 0)


def test_a_comparison_replays_and_its_texts_are_those_without_it() -> None:
    loaded = tiny_model("llama")
    spec = run_spec(loaded, PROMPTS, ARMS, kl=True, do_sample=True, stop=("\n",))
    result = generate(loaded, spec, vectors(loaded))
    assert generate(loaded, spec, vectors(loaded), plan=result.plan) == result
    plain = generate(loaded, run_spec(loaded, PROMPTS, ARMS, do_sample=True), vectors(loaded))
    assert [item.token_ids for item in plain.generations] == [
        item.token_ids for item in result.generations
    ]
    assert all(item.divergence is None for item in plain.generations)


def test_rows_that_are_compared_count_twice_and_share_no_batch() -> None:
    loaded = tiny_model("llama")
    spec = run_spec(loaded, ["a", "b"], ARMS[:2], kl=True, max_new_tokens=8)
    plain = run_spec(loaded, ["a", "b"], ARMS[:2], max_new_tokens=8)
    assert len(plan_run(loaded, plain, token_budget=40).batches) == 1
    assert len(plan_run(loaded, spec, token_budget=40).batches) == 2
    assert fitting_together(loaded, [spec, spec]) == []
