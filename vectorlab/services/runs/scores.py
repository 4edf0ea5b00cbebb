"""Scores of runs: ask for them, read them, and say what they come to."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from vectorlab.domain.jobs.jobs import DEFAULT_QUEUE, PRIORITY_BATCH
from vectorlab.domain.jobs.requests import ScoreRequest
from vectorlab.domain.models import Model
from vectorlab.domain.runs.runs import GenerationRun, RunSpec
from vectorlab.domain.scores.catalogue import (
    PROJECTION,
    SCORERS,
    Needs,
    parse_scorer,
    scale_of,
    usage,
)
from vectorlab.domain.scores.metrics import METRICS
from vectorlab.domain.scores.scores import ScorerSpec, StoredScore
from vectorlab.domain.scores.statistics import (
    PairedComparison,
    compare_arms,
    estimate,
    first_of_equals,
    mean_by_group,
)
from vectorlab.errors import InputError
from vectorlab.services.asking import Asked, ask, job_reader
from vectorlab.services.runs.runs import request_run
from vectorlab.store import models
from vectorlab.store.database import Database, Transaction
from vectorlab.store.runs import runs, scores
from vectorlab.store.vectors import vectors

Comparisons = dict[str, dict[str, PairedComparison]]  # by scorer, by arm


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A run and the scorers that all its texts have scores of."""

    run: GenerationRun
    scorers: tuple[ScorerSpec, ...]


def request_scores(
    db: Database,
    reference: str,
    scorers: Sequence[str],
    *,
    actor: str,
    force: bool = False,
    priority: int = PRIORITY_BATCH,
    queue: str = DEFAULT_QUEUE,
) -> Asked[Scored]:
    """Enqueue the scoring of every text of a run, unless all of it is there.

    Args:
        db: The store.
        reference: Id, name or hash prefix of the run.
        scorers: As ``domain.scores.catalogue.parse_scorer`` reads them.
        actor: Who asks.
        force: Score again what has been scored; what the new scores replace is gone.
        priority: Of the job.
        queue: Only workers of this queue take it.

    Raises:
        NotFoundError: If there is no such run, or a scorer names a vector that does not exist.
        InputError: If a scorer cannot be read or is named twice, or its vector is another model's.
    """
    if not scorers:
        raise InputError("No scorer is named. See what there is: vectorlab runs scorers")
    with db.read() as tx:
        run = runs.get_run(tx, reference)
        model = models.get_model(tx, str(run.model_id))
        specs = _each_once(tx, scorers, model, run.spec)
    with db.write() as tx:
        run = runs.get_run(tx, reference)
        done, all_ids = scores.scored(tx, run.id), set(scores.generation_ids(tx, run.id).values())
        open_ = [
            spec
            for spec in specs
            if force
            or SCORERS[spec.name].needs is Needs.VOTES  # new votes may have come in
            or done.get((spec.label, str(spec.version)), set()) != all_ids
        ]
        request = ScoreRequest(
            run_id=run.id, model_id=run.model_id, scorers=tuple(open_), force=force
        )
        scored = Scored(run=run, scorers=specs)
        return ask(
            tx,
            request,
            found=None if open_ else scored,
            read=job_reader(db, "run_id", lambda _tx, _run_id: scored),
            actor=actor,
            priority=priority,
            queue=queue,
        )


def request_scored_run(
    db: Database, *, model: Model, spec: RunSpec, scorers: Sequence[str], actor: str, **how: Any
) -> Asked[Scored]:
    """Find a run with its scores, or enqueue what is missing of them.

    The job of the texts asks for the scores when it ends, so that they are made whoever waits.

    Args:
        db: The store.
        model: The model that generates.
        spec: Prompts, arms, decoding and seed.
        scorers: As ``domain.scores.catalogue.parse_scorer`` reads them.
        actor: Recorded as the one who asked.
        how: As ``services.runs.runs.request_run`` takes it.

    Raises:
        InputError: If a scorer or the run cannot be asked for.
        ConflictError: If the name belongs to another run.
    """
    with db.read() as tx:
        specs = _each_once(tx, scorers, model, spec)
    asked = request_run(db, model=model, spec=spec, scorers=specs, actor=actor, **how)
    if asked.found is not None:
        queued = {key: how[key] for key in ("priority", "queue") if key in how}
        return request_scores(db, str(asked.found.id), scorers, actor=actor, **queued)
    return Asked(
        found=None, job=asked.job, read=lambda job: Scored(run=asked.read(job), scorers=specs)
    )


