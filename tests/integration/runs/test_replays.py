"""A run replayed under other kernels than made it, and what the verdict says of that."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.store.analysis.test_views import read
from tests.tiny_models import byte_tokenizer, random_model
from vectorlab.domain.runs.batch_plan import RowKey
from vectorlab.domain.runs.replays import Effect, ReplayOutcome
from vectorlab.domain.runs.runs import Decoding
from vectorlab.domain.runs.texts import Departure, FinishReason, GeneratedText
from vectorlab.lab import Lab, RunView
from vectorlab.services.runs import runs
from vectorlab.steering.model.environment import kernel_limits
from vectorlab.worker.handlers import generation

LIMITS = {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"}
SENTENCE = "Please paraphrase the following sentence. Sentence: The {} was fine., paraphrase: "
KEY = RowKey(prompt=0, arm=0, sample=0)
PROMPTS = [SENTENCE.format(word) for word in ("bread", "old park", "tea", "film")]
RUNS = {
    "steered": {"model": "tiny", "prompts": PROMPTS, "vectors": ["upbeat"], "strengths": [0.1]},
    "undecided": {"model": "undecided", "prompts": [f"Prompt {number}" for number in range(8)]},
}
GENERATE = """
import json, sys
from vectorlab.domain.runs.runs import Decoding
from vectorlab.lab import Lab, RunView

lab = Lab(sys.argv[1], device="cpu")
for name, request in json.loads(sys.argv[2]).items():
    lab.runs.generate(name=name, decoding=Decoding(max_new_tokens=16), **request)
"""


def undecided(folder: Path) -> Path:
    """A random model with every row of its head there twice, but for the last bits."""
    model = random_model("llama")
    head = model.lm_head.weight
    noise = torch.randn(head[1::2].shape, generator=torch.Generator().manual_seed(0))
    head[1::2] = head[:-1:2] + 1e-8 * noise
    model.save_pretrained(folder / "undecided")
    byte_tokenizer(bos=True).save_pretrained(folder / "undecided")
    return folder / "undecided"


def made_elsewhere(lab: Lab, name: str) -> RunView:
    """A run of a process that is kept from most instruction sets."""
    subprocess.run(
        [sys.executable, "-c", GENERATE, lab.db.url, json.dumps({name: RUNS[name]})],
        env={**os.environ, **LIMITS},
        check=True,
        timeout=300,
    )
    return lab.runs.get(name)


@pytest.mark.long
def test_the_bundled_model_replays_under_other_kernels_or_says_why_not(lab):
    view = made_elsewhere(lab, "steered")
    limits = view.run.environment["kernel_limits"]
    # This process may have limits of its own, which the other one has as well.
    own = dict(limit.split("=") for limit in (kernel_limits() or "").split(", ") if limit)
    wanted = {**own, "ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"}
    assert dict(limit.split("=") for limit in limits.split(", ")) == wanted
    found = view.replay()
    effects = {item.name: item.effect for item in found.changes}
    if kernel_limits() != limits:  # as they are where this suite runs under plain kernels itself
        assert effects["kernel_limits"] is Effect.ROUNDING
    assert set(effects) <= {"kernel_limits", "cpu"}
    near = all(item.margin <= found.rounding_margin for item in found.departures)
    differ = ReplayOutcome.ROUNDING if near else ReplayOutcome.UNEXPLAINED
    assert found.verdict is (differ if found.departures else ReplayOutcome.IDENTICAL)
    # What did not part had the same margins, to what kernels round.
    before = {item.key: item for item in runs.generations(lab.db, view.run)}
    after = runs.generations(lab.db, lab.runs.get(str(found.replay_id)).run)
    for text in after:
        if text.token_ids == before[text.key].token_ids:
            assert text.choice_margin == pytest.approx(before[text.key].choice_margin, abs=2e-4)


@pytest.mark.slow
def test_texts_that_part_at_near_choices_are_explained_and_kept(lab, tmp_path, monkeypatch):
    lab.models.add(str(undecided(tmp_path)), name="undecided")
    view = made_elsewhere(lab, "undecided")
    assert view.to_frame()["fragile"].all()
    found = view.replay()
    if torch.backends.cpu.get_cpu_capability() != view.run.environment["cpu"]:
        assert found.departures
        assert found.verdict is ReplayOutcome.ROUNDING
        assert "explained by rounding" in str(found)
    assert all(item.margin < 1e-5 for item in found.departures)
    monkeypatch.setattr(runs, "compare_generations", None)  # nothing is compared again
    assert runs.verdict(lab.db, str(found.replay_id)) == found
    with lab.db.read() as tx:
        [row] = read(tx, "v_replays")
    assert (row["verdict"], row["n_departures"]) == (found.verdict, len(found.departures))
    margins = [item.margin for item in found.departures]
    edges = (min(margins), max(margins)) if margins else (None, None)
    assert (row["nearest_margin"], row["widest_margin"]) == edges


def test_a_text_that_parts_at_a_wide_choice_on_the_same_machine_is_not_explained(lab, monkeypatch):
    view = lab.runs.generate(prompts=PROMPTS, decoding=Decoding(max_new_tokens=4))
    kept = generation.runs.token_ids

    def forged(tx, run_id):
        return {key: (*ids[:-1], 0) for key, ids in kept(tx, run_id).items()}

    monkeypatch.setattr(generation.runs, "token_ids", forged)
    found = view.replay()
    assert (found.verdict, found.changes) == (ReplayOutcome.UNEXPLAINED, ())
    assert {item.position for item in found.departures} == {3}
    assert all(item.margin > found.rounding_margin for item in found.departures)
    assert "nothing on record that changes rounding differs; 0 of 4" in str(found)


def test_a_batch_that_an_attempt_left_behind_keeps_its_margins_and_departures():
    left = Departure(key=KEY, position=1, original_id=4, replay_id=5, margin=2.5e-7)
    text = GeneratedText(
        key=KEY,
        text="x",
        token_ids=(3, 5),
        finish_reason=FinishReason.LENGTH,
        mean_logprob=-1.0,
        choice_margin=2.5e-7,
        departure=left,
    )
    for item in (text, replace(text, departure=None)):
        stored = json.dumps(item.to_json())
        assert GeneratedText.from_json(json.loads(stored)) == item
