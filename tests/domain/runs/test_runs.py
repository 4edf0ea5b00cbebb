import math
from dataclasses import replace

import pytest

from vectorlab.domain.interventions.arms import (
    Arm,
    Combine,
    Intervention,
    check_arm,
    check_strength,
)
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.runs.batch_plan import BatchPlan, RowKey
from vectorlab.domain.runs.runs import Decoding, Prompt, RunSpec
from vectorlab.domain.runs.texts import (
    Departure,
    FinishReason,
    GeneratedText,
    compare_generations,
    departure,
)
from vectorlab.domain.vectors.vectors import Site
from vectorlab.errors import InputError


def intervention(strength: float = 0.1, vector_id: int = 7) -> Intervention:
    return Intervention(
        vector_id=vector_id,
        vector_sha256="ab" * 32,
        operator=Operator.ROTATE,
        strength=strength,
        site=Site.MLP_OUTPUT,
        positions=Positions.RESPONSE,
        layers=(0, 2),
    )


def spec(**changes) -> RunSpec:
    values = {
        "model_fingerprint": "cd" * 32,
        "prompts": (Prompt(text="one"), Prompt(text="two", reference="zwei")),
        "arms": (
            Arm(label="baseline"),
            Arm(label="up", interventions=(intervention(),), combine=Combine.SUM),
        ),
        "decoding": Decoding(do_sample=True, temperature=0.7, top_k=5, stop=("\n",)),
        "seed": 3,
        "samples": 2,
    }
    return RunSpec(**(values | changes))


def text(prompt: int, token_ids: tuple[int, ...]) -> GeneratedText:
    return GeneratedText(
        key=RowKey(prompt=prompt, arm=0, sample=0),
        text="",
        token_ids=token_ids,
        finish_reason=FinishReason.LENGTH,
        mean_logprob=-1.0,
    )


def test_an_operator_may_be_given_by_its_name() -> None:
    assert replace(intervention(), operator="add").operator is Operator.ADD


def test_a_run_survives_its_json_form():
    original = spec()
    again = RunSpec.from_json(original.to_json(), original.vector_ids())
    assert again == original
    assert again.sha256 == original.sha256


def test_requests_from_before_windows_and_schedules_keep_their_hash():
    """Computed by the version that knew whole parts and constant strengths only."""
    before = "1e5632373e04af5eed2bdfc07117f6ebab1f369f50ad87dad24f80e4893e9d46"
    assert spec().sha256 == before


@pytest.mark.parametrize(
    "change",
    [
        {"positions": Positions.parse("response:first=4")},
        {"positions": Positions.parse("response+except=3")},
        {"schedule": Schedule.parse("first:4")},
        {"operator": Operator.PROJECT_TO},
    ],
)
def test_windows_schedules_and_operators_are_part_of_the_identity(change):
    arms = (Arm(label="baseline"), Arm(label="up", interventions=(intervention(),)))
    other = (arms[0], Arm(label="up", interventions=(replace(intervention(), **change),)))
    changed = spec(arms=other)
    assert changed.sha256 != spec(arms=arms).sha256
    again = RunSpec.from_json(changed.to_json(), changed.vector_ids())
    assert (again, again.sha256) == (changed, changed.sha256)


@pytest.mark.parametrize(
    "change",
    [
        {"strength": 0.5},
        {"positions": Positions.PROMPT},
        {"schedule": Schedule.parse("first:4")},
        {"layers": (0,)},
    ],
)
def test_vectors_that_are_projected_to_together_act_alike(change):
    one = replace(intervention(), operator=Operator.PROJECT_TO)
    check_arm(Arm(label="x", interventions=(one, one)))
    check_arm(Arm(label="x", interventions=(one, replace(one, **change, site=Site.BLOCK_OUTPUT))))
    with pytest.raises(InputError, match="act as one"):
        check_arm(Arm(label="x", interventions=(one, replace(one, **change))))


def test_the_row_id_of_a_vector_is_not_part_of_the_identity():
    moved = Arm(label="up", interventions=(intervention(vector_id=8),), combine=Combine.SUM)
    assert spec(arms=(Arm(label="baseline"), moved)).sha256 == spec().sha256


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 4},
        {"samples": 3},
        {"prompts": (Prompt(text="one"),)},
        {"arms": (Arm(label="baseline"),)},
        {"dtype": "bfloat16"},
        {"add_special_tokens": False},
        {"decoding": Decoding()},
        {"model_fingerprint": "ef" * 32},
    ],
)
def test_every_part_of_a_request_is_part_of_its_identity(change):
    assert spec(**change).sha256 != spec().sha256


def test_greedy_decoding_forgets_what_it_does_not_use():
    assert Decoding(temperature=0.3).to_json() == Decoding(temperature=0.9).to_json()


def test_rows_are_ordered_by_prompt_then_arm_then_sample():
    rows = spec().rows()
    assert rows == sorted(rows)
    assert len(rows) == 2 * 2 * 2


@pytest.mark.parametrize(
    ("strengths", "baseline"), [((), True), ((0.0,), True), ((0.0, 0.1), False), ((-0.1,), False)]
)
def test_an_arm_without_any_strength_is_the_baseline(strengths, baseline):
    arm = Arm(label="x", interventions=tuple(intervention(item) for item in strengths))
    assert arm.is_baseline is baseline


def test_a_batch_plan_survives_its_json_form():
    plan = BatchPlan(batches=((0, 2), (1,)))
    assert BatchPlan.from_json(plan.to_json()) == plan


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), (0.0, -0.0)])
def test_a_number_has_one_spelling(one, other):
    assert intervention(one).to_json() == intervention(other).to_json()
    assert str(intervention(one).strength) == str(intervention(other).strength)


@pytest.mark.parametrize("strength", [math.nan, math.inf, -math.inf])
def test_a_strength_that_is_not_finite_is_refused(strength):
    with pytest.raises(InputError, match="not finite"):
        check_strength(strength)


@pytest.mark.parametrize(
    "bad",
    [
        {"max_new_tokens": 0},
        {"temperature": 0.0},
        {"temperature": math.nan},
        {"top_k": -1},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"stop": ("",)},
    ],
)
def test_decoding_settings_out_of_range_are_refused(bad):
    with pytest.raises(InputError):
        Decoding(**bad)


def test_equal_generations_have_no_departure():
    assert compare_generations([text(0, (1, 2))], [text(0, (1, 2))]) == ()


@pytest.mark.parametrize(
    ("before", "after", "position", "original_id", "replay_id"),
    [
        ((1, 2, 3), (1, 9, 3), 1, 2, 9),
        ((1, 2), (1, 2, 3), 2, None, 3),
        ((1, 2), (1,), 1, 2, None),
        ((), (5,), 0, None, 5),
    ],
)
def test_the_first_differing_token_is_named(before, after, position, original_id, replay_id):
    [found] = compare_generations([text(0, before)], [text(0, after)])
    assert found == Departure(
        key=RowKey(prompt=0, arm=0, sample=0),
        position=position,
        original_id=original_id,
        replay_id=replay_id,
    )


def test_a_departure_has_the_margin_of_the_choice_that_it_was():
    key, margins = RowKey(prompt=0, arm=0, sample=0), (0.5, 0.25, 0.125)
    assert departure(key, (1, 2, 3), (1, 9, 3), margins).margin == 0.25
    # Where one of them had ended nothing was chosen between.
    assert departure(key, (1, 2), (1, 2, 3), margins).margin is None


def test_runs_with_other_rows_cannot_be_compared():
    with pytest.raises(InputError, match="same prompts"):
        compare_generations([text(0, (1,))], [text(1, (1,))])