def _each_once(
    tx: Transaction, scorers: Sequence[str], model: Model, spec: RunSpec
) -> tuple[ScorerSpec, ...]:
    """The scorers of a run, read and resolved.

    Raises:
        NotFoundError: If one names a vector that does not exist.
        InputError: If one cannot be read or is named twice, or its vector is another model's.
    """
    parsed = [parse_scorer(text) for text in scorers]
    specs = tuple(resolved(tx, each, model, spec.vector_ids().values()) for each in parsed)
    for number, each in enumerate(specs):
        if each in specs[:number]:
            first = scorers[specs.index(each)]
            raise InputError(
                f"Scorer {each.label!r} is named twice, as {first!r} and as {scorers[number]!r}. "
                "Name it once, or give one of them another option."
            )
    return specs


def resolved(
    tx: Transaction, spec: ScorerSpec, model: Model, applied: Collection[int] = ()
) -> ScorerSpec:
    """A scorer whose vector is named by its bytes, so that a new name makes no new score.

    Args:
        tx: An open transaction.
        spec: The scorer as it was written.
        model: It reads the texts.
        applied: Ids of the vectors that made the texts: one of them may be another model's.

    Raises:
        NotFoundError: If it names a vector that does not exist.
        InputError: If it names a vector of another model, which made none of the texts.
    """
    if spec.name != PROJECTION:
        return spec
    vector = vectors.get_vector(tx, spec.options["vector"])
    if vector.model_id != model.id and vector.id not in applied:
        raise InputError(
            f"Scorer {spec.label!r} reads vector {vector.name!r} of model {vector.model_name!r}, "
            f"but texts of {model.name!r}. Name a vector of that model: vectorlab vectors list "
            f"--model {model.name}"
        )
    return replace(spec, options={**spec.options, "vector": vector.content_sha256})


def of_run(
    db: Database, run: GenerationRun, *, scorers: Sequence[str] | None = None
) -> list[StoredScore]:
    """The scores of a run, of each scorer those of its newest version."""
    with db.read() as tx:
        stored = scores.scores_of_run(tx, run.id, scorers=scorers)
    newest: dict[str, int] = {}
    for entry in stored:
        newest[entry.scorer] = max(newest.get(entry.scorer, 0), int(entry.scorer_version))
    return [entry for entry in stored if int(entry.scorer_version) == newest[entry.scorer]]


def frame(
    db: Database, run: GenerationRun, *, scorers: Sequence[str] | None = None
) -> pd.DataFrame:
    """One row per score: prompt, arm, sample, scorer, value or the reason why it is missing."""
    stored = of_run(db, run, scorers=scorers)
    return pd.DataFrame(
        {
            "prompt_index": [entry.prompt for entry in stored],
            "arm_index": [entry.arm for entry in stored],
            "arm": [run.spec.arms[entry.arm].label for entry in stored],
            "sample": [entry.sample for entry in stored],
            "scorer": [entry.scorer for entry in stored],
            "value": pd.Series([entry.score.value for entry in stored], dtype="float64"),
            "missing_reason": [entry.score.missing_reason for entry in stored],
        }
    )


def check_summary(run: GenerationRun, *, metric: str = "mean", baseline: str | None = None) -> None:
    """Refuse a summary that cannot be made, before anything is scored for it.

    Raises:
        InputError: If there is no such metric, or the run has no arm of that label.
    """
    if metric not in METRICS:
        raise InputError(f"Metric {metric!r} is unknown. Known are {', '.join(METRICS)}.")
    labels = [arm.label for arm in run.spec.arms]
    if baseline is not None and baseline not in labels:
        raise InputError(f"Run {run.id} has no arm {baseline!r}. It has {', '.join(labels)}.")


def summary(db: Database, run: GenerationRun, *, metric: str = "mean") -> pd.DataFrame:
    """One row per scorer and arm: the metric with its interval and counts.

    Samples of a prompt and copies of it are averaged first, so that ``n`` counts prompts.

    Raises:
        InputError: If there is no such metric.
    """
    check_summary(run, metric=metric)
    rows = []
    for scorer, values in by_prompt(db, run).items():
        for arm, of_arm in values.items():
            if metric == "mean":
                found = estimate(of_arm, is_yes_no=scale_of(scorer)[0])
            else:
                found = METRICS[metric](of_arm)
            rows.append(
                {
                    "scorer": scorer,
                    "arm": arm,
                    metric: found.mean,
                    "low": found.low,
                    "high": found.high,
                    "n": found.n,
                    "missing": found.n_missing,
                }
            )
    columns = ["scorer", "arm", metric, "low", "high", "n", "missing"]
    return pd.DataFrame(rows, columns=columns)


