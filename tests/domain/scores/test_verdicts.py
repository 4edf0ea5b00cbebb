"""Verdicts in words: planted figures, and never more than they show."""

import numpy as np
import pytest

from vectorlab.domain.scores.statistics import (
    Estimate,
    PairedComparison,
    compare_arms,
    fewest_prompts,
)
from vectorlab.domain.scores.verdicts import (
    ChosenStrength,
    ExperimentVerdict,
    Grade,
    JudgedArm,
    Rival,
    Role,
    verdict,
)

N = 24
ROLES = {
    "vector": Role.VECTOR,
    "random": Role.RANDOM,
    "shuffled": Role.SHUFFLED,
    "4 demonstrations in the prompt": Role.PROMPTING,
    "an instruction in the prompt": Role.PROMPTING,
}
OTHERS = ChosenStrength(
    strength=0.16, is_met=True, damage="kl", budget=0.1, n_prompts=20, n_shared=0
)


def planted(
    shifts: dict[str, float], *, n: int = N, spread: float = 0.05
) -> dict[str, list[float]]:
    """Scores whose mean change over the baseline is what is planted."""
    rng = np.random.default_rng(3)
    base = rng.normal(0.2, 0.3, n)
    values = {"baseline": base.tolist()}
    for name, shift in shifts.items():
        noise = rng.normal(0, spread, n)
        values[name] = (base + shift + noise - noise.mean()).tolist()
    return values


def said(
    shifts: dict[str, float],
    *,
    chosen: ChosenStrength = OTHERS,
    damage: float | None = 0.08,
    lower_is_better: bool = False,
    n: int = N,
    smallest: float | None = None,
) -> ExperimentVerdict:
    values = planted(shifts, n=n)
    baseline = values.pop("baseline")
    compared = compare_arms(values, baseline, smallest=smallest)
    arms = {name: judged(name, found, damage) for name, found in compared.items()}
    rivals = {name: of for name, of in values.items() if name != "vector"}
    against = compare_arms(rivals, values["vector"])
    return verdict(
        arms["vector"],
        [Rival(arm=arms[name], against=found) for name, found in against.items()],
        chosen,
        effect="sentiment",
        lower_is_better=lower_is_better,
    )


def judged(name: str, effect: PairedComparison, damage: float | None) -> JudgedArm:
    estimate = (
        None if damage is None else Estimate(n=N, n_missing=0, mean=damage, low=0.07, high=0.09)
    )
    shown = "happy" if name == "vector" else name
    return JudgedArm(name=shown, role=ROLES[name], effect=effect, damage=estimate)


def test_an_effect_that_beats_every_control_is_shown_with_all_its_figures():
    found = said(
        {"vector": 0.41, "random": 0.02, "shuffled": 0.1, "4 demonstrations in the prompt": 0.38}
    )
    assert found.grade is Grade.SHOWN
    assert found.headline == "happy moves sentiment more than every control does."
    effect, prompting, damage, choice = found.sentences
    assert effect.startswith("At 0.16 the vector moves sentiment by 0.41 [0.3")
    assert "over baseline, a random direction by 0.02 [" in effect
    assert "a vector of shuffled sides by 0.1 [" in effect
    assert prompting.startswith("Prompting (4 demonstrations in the prompt) moves it by 0.38 [")
    assert damage == (
        "It was chosen for kl of at most 0.1: damage 0.08 nats [0.07, 0.09], within it on the "
        "prompts that judge."
    )
    assert choice == (
        "The strength was chosen on 20 prompts, none of them among the 24 prompts that judge it."
    )
    assert found.text == " ".join((found.headline, *found.sentences))


@pytest.mark.parametrize(
    ("shift", "words"),
    [
        (0.9, "more than the vector"),
        (0.1, "less than the vector"),
        (0.41, "not told apart from the vector"),
    ],
)
def test_prompting_is_held_against_the_vector(shift: float, words: str):
    found = said({"vector": 0.41, "random": 0.0, "an instruction in the prompt": shift})
    assert f", {words}, damage 0.08." in found.text


