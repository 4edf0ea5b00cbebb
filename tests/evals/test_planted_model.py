"""Known answers: a direction that controls one token's logit, in closed form."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.evals import planted
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.runs.runs import Decoding
from vectorlab.domain.scores.divergence import KL
from vectorlab.domain.scores.statistics import RULE, estimate
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.errors import InputError
from vectorlab.lab import Lab
from vectorlab.services.runs.arms import SweepOptions
from vectorlab.services.vectors import calibrations

PROMPTS = ["one", "two words", "three more words", "4", "fifth", "the sixth"]
SHORT = Decoding(max_new_tokens=4)
EFFECT = "logit_difference:A:b=B"


@pytest.fixture(scope="module")
def planted_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the planted model and its direction, made once."""
    folder = tmp_path_factory.mktemp("planted")
    path = folder / "planted.db"
    lab = Lab(f"sqlite:///{path}", device="cpu")
    model = lab.models.add(str(planted.save(folder / "model")), name="planted")
    planted.add_direction(lab, model.id)
    lab.db.dispose()
    return path


@pytest.fixture
def lab(planted_file: Path, tmp_path: Path):
    shutil.copy(planted_file, tmp_path / "planted.db")
    lab = Lab(f"sqlite:///{tmp_path / 'planted.db'}", device="cpu")
    yield lab
    lab.db.dispose()


@pytest.mark.kernels
def test_scores_are_the_closed_forms(lab):
    view = lab.runs.generate(
        prompts=PROMPTS,
        model="planted",
        vectors="planted",
        strengths=[0.3, 1.0, 2.5],
        sweep=SweepOptions(operator=Operator.ADD),
        decoding=SHORT,
    )
    view.score("kl", "reverse_kl", EFFECT, "perplexity:baseline")
    frame = view.scores()
    for arm, strength in enumerate([0.0, 0.3, 1.0, 2.5]):
        of_arm = frame[frame["arm_index"] == arm].set_index("scorer")["value"]
        assert of_arm["kl"].to_numpy() == pytest.approx(planted.divergence(strength), abs=1e-5)
        assert of_arm["reverse_kl"].to_numpy() == pytest.approx(
            planted.reverse_divergence(strength), abs=1e-5
        )
        assert of_arm[EFFECT].to_numpy() == pytest.approx(planted.logit(strength), abs=1e-4)
        assert of_arm["perplexity:baseline"].to_numpy() == pytest.approx(259, rel=1e-4)


def test_what_is_measured_while_generating_is_the_reverse_divergence_of_the_own_text(lab):
    view = lab.runs.generate(
        prompts=PROMPTS,
        model="planted",
        vectors="planted",
        strengths=[2.5],
        sweep=SweepOptions(operator=Operator.ADD),
        decoding=replace(SHORT, kl=True),
    )
    view.score("reverse_kl:own")
    scored = view.scores().query("arm_index == 1")["value"].to_numpy()
    kept = view.to_frame().query("arm_index == 1")["mean_kl"].to_numpy()
    assert kept == pytest.approx(scored, abs=1e-5)
    assert abs(planted.divergence(2.5) - planted.reverse_divergence(2.5)) > 0.1  # they do part


@pytest.mark.parametrize("direction", KL)
def test_a_vector_is_scaled_to_the_divergence_that_is_asked_for(lab, direction: KL):
    lab.sets.create("texts")
    lab.sets.commit("texts", [Demonstration(source=prompt, target=None) for prompt in PROMPTS])
    scaled = lab.vectors.equalise(
        "planted", kl=0.5, texts="texts@latest", name="equal", direction=direction
    )
    closed = planted.divergence if direction is KL.FORWARD else planted.reverse_divergence
    assert closed(scaled.parameters["scale"]) == pytest.approx(0.5, rel=0.011)


