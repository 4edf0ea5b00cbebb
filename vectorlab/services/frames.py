"""Rows shaped for a table or a chart, as pandas frames."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from vectorlab.domain.description import Names, describe
from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.jobs.jobs import JobFilter, JobState
from vectorlab.domain.runs import margins
from vectorlab.domain.runs.lists import RunSummary
from vectorlab.domain.runs.runs import GenerationRun, RunSpec
from vectorlab.domain.runs.texts import GeneratedText
from vectorlab.domain.sets.diff import Changes, Moved, Placed
from vectorlab.domain.sets.drafts import Draft
from vectorlab.domain.vectors.vectors import LayerVector, SteeringVector
from vectorlab.services import jobs, listings, waiting
from vectorlab.services.runs import runs
from vectorlab.services.sets import sets
from vectorlab.services.sets.history import Blame
from vectorlab.services.vectors import vectors
from vectorlab.store.database import Database


def sets_frame(
    db: Database, *, words: str = "", limit: int | None = None, offset: int = 0
) -> pd.DataFrame:
    """One row per demonstration set, with its latest version; see ``sets.list_sets``."""
    listed = sets.list_sets(db, words=words, limit=limit, offset=offset)
    return pd.DataFrame(listings.sets_columns(listed))


def drafts_frame(drafts: Sequence[Draft]) -> pd.DataFrame:
    """One row per draft of a set."""
    return pd.DataFrame(listings.drafts_columns(drafts))


def demonstrations_frame(db: Database, reference: str) -> pd.DataFrame:
    """One row per demonstration of a version, in order."""
    items = sets.demonstrations(db, sets.get(db, reference))
    return pd.DataFrame(
        [
            {"position": number, "source": demonstration.source, "target": demonstration.target}
            for number, demonstration in enumerate(items)
        ],
        columns=["position", "source", "target"],
    )


def blame_frame(blames: Sequence[Blame]) -> pd.DataFrame:
    """One row per demonstration of a version: where it came in."""
    return pd.DataFrame(
        {
            "position": [blame.position for blame in blames],
            "came in": [blame.version.label for blame in blames],
            "message": [blame.version.message for blame in blames],
            "source": [blame.demonstration.source for blame in blames],
            "target": [blame.demonstration.target for blame in blames],
        }
    )


def changes_frame(changes: Changes) -> pd.DataFrame:
    """One row per change between two set versions, with the text before and after it."""
    rows: list[tuple[str, Placed | Moved | None, Placed | Moved | None]] = [
        *(("edited", edit.before, edit.after) for edit in changes.edited),
        *(("added", None, added) for added in changes.added),
        *(("removed", removed, None) for removed in changes.removed),
        *(("moved", moved, moved) for moved in changes.moved),
    ]
    sides = ["position before", "source before", "target before"]
    sides += [name.replace("before", "after") for name in sides]
    table = pd.DataFrame(
        [
            (change, *_placed(before, is_after=False), *_placed(after, is_after=True))
            for change, before, after in rows
        ],
        columns=["change", *sides],
    )
    return table.convert_dtypes()


def _placed(
    side: Placed | Moved | None, *, is_after: bool
) -> tuple[int | None, str | None, str | None]:
    if side is None:
        return None, None, None
    if isinstance(side, Moved):
        position = side.after if is_after else side.before
    else:
        position = side.position
    return position, side.demonstration.source, side.demonstration.target


def vectors_frame(steering_vectors: Sequence[SteeringVector]) -> pd.DataFrame:
    """Vectors as a table, one row each."""
    return pd.DataFrame(listings.vectors_columns(steering_vectors))


def layers_frame(details: vectors.VectorDetails) -> pd.DataFrame:
    """One row per layer of a vector: norm in activation units, the shares from 0 to 1."""
    return pd.DataFrame(listings.layers_columns(details))


def layer_cosines(layers: Sequence[LayerVector]) -> pd.DataFrame:
    """Cosine of every layer vector with every other, (L, L); zero where a norm is zero."""
    matrix = np.stack([layer.values.astype(np.float64) for layer in layers])
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    unit = np.divide(matrix, norms, out=np.zeros_like(matrix), where=norms > 0)
    names = [layer.layer for layer in layers]
    return pd.DataFrame(unit @ unit.T, index=names, columns=names)


def neighbour_cosines(cosines: pd.DataFrame) -> pd.DataFrame:
    """Cosine of every layer but the first with the one before it, from ``layer_cosines``."""
    names = list(cosines.columns)
    pairs = list(pairwise(names))
    return pd.DataFrame(
        {
            "layer": [later for _, later in pairs],
            "cosine": [cosines.loc[earlier, later] for earlier, later in pairs],
        }
    )


def facts_frame(request: Any, names: Names | None = None) -> pd.DataFrame:
    """All that a request says, one fact per row; ``names`` of vectors by content hash."""
    facts = describe(request, names)
    columns = ("name", "value", "unit")
    return pd.DataFrame({name: [getattr(fact, name) for fact in facts] for name in columns})


def runs_frame(generation_runs: Sequence[GenerationRun]) -> pd.DataFrame:
    """Generation runs as a table, one row each."""
    return pd.DataFrame(listings.runs_columns(generation_runs))


def summaries_frame(summaries: Sequence[RunSummary]) -> pd.DataFrame:
    """One row per run, from what a list knows of it."""
    return pd.DataFrame(listings.summaries_columns(summaries))


def generations_frame(db: Database, run: GenerationRun) -> pd.DataFrame:
    """One row per generation, with the baseline text of the same prompt and sample beside it."""
    arms = run.spec.arms
    rows = [
        {
            "run_id": run.id,
            "prompt_index": generation.key.prompt,
            "prompt": run.spec.prompts[generation.key.prompt].text,
            "sample": generation.key.sample,
            "arm_index": generation.key.arm,
            "arm": arms[generation.key.arm].label,
            "strength": _strength(arms[generation.key.arm]),
            "text": generation.text,
            "n_tokens": len(generation.token_ids),
            "finish_reason": generation.finish_reason.value,
            "mean_logprob": generation.mean_logprob,
            **_nearness(run.spec, generation.choice_margin),
            **_compared(generation),
        }
        for generation in runs.generations(db, run)
    ]
    frame = pd.DataFrame(rows)
    unsteered = [index for index, arm in enumerate(arms) if arm.is_baseline]
    keys = ["prompt_index", "sample"]
    baselines = frame[frame["arm_index"].isin(unsteered)].drop_duplicates(keys)
    beside = baselines[[*keys, "text"]].rename(columns={"text": "baseline_text"})
    return frame.merge(beside, on=keys, how="left")


def nearest_choice(texts: pd.DataFrame, spec: RunSpec) -> str:
    """How many of a run's texts rounding alone may change, and by how little one was chosen.

    Args:
        texts: Rows of ``generations_frame``; those from before margins were kept are left out.
        spec: Of the run.
    """
    kept = texts.dropna(subset=["choice_margin"])
    if kept.empty:
        return ""
    return (
        f"{kept['fragile'].astype(bool).sum()} of {len(kept)} texts had a choice within what "
        f"rounding can move, {margins.rounding_margin(spec):.2g} ({margins.unit(spec.decoding)}); "
        f"the nearest: {kept['choice_margin'].min():.2g}"
    )


def _nearness(spec: RunSpec, margin: float | None) -> dict[str, Any]:
    """How near the nearest choice of a text was; nothing is said of texts from before margins."""
    return {
        "choice_margin": margin,
        "choice_margin_unit": margins.unit(spec.decoding),
        "fragile": None if margin is None else margins.is_fragile(spec, margin),
    }


def _compared(generation: GeneratedText) -> dict[str, float]:
    """How far a text is from the baseline, for runs that measured it."""
    if generation.divergence is None:
        return {}
    return {
        "mean_kl": generation.divergence.mean_kl,
        "baseline_mean_logprob": generation.divergence.baseline_mean_logprob,
    }


def arms_frame(db: Database, run: GenerationRun) -> pd.DataFrame:
    """One row per arm: its strength, and how its texts compare with the baseline's."""
    frame = generations_frame(db, run)
    frame["changed"] = (frame["text"] != frame["baseline_text"]).astype(float)
    grouped = frame.groupby("arm_index", sort=True)
    return pd.DataFrame(
        {
            "arm": [arm.label for arm in run.spec.arms],
            "strength": [_strength(arm) for arm in run.spec.arms],
            "texts": grouped.size().to_numpy(),
            "tokens": grouped["n_tokens"].mean().to_numpy(),
            "changed": grouped["changed"].mean().to_numpy(),
        }
    )


