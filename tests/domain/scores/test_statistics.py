"""Statistics against SciPy on random data, and the coverage of intervals in a simulation."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from vectorlab.domain.scores import statistics
from vectorlab.domain.scores.statistics import (
    Verdict,
    bootstrap_interval,
    compare_arms,
    compare_paired,
    effect_size,
    estimate,
    holm,
    mean_by_group,
    sign_test,
    student_t_quantile,
)

DRAWS = {
    "normal": lambda rng, size: rng.normal(1.0, 2.0, size),
    "skewed": lambda rng, size: rng.gamma(2.0, 0.5, size),
    "bounded": lambda rng, size: rng.beta(2.0, 3.0, size),
    "coarse": lambda rng, size: rng.integers(0, 5, size).astype(float),
}
MEANS = {"normal": 1.0, "skewed": 1.0, "bounded": 0.4, "coarse": 2.0}


@pytest.mark.kernels
@given(st.integers(0, 400), st.integers(0, 400))
def test_the_sign_test_is_scipys(wins: int, losses: int):
    expected = scipy.stats.binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    assert sign_test(wins, losses) == pytest.approx(expected, rel=1e-9)
    assert sign_test(wins, losses) == sign_test(losses, wins)


def test_the_sign_test_holds_for_many_pairs():
    assert sign_test(50_300, 49_700) == pytest.approx(
        scipy.stats.binomtest(50_300, 100_000).pvalue, rel=1e-6
    )


@pytest.mark.kernels
@pytest.mark.parametrize("kind", DRAWS)
def test_the_interval_is_scipys_bca_interval(kind: str):
    rng = np.random.default_rng(5)
    values = DRAWS[kind](rng, 40)
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=40_000, method="BCa", rng=np.random.default_rng(1)
    ).confidence_interval
    ours = bootstrap_interval(values, resamples=40_000, small_samples=False)
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.02 * values.std())


@pytest.mark.parametrize("n", [5, 12, 40])
def test_the_effect_size_is_t_over_the_root_of_n(n: int):
    values = np.random.default_rng(n).normal(0.4, 1.0, n)
    t = scipy.stats.ttest_1samp(values, 0).statistic
    assert effect_size(values) == pytest.approx(t / math.sqrt(n))


@pytest.mark.parametrize("degrees", [3, 5, 10, 29, 255])
@pytest.mark.parametrize("share", [0.95, 0.975, 0.99])
def test_the_quantile_of_t_is_scipys(degrees: int, share: float):
    expected = scipy.stats.t.ppf(share, degrees)
    assert student_t_quantile(share, degrees) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("degrees", [5, 20, 255])
@pytest.mark.parametrize("share", [0.95, 0.975, 0.99])
def test_the_error_of_the_quantile_falls_with_the_fifth_power(degrees: int, share: float):
    expected = scipy.stats.t.ppf(share, degrees)  # what follows the terms of the expansion
    assert student_t_quantile(share, degrees) == pytest.approx(expected, rel=(1.15 / degrees) ** 5)


@pytest.mark.parametrize(("kind", "n"), [(kind, n) for kind in DRAWS for n in (20, 60)])
def test_intervals_cover_the_truth_as_often_as_they_say(kind: str, n: int):
    rng = np.random.default_rng(11)
    samples = DRAWS[kind](rng, (3000, n))
    inside = 0
    for number, sample in enumerate(samples):
        interval = bootstrap_interval(sample, resamples=600, seed=number)
        assert interval is not None
        inside += interval[0] <= MEANS[kind] <= interval[1]
    assert 0.93 <= inside / len(samples) <= 0.97


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holms_correction_never_falls_below_nor_beyond_bonferroni(p_values: list[float]):
    corrected = holm(p_values)
    for before, after in zip(p_values, corrected, strict=True):
        assert before <= after <= min(1.0, before * len(p_values)) + 1e-12
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(corrected)[order]) >= 0).all()


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_missing_values_are_counted_and_left_out():
    found = compare_paired([1.0, None, 3.0, math.nan, 2.0], [0.0, 1.0, None, 1.0, 0.0])
    assert (found.n, found.n_missing, found.wins) == (2, 3, 2)
    assert found.mean == 1.5
    assert found.difference.mean == 1.5


def test_nothing_is_claimed_without_values():
    for values in ([], [None], [1.0]):
        found = compare_paired(values, [0.0] * len(values))
        assert found.verdict is Verdict.NOT_TOLD_APART
        assert estimate(values).low is None


def test_too_few_pairs_say_nothing():
    assert compare_paired([1.0, 1.1, 1.2, 1.3, 1.4], [0.0] * 5).verdict is Verdict.NOT_TOLD_APART
    found = compare_paired([1.0, 1.1, 1.2, 1.3, 1.4, 1.5], [0.0] * 6)
    assert found.verdict is Verdict.HIGHER
    assert compare_paired([0.0] * 6, [1.0, 1.1, 1.2, 1.3, 1.4, 1.5]).verdict is Verdict.LOWER


@pytest.mark.kernels
def test_equal_values_are_ties_and_no_difference():
    found = compare_paired([1.0] * 9, [1.0 + 1e-12] * 9)
    assert (found.wins, found.ties, found.losses, found.sign_p) == (0, 9, 0, 1.0)


@pytest.mark.kernels
@given(st.integers(0, 10_000))
def test_a_verdict_needs_an_interval_on_one_side_of_zero(seed: int):
    rng = np.random.default_rng(seed)
    found = compare_paired(rng.normal(rng.normal(), 1, 12), np.zeros(12))
    low, high = found.difference.low, found.difference.high
    assert low is not None
    assert high is not None
    assert (found.verdict is Verdict.NOT_TOLD_APART) == (low <= 0 <= high)
    mirrored = compare_paired(np.zeros(12), np.zeros(12))
    assert mirrored.verdict is Verdict.NOT_TOLD_APART


@pytest.mark.kernels
def test_many_arms_widen_the_intervals_and_raise_p():
    rng = np.random.default_rng(3)
    baseline = rng.normal(size=30)
    arms = {str(number): baseline + rng.normal(0.4, 1, 30) for number in range(8)}
    corrected = compare_arms(arms, baseline)
    for name, values in arms.items():
        alone = compare_paired(values, baseline)
        assert corrected[name].difference.low < alone.difference.low
        assert corrected[name].sign_p >= alone.sign_p
        assert corrected[name].comparisons == 8


def test_of_arms_without_effect_few_are_told_apart():
    rng = np.random.default_rng(4)
    wrong = 0
    for _ in range(60):
        baseline = rng.normal(size=24)
        arms = {str(number): rng.normal(size=24) for number in range(10)}
        found = compare_arms(arms, baseline)
        wrong += any(item.verdict is not Verdict.NOT_TOLD_APART for item in found.values())
    assert wrong <= 9  # of 60 families at 5 %; more than 9 happens once in a thousand


def test_samples_of_a_prompt_count_once():
    means = mean_by_group([1.0, 3.0, None, 5.0, None], [0, 0, 1, 1, 2])
    assert means[:2].tolist() == [2.0, 5.0]
    assert math.isnan(means[2])


def test_sides_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="cannot be paired"):
        compare_paired([1.0], [1.0, 2.0])


def test_large_samples_do_not_need_large_memory():
    values = np.random.default_rng(0).normal(size=300_000)
    low, high = statistics.bootstrap_interval(values, resamples=20)
    assert low < values.mean() < high
