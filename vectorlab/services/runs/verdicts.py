"""What a scored run says of the vectors whose calibrated strength it tries.

Everything is read from the run, its scores and the calibrations: any run that tries a vector at its
calibrated strength ends in a verdict, whether an experiment made it or somebody by hand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from vectorlab.domain.interventions.arms import Arm, Intervention
from vectorlab.domain.interventions.calibration import Calibration
from vectorlab.domain.runs.runs import GenerationRun
from vectorlab.domain.scores.catalogue import scale_of
from vectorlab.domain.scores.statistics import (
    Estimate,
    PairedComparison,
    compare_arms,
    estimate,
)
from vectorlab.domain.scores.verdicts import (
    ChosenStrength,
    ExperimentVerdict,
    JudgedArm,
    Rival,
    Role,
    verdict,
)
from vectorlab.domain.sets.versions import SHUFFLED_FROM
from vectorlab.domain.vectors.methods import RANDOM_DIRECTION
from vectorlab.domain.vectors.vectors import SteeringVector
from vectorlab.errors import InputError
from vectorlab.services.runs import runs, scores
from vectorlab.services.sets import splits
from vectorlab.store.database import Database, Transaction
from vectorlab.store.sets import sets
from vectorlab.store.vectors import calibrations, vectors


@dataclass(frozen=True, kw_only=True)
class FrontierPoint:
    """An arm by what it changes and what it damages."""

    arm: str  # label
    series: str  # what is drawn as one line: a vector, a control, a way of prompting
    role: Role
    strength: float
    effect: Estimate  # difference from the unsteered arm
    damage: Estimate | None
    is_chosen: bool  # the calibrated strength of a vector


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A run that tries vectors at their calibrated strength, and what it says."""

    run: GenerationRun
    calibrations: tuple[Calibration, ...]  # one for each vector that is judged
    verdicts: tuple[ExperimentVerdict, ...]  # in the same order
    frontier: tuple[FrontierPoint, ...]

    @property
    def effect(self) -> str:
        """Label of the scorer that is the effect."""
        return self.calibrations[0].spec.effect.label

    @property
    def damage(self) -> str:
        """Label of the scorer that is the damage."""
        return self.calibrations[0].spec.damage.label


def get(db: Database, reference: str) -> Experiment:
    """What a run says of the vectors that it tries at their calibrated strength.

    Raises:
        NotFoundError: If there is no such run.
        InputError: If it tries none, or has no scores of the effect.
    """
    run = runs.get(db, reference)
    found = find(db, run)
    if found is None:
        raise InputError(
            f"Run {run.id} says nothing of an experiment: no arm is a vector at its calibrated "
            "strength with scores of the effect it was calibrated for. Make one: vectorlab "
            "experiment run --help"
        )
    return found


def find(db: Database, run: GenerationRun) -> Experiment | None:
    """As ``get``; None for a run that is no experiment."""
    baseline = next((arm.label for arm in run.spec.arms if arm.is_baseline), None)
    if baseline is None:
        return None
    with db.read() as tx:
        seen = _Seen.read(tx, run)
    values = scores.by_prompt(db, run)
    chosen = {
        label: calibration
        for label, calibration in seen.calibrated.items()
        if calibration.spec.effect.label in values
    }
    first = next(iter(chosen.values()), None)
    if first is None:
        return None
    chosen = {
        label: calibration
        for label, calibration in chosen.items()
        if calibration.spec.effect == first.spec.effect
    }
    by_arm = _judged(db, run, seen, first, values)
    learned = max((overlap.shared for overlap in splits.overlaps_of_run(db, run)), default=0)
    judged = tuple(chosen.items())
    return Experiment(
        run=run,
        calibrations=tuple(calibration for _, calibration in judged),
        verdicts=tuple(
            verdict(
                by_arm[label],
                _rivals(seen, label, by_arm, values[calibration.spec.effect.label]),
                _strength(run, calibration, learned),
                effect=calibration.spec.effect.label,
                lower_is_better=calibration.spec.lower_is_better,
            )
            for label, calibration in judged
        ),
        frontier=_frontier(run, seen, by_arm, set(chosen)),
    )


