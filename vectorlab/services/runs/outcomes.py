"""What a list of runs says of each: its best arm by a scorer, with the verdict of all verdicts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vectorlab.domain.runs.comparison import Criterion
from vectorlab.domain.scores.catalogue import lower_is_better
from vectorlab.domain.scores.statistics import PairedComparison, Verdict
from vectorlab.services.runs.comparison import changes_from
from vectorlab.store.database import Database
from vectorlab.store.runs import outcomes
from vectorlab.store.runs.outcomes import AppliedArm

Places = Mapping[int, float]  # mean score of an arm, by prompt


class Standing(StrEnum):
    """How the best arm of a run stands against its baseline."""

    BETTER = "better"
    NOT_TOLD_APART = "not told apart"
    WORSE = "worse"


@dataclass(frozen=True, kw_only=True)
class ArmScores:
    """The scores of a run by one scorer, before anything is judged."""

    arms: tuple[AppliedArm, ...]
    means: Mapping[int, Places]  # by arm


@dataclass(frozen=True, kw_only=True)
class RunOutcome:
    """The best arm of a run by a scorer."""

    measure: Criterion
    arm: AppliedArm
    change: PairedComparison  # against the run's baseline, paired by prompt
    curve: tuple[tuple[float, float], ...]  # strength and mean, where one vector acts alone

    @property
    def gain(self) -> float:
        """The mean change, positive where it is for the better."""
        mean = self.change.difference.mean or 0.0
        return -mean if self.measure.lower_is_better else mean

    @property
    def standing(self) -> Standing:
        """Its verdict, in the direction that is wanted."""
        if self.change.verdict not in (Verdict.HIGHER, Verdict.LOWER):
            return Standing.NOT_TOLD_APART
        return Standing.BETTER if self.gain > 0 else Standing.WORSE


def read(db: Database, run_ids: Sequence[int]) -> dict[int, dict[Criterion, ArmScores]]:
    """The scores of runs by scorer, of its newest version alone; runs without any are left out.

    The number of statements does not grow with the number of runs.
    """
    if not run_ids:
        return {}
    with db.read() as tx:
        rows = outcomes.scored_prompts(tx, run_ids)
        arms = outcomes.applied_arms(tx, sorted({row.run_id for row in rows})) if rows else {}
    sums: dict[tuple[int, str, str], dict[int, dict[int, list[float]]]] = {}
    for row in rows:
        of_arm = sums.setdefault((row.run_id, row.scorer, row.scorer_version), {})
        both = of_arm.setdefault(row.arm, {}).setdefault(row.prompt, [0.0, 0.0])
        both[0] += row.total
        both[1] += row.count
    found: dict[int, dict[Criterion, ArmScores]] = defaultdict(dict)
    newest = {(run_id, name): version for run_id, name, version in sorted(sums)}
    for (run_id, name), version in newest.items():
        criterion = Criterion(name=name, version=version, lower_is_better=lower_is_better(name))
        means = {
            arm: {prompt: total / count for prompt, (total, count) in prompts.items()}
            for arm, prompts in sums[run_id, name, version].items()
        }
        found[run_id][criterion] = ArmScores(arms=tuple(arms[run_id]), means=means)
    return dict(found)


def usual(criteria: Sequence[Criterion]) -> Criterion:
    """The one that is shown where nobody chose: of what is wanted, before what is a damage."""
    return min(criteria, key=lambda criterion: (criterion.lower_is_better, criterion.key))


def judge(scored: ArmScores, measure: Criterion) -> RunOutcome | None:
    """The best arm of a run; None where no arm stands beside a baseline.

    An arm that is told apart goes before one that is not, and of those the larger gain.
    """
    base = next((place for place, arm in enumerate(scored.arms) if arm.is_baseline), None)
    if base is None or base not in scored.means:
        return None
    places = sorted({place for of_arm in scored.means.values() for place in of_arm})
    values = {arm: [of_arm.get(place) for place in places] for arm, of_arm in scored.means.items()}
    changes = changes_from(values, base, measure)
    judged = [
        RunOutcome(
            measure=measure,
            arm=scored.arms[place],
            change=change,
            curve=_curve(scored, scored.arms[place].vector_id, base),
        )
        for place, change in changes.items()
        if change.n and not scored.arms[place].is_baseline
    ]
    return max(
        judged, key=lambda found: (found.standing is Standing.BETTER, found.gain), default=None
    )


def _curve(scored: ArmScores, vector_id: int | None, base: int) -> tuple[tuple[float, float], ...]:
    if vector_id is None:
        return ()
    points = {0.0: base} | {
        arm.strength: place
        for place, arm in enumerate(scored.arms)
        if arm.vector_id == vector_id and arm.strength and place in scored.means
    }
    return tuple(
        (strength, sum(scored.means[place].values()) / len(scored.means[place]))
        for strength, place in sorted(points.items())
    )
