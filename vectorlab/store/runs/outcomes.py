"""What the arms of many runs come to, in a few statements however many runs there are."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from vectorlab.store import schema
from vectorlab.store.database import Transaction
from vectorlab.store.runs.scores import is_newest

_prompts = schema.run_prompts
_arms = schema.run_arms
_used = schema.arm_interventions
_generations = schema.generations
_scores = schema.scores


@dataclass(frozen=True, kw_only=True)
class ScoredPrompt:
    """The scores of one arm's texts of one prompt by one scorer; a copy counts as the first."""

    run_id: int
    arm: int
    prompt: int
    scorer: str
    scorer_version: str
    total: float
    count: int


@dataclass(frozen=True, kw_only=True)
class AppliedArm:
    """An arm as far as it says what acts and how strongly."""

    label: str
    is_baseline: bool
    vector_id: int | None  # None: none or several
    strength: float | None  # None: several


def scored_prompts(tx: Transaction, run_ids: Sequence[int]) -> list[ScoredPrompt]:
    """Sums of the newest scores of runs, by arm, prompt and scorer."""
    g, s = _generations.c, _scores.c
    first = (
        sa.select(
            _prompts.c.run_id,
            _prompts.c.position,
            sa.func.min(_prompts.c.position)
            .over(partition_by=(_prompts.c.run_id, _prompts.c.text))
            .label("first"),
        )
        .where(_prompts.c.run_id.in_(run_ids))
        .subquery()
    )
    summed = (
        sa.select(
            g.run_id,
            g.arm,
            g.prompt,
            s.scorer,
            s.scorer_version,
            sa.func.sum(s.value).label("total"),
            sa.func.count().label("count"),
        )
        .join(_scores, s.generation_id == g.id)
        .where(g.run_id.in_(run_ids), s.value.is_not(None), is_newest(_scores))
        .group_by(g.run_id, g.arm, g.prompt, s.scorer, s.scorer_version)
        .subquery()
    )
    query = sa.select(
        summed.c.run_id,
        summed.c.arm,
        first.c.first.label("prompt"),
        summed.c.scorer,
        summed.c.scorer_version,
        summed.c.total,
        summed.c.count,
    ).join(first, sa.and_(first.c.run_id == summed.c.run_id, first.c.position == summed.c.prompt))
    return [ScoredPrompt(**row._mapping) for row in tx.execute(query)]


def applied_arms(tx: Transaction, run_ids: Sequence[int]) -> dict[int, list[AppliedArm]]:
    """The arms of runs in their order."""
    used: dict[tuple[int, int], list[tuple[int, float]]] = defaultdict(list)
    acting = sa.select(
        _used.c.run_id, _used.c.arm, _used.c.steering_vector_id, _used.c.strength
    ).where(_used.c.run_id.in_(run_ids))
    for row in tx.execute(acting):
        used[row.run_id, row.arm].append((row.steering_vector_id, row.strength))
    arms: dict[int, list[AppliedArm]] = defaultdict(list)
    query = (
        sa.select(_arms.c.run_id, _arms.c.position, _arms.c.label, _arms.c.prefix)
        .where(_arms.c.run_id.in_(run_ids))
        .order_by(_arms.c.run_id, _arms.c.position)
    )
    for row in tx.execute(query):
        acts = used[row.run_id, row.position]
        strengths = {strength for _, strength in acts} or {0.0}
        arms[row.run_id].append(
            AppliedArm(
                label=row.label,
                is_baseline=not row.prefix and strengths == {0.0},
                vector_id=acts[0][0] if len(acts) == 1 else None,
                strength=strengths.pop() if len(strengths) == 1 else None,
            )
        )
    return dict(arms)