def _strength(arm: Arm) -> float | None:
    """The one strength of an arm, 0 for none; None where its interventions differ."""
    strengths = {intervention.strength for intervention in arm.interventions} or {0.0}
    return strengths.pop() if len(strengths) == 1 else None


def comparison_frame(db: Database, references: Sequence[str]) -> pd.DataFrame:
    """Texts of one or several runs side by side: a row per prompt and sample, a column per arm.

    Prompts are matched by their text. With several runs a column is named ``run/arm``.
    """
    chosen = {run.id: run for run in (runs.get(db, reference) for reference in references)}.values()
    table = pd.concat([_columns_of(db, run, several=len(chosen) > 1) for run in chosen])
    wide = table.pivot(index=["prompt", "repeat", "sample"], columns="column", values="text")
    rows = table[["prompt", "repeat", "sample"]].drop_duplicates()
    wide = wide.reindex(pd.MultiIndex.from_frame(rows), columns=table["column"].unique())
    return wide.reset_index().drop(columns="repeat")


def _columns_of(db: Database, run: GenerationRun, *, several: bool) -> pd.DataFrame:
    """The texts of one run in long form, with the column that each belongs to."""
    texts = generations_frame(db, run)
    label = f"{run.id}/" + texts["arm"] if several else texts["arm"]
    # A prompt that a run holds twice is two rows, matched in their order.
    repeat = texts.groupby(["arm_index", "prompt", "sample"]).cumcount()
    return texts.assign(column=label, repeat=repeat)


def jobs_frame(
    db: Database,
    job_filter: JobFilter | None = None,
    *,
    state: JobState | None = None,
    limit: int = 50,
) -> pd.DataFrame:
    """One row per job, newest first."""
    listed = jobs.list_jobs(db, job_filter, state=state, limit=limit)
    return pd.DataFrame(waiting.columns(db, listed))


def workers_frame(db: Database) -> pd.DataFrame:
    """One row per worker, the living first."""
    return pd.DataFrame(listings.workers_columns(jobs.workers(db)))
