"""Requests in words: no field is forgotten, wherever requests are shown or compared."""

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests import specs
from vectorlab.domain.codec import fields_of
from vectorlab.domain.description import describe, in_words
from vectorlab.domain.interventions.arms import Arm, Intervention
from vectorlab.domain.interventions.conditions import Condition
from vectorlab.domain.interventions.positions import Part, Positions, Stage
from vectorlab.domain.interventions.schedules import Schedule, Shape
from vectorlab.domain.runs.batch_plan import BatchPlan
from vectorlab.domain.runs.comparison import settings_of, side_by_side
from vectorlab.domain.runs.runs import Decoding, GenerationRun, RunSpec
from vectorlab.domain.scores.scores import ScorerSpec
from vectorlab.domain.text.chats import Chat
from vectorlab.domain.vectors.states import StateSpec
from vectorlab.domain.vectors.vectors import ExtractionSpec
from vectorlab.ravel.domain.specs import FeaturizerArm, FeaturizerSpec, VectorArm, facts_of_arm

UNDESCRIBED = (StateSpec, ScorerSpec)  # a cache's key; a scorer is said by its label
KINDS = [kind for kind in specs.NEWEST if kind not in UNDESCRIBED]
# How a part of a run becomes a run.
IN_A_RUN: dict[type, Any] = {
    RunSpec: lambda spec: spec,
    Decoding: lambda decoding: replace(specs.FULL_RUN, decoding=decoding),
    Chat: lambda chat: replace(specs.FULL_RUN, chat=chat),
    Arm: lambda arm: replace(specs.FULL_RUN, arms=(arm,)),
    Intervention: lambda item: replace(
        specs.FULL_RUN, arms=(replace(specs.FULL_ARM, interventions=(item,)),)
    ),
    Condition: lambda condition: replace(
        specs.FULL_RUN,
        arms=(
            replace(
                specs.FULL_ARM,
                interventions=(replace(specs.FULL_INTERVENTION, condition=condition),),
            ),
        ),
    ),
}

OF_TOKENS = "KL(steered || unsteered) of every token"


def changes(kind: type) -> list[tuple[str, Any]]:
    """One field changed after the other; row ids, which are no part of a request, left out."""
    row_ids = {field.name for field in fields_of(kind) if field.stored.row_id_of}
    return [(name, changed) for name, changed in specs.changes(kind) if name not in row_ids]


