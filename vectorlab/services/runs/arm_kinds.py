"""What the arms of stored runs are there for: baselines, controls, calibrated strengths."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from vectorlab.domain.interventions.arms import Arm, Intervention
from vectorlab.domain.interventions.calibration import CLOSE
from vectorlab.domain.runs.arm_kinds import ArmInfo, ArmKind
from vectorlab.domain.runs.comparison import Column, columns_of
from vectorlab.domain.runs.runs import GenerationRun
from vectorlab.domain.vectors.methods import RANDOM_DIRECTION, SHUFFLED
from vectorlab.store.database import Database, Transaction
from vectorlab.store.vectors import calibrations, vectors


def infos(db: Database, runs: Sequence[GenerationRun]) -> dict[Column, ArmInfo]:
    """What every column of the runs is there for."""
    with db.read() as tx:
        ids = sorted({number for run in runs for number in run.spec.vector_ids().values()})
        methods = {vector.id: vector.method for vector in vectors.vectors_by_id(tx, ids)}
        drawn_for = {
            number: {parent.vector_id for parent in vectors.parents(tx, number)}
            for number, method in methods.items()
            if method == RANDOM_DIRECTION
        }
        found: dict[Column, ArmInfo] = {}
        for run in runs:
            columns = columns_of([run])
            kinds = {column: _kind(run.spec.arms[column.arm], methods) for column in columns}
            best = _calibrated(tx, run)
            for column in columns:
                arm = run.spec.arms[column.arm]
                found[column] = ArmInfo(
                    kind=kinds[column],
                    is_calibrated=any(_is_near(arm, intervention) for intervention in best),
                    randoms=tuple(
                        other
                        for other in columns
                        if kinds[other] is ArmKind.RANDOM
                        and kinds[column] is not ArmKind.RANDOM
                        and _is_random_of(run.spec.arms[other.arm], arm, drawn_for)
                    ),
                )
    return found


def _kind(arm: Arm, methods: dict[int, str]) -> ArmKind:
    if arm.is_baseline:
        return ArmKind.BASELINE
    used = {methods.get(item.vector_id) for item in arm.interventions if item.strength != 0}
    if not used:
        return ArmKind.PROMPTED
    if used == {RANDOM_DIRECTION}:
        return ArmKind.RANDOM
    return ArmKind.SHUFFLED if used <= {RANDOM_DIRECTION, SHUFFLED} else ArmKind.STEERED


def _calibrated(tx: Transaction, run: GenerationRun) -> list[Intervention]:
    """How the vectors of a run act at the strengths that calibrations on its model found."""
    return [
        intervention
        for number in sorted(set(run.spec.vector_ids().values()))
        for calibration in calibrations.calibrations_of(tx, number, model_id=run.model_id)
        if calibration.is_met
        for intervention in calibration.spec.arm(calibration.strength).interventions
    ]


def _is_near(arm: Arm, best: Intervention) -> bool:
    """Whether an arm is that intervention, its strength within what a calibration tells apart."""
    if len(arm.interventions) != 1 or arm.prefix:
        return False
    [own] = arm.interventions
    return replace(own, strength=best.strength) == best and math.isclose(
        own.strength, best.strength, rel_tol=CLOSE - 1
    )


def _is_random_of(control: Arm, arm: Arm, drawn_for: dict[int, set[int]]) -> bool:
    """Whether a control does what an arm does, in directions drawn for the arm's vectors."""
    return _without_vectors(control) == _without_vectors(arm) and all(
        own.vector_id in drawn_for.get(other.vector_id, ())
        for own, other in zip(arm.interventions, control.interventions, strict=True)
    )


def _without_vectors(arm: Arm) -> tuple[Any, ...]:
    return (arm.prefix, arm.combine, *_bare(arm.interventions))


def _bare(interventions: Iterable[Intervention]) -> list[Intervention]:
    return [
        replace(item, vector_id=0, vector_sha256="", vector_model=None) for item in interventions
    ]
