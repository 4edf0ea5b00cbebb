"""Statistics against SciPy on random data, and how often they claim what is not there."""

import math
import re

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts import verdict_levels
from vectorlab.domain.scores import statistics
from vectorlab.domain.scores.catalogue import parse_smallest
from vectorlab.domain.scores.shares import share_interval
from vectorlab.domain.scores.sign_flips import sign_flips
from vectorlab.domain.scores.statistics import (
    Verdict,
    bootstrap_interval,
    compare_arms,
    compare_paired,
    effect_size,
    estimate,
    first_of_equals,
    holm,
    judged_at,
    mean_by_group,
    sign_test,
)
from vectorlab.errors import InputError

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


def test_two_values_have_an_interval_and_one_has_none():
    low, high = bootstrap_interval([0.0, 1.0])
    assert 0.0 <= low < high <= 1.0
    assert bootstrap_interval([1.0]) is None


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


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "n"), [*[(kind, 20) for kind in DRAWS], ("skewed", 60)])
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
    found = compare_paired([1.0, 1.1, 1.2, 1.3, 1.4], [0.0] * 5)
    assert (found.verdict, found.difference.low) == (Verdict.NOT_TOLD_APART, None)
    found = compare_paired([1.0, 1.1, 1.2, 1.3, 1.4, 1.5], [0.0] * 6)
    assert (found.verdict, found.p) == (Verdict.HIGHER, 2 / 2**6)
    assert compare_paired([0.0] * 6, [1.0, 1.1, 1.2, 1.3, 1.4, 1.5]).verdict is Verdict.LOWER


@pytest.mark.kernels
def test_equal_values_are_ties_and_no_difference():
    found = compare_paired([1.0] * 9, [1.0 + 1e-12] * 9)
    assert (found.wins, found.ties, found.losses, found.sign_p) == (0, 9, 0, 1.0)
    assert (found.p, found.effect_size) == (1.0, None)


@pytest.mark.kernels
@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    unchanged=st.sampled_from([0.0, 0.5, 0.8]),
    is_yes_no=st.booleans(),
    arms=st.sampled_from([1, 2, 5]),
)
def test_verdict_p_and_interval_say_the_same(seed, unchanged, is_yes_no, arms):
    rng = np.random.default_rng(seed)
    prompts = int(rng.integers(4, 11))
    baseline = rng.integers(2, size=prompts).astype(float)
    draw = rng.integers(2, size=(arms, prompts)).astype(float)
    if not is_yes_no:
        draw = draw + rng.normal(0.5, 1.0, draw.shape)
    values = np.where(rng.random(draw.shape) < unchanged, baseline, draw)
    found = compare_arms(
        {str(arm): row for arm, row in enumerate(values)}, baseline, is_yes_no=is_yes_no
    )
    for item in found.values():
        low, high = item.difference.low, item.difference.high
        leaves_out_zero = low is not None and not low <= 0 <= high
        assert leaves_out_zero == (item.p <= 0.05) == (item.verdict is not Verdict.NOT_TOLD_APART)
        if leaves_out_zero:
            assert (low > 0) == (item.verdict is Verdict.HIGHER)
        share = item.share
        assert (share.low is not None and not share.low <= 0.5 <= share.high) == (
            item.sign_p <= 0.05
        )


@pytest.mark.parametrize("n", [3, 9, 14])
def test_all_flips_are_scipys_permutation_test(n: int):
    values = np.random.default_rng(n).normal(0.4, 1.0, n).round(1)
    theirs = scipy.stats.permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert sign_flips(values).p == pytest.approx(theirs.pvalue, rel=1e-9)


def test_drawn_flips_come_near_scipys():
    values = np.random.default_rng(2).normal(0.3, 1.0, 40)
    theirs = scipy.stats.permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=9999, rng=1
    )
    assert sign_flips(values).p == pytest.approx(theirs.pvalue, abs=0.012)
    assert sign_flips(-values).interval(0.05) == pytest.approx(
        [-end for end in reversed(sign_flips(values).interval(0.05))], abs=0.01
    )
    assert sign_flips(values) is not sign_flips(values)
    assert sign_flips(values).p == sign_flips(values).p


