"""Measure how often verdicts claim what is not there, and see what is: `make verdict-levels`.

Writes `docs/verdicts.md`. Nothing differing means that both texts of a pair are draws of one
distribution. Beside the rule of the project stands the one it replaced, which looked at a
bootstrap interval of the mean difference alone.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, ndtr, ndtri, stdtrit

from vectorlab.domain.scores.statistics import FEWEST_PAIRS, Verdict, compare_paired, estimate

PAGE = Path(__file__).resolve().parent.parent / "docs" / "verdicts.md"
SIZES = (6, 12, 24, 64, 200, 500)  # prompts
FAMILIES = (1, 7, 13, 30)  # arms that are compared with one baseline
ALPHA = 0.05
FLIPS = 4095  # drawn, the same for all families of a size
RESAMPLES = 2000  # of the rule before

TEXT = """\
# What verdicts promise, measured

A simulation, made by `make verdict-levels`. Scores are drawn and arms compared with one baseline,
prompt by prompt, by the rule of [evaluation](evaluation.md#what-a-verdict-promises) (sign flips,
corrected by Holm's method; here with {flips} drawn flips). *Before* is the rule that it replaced:
a bootstrap interval of the mean difference (BCa, widened as Student's t asks, Bonferroni) that
leaves out zero.

## Claims where nothing differs

Both texts of a pair are draws of one distribution; a prompt whose text is unchanged has the same
score twice. Share of {families} families in which any arm is called higher or lower. Promised are
at most {alpha}; with two standard errors of so many families {limit:.3f}.

{levels}

The same by the rule before ({few} families):

{before}

## What is seen of true effects

Share of arms told apart in families of 7 arms that all have the effect, now / before ({fewest}
families). The effect is added to the score of every changed text (standard deviation 1; of skewed
scores 2.2; of counts 1), or it is the share of the noes among them that become yes. Where the
rule before sees more, it also claims more where there is nothing.

{powers}

## Where the differences themselves are skewed

Steering that makes a few texts much longer and all others a little shorter can leave the mean
where it was. No test of a mean holds its level then at every number of prompts: most samples lack
the few, and look as if the mean had fallen. The rule keeps its promise where both texts are draws
of one distribution; that a mean alone is zero is less than that, and there it comes near its
level only as prompts become many. So the second measure stands beside it: of the prompts that
moved, the share that moved up. Its exact sign test asks only whether as many move up as down,
however far, and holds its level for any distribution. Share of false families of {few};
differences are lognormal less their mean (so that the mean is 0) or less their median (so that as
many move up as down).

{skews}

## What intervals cover

One arm and one comparison; wanted is 0.95 or more. *Difference* is the paired interval that goes
with the verdict, *mean alone* that of the arm by itself (bootstrap; exact for yes or no).
*Denied* is how often "no difference of so much or more" was said of exactly the true difference,
wanted {alpha} or less ({few} draws).

{covers}

Values of yes or no have exact intervals. Others are exact for differences that lie evenly about
their mean. Where most prompts do not change, both intervals are too short at few prompts, and the
more so if the rest is skewed, for the same reason as above: what was not drawn cannot be seen.
There "no difference of so much or more" is said a little too often as well.
"""

Array = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Scores of texts, and the share of prompts whose text steering leaves as it is."""

    name: str
    draw: Draw
    unchanged: float = 0.0
    effects: tuple[float, float, float] = (0.25, 0.5, 1.0)  # added to a changed text's score

    def arms(
        self, rng: np.random.Generator, shape: tuple[int, int, int], effect: float = 0.0
    ) -> Array:
        """Differences (families, arms, prompts) of arms from one baseline for each family."""
        families, _, prompts = shape
        baseline = self.draw(rng, (families, 1, prompts))
        changed = rng.random(shape) >= self.unchanged
        return np.where(changed, self.draw(rng, shape) + effect - baseline, 0.0)


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.normal(size=shape)


def _skewed(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.lognormal(size=shape)


KINDS = (
    Kind(name="dense", draw=_normal),
    Kind(name="50 % unchanged", draw=_normal, unchanged=0.5),
    Kind(name="80 % unchanged", draw=_normal, unchanged=0.8, effects=(0.5, 1.0, 2.0)),
    Kind(name="95 % unchanged", draw=_normal, unchanged=0.95, effects=(1.0, 2.0, 4.0)),
    Kind(name="yes or no", draw=lambda rng, shape: 1.0 * (rng.random(shape) < 0.3)),
    Kind(
        name="yes or no, 80 % unchanged",
        draw=lambda rng, shape: 1.0 * (rng.random(shape) < 0.5),
        unchanged=0.8,
    ),
    Kind(name="skewed", draw=_skewed, effects=(0.5, 1.0, 2.0)),
    Kind(name="skewed, 80 % unchanged", draw=_skewed, unchanged=0.8, effects=(0.5, 1.0, 2.0)),
    Kind(name="tied counts", draw=lambda rng, shape: 1.0 * rng.poisson(1.0, shape)),
)


def sign_flip_p(differences: Array, flips: Array) -> Array:
    """P values (k,) of differences (n, k): the domain's, for many at once with drawn flips."""
    sums = flips @ differences.astype(np.float32)
    edge = 1e-5 * np.abs(differences).max(axis=0)
    below, above = ((sums <= edge).sum(axis=0) + 1), ((sums >= -edge).sum(axis=0) + 1)
    return np.minimum(1.0, 2 * np.minimum(below, above) / (len(flips) + 1))


def drawn_flips(prompts: int, seed: int = 0) -> Array:
    """Which prompts each flip turns round: zeros and ones (flips, prompts)."""
    rng = np.random.default_rng(seed)
    return rng.integers(2, size=(FLIPS, prompts)).astype(np.float32)


def sign_p(differences: Array) -> Array:
    """P values (k,) of the exact sign test of differences (n, k)."""
    up, down = (differences > 0).sum(axis=0), (differences < 0).sum(axis=0)
    return np.minimum(1.0, 2 * bdtr(np.minimum(up, down), up + down, 0.5))


def told_apart(p: Array) -> Array:
    """Which of the p values (families, arms) Holm's method refuses."""
    order = np.argsort(p, axis=1)
    held = ALPHA / (p.shape[1] - np.arange(p.shape[1]))
    goes_on = np.logical_and.accumulate(np.take_along_axis(p, order, axis=1) <= held, axis=1)
    refused = np.empty_like(goes_on)
    np.put_along_axis(refused, order, goes_on, axis=1)
    return refused


def by_bootstrap(differences: Array, arms: int, seed: int = 0) -> Array:
    """What the rule before told apart of differences (n, k): the interval leaves out zero."""
    n = len(differences)
    if n < FEWEST_PAIRS:
        return np.zeros(differences.shape[1], dtype=bool)
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(n, [1 / n] * n, size=RESAMPLES).astype(np.float32) / n
    means = np.sort(counts @ differences.astype(np.float32), axis=0)
    mean = differences.mean(axis=0)
    spread = differences - mean
    variance = (spread**2).sum(axis=0)
    tie = 1e-5 * np.abs(spread).max(axis=0)
    below = ((means < mean - tie).mean(axis=0) + (means <= mean + tie).mean(axis=0)) / 2
    bias = ndtri(np.clip(below, 1 / RESAMPLES, 1 - 1 / RESAMPLES))
    with np.errstate(all="ignore"):
        bend = (spread**3).sum(axis=0) / (6 * variance**1.5)
        reach = stdtrit(n - 1, 1 - ALPHA / arms / 2) * np.sqrt(n / (n - 1))
        low, high = (
            ndtr(bias + (bias + z) / np.maximum(1 - bend * (bias + z), 1e-3))
            for z in (-reach, reach)
        )
    columns = np.arange(differences.shape[1])
    ends = [
        means[np.rint(np.nan_to_num(share) * (RESAMPLES - 1)).astype(int), columns]
        for share in (low, high)
    ]
    return (variance > 0) & ((ends[0] > tie) | (ends[1] < -tie))


def false_families(kind: Kind, prompts: int, families: int, seed: int) -> dict[int, float]:
    """The share of families in which something is told apart, by the number of their arms."""
    p = _p_values(kind, prompts, families, seed)
    return {arms: float(told_apart(p[:, :arms]).any(axis=1).mean()) for arms in FAMILIES}


def _p_values(kind: Kind, prompts: int, families: int, seed: int, at_once: int = 100) -> Array:
    rng, flips = np.random.default_rng([seed, prompts]), drawn_flips(prompts)
    parts = []
    for start in range(0, families, at_once):
        shape = (min(at_once, families - start), max(FAMILIES), prompts)
        found = kind.arms(rng, shape).reshape(-1, prompts).T
        parts.append(sign_flip_p(found, flips).reshape(shape[:2]))
    return np.concatenate(parts)


def false_families_before(kind: Kind, prompts: int, arms: int, families: int, seed: int) -> float:
    """The same by the rule before."""
    rng = np.random.default_rng([seed, prompts])
    found = kind.arms(rng, (families, arms, prompts)).reshape(-1, prompts).T
    return float(by_bootstrap(found, arms).reshape(families, arms).any(axis=1).mean())


def power(
    kind: Kind, prompts: int, arms: int, families: int, seed: int
) -> list[tuple[float, float]]:
    """By true effect: the share of arms told apart, now and before; all arms have the effect."""
    shares = []
    for effect in kind.effects:
        rng = np.random.default_rng([seed, prompts])
        shape = (families, arms, prompts)
        if kind.name.startswith("yes"):
            found = _yes_no_arms(rng, kind, shape, effect)
        else:
            found = kind.arms(rng, shape, effect)
        columns = found.reshape(-1, prompts).T
        now = told_apart(sign_flip_p(columns, drawn_flips(prompts)).reshape(families, arms))
        shares.append((float(now.mean()), float(by_bootstrap(columns, arms).mean())))
    return shares


def _yes_no_arms(
    rng: np.random.Generator, kind: Kind, shape: tuple[int, int, int], effect: float
) -> Array:
    """Of the changed texts that say no, the share ``effect`` now says yes."""
    families, _, prompts = shape
    baseline = kind.draw(rng, (families, 1, prompts))
    changed = rng.random(shape) >= kind.unchanged
    drawn = np.maximum(kind.draw(rng, shape), rng.random(shape) < effect)
    return np.where(changed, drawn - baseline, 0.0)


def skewed_differences(
    rng: np.random.Generator, shape: tuple[int, ...], *, unchanged: float, centre: float
) -> Array:
    """Differences that are themselves skewed: lognormal less ``centre``, or zero."""
    changed = rng.random(shape) >= unchanged
    return np.where(changed, rng.lognormal(size=shape) - centre, 0.0)


def skewed_families(
    prompts: int, arms: int, families: int, *, unchanged: float, seed: int
) -> tuple[float, float, float]:
    """False families: by the mean before and now (mean 0), by the signs (as many up as down)."""
    rng, shape = np.random.default_rng([seed, prompts]), (families, arms, prompts)
    mean_0 = skewed_differences(rng, shape, unchanged=unchanged, centre=float(np.exp(0.5)))
    even = skewed_differences(rng, shape, unchanged=unchanged, centre=1.0)
    mean_0, even = (found.reshape(-1, prompts).T for found in (mean_0, even))
    before = by_bootstrap(mean_0, arms).reshape(families, arms)
    now = told_apart(sign_flip_p(mean_0, drawn_flips(prompts)).reshape(families, arms))
    signs = told_apart(sign_p(even).reshape(families, arms))
    return tuple(float(found.any(axis=1).mean()) for found in (before, now, signs))


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Values of an arm beside a baseline of zeros, whose mean is known."""

    name: str
    draw: Draw
    mean: float
    is_yes_no: bool = False


TRUTHS = (
    Truth(name="dense, shifted by 0.5", draw=lambda rng, n: rng.normal(0.5, 1, n), mean=0.5),
    Truth(
        name="80 % unchanged, rest shifted by 1",
        draw=lambda rng, n: (rng.random(n) < 0.2) * rng.normal(1, 1, n),
        mean=0.2,
    ),
    Truth(
        name="80 % unchanged, rest lognormal",
        draw=lambda rng, n: (rng.random(n) < 0.2) * rng.lognormal(size=n),
        mean=0.2 * float(np.exp(0.5)),
    ),
    Truth(
        name="yes for 10 %",
        draw=lambda rng, n: 1.0 * (rng.random(n) < 0.1),
        mean=0.1,
        is_yes_no=True,
    ),
    Truth(
        name="yes for 90 %",
        draw=lambda rng, n: 1.0 * (rng.random(n) < 0.9),
        mean=0.9,
        is_yes_no=True,
    ),
)


def coverage(truth: Truth, prompts: int, draws: int, seed: int) -> tuple[float, float, float]:
    """How often the interval of the difference and of the mean alone cover the truth.

    And how often no difference of the size of the truth, or more, is claimed.
    """
    rng, zeros = np.random.default_rng([seed, prompts]), np.zeros(prompts)
    paired = alone = denied = 0
    for _ in range(draws):
        values = truth.draw(rng, (prompts,))
        found = compare_paired(values, zeros, is_yes_no=truth.is_yes_no, smallest=truth.mean)
        mean = estimate(values, is_yes_no=truth.is_yes_no)
        paired += _covers(found.difference.low, found.difference.high, truth.mean)
        alone += _covers(mean.low, mean.high, truth.mean)
        denied += found.verdict is Verdict.NO_DIFFERENCE
    return paired / draws, alone / draws, denied / draws


def _covers(low: float | None, high: float | None, truth: float) -> bool:
    return low is None or high is None or low - 1e-9 <= truth <= high + 1e-9


def main() -> None:
    """Measure everything and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--families", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=PAGE)
    arguments = parser.parse_args()
    arguments.out.write_text(page(arguments.families, arguments.seed), "utf-8")
    print(arguments.out)


def page(families: int, seed: int) -> str:
    """The document."""
    few = families // 4
    error = (ALPHA * (1 - ALPHA) / families) ** 0.5
    return TEXT.format(
        flips=FLIPS,
        alpha=ALPHA,
        limit=ALPHA + 2 * error,
        families=families,
        few=few,
        fewest=few // 4,
        levels=_levels(families, seed),
        before=_levels_before(few, seed),
        powers=_powers(few // 4, seed),
        skews=_skews(few, seed),
        covers=_coverages(few, seed),
    )


def _levels(families: int, seed: int) -> str:
    rows = []
    for kind in KINDS:
        by_size = [false_families(kind, prompts, families, seed) for prompts in SIZES]
        for arms in FAMILIES:
            rows.append([kind.name, arms, *(f"{found[arms]:.3f}" for found in by_size)])
    return _table(["scores", "arms", *(f"{prompts} prompts" for prompts in SIZES)], rows)


def _levels_before(families: int, seed: int) -> str:
    cells = [(prompts, arms) for prompts in (24, 64) for arms in (1, 7, 13)]
    rows = [
        [
            kind.name,
            *(
                f"{false_families_before(kind, prompts, arms, families, seed):.3f}"
                for prompts, arms in cells
            ),
        ]
        for kind in KINDS
    ]
    heads = [f"{prompts} prompts, {arms} arm{'s' * (arms > 1)}" for prompts, arms in cells]
    return _table(["scores", *heads], rows)


def _powers(families: int, seed: int) -> str:
    rows = [
        [
            kind.name,
            prompts,
            *(
                f"{effect:g}: {now:.2f} / {before:.2f}"
                for effect, (now, before) in zip(
                    kind.effects, power(kind, prompts, 7, families, seed), strict=True
                )
            ),
        ]
        for kind in KINDS
        for prompts in (24, 64, 200)
    ]
    return _table(["scores", "prompts", "small effect", "middling", "large"], rows)


def _skews(families: int, seed: int) -> str:
    rows = []
    for unchanged in (0.0, 0.8):
        for prompts in (24, 64, 500):
            for arms in (1, 13):
                found = skewed_families(prompts, arms, families, unchanged=unchanged, seed=seed)
                rows.append(
                    [f"{unchanged:.0%}", prompts, arms, *(f"{share:.3f}" for share in found)]
                )
    heads = ["unchanged", "prompts", "arms", "mean, before", "mean, now", "share moved up, now"]
    return _table(heads, rows)


def _coverages(draws: int, seed: int) -> str:
    rows = [
        [truth.name, prompts, *(f"{share:.3f}" for share in coverage(truth, prompts, draws, seed))]
        for truth in TRUTHS
        for prompts in (12, 24, 64)
    ]
    return _table(["values", "prompts", "difference", "mean alone", "denied"], rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


if __name__ == "__main__":
    main()