def by_prompt(db: Database, run: GenerationRun) -> dict[str, dict[str, list[float]]]:
    """Per scorer and arm one value for every prompt, NaN where missing.

    It is the mean of its samples, and of those of equal prompts: copies are one piece of evidence.
    """
    first = first_of_equals([prompt.text for prompt in run.spec.prompts])
    by_scorer: dict[str, dict[str, list[float]]] = {}
    scored = frame(db, run)
    for scorer, of_scorer in scored.groupby("scorer", sort=True):
        arms: dict[str, list[float]] = {}
        for arm, of_arm in of_scorer.groupby("arm_index", sort=True):
            places = [first[place] for place in of_arm["prompt_index"]]
            means = mean_by_group(of_arm["value"].to_numpy(), places)
            arms[run.spec.arms[int(str(arm))].label] = means.tolist()
        by_scorer[str(scorer)] = arms
    return by_scorer


def compare_with(
    db: Database,
    run: GenerationRun,
    baseline: str | None = None,
    *,
    smallest: Mapping[str, float] | None = None,
) -> Comparisons:
    """Per scorer every arm against one, prompt by prompt, corrected for the number of arms.

    Args:
        db: The store.
        run: A scored run.
        baseline: Label of an arm; None takes the unsteered one.
        smallest: By the label of a scorer, the smallest difference that is of interest.

    Raises:
        InputError: If the run has no such arm, or no such scores.
    """
    if baseline is None:
        unsteered = [arm.label for arm in run.spec.arms if arm.is_baseline]
        if not unsteered:
            labels = ", ".join(arm.label for arm in run.spec.arms)
            raise InputError(f"Run {run.id} has no unsteered arm. Name one: {labels}.")
        baseline = unsteered[0]
    check_summary(run, baseline=baseline)
    comparisons, sizes = {}, dict(smallest or {})
    for scorer, arms in by_prompt(db, run).items():
        if baseline in arms:
            others = {label: values for label, values in arms.items() if label != baseline}
            is_yes_no, noise = scale_of(scorer)
            comparisons[scorer] = compare_arms(
                others,
                arms[baseline],
                is_yes_no=is_yes_no,
                noise=noise,
                smallest=sizes.pop(scorer, None),
            )
    if sizes:
        raise InputError(
            f"Run {run.id} has no scores of {', '.join(sizes)}, which a smallest difference is "
            f"given for. It has those of {', '.join(comparisons) or 'no scorer'}."
        )
    return comparisons


def comparison_frame(comparisons: Comparisons) -> pd.DataFrame:
    """One row per scorer and arm of ``compare_with``."""
    rows = [
        {
            "scorer": scorer,
            "arm": label,
            "mean": comparison.mean,
            "baseline": comparison.baseline_mean,
            "difference": comparison.difference.mean,
            "low": comparison.difference.low,
            "high": comparison.difference.high,
            "p": comparison.p,
            "verdict": comparison.said,
            "effect size": comparison.effect_size,
            "win": comparison.wins,
            "tie": comparison.ties,
            "loss": comparison.losses,
            "share up": comparison.share.mean,
            "share low": comparison.share.low,
            "share high": comparison.share.high,
            "sign p": comparison.sign_p,
            "n": comparison.n,
            "missing": comparison.n_missing,
        }
        for scorer, arms in comparisons.items()
        for label, comparison in arms.items()
    ]
    return pd.DataFrame(rows)


def beside(db: Database, run: GenerationRun, texts: pd.DataFrame) -> pd.DataFrame:
    """A frame of generations with a column for every scorer."""
    scored = frame(db, run)
    if scored.empty:
        return texts
    keys = ["prompt_index", "arm_index", "sample"]
    wide = scored.pivot(index=keys, columns="scorer", values="value").reset_index()
    return texts.merge(wide, on=keys, how="left")


def scorers_frame() -> pd.DataFrame:
    """The scorers, one row each: what each says, and how it is written."""
    return pd.DataFrame(
        {
            "scorer": list(SCORERS),
            "version": [scorer.version for scorer in SCORERS.values()],
            "about": [scorer.about for scorer in SCORERS.values()],
            "higher": [scorer.higher for scorer in SCORERS.values()],
            "needs": [scorer.needs.value for scorer in SCORERS.values()],
            "options": [usage(scorer).removeprefix("Write ") for scorer in SCORERS.values()],
        }
    )


def missing_reasons(db: Database, run: GenerationRun) -> pd.DataFrame:
    """One row per scorer and reason for which texts have no score."""
    scored = frame(db, run)
    counted = scored[scored["value"].isna()].groupby(["scorer", "missing_reason"]).size()
    return counted.rename("texts").reset_index().rename(columns={"missing_reason": "reason"})
