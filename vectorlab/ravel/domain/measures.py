"""Cause, Isolate and Disentangle: what an edit moved that it should, and left that it should.

Templates count equally within an attribute, attributes within a target, targets within the whole,
however many examples each has.

Source: Huang et al. 2024, https://arxiv.org/abs/2402.17700; https://github.com/explanare/ravel,
src/utils/metric_utils.py, whose rounding of every template to two decimals is left out here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from vectorlab.domain.scores.shares import LEVEL
from vectorlab.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

RESAMPLES = 1000  # of the bootstrap
# What needs no model: the ends of the scale that every mean has to be read against.
DO_NOTHING = "do nothing"
COPY_EVERYTHING = "copy everything"
_Draws: TypeAlias = "npt.NDArray[np.float64]"


class AttributeMeasure(StrEnum):
    """What a score says; all are shares from 0 to 1."""

    CAUSE = "cause"  # of edited outputs that say the source entity's value of the target
    ISOLATE = "isolate"  # of edited outputs that still say the base entity's other values
    DISENTANGLE = "disentangle"  # the mean of both


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one edited run said."""

    target: str  # the attribute that the edit is to change
    example: int  # position in the instance
    output: str
    changed: bool  # it is the counter-label: the source entity's value
    kept: bool  # it is the label: the base entity's value


@dataclass(frozen=True, kw_only=True)
class Judged:
    """An outcome as the scores see it."""

    target: str
    attribute: str  # that the base prompt asks for
    template: int  # of the base
    changed: bool
    kept: bool


@dataclass(frozen=True, kw_only=True)
class AttributeScore:
    """One share with its bootstrap interval."""

    measure: AttributeMeasure
    target: str | None  # None: the mean over targets
    attribute: str | None  # of one attribute's prompts; None: of all that the measure takes
    template: int | None  # of one template; None: of all
    n: int  # examples
    value: float
    low: float  # of the interval
    high: float


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Cause and Isolate side by side, with their mean."""

    cause: AttributeScore
    isolate: AttributeScore
    disentangle: AttributeScore


def score(
    outcomes: Sequence[Judged], *, resamples: int = RESAMPLES, seed: int = 0
) -> list[AttributeScore]:
    """Every score of some outcomes, from templates up to the mean over targets.

    Intervals come from drawing examples within each template anew, templates fixed.

    Args:
        outcomes: Of one arm on one part of an instance.
        resamples: Of the bootstrap.
        seed: Same.

    Raises:
        InputError: If a target has no outcome on prompts of its own, or none on those of others.
    """
    import numpy as np

    check_targets(outcomes)
    rng = np.random.default_rng(seed)
    cells = _cells(outcomes, rng, resamples)
    scores = [cell.score for cell in cells]
    causes, isolates = [], []
    for target in dict.fromkeys(outcome.target for outcome in outcomes):
        by_attribute: dict[str, _Mean] = {}
        for attribute in dict.fromkeys(
            cell.score.attribute for cell in cells if cell.score.target == target
        ):
            assert attribute is not None
            own = [
                cell
                for cell in cells
                if cell.score.target == target and cell.score.attribute == attribute
            ]
            measure = AttributeMeasure.CAUSE if attribute == target else AttributeMeasure.ISOLATE
            by_attribute[attribute] = _mean(own, measure, target=target, attribute=attribute)
        cause = by_attribute[target]
        others = [mean for attribute, mean in by_attribute.items() if attribute != target]
        isolate = _mean(others, AttributeMeasure.ISOLATE, target=target)
        both = _mean([cause, isolate], AttributeMeasure.DISENTANGLE, target=target)
        scores += [mean.score for mean in by_attribute.values()]
        scores += [isolate.score, both.score]
        causes.append(cause)
        isolates.append(isolate)
    cause, isolate = (
        _mean(causes, AttributeMeasure.CAUSE),
        _mean(isolates, AttributeMeasure.ISOLATE),
    )
    return [
        *scores,
        cause.score,
        isolate.score,
        _mean([cause, isolate], AttributeMeasure.DISENTANGLE).score,
    ]


def check_targets(outcomes: Iterable[Judged]) -> None:
    """Refuse outcomes that leave Cause or Isolate of a target without any.

    Raises:
        InputError: If a target has no outcome on prompts of its own, or none on those of others.
    """
    asked: dict[str, dict[str, None]] = {}
    for outcome in outcomes:
        asked.setdefault(outcome.target, {})[outcome.attribute] = None
    for target, attributes in asked.items():
        if target not in attributes or len(attributes) < 2:
            raise InputError(
                f"Target {target!r} has outcomes on prompts of {', '.join(attributes)} alone; it "
                "takes its own attribute for Cause and another one for Isolate."
            )


def summary(scores: Iterable[AttributeScore], target: str | None = None) -> Summary:
    """The three figures of a target, or of the mean over targets."""
    by_measure = {
        figure.measure: figure
        for figure in scores
        if figure.target == target
        and figure.template is None
        and figure.attribute in (None, target if figure.measure is AttributeMeasure.CAUSE else None)
    }
    return Summary(
        cause=by_measure[AttributeMeasure.CAUSE],
        isolate=by_measure[AttributeMeasure.ISOLATE],
        disentangle=by_measure[AttributeMeasure.DISENTANGLE],
    )


def do_nothing(outcomes: Iterable[Judged]) -> list[Judged]:
    """The same examples under the policy that edits nothing: Cause 0, Isolate 1."""
    return [_as(outcome, changed=False) for outcome in outcomes]


def copy_everything(outcomes: Iterable[Judged]) -> list[Judged]:
    """The same examples if the whole entity became the source's: Cause 1, Isolate 0."""
    return [_as(outcome, changed=True) for outcome in outcomes]


