"""Scores, effects and outcomes as rows for tables and charts."""

from collections.abc import Sequence

import pandas as pd

from vectorlab.domain.codec import whole
from vectorlab.domain.description import Fact
from vectorlab.domain.runs.comparison import Setting, side_by_side
from vectorlab.ravel.domain.comparison import Tried
from vectorlab.ravel.domain.entities import EntityData
from vectorlab.ravel.domain.instances import ExamplePart, Instance
from vectorlab.ravel.domain.measures import (
    COPY_EVERYTHING,
    DO_NOTHING,
    AttributeMeasure,
    Judged,
    Summary,
    effects,
    score,
    summary,
)
from vectorlab.ravel.domain.remarks import MEASURES, remark, remark_on
from vectorlab.ravel.domain.specs import (
    AttributeArm,
    Evaluation,
    Measures,
    StoredFeaturizer,
    facts_of_arm,
)
from vectorlab.ravel.services import instances
from vectorlab.ravel.store import results
from vectorlab.services.vectors import vectors
from vectorlab.store.database import Database

_POLICIES = {DO_NOTHING: (0.0, 1.0), COPY_EVERYTHING: (1.0, 0.0)}  # Cause and Isolate
_POLICY = "policy"  # method of their rows
NOTHING_DONE = 0.5  # Disentangle of both
_INSTANCE = "instance_sha256"
_MEASURES = (AttributeMeasure.CAUSE, AttributeMeasure.ISOLATE, AttributeMeasure.DISENTANGLE)


def scores_frame(
    evaluations: Sequence[Evaluation], *, target: str | None = None, policies: bool = True
) -> pd.DataFrame:
    """One row per evaluation: Cause, Isolate and Disentangle side by side, with intervals.

    Args:
        evaluations: Of one run or of several.
        target: Scores of this attribute; None for the mean over targets.
        policies: Add the two trivial policies as rows of their own.
    """
    rows = [
        _scores_row(evaluation, target) for evaluation in evaluations if _has(evaluation, target)
    ]
    if policies and rows:
        for part in dict.fromkeys(row["part"] for row in rows):
            rows += [_policy_row(name, part) for name in _POLICIES]
    return pd.DataFrame(rows, columns=list(rows[0]) if rows else ["arm"])


def best_in_words(scores: pd.DataFrame) -> str:
    """The arm of the highest Disentangle, beside what doing nothing reaches.

    Which arms differ is said by the comparison; this says how far the interval of one reaches.

    Args:
        scores: Rows of ``scores_frame``.
    """
    arms = scores[scores["method"] != _POLICY]
    best = arms.sort_values("disentangle", ascending=False, kind="stable").iloc[0]
    said = f"Highest Disentangle: {best['arm']} with {best['disentangle']:.3f}"
    if pd.isna(best["disentangle low"]):
        return f"{said}, where doing nothing has {NOTHING_DONE:g}."
    low, high = float(best["disentangle low"]), float(best["disentangle high"])
    holds = low <= NOTHING_DONE <= high
    place = "holds" if holds else "lies above" if low > NOTHING_DONE else "lies below"
    return (
        f"{said}; its interval, {low:.3f} to {high:.3f}, {place} the {NOTHING_DONE:g} of doing "
        "nothing."
    )


def measures_frame(evaluations: Sequence[Evaluation], *, target: str | None = None) -> pd.DataFrame:
    """What the making of the featurizers measured: a row per arm and target, empty where nothing.

    Args:
        evaluations: Of one run or of several.
        target: Only the featurizers of this attribute.
    """
    rows = {
        (evaluation.label, name, *measures.items()): {
            "arm": evaluation.label,
            "target": name,
            **named(measures),
        }
        for evaluation in evaluations
        for name, measures in evaluation.measures.items()
        if measures and target in (None, name)
    }
    return pd.DataFrame(rows.values())


def named(measures: Measures) -> dict[str, float]:
    """Measures by the names that people read."""
    return {
        MEASURES[key].name if key in MEASURES else key: value for key, value in measures.items()
    }


