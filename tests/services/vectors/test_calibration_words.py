"""What is said of a calibration."""

from vectorlab.domain.scores import statistics
from vectorlab.services.vectors import calibrations


def test_a_calibration_from_before_says_by_which_rule_it_was_judged():
    kept = {"difference": {"mean": 1.0, "low": 0.5, "high": 1.5}, "n": 9, "verdict": "higher"}
    assert "judged by a bootstrap interval alone" in calibrations.judged_in_words(kept, "kl")
    now = calibrations.judged_in_words({**kept, "rule": statistics.RULE}, "kl")
    assert now == "kl higher: +1 [0.5, 1.5], n = 9"
