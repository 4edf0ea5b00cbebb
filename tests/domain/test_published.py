"""What a run may be called beside the published experiments: as published, or but for what."""

from dataclasses import replace

import pytest

from vectorlab.domain.interventions.arms import Arm, Intervention
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Part, Positions
from vectorlab.domain.published import AS_PUBLISHED, CONDITIONS, EXPERIMENTS, Experiment, claim
from vectorlab.domain.runs.runs import Prompt, RunSpec
from vectorlab.domain.text.chats import Chat
from vectorlab.domain.vectors.conventions import Convention
from vectorlab.domain.vectors.vectors import ExtractionSpec, Site, TokenRule

DIALOGUE, FLIP, WORDING = EXPERIMENTS
HASH = "ab" * 32
EXTRACTION = ExtractionSpec(
    model_fingerprint=HASH,
    set_sha256=HASH,
    method="icv",
    read_site=Site.BLOCK_OUTPUT,
    write_site=Site.MLP_OUTPUT,
    strip_punctuation=True,
)


def steering(experiment: Experiment, **changes: object) -> Intervention:
    turned = Intervention(
        vector_id=1,
        vector_sha256=HASH,
        operator=Operator.ROTATE,
        strength=experiment.published.strength,
        site=Site.MLP_OUTPUT,
    )
    return replace(turned, **changes)


def run_of(experiment: Experiment, arm: Arm) -> RunSpec:
    return RunSpec(
        model_fingerprint=HASH,
        prompts=(Prompt(text=experiment.published.query("My boss is late.")),),
        arms=(arm,),
        decoding=experiment.published.decoding,
    )


def but_for(
    experiment: Experiment = DIALOGUE,
    *,
    extraction: ExtractionSpec = EXTRACTION,
    arm: dict[str, object] | None = None,
    run: dict[str, object] | None = None,
    **intervention: object,
) -> tuple[str, ...]:
    made = Arm(label="a", interventions=(steering(experiment, **intervention),))
    made = replace(made, **(arm or {}))
    spec = replace(run_of(experiment, made), **(run or {}))
    return claim(experiment, extraction, spec, made).but_for


@pytest.mark.parametrize("experiment", [DIALOGUE, FLIP], ids=lambda each: each.name)
def test_a_run_in_every_published_condition_has_them_all(experiment):
    assert but_for(experiment) == ()
    made = Arm(label="a", interventions=(steering(experiment),))
    said = claim(experiment, EXTRACTION, run_of(experiment, made), made)
    assert said.has_the_conditions
    assert str(said) == CONDITIONS


def test_only_an_arm_that_turns_texts_is_as_published():
    made = Arm(label="a", interventions=(steering(DIALOGUE),))
    spec = run_of(DIALOGUE, made)
    said = claim(DIALOGUE, EXTRACTION, spec, made)
    assert said.with_effect(0.5) == AS_PUBLISHED
    after = "after the published experiment, but for: "
    assert said.with_effect(0.49) == f"{after}its effect"
    kept = claim(DIALOGUE, replace(EXTRACTION, strip_punctuation=False), spec, made)
    assert kept.with_effect(0.5) == str(kept) == f"{after}punctuation kept"
    assert kept.with_effect(0) == f"{after}punctuation kept, its effect"


def test_another_task_is_never_as_published():
    assert but_for(WORDING) == ("plain -> excited in the place of negative -> positive",)


def test_a_convention_is_what_it_stands_for_and_no_difference():
    assert but_for(extraction=replace(EXTRACTION, convention=Convention.ICV)) == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"strip_punctuation": False}, "punctuation kept"),
        ({"method": "mean_difference"}, "method mean_difference"),
        ({"read_site": Site.MLP_OUTPUT}, "read site mlp_output"),
        ({"token_rule": TokenRule("mean")}, "tokens mean"),
        ({"template": "Say: {text}"}, "template 'Say: {text}'"),
        ({"add_special_tokens": False}, "special tokens no"),
    ],
)
def test_another_way_of_reading_is_named(changes, words):
    assert but_for(extraction=replace(EXTRACTION, **changes)) == (words,)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"strength": 0.2}, "strength +0.2"),
        ({"operator": Operator.ADD}, "operator add"),
        ({"site": Site.BLOCK_OUTPUT}, "write site block_output"),
        ({"layers": (3, 4)}, "layers 3-4"),
        ({"positions": Positions(part=Part.RESPONSE)}, "positions response"),
    ],
)
def test_another_way_of_steering_is_named(changes, words):
    assert but_for(**changes) == (words,)


def test_what_stands_beside_the_vector_is_named():
    [beside] = but_for(arm={"interventions": (steering(DIALOGUE), steering(DIALOGUE))})
    assert beside == "another vector beside it"
    assert but_for(arm={"prefix": "Be kind. "}) == ("a text before every prompt",)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"temperature": 0.7}, "temperature 0.7"),
        ({"top_k": 0}, "top-k off"),
        ({"top_p": 0.9}, "top-p 0.9"),
        ({"max_new_tokens": 40}, "new tokens at most 40"),
    ],
)
def test_another_decoding_is_named(changes, words):
    decoding = replace(DIALOGUE.published.decoding, **changes)
    assert but_for(run={"decoding": decoding}) == (words,)


def test_greedy_decoding_is_named_alone_and_stop_strings_are_each_tokenizers_own():
    assert but_for(run={"decoding": DIALOGUE.greedy}) == ("greedy decoding",)
    other = replace(DIALOGUE.published.decoding, stop=(".",))
    assert but_for(run={"decoding": other}) == ()


def test_another_query_is_named():
    prompts = (Prompt(text=FLIP.published.query("It was bad.")),)
    assert but_for(run={"prompts": prompts}) == ("another query",)
    assert but_for(run={"chat": Chat(template_sha256=HASH)}) == ("another query",)


def test_all_that_differs_is_said_in_one_sentence():
    made = Arm(label="a", interventions=(steering(DIALOGUE, strength=0.2),))
    spec = replace(run_of(DIALOGUE, made), decoding=DIALOGUE.greedy)
    kept = replace(EXTRACTION, strip_punctuation=False)
    assert str(claim(DIALOGUE, kept, spec, made)) == (
        "after the published experiment, but for: punctuation kept, strength +0.2, greedy decoding"
    )


def test_the_greedy_decoding_differs_from_the_published_one_by_its_draws_alone():
    for experiment in EXPERIMENTS:
        theirs, ours = experiment.published.decoding, experiment.greedy
        assert (theirs.do_sample, ours.do_sample) == (True, False)
        assert (theirs.max_new_tokens, theirs.stop) == (ours.max_new_tokens, ours.stop)