def detail_frame(evaluation: Evaluation) -> pd.DataFrame:
    """Every score of an evaluation down to templates, by their place in the data."""
    return pd.DataFrame(
        [
            {
                "measure": share.measure.value,
                "target": share.target,
                "attribute": share.attribute,
                "template": share.template,
                "n": share.n,
                "value": share.value,
                "low": share.low,
                "high": share.high,
            }
            for share in evaluation.scores
        ]
    )


def templates_frame(evaluation: Evaluation, data: EntityData) -> pd.DataFrame:
    """The scores of single templates, in words."""
    frame = detail_frame(evaluation)
    frame = frame[frame["template"].notna()].copy()
    frame["template"] = [data.templates[int(place)].text for place in frame["template"]]
    return frame.reset_index(drop=True)


def effects_frame(db: Database, evaluation: Evaluation, instance: Instance) -> pd.DataFrame:
    """What moved when each target was moved: one row per target and attribute asked."""
    rows = [
        {
            "target": target,
            "attribute": attribute,
            "examples": count,
            "changed": changed,
            "kept": kept,
            "neither": 1 - changed - kept,
        }
        for (target, attribute), (count, changed, kept) in effects(
            _judged(db, evaluation, instance)
        ).items()
    ]
    return pd.DataFrame(rows)


def outcomes_frame(db: Database, evaluation: Evaluation, instance: Instance) -> pd.DataFrame:
    """Every edited run of an evaluation in words: prompt, source, and what was said."""
    examples = instances.examples_frame(db, instance, (evaluation.part,))
    with db.read() as tx:
        stored = results.outcomes(tx, evaluation.id)
    outcomes = pd.DataFrame(
        {
            "target": [outcome.target for outcome in stored],
            "example": [outcome.example for outcome in stored],
            "output": [outcome.output for outcome in stored],
            "changed": [outcome.changed for outcome in stored],
            "kept": [outcome.kept for outcome in stored],
        }
    )
    columns = ["example", "attribute", "input", "source_input", "label", "inv_label"]
    return outcomes.merge(examples[columns], on="example").rename(
        columns={"inv_label": "source's answer", "label": "unedited"}
    )


def curves_frame(featurizers: Sequence[StoredFeaturizer]) -> pd.DataFrame:
    """The training curves of featurizers in long form."""
    rows = [
        {
            "featurizer": f"{featurizer.spec.attribute}",
            "method": featurizer.spec.method,
            "layer": featurizer.spec.layer,
            "k": featurizer.spec.k,
            "step": point["step"],
            "loss": point["loss"],
        }
        for featurizer in featurizers
        for point in featurizer.curve
    ]
    return pd.DataFrame(rows, columns=["featurizer", "method", "layer", "k", "step", "loss"])


def featurizers_frame(featurizers: Sequence[StoredFeaturizer]) -> pd.DataFrame:
    """One row per featurizer, with every field of its request."""
    return pd.DataFrame(
        [
            {
                "id": featurizer.id,
                **{
                    name: value
                    for name, value in whole(featurizer.spec).items()
                    if name != _INSTANCE
                },
                "features": featurizer.n_features,
                "last loss": featurizer.curve[-1]["loss"] if featurizer.curve else None,
                **named(featurizer.measures),
                "remark": remark(featurizer.spec.method, featurizer.measures),
                "instance": featurizer.instance_name,
                "made": featurizer.created_at,
            }
            for featurizer in featurizers
        ]
    )


def settings(db: Database, evaluations: Sequence[Evaluation]) -> list[Setting]:
    """What the arms of evaluations were asked to do, side by side in the order of ``arms``."""
    return side_by_side(
        [{fact.name: fact.value for fact in facts(db, arm)} for arm in arms(evaluations).values()]
    )


def arms(evaluations: Sequence[Evaluation]) -> dict[str, AttributeArm]:
    """Every arm once, however many parts it was scored on, by its label."""
    return {evaluation.label: evaluation.arm for evaluation in evaluations}


