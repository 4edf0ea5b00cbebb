"""Runs compare if whatever shapes their texts is the same, but for the arms and the draws."""

from dataclasses import replace

import pytest

from tests import specs
from tests.domain.test_description import changes, run_of
from vectorlab.domain.codec import fields_of
from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.runs.comparable import baselines_of, comparable_runs, reasons_apart
from vectorlab.domain.runs.comparison import columns_of
from vectorlab.domain.runs.runs import Decoding, Prompt, RunSpec

RUN = replace(specs.FULL_RUN, arms=(Arm(label="baseline"), specs.FULL_ARM))
FREE = {"arms", "seed", "samples"}


@pytest.mark.parametrize(("name", "spec"), changes(RunSpec), ids=lambda part: str(part)[:12])
def test_every_field_but_arms_and_draws_sets_runs_apart(name, spec):
    apart = reasons_apart(run_of(spec), run_of(specs.FULL_RUN))
    if name != "decoding":  # whose fields are looked at one by one below
        assert bool(apart) == (name not in FREE), (name, apart)


@pytest.mark.parametrize(("name", "decoding"), changes(Decoding), ids=lambda part: str(part)[:12])
def test_every_field_of_decoding_but_what_is_measured_sets_runs_apart(name, decoding):
    one = replace(specs.FULL_RUN, decoding=specs.FULL_DECODING)
    apart = reasons_apart(run_of(replace(one, decoding=decoding)), run_of(one))
    assert bool(apart) == (name != "kl"), (name, apart)
    assert {field.name for field in fields_of(Decoding)} > {"kl"}


def test_the_reason_is_said_in_the_words_of_the_request():
    greedy = replace(RUN, decoding=Decoding(do_sample=False))
    sampled = replace(RUN, decoding=Decoding(do_sample=True, temperature=0.7))
    assert reasons_apart(run_of(sampled), run_of(greedy)) == ("decoding sampled, not greedy",)


def test_prompts_in_another_order_are_the_same_prompts():
    one = replace(RUN, prompts=(Prompt(text="a"), Prompt(text="b")))
    turned = replace(one, prompts=one.prompts[::-1])
    assert reasons_apart(run_of(one), run_of(turned)) == ()
    fewer = replace(one, prompts=one.prompts[:1])
    assert reasons_apart(run_of(one), run_of(fewer)) == ("other prompts",)


def test_runs_are_grouped_and_each_group_has_its_own_baseline():
    greedy, sampled = (replace(RUN, decoding=Decoding(do_sample=on)) for on in (False, True))
    found = [
        run_of(greedy, 1),
        run_of(sampled, 2),
        run_of(replace(greedy, seed=9), 3),
        run_of(replace(sampled, arms=RUN.arms[1:], seed=9), 4),
    ]
    assert [[run.id for run in group] for group in comparable_runs(found)] == [[1, 3], [2, 4]]
    columns = columns_of(found)
    chosen = columns[4]
    assert (chosen.run_id, chosen.is_baseline) == (3, True)
    against = baselines_of(found, chosen)
    assert {number: column.run_id for number, column in against.items()} == {1: 3, 2: 2, 3: 3, 4: 2}
    assert set(baselines_of(found, None).values()) == {None}
    alone = baselines_of([found[0], found[3]], chosen)
    assert alone[4] is None
