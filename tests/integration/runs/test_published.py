"""Runs in the store that go after a published experiment say so, in a report and where shown."""

import pytest

from vectorlab.domain.published import CONDITIONS, EXPERIMENTS
from vectorlab.lab import Lab, RunView
from vectorlab.services.runs import published
from vectorlab.services.runs.report import run_report
from vectorlab.services.sets import examples, sets

DIALOGUE = EXPERIMENTS[0]


@pytest.fixture
def examples_lab(empty_lab: Lab) -> Lab:
    examples.load(empty_lab.db, actor="ada")
    for name, convention in (("kept", None), ("stripped", "icv")):
        empty_lab.vectors.extract(set=f"{DIALOGUE.name}@1", name=name, convention=convention)
    return empty_lab


def run(lab: Lab, **options: object) -> RunView:
    prompts = [DIALOGUE.published.query("My boss is late.")]
    return lab.runs.generate(prompts=prompts, vectors=["kept", "stripped"], **options)


def test_every_arm_with_an_examples_vector_says_what_it_may_be_called(examples_lab):
    view = run(examples_lab, strengths=[0, 0.12], decoding=DIALOGUE.published.decoding)
    said = {
        label: str(claim) for label, claim in published.claims(examples_lab.db, view.run).items()
    }
    assert said == {
        "kept +0.12": "after the published experiment, but for: punctuation kept",
        "stripped +0.12": CONDITIONS,
    }


def test_a_report_says_each_claim_once_behind_its_arms(examples_lab):
    view = run(examples_lab, strengths=[0.12], decoding=DIALOGUE.greedy)
    lines = published.in_words(published.claims(examples_lab.db, view.run))
    assert lines == [
        "kept +0.12: after the published experiment, but for: punctuation kept, greedy decoding",
        "stripped +0.12: after the published experiment, but for: greedy decoding",
    ]
    blocks = run_report(examples_lab.db, [str(view.id)])
    assert any("; ".join(lines) in str(block) for block in blocks)


def test_a_set_that_was_changed_makes_no_claim(examples_lab):
    lab = examples_lab
    pairs = sets.demonstrations(lab.db, sets.get(lab.db, DIALOGUE.name))
    lab.sets.commit("other-name", pairs)
    lab.sets.commit(DIALOGUE.name, pairs[:5])
    renamed = lab.vectors.extract(set="other-name@1", name="same", force=True)
    changed = lab.vectors.extract(set=f"{DIALOGUE.name}@2", name="changed")
    view = lab.runs.generate(
        prompts=["Once"], arms=[f"{renamed.name}:0.12", f"{changed.name}:0.12"]
    )
    assert list(published.claims(lab.db, view.run)) == ["same +0.12"]


def test_controls_and_baselines_make_no_claim(examples_lab):
    view = examples_lab.runs.sweep(
        vectors="stripped", strengths=[0.12], random=1, prompts=["Once"], decoding=DIALOGUE.greedy
    )
    assert len(view.run.spec.arms) == 3
    assert list(published.claims(examples_lab.db, view.run)) == ["stripped +0.12"]