def effects(outcomes: Iterable[Judged]) -> Mapping[tuple[str, str], tuple[int, float, float]]:
    """By (target, attribute asked): examples, share that changed, share that was kept."""
    cells: dict[tuple[str, str], list[Judged]] = {}
    for outcome in outcomes:
        cells.setdefault((outcome.target, outcome.attribute), []).append(outcome)
    return {
        key: (
            len(cell),
            sum(outcome.changed for outcome in cell) / len(cell),
            sum(outcome.kept for outcome in cell) / len(cell),
        )
        for key, cell in cells.items()
    }


@dataclass(frozen=True, kw_only=True)
class _Mean:
    score: AttributeScore
    draws: _Draws  # (resamples,) the same mean of resampled examples


def _cells(outcomes: Sequence[Judged], rng: "np.random.Generator", resamples: int) -> list[_Mean]:
    """One mean per target and template."""
    groups: dict[tuple[str, str, int], list[bool]] = {}
    for outcome in outcomes:
        hit = outcome.changed if outcome.attribute == outcome.target else outcome.kept
        groups.setdefault((outcome.target, outcome.attribute, outcome.template), []).append(hit)
    means = []
    for (target, attribute, template), hits in groups.items():
        value = sum(hits) / len(hits)
        # Drawing n zeros and ones with replacement and adding them up is one binomial draw.
        draws = rng.binomial(len(hits), value, resamples) / len(hits)
        measure = AttributeMeasure.CAUSE if attribute == target else AttributeMeasure.ISOLATE
        cell_score = _score(measure, target, attribute, template, len(hits), value, draws)
        means.append(_Mean(score=cell_score, draws=draws))
    return means


def _mean(
    parts: Sequence[_Mean],
    measure: AttributeMeasure,
    *,
    target: str | None = None,
    attribute: str | None = None,
) -> _Mean:
    import numpy as np

    value = float(np.mean([part.score.value for part in parts]))
    draws = np.mean([part.draws for part in parts], axis=0)
    count = sum(part.score.n for part in parts)
    return _Mean(score=_score(measure, target, attribute, None, count, value, draws), draws=draws)


def _score(
    measure: AttributeMeasure,
    target: str | None,
    attribute: str | None,
    template: int | None,
    n: int,
    value: float,
    draws: _Draws,
) -> AttributeScore:
    import numpy as np

    rest = (1 - LEVEL) / 2
    low, high = np.quantile(draws, [rest, 1 - rest])
    return AttributeScore(
        measure=measure,
        target=target,
        attribute=attribute,
        template=template,
        n=n,
        value=value,
        low=float(low),
        high=float(high),
    )


def _as(outcome: Judged, *, changed: bool) -> Judged:
    return Judged(
        target=outcome.target,
        attribute=outcome.attribute,
        template=outcome.template,
        changed=changed,
        kept=not changed,
    )