def verdict_frame(experiment: Experiment) -> pd.DataFrame:
    """One row per vector: grade and what is said."""
    return pd.DataFrame(
        {
            "vector": [found.vector for found in experiment.verdicts],
            "effect": [found.effect for found in experiment.verdicts],
            "grade": [found.grade.value for found in experiment.verdicts],
            "strength": [calibration.strength for calibration in experiment.calibrations],
            "verdict": [found.text for found in experiment.verdicts],
        }
    )


def frontier_frame(experiment: Experiment) -> pd.DataFrame:
    """One row per arm: the change of the effect and the damage, each with its interval."""
    return pd.DataFrame(
        [
            {
                "arm": point.arm,
                "series": point.series,
                "role": point.role.value,
                "strength": point.strength,
                "effect": point.effect.mean,
                "effect_low": point.effect.low,
                "effect_high": point.effect.high,
                "damage": None if point.damage is None else point.damage.mean,
                "damage_low": None if point.damage is None else point.damage.low,
                "damage_high": None if point.damage is None else point.damage.high,
                "chosen": point.is_chosen,
            }
            for point in experiment.frontier
        ]
    )


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What the arms of a run are, by label."""

    roles: Mapping[str, Role]
    names: Mapping[str, str]  # of the vector, or the label where there is none
    interventions: Mapping[str, Intervention]
    of: Mapping[str, frozenset[int]]  # ids of the vectors that a control stands by
    calibrated: Mapping[str, Calibration]

    @classmethod
    def read(cls, tx: Transaction, run: GenerationRun) -> "_Seen":
        applied = {
            arm.label: arm.interventions[0]
            for arm in run.spec.arms
            if len(arm.interventions) == 1 and not arm.is_baseline and not arm.prefix
        }
        known = {
            number: vectors.vector_by_id(tx, number)
            for number in {each.vector_id for each in applied.values()}
        }
        kinds = {
            number: _kind(tx, vector, list(known.values())) for number, vector in known.items()
        }
        roles, of = _of_arms(run.spec.arms, applied, kinds)
        return cls(
            roles=roles,
            names={label: known[each.vector_id].name for label, each in applied.items()},
            interventions=applied,
            of=of,
            calibrated={
                label: calibration
                for label, each in applied.items()
                if roles[label] is Role.VECTOR
                and (calibration := _calibration(tx, run, each)) is not None
            },
        )


def _of_arms(
    arms: Sequence[Arm],
    applied: Mapping[str, Intervention],
    kinds: Mapping[int, tuple[Role, frozenset[int]]],
) -> tuple[dict[str, Role], dict[str, frozenset[int]]]:
    roles: dict[str, Role] = {}
    of: dict[str, frozenset[int]] = {}
    for arm in arms:
        if arm.label in applied:
            roles[arm.label], of[arm.label] = kinds[applied[arm.label].vector_id]
        elif arm.is_baseline:
            roles[arm.label] = Role.BASELINE
        elif arm.prefix and not arm.interventions:
            roles[arm.label] = Role.PROMPTING
    return roles, of


def _kind(
    tx: Transaction, vector: SteeringVector, others: Sequence[SteeringVector]
) -> tuple[Role, frozenset[int]]:
    """Whether a vector is a control, and by which vectors it stands."""
    if vector.method == RANDOM_DIRECTION:
        parents = [parent.vector_id for parent in vectors.parents(tx, vector.id)]
        return Role.RANDOM, frozenset(parents)
    if vector.set_version_id is not None:
        version = sets.version_by_id(tx, vector.set_version_id)
        if SHUFFLED_FROM in version.details:
            label = version.details[SHUFFLED_FROM]
            own = frozenset(other.id for other in others if other.set_label == label)
            return Role.SHUFFLED, own
    return Role.VECTOR, frozenset()


def _calibration(tx: Transaction, run: GenerationRun, applied: Intervention) -> Calibration | None:
    """The newest calibration that chose exactly what an arm does."""
    stored = calibrations.calibrations_of(
        tx,
        applied.vector_id,
        model_id=run.model_id,
        operator=applied.operator,
        site=applied.site,
    )
    return next(
        (
            calibration
            for calibration in stored
            if calibration.spec.arm(calibration.strength).interventions == (applied,)
        ),
        None,
    )


def _judged(
    db: Database,
    run: GenerationRun,
    seen: _Seen,
    first: Calibration,
    values: Mapping[str, Mapping[str, Sequence[float]]],
) -> dict[str, JudgedArm]:
    effect, damage = first.spec.effect.label, first.spec.damage.label
    sizes = None if first.spec.smallest is None else {effect: first.spec.smallest}
    compared = scores.compare_with(db, run, smallest=sizes)[effect]
    damages = {
        label: estimate(of_arm, is_yes_no=scale_of(damage)[0])
        for label, of_arm in values.get(damage, {}).items()
    }
    return {
        label: JudgedArm(
            name=seen.names.get(label, label),
            role=seen.roles[label],
            effect=comparison,
            damage=damages.get(label),
        )
        for label, comparison in compared.items()
        if label in seen.roles
    }


def _rivals(
    seen: _Seen,
    label: str,
    by_arm: Mapping[str, JudgedArm],
    values: Mapping[str, Sequence[float]],
) -> list[Rival]:
    """Controls at the same strength, and every way of prompting, each held against the vector."""
    mine = seen.interventions[label]
    labels = [
        other
        for other, role in seen.roles.items()
        if other in by_arm
        and (
            role is Role.PROMPTING
            or (
                role.is_control
                and mine.vector_id in seen.of[other]
                and _as_applied(seen.interventions[other]) == _as_applied(mine)
            )
        )
    ]
    is_yes_no, noise = scale_of(_effect_of(seen, label))
    against: Mapping[str, PairedComparison] = compare_arms(
        {other: values[other] for other in labels},
        values[label],
        is_yes_no=is_yes_no,
        noise=noise,
    )
    return [Rival(arm=by_arm[other], against=against[other]) for other in labels]


def _effect_of(seen: _Seen, label: str) -> str:
    return seen.calibrated[label].spec.effect.label


def _as_applied(intervention: Intervention) -> Intervention:
    """How a vector acts, whichever it is."""
    return replace(intervention, vector_id=0, vector_sha256="", vector_model=None)


def _strength(run: GenerationRun, calibration: Calibration, learned: int) -> ChosenStrength:
    judging = {prompt.text for prompt in run.spec.prompts}
    choosing = {prompt.text for prompt in calibration.spec.prompts}
    return ChosenStrength(
        strength=calibration.strength,
        is_met=calibration.is_met,
        damage=calibration.spec.damage.label,
        budget=calibration.spec.budget,
        n_prompts=len(choosing),
        n_shared=len(judging & choosing),
        n_learned=learned,
    )


def _frontier(
    run: GenerationRun, seen: _Seen, by_arm: Mapping[str, JudgedArm], chosen: set[str]
) -> tuple[FrontierPoint, ...]:
    return tuple(
        FrontierPoint(
            arm=arm.label,
            series=by_arm[arm.label].name,
            role=by_arm[arm.label].role,
            strength=seen.interventions[arm.label].strength
            if arm.label in seen.interventions
            else 0.0,
            effect=by_arm[arm.label].effect.difference,
            damage=by_arm[arm.label].damage,
            is_chosen=arm.label in chosen,
        )
        for arm in run.spec.arms
        if arm.label in by_arm
    )