@pytest.mark.parametrize("n", [8, 12])
def test_the_interval_has_every_shift_that_the_test_does_not_refuse(n: int):
    values = np.random.default_rng(n).normal(0.4, 1.0, n)
    low, high = sign_flips(values).interval(0.05)
    for shift in (low + 1e-3, high - 1e-3, values.mean()):
        assert sign_flips(values - shift).p > 0.05
    for shift in (low - 1e-3, high + 1e-3):
        assert sign_flips(values - shift).p <= 0.05


def test_what_did_not_change_is_counted_and_not_drawn():
    values = np.concatenate([np.zeros(400), [1.0, 1.2, 1.3, 2.0, 2.5, 3.0, -0.5]])
    assert sign_flips(values).p == 4 / 2**7  # of the seven that changed
    assert len(sign_flips(values).means) < 2**16


@given(st.integers(1, 60), st.integers(0, 60), st.sampled_from([0.9, 0.95, 0.999]))
def test_the_interval_of_a_share_is_scipys(of: int, hits: int, level: float):
    hits = min(hits, of)
    theirs = scipy.stats.binomtest(hits, of).proportion_ci(level, method="exact")
    assert share_interval(hits, of, level=level) == pytest.approx((theirs.low, theirs.high))
    wilson = scipy.stats.binomtest(hits, of).proportion_ci(level, method="wilson")
    assert share_interval(hits, of, level=level) == pytest.approx(
        (wilson.low, wilson.high), abs=1.5 / of + 0.05
    )


def test_a_share_of_nothing_has_no_interval():
    with pytest.raises(ZeroDivisionError):
        share_interval(0, 0)


def test_a_yes_from_every_prompt_is_no_proof_of_every_prompt():
    found = compare_paired([1.0] * 24, [0.0] * 24, is_yes_no=True)
    assert found.verdict is Verdict.HIGHER
    assert found.difference.low < 0.9
    still = compare_paired([0.0] * 24, [0.0] * 24, is_yes_no=True)
    expected = share_interval(0, 24)[1]
    assert (-still.difference.low, still.difference.high) == pytest.approx((expected, expected))
    alone = estimate([1.0] * 24, is_yes_no=True)
    assert (alone.low, alone.high) == pytest.approx(share_interval(24, 24))
    assert compare_paired([3.0] * 24, [3.0] * 24).difference.low is None


def test_no_difference_is_said_only_where_the_interval_shows_it():
    rng = np.random.default_rng(5)
    values = rng.normal(0, 0.1, 200)
    found = compare_paired(values, np.zeros(200), smallest=0.1)
    assert (found.verdict, found.said) == (
        Verdict.NO_DIFFERENCE, "no difference of 0.1 or more",
    )  # fmt: skip
    assert compare_paired(values[:8], np.zeros(8), smallest=0.05).verdict is not found.verdict
    few = compare_paired([0.01, *[0.0] * 99], [0.0] * 100, smallest=0.1)
    assert few.verdict is Verdict.NOT_TOLD_APART  # one move says little of the next
    never = {"is_yes_no": True, "smallest": 0.1}
    assert compare_paired([0.0] * 24, [0.0] * 24, **never).said == "not told apart"
    assert compare_paired([0.0] * 64, [0.0] * 64, **never).said == "no difference of 0.1 or more"


def test_what_is_rounding_in_the_unit_of_a_scorer_is_none():
    baseline = np.full(12, 0.001)
    noisy = baseline + np.linspace(1e-7, 9e-6, 12)
    assert compare_paired(noisy, baseline).wins == 12
    found = compare_paired(noisy, baseline, noise=1e-5)
    assert (found.wins, found.effect_size, found.verdict) == (0, None, Verdict.NOT_TOLD_APART)


def test_an_infinite_value_makes_no_mean_of_zero():
    found = compare_paired([math.inf] * 6, [1.0] * 6)
    assert (found.mean, found.baseline_mean) == (math.inf, 1.0)