def test_an_effect_that_a_random_direction_has_too_is_not_claimed():
    found = said({"vector": 0.4, "random": 0.4, "shuffled": 0.0})
    assert found.grade is Grade.NO_BETTER_THAN_CONTROL
    assert found.headline == (
        "happy is no better than a random direction, as far as 24 prompts can tell."
    )


def test_without_an_effect_nothing_is_claimed():
    found = said({"vector": 0.0, "random": 0.0})
    assert found.grade is Grade.NOT_TOLD_APART
    assert found.headline == "happy: not told apart from the unsteered model in sentiment."
    assert "It is not told apart from a random direction." in found.sentences


def test_a_difference_that_is_shown_to_be_small_is_said_to_be():
    found = said({"vector": 0.001, "random": 0.0}, smallest=0.3)
    assert found.grade is Grade.NOT_TOLD_APART
    assert found.headline == "happy: no difference of 0.3 or more in sentiment."


def test_an_effect_that_goes_the_other_way_is_no_success():
    found = said({"vector": -0.4, "random": 0.0})
    assert found.grade is Grade.OTHER_WAY
    assert said({"vector": -0.4, "random": 0.0}, lower_is_better=True).grade is Grade.SHOWN


def test_without_a_control_an_effect_says_little():
    found = said({"vector": 0.4, "an instruction in the prompt": 0.1})
    assert found.grade is Grade.NO_CONTROL
    assert "no control says whether anything would" in found.headline


def test_too_few_prompts_are_said_to_be_too_few():
    found = said({"vector": 0.4, "random": 0.0}, n=5)
    assert found.grade is Grade.TOO_FEW_PROMPTS
    assert found.headline == (
        "Too few prompts: 5 prompts cannot tell happy apart; it takes at least 7 that all move one "
        "way."
    )


@pytest.mark.parametrize(("comparisons", "fewest"), [(1, 6), (2, 7), (4, 8), (7, 9)])
def test_the_fewest_prompts_are_those_of_the_test_itself(comparisons: int, fewest: int):
    assert fewest_prompts(comparisons) == fewest
    for n in (fewest - 1, fewest):
        arms = {"moved": [1.0] * n, **{str(other): [0.0] * n for other in range(comparisons - 1)}}
        p = compare_arms(arms, [0.0] * n)["moved"].p
        assert (p <= 0.05) is (n == fewest)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_shared": 24}, "chosen on the same 24 prompts that judge it, which flatters"),
        ({"n_shared": 3}, "chosen on 20 prompts, 3 of them among the 24 prompts that judge it"),
        ({"is_met": False}, "No strength kept kl within 0.1; this one came closest"),
        ({"budget": 0.05}, "beyond it on the prompts that judge"),
        ({"damage": "perplexity"}, "damage 0.08 [0.07, 0.09], within it"),
        ({"n_learned": 2}, "2 of the prompts that judge hold texts that the vector learned from."),
    ],
)
def test_how_the_strength_was_chosen_is_said(changes: dict[str, object], words: str):
    chosen = ChosenStrength(**{**vars(OTHERS), **changes})
    assert words in said({"vector": 0.4, "random": 0.0}, chosen=chosen).text


def test_damage_that_was_not_scored_is_not_invented():
    text = said({"vector": 0.4, "random": 0.0}, damage=None).text
    assert "its damage was not scored" in text
    assert "nats" not in text


def test_arms_that_do_nothing_are_called_shown_in_at_most_their_level():
    """The level of the whole claim, over random families without any effect."""
    rng = np.random.default_rng(11)
    shown = 0
    for _ in range(200):
        base = rng.normal(0, 1, 12)
        values = {name: base + rng.normal(0, 1, 12) for name in ("vector", "random", "shuffled")}
        compared = compare_arms(values, base)
        against = compare_arms(
            {name: values[name] for name in ("random", "shuffled")}, values["vector"]
        )
        found = verdict(
            judged("vector", compared["vector"], 0.08),
            [
                Rival(arm=judged(name, compared[name], 0.08), against=other)
                for name, other in against.items()
            ],
            OTHERS,
            effect="length",
        )
        shown += found.grade is Grade.SHOWN
    assert shown <= 10