def facts(db: Database, arm: AttributeArm) -> tuple[Fact, ...]:
    """What an arm does, its vector by name."""
    return facts_of_arm(arm, vectors.names_in(db, arm))


def grid_frame(
    evaluations: Sequence[Evaluation], *, part: ExamplePart, target: str | None
) -> pd.DataFrame:
    """Method, layer and k with their scores: where an attribute lives."""
    frame = scores_frame(
        [evaluation for evaluation in evaluations if evaluation.part is part],
        target=target,
        policies=False,
    )
    return frame.dropna(subset=["layer"]) if not frame.empty else frame


def on_same_examples(
    db: Database, evaluation: Evaluation, other: Evaluation, instance: Instance, *, target: str
) -> Summary:
    """Scores of an evaluation on the examples that another one used, for one target.

    A steering vector is tried on the examples of one value alone; this is what a featurizer does
    on the very same ones.

    Args:
        db: The store.
        evaluation: Whose scores are wanted.
        other: Whose examples count.
        instance: That both belong to.
        target: The attribute that is changed.
    """
    with db.read() as tx:
        used = {outcome.example for outcome in results.outcomes(tx, other.id)}
    judged = [
        each.judged
        for each in tried(db, evaluation, instance)
        if each.judged.target == target and each.example in used
    ]
    return summary(score(judged), target)


def tried(db: Database, evaluation: Evaluation, instance: Instance) -> list[Tried]:
    """Every outcome of an evaluation, with its example and base prompt."""
    data = instances.data_of(db, instance)
    examples = instances.examples_of(db, instance, (evaluation.part,))
    with db.read() as tx:
        outcomes = results.outcomes(tx, evaluation.id)
    found = []
    for outcome in outcomes:
        example = examples[outcome.example]
        judged = Judged(
            target=outcome.target,
            attribute=str(data.templates[example.template].attribute),
            template=example.template,
            changed=outcome.changed,
            kept=outcome.kept,
        )
        prompt = (example.template, example.entity)
        found.append(Tried(example=outcome.example, prompt=prompt, judged=judged))
    return found


def _judged(db: Database, evaluation: Evaluation, instance: Instance) -> list[Judged]:
    return [each.judged for each in tried(db, evaluation, instance)]


def _has(evaluation: Evaluation, target: str | None) -> bool:
    return any(share.target == target for share in evaluation.scores)


def _scores_row(evaluation: Evaluation, target: str | None) -> dict[str, object]:
    shares = summary(evaluation.scores, target)
    by_measure = {
        AttributeMeasure.CAUSE: shares.cause,
        AttributeMeasure.ISOLATE: shares.isolate,
        AttributeMeasure.DISENTANGLE: shares.disentangle,
    }
    row: dict[str, object] = {
        "evaluation": evaluation.id,
        "arm": evaluation.label,
        "method": evaluation.method,
        "layer": evaluation.layer,
        "k": evaluation.k,
        "features": evaluation.n_features,
        "part": evaluation.part.value,
        "examples": by_measure[AttributeMeasure.DISENTANGLE].n,
    }
    for measure in _MEASURES:
        share = by_measure[measure]
        row |= {
            measure.value: share.value,
            f"{measure.value} low": share.low,
            f"{measure.value} high": share.high,
        }
    return row | {"remark": remark_on(evaluation, target)}


def _policy_row(name: str, part: object) -> dict[str, object]:
    cause, isolate = _POLICIES[name]
    row: dict[str, object] = {
        "evaluation": None,
        "arm": name,
        "method": _POLICY,
        "layer": None,
        "k": None,
        "features": None,
        "part": part,
        "examples": None,
    }
    for measure, value in zip(_MEASURES, (cause, isolate, NOTHING_DONE), strict=True):
        row |= {measure.value: value, f"{measure.value} low": None, f"{measure.value} high": None}
    return row | {"remark": ""}