def test_changes_that_cancel_have_the_mean_zero():
    moved = np.array([0.1, 0.2, -0.3, 0.1, 0.2, -0.3, 0.7, -0.7])
    assert moved.mean() != 0
    assert compare_paired(moved, np.zeros(8)).difference.mean == 0
    assert compare_paired(moved + 1e-9, np.zeros(8)).difference.mean == pytest.approx(1e-9)


@pytest.mark.kernels
def test_many_arms_widen_the_intervals_and_raise_p():
    rng = np.random.default_rng(3)
    baseline = rng.normal(size=30)
    arms = {str(number): baseline + rng.normal(0.4, 1, 30) for number in range(8)}
    corrected = compare_arms(arms, baseline)
    for name, values in arms.items():
        alone = compare_paired(values, baseline)
        assert corrected[name].difference.low <= alone.difference.low
        assert corrected[name].difference.level >= 0.95
        assert corrected[name].p >= alone.p
        assert corrected[name].comparisons == 8


def test_each_p_is_held_against_what_holm_has_left():
    assert judged_at([0.001, 0.9, 0.015, 0.04], 0.06) == pytest.approx([0.015, 0.03, 0.02, 0.03])
    assert judged_at([0.01, 0.01], 0.05) == pytest.approx([0.025, 0.05])


KINDS = {kind.name: kind for kind in verdict_levels.KINDS}


@pytest.mark.parametrize("name", ["80 % unchanged", "yes or no, 80 % unchanged", "skewed"])
def test_nothing_is_told_apart_where_nothing_differs(name: str):
    families = 300
    limit = 0.05 + 3 * math.sqrt(0.05 * 0.95 / families)
    found = verdict_levels.false_families(KINDS[name], 64, families, seed=3)
    assert max(found.values()) <= limit, found


def test_the_rule_before_would_not_pass():
    found = verdict_levels.false_families_before(KINDS["80 % unchanged"], 64, 13, 100, seed=3)
    assert found > 0.2


@pytest.mark.parametrize("name", ["dense", "95 % unchanged", "tied counts"])
def test_the_simulation_tests_as_the_product_does(name: str):
    found = KINDS[name].arms(np.random.default_rng(1), (8, 1, 24))[:, 0]
    drawn = verdict_levels.sign_flip_p(found.T, verdict_levels.drawn_flips(24))
    for row, p in zip(found, drawn, strict=True):
        ours = compare_paired(row, np.zeros(24)).p
        assert p == pytest.approx(ours, abs=4 * math.sqrt(ours / verdict_levels.FLIPS))


def test_of_skewed_differences_the_share_holds_its_level_and_the_mean_does_not():
    before, mean, share = verdict_levels.skewed_families(64, 13, 200, unchanged=0.8, seed=1)
    assert share <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 200)
    assert share < mean < before


def test_copies_of_a_prompt_are_one_group():
    assert first_of_equals(["a", "b", "a", "c", "b"]) == [0, 1, 0, 3, 1]


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


def test_the_committed_simulation_keeps_the_promise_in_every_cell():
    text = verdict_levels.PAGE.read_text("utf-8")
    limit = float(re.search(r"standard\s+errors\s+of\s+so\s+many\s+families\s+([\d.]+)\.", text)[1])
    table = text.partition("## Claims where")[2].partition("The same by the rule before")[0]
    cells = [row.split("|")[3:-1] for row in table.splitlines() if re.search(r"\| \d+ \|", row)]
    assert len(cells) == len(verdict_levels.KINDS) * len(verdict_levels.FAMILIES)
    assert max(float(cell) for row in cells for cell in row) <= limit


@pytest.mark.parametrize("text", ["kl", "kl>=", "kl>=0", "kl>=-1", "kl>=nan", ">=0.1", "kl<=0.1"])
def test_a_smallest_difference_that_is_none_is_refused(text: str):
    with pytest.raises(InputError):
        parse_smallest(text)


def test_a_smallest_difference_names_a_scorer_as_it_is_filed():
    assert parse_smallest("regex:!!>=0.1") == ("regex:!!", 0.1)
    assert parse_smallest("distinct:n=2>=1e-2") == ("distinct", 0.01)