@pytest.mark.parametrize("budget", [0.02, 0.1, 1.0])
def test_calibration_finds_the_known_strength(lab, budget: float):
    found = lab.vectors.calibrate(
        "planted",
        effect=EFFECT,
        damage=f"kl<={budget}",
        prompts=PROMPTS,
        model="planted",
        decoding=SHORT,
    )
    known = planted.strength_of(budget)
    assert found.is_met
    assert found.strength == pytest.approx(known, rel=0.02)
    assert found.damage_value <= budget
    assert found.effect_value == pytest.approx(planted.logit(found.strength), rel=1e-3)
    assert len(found.curve) <= 25
    against = found.evidence["against_unsteered"]
    assert (against["verdict"], against["rule"]) == ("higher", RULE)
    assert against["difference"]["low"] > 0


def test_the_calibrated_strength_is_the_unit_afterwards(lab):
    found = lab.vectors.calibrate(
        "planted",
        effect=EFFECT,
        damage="kl<=0.1",
        prompts=PROMPTS,
        model="planted",
        decoding=SHORT,
    )
    view = lab.runs.generate(
        prompts=PROMPTS,
        model="planted",
        vectors="planted",
        strengths=[1.0],
        sweep=SweepOptions(calibrated=True),
        decoding=SHORT,
    )
    assert view.run.spec.arms[1].interventions[0].strength == found.strength
    again = lab.vectors.request_calibration(
        "planted",
        effect=EFFECT,
        damage="kl<=0.1",
        prompts=PROMPTS,
        model="planted",
        decoding=SHORT,
    )
    assert again.job is None
    assert again.found == found


def test_less_of_an_effect_is_found_among_negative_strengths(lab):
    found = lab.vectors.calibrate(
        "planted",
        effect=EFFECT,
        lower_is_better=True,
        damage="kl<=0.003",
        prompts=PROMPTS,
        model="planted",
        decoding=SHORT,
        first=-1.0,
    )
    assert found.is_met
    assert found.strength < 0
    assert found.effect_value < 0


def test_a_budget_nothing_can_meet_says_how_close_it_came(lab):
    found = lab.vectors.calibrate(
        "planted",
        effect=EFFECT,
        damage="kl<=-1",
        prompts=PROMPTS,
        model="planted",
        decoding=SHORT,
    )
    assert not found.is_met
    assert found.effect_value is None
    assert 0 <= found.damage_value < 1e-4
    with lab.db.read():
        vector = lab.vectors.get("planted")
    with pytest.raises(Exception, match="is not calibrated for add"):
        calibrations.unit_strength(
            lab.db,
            vector,
            lab.models.get("planted"),
            operator=Operator.ADD,
            site=vector.write_site,
            layers=None,
        )


def test_random_directions_of_the_same_norm_have_no_effect_within_their_interval(lab):
    view = lab.runs.sweep(
        vectors="planted",
        strengths=[1.0],
        random=12,
        prompts=PROMPTS,
        model="planted",
        decoding=SHORT,
    )
    view.score(EFFECT)
    means = view.scores().groupby("arm")["value"].mean()
    random = estimate(means[means.index.str.contains("random")])
    assert random.n == 12
    assert random.low < 0 < random.high
    assert means["planted +1"] > random.high
    norms = [
        part.norm for number in range(12) for part in lab.vectors.layers(f"planted-random-{number}")
    ]
    assert norms == pytest.approx([1.0] * 12, rel=1e-6)


def test_the_choice_of_layers_is_the_one_with_the_most_effect(lab):
    found = lab.vectors.calibrate(
        "planted",
        effect=EFFECT,
        damage="kl<=0.1",
        prompts=PROMPTS,
        model="planted",
        decoding=SHORT,
        layers=((2,), None),
    )
    assert [item["layers"] for item in found.evidence["candidates"]] == [[2], None]
    assert len(calibrations.of_vector(lab.db, "planted")) == 2


def test_a_projection_onto_a_vector_of_another_model_is_refused(lab):
    view = lab.runs.generate(prompts=["one"], model="tiny", decoding=SHORT)
    with pytest.raises(InputError, match="'planted' of model 'planted', but texts of 'tiny'"):
        view.score("projection:planted")
