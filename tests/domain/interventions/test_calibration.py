import pytest

from vectorlab.domain.interventions.calibration import best_choice

FOUND = {"met": (0.9, 0.05), "gentler": (0.9, 0.04), "less": (0.5, 0.01)}


@pytest.mark.parametrize(
    ("found", "lower", "best"),
    [
        (FOUND, False, "gentler"),
        (FOUND, True, "less"),
        (FOUND | {"outside": (None, 0.3)}, False, "gentler"),
        ({"far": (None, 0.3), "near": (None, 0.2)}, False, "near"),
    ],
)
def test_the_best_choice_has_the_most_effect_and_of_equals_the_least_damage(found, lower, best):
    place = best_choice(list(found.values()), lower_is_better=lower)
    assert list(found)[place] == best