def run_of(spec: RunSpec, run_id: int = 1) -> GenerationRun:
    return GenerationRun(
        id=run_id,
        name=None,
        model_id=1,
        model_name="tiny",
        prompt_set_version_id=None,
        prompt_set_label=None,
        spec=spec,
        spec_sha256=spec.sha256,
        result_sha256="0" * 64,
        environment={"torch": "2.13.0"},
        batch_plan=BatchPlan(batches=()),
        replay_of=None,
        duration_s=1.0,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_no_field_is_missing_from_the_description(kind: type) -> None:
    full = describe(specs.NEWEST[kind])
    for name, changed in changes(kind):
        assert describe(changed) != full, name


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_no_field_is_missing_from_a_sentence(kind: type) -> None:
    labels = {field.name for field in fields_of(kind) if field.name == "label"}
    for name, changed in changes(kind):
        assert (in_words(changed) != in_words(specs.NEWEST[kind])) is (name not in labels), name


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_no_field_is_missing_from_a_comparison(kind: type) -> None:
    for name, changed in changes(kind):
        facts = [
            {fact.name: fact.value for fact in describe(spec)}
            for spec in (specs.NEWEST[kind], changed)
        ]
        assert [line for line in side_by_side(facts) if line.differs], name


@pytest.mark.parametrize("kind", [FeaturizerSpec, VectorArm])
def test_no_field_is_missing_from_what_an_arm_of_attributes_says(kind: type) -> None:
    def told(spec: Any) -> Any:
        is_arm = isinstance(spec, VectorArm)
        return facts_of_arm(spec if is_arm else FeaturizerArm(label="a", featurizers=(spec,)))

    for name, changed in changes(kind):
        assert (told(changed) != told(specs.NEWEST[kind])) is (name != "label"), name


def test_featurizers_of_several_attributes_are_told_as_one() -> None:
    one = specs.FULL_FEATURIZER
    arm = FeaturizerArm(label="a", featurizers=(one, replace(one, attribute="language")))
    told = {fact.name: fact.value for fact in facts_of_arm(arm)}
    assert (told["attribute"], told["features"]) == ("continent, language", "4")


@pytest.mark.parametrize("kind", list(IN_A_RUN), ids=lambda kind: kind.__name__)
def test_runs_that_differ_in_one_field_have_a_line_that_differs(kind: type) -> None:
    first = run_of(IN_A_RUN[kind](specs.NEWEST[kind]))
    assert not [line for line in settings_of([first, first]) if line.differs]
    for name, changed in changes(kind):
        other = run_of(IN_A_RUN[kind](changed))
        assert [line.name for line in settings_of([first, other]) if line.differs], name


@pytest.mark.parametrize(
    ("plain", "changed", "line"),
    [
        (Decoding(do_sample=True), Decoding(do_sample=True, min_p=0.3), "min-p"),
        (Decoding(), Decoding(kl=True), OF_TOKENS),
        (Decoding(), Decoding(stop=(".",)), "stop strings"),
    ],
)
def test_runs_that_differ_only_in_decoding_name_it(plain: Any, changed: Any, line: str) -> None:
    runs = [run_of(replace(specs.PLAIN_RUN, decoding=item)) for item in (plain, changed)]
    assert [item.name for item in settings_of(runs) if item.differs] == [line]


@pytest.mark.parametrize("field", [field.name for field in fields(Positions)])
def test_positions_spell_every_field(field: str) -> None:
    whole = {"part": Part.PROMPT, "start": 2, "stop": 9, "tokens": (5, 6), "excluded": (6,)}
    base, value = {
        "part": (Positions(), Part.PROMPT),
        "start": (Positions(**whole), 3),  # type: ignore[arg-type]
        "stop": (Positions(**whole), 8),  # type: ignore[arg-type]
        "last": (Positions.PROMPT, 2),
        "tokens": (Positions(**whole), (5,)),  # type: ignore[arg-type]
        "excluded": (Positions(**whole), ()),  # type: ignore[arg-type]
        "skip_bos": (Positions.PROMPT, True),
        "stage": (Positions.RESPONSE, Stage.ANSWER),
    }[field]
    changed = replace(base, **{field: value})
    assert str(changed) != str(base)
    assert (Positions.parse(str(changed)), Positions.parse(str(base))) == (changed, base)


@pytest.mark.parametrize("field", [field.name for field in fields(Schedule)])
def test_schedules_spell_every_field(field: str) -> None:
    base = Schedule.parse("linear:0.25:0.75:8")
    value = {"shape": Shape.COSINE, "start": 0.5, "end": 0.1, "tokens": 9}[field]
    changed = replace(base, **{field: value})
    assert str(changed) != str(base)
    assert (Schedule.parse(str(changed)), Schedule.parse(str(base))) == (changed, base)


def test_every_digit_of_a_number_is_said() -> None:
    near = replace(specs.PLAIN_INTERVENTION, strength=0.1 + 1e-12)
    assert in_words(near) != in_words(specs.PLAIN_INTERVENTION)
    assert "strength +0.1, " in in_words(specs.PLAIN_INTERVENTION)


def test_a_sentence_says_what_is_asked_for_and_not_what_goes_without_saying() -> None:
    names = {specs.VECTOR: "upbeat", specs.OTHER: "angry"}
    assert in_words(Arm(label="baseline")) == "nothing"
    assert in_words(Decoding()) == "decoding greedy, new tokens at most 32"
    assert in_words(specs.PLAIN_ARM, names) == (
        "applies vector upbeat (aaaaaaaaaaaa), operator rotate, strength +0.1, "
        "write site mlp_output, positions all, layers all"
    )
    said = in_words(specs.FULL_ARM, names)
    assert "schedule cosine:1:0.5:8" in said
    assert "when measure cosine, vector angry (bbbbbbbbbbbb)" in said
    assert "combined by sum" in said
    assert "characters before every prompt 10 (content" in said


def test_greedy_decoding_does_not_speak_of_draws() -> None:
    told = {fact.name for fact in describe(Decoding(temperature=0.5))}
    assert told == {
        "decoding",
        "new tokens at most",
        "stop strings",
        OF_TOKENS,
    }


def test_a_field_that_says_nothing_about_itself_is_an_error() -> None:
    with pytest.raises(TypeError, match="has no About"):
        describe(specs.PLAIN_STATES)


def test_the_unit_of_a_strength_is_that_of_its_operator() -> None:
    units = {fact.unit for fact in describe(specs.PLAIN_INTERVENTION)}
    assert any(unit.startswith("relative to the norm") for unit in units)


def test_an_extraction_says_how_its_texts_are_read() -> None:
    told = {fact.name: fact.value for fact in describe(specs.FULL_EXTRACTION)}
    assert told["template"] == "'A {kind} review: {text}'"
    assert told["thinking markers"] == "<a> </a>"
    assert told["punctuation deleted"] == "yes"
    plain: ExtractionSpec = specs.PLAIN_EXTRACTION
    told = {fact.name: fact.value for fact in describe(plain)}
    assert (told["template"], told["thinking markers"]) == ("none", "those that are recognised")
