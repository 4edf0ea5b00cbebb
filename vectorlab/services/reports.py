"""Rows shaped for a table or a chart, as pandas frames."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from vectorlab.domain import margins
from vectorlab.domain.browsing import RunSummary
from vectorlab.domain.description import Names, describe
from vectorlab.domain.jobs import Job, JobFilter, JobState, WorkerInfo
from vectorlab.domain.runs import Arm, GeneratedText, GenerationRun, RunSpec, record_of, recorded
from vectorlab.domain.set_diff import Changes, Moved, Placed
from vectorlab.domain.vectors import LayerVector, SteeringVector
from vectorlab.services import jobs, runs, sets, vectors
from vectorlab.services.set_history import Blame
from vectorlab.store.database import Database


def sets_frame(
    db: Database, *, words: str = "", limit: int | None = None, offset: int = 0
) -> pd.DataFrame:
    """One row per demonstration set, with its latest version; see ``sets.list_sets``."""
    found = sets.list_sets(db, words=words, limit=limit, offset=offset)
    return pd.DataFrame(
        {
            "set": [item.name for item, latest in found],
            "version": [None if latest is None else latest.number for item, latest in found],
            "demonstrations": [0 if latest is None else latest.count for item, latest in found],
            "task": [item.task for item, latest in found],
            "labels": [", ".join(item.labels) for item, latest in found],
            "tags": [", ".join(latest.tags) if latest else "" for item, latest in found],
            "description": [item.description for item, latest in found],
            "changed": [
                item.created_at if latest is None else latest.created_at for item, latest in found
            ],
            "sha256": [None if latest is None else latest.content_sha256 for item, latest in found],
        }
    )


def demonstrations_frame(db: Database, reference: str) -> pd.DataFrame:
    """One row per demonstration of a version, in order."""
    items = sets.demonstrations(db, sets.get(db, reference))
    return pd.DataFrame(
        [
            {"position": number, "source": item.source, "target": item.target}
            for number, item in enumerate(items)
        ],
        columns=["position", "source", "target"],
    )


def blame_frame(found: Sequence[Blame]) -> pd.DataFrame:
    """One row per demonstration of a version: where it came in."""
    return pd.DataFrame(
        {
            "position": [item.position for item in found],
            "came in": [item.version.label for item in found],
            "message": [item.version.message for item in found],
            "source": [item.demonstration.source for item in found],
            "target": [item.demonstration.target for item in found],
        }
    )


def changes_frame(found: Changes) -> pd.DataFrame:
    """One row per change between two set versions, with the text before and after it."""
    rows: list[tuple[str, Placed | Moved | None, Placed | Moved | None]] = [
        *(("edited", item.before, item.after) for item in found.edited),
        *(("added", None, item) for item in found.added),
        *(("removed", item, None) for item in found.removed),
        *(("moved", item, item) for item in found.moved),
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
    item: Placed | Moved | None, *, is_after: bool
) -> tuple[int | None, str | None, str | None]:
    if item is None:
        return None, None, None
    if isinstance(item, Moved):
        position = item.after if is_after else item.before
    else:
        position = item.position
    return position, item.demonstration.source, item.demonstration.target


def vectors_frame(found: Sequence[SteeringVector]) -> pd.DataFrame:
    """Vectors as a table, one row each."""
    return pd.DataFrame(
        {
            "id": [item.id for item in found],
            "vector": [item.name for item in found],
            "method": [item.method for item in found],
            "model": [item.model_name for item in found],
            "set": [item.set_label for item in found],
            "read site": [item.read_site.value for item in found],
            "write site": [item.write_site.value for item in found],
            "layers": [item.n_layers for item in found],
            "d_model": [item.d_model for item in found],
            "origin": [item.origin.value for item in found],
            "made": [item.created_at for item in found],
            "sha256": [item.content_sha256 for item in found],
        }
    )


def layers_frame(details: vectors.VectorDetails) -> pd.DataFrame:
    """One row per layer of a vector: norm in activation units, the shares from 0 to 1."""
    found = details.layers
    return pd.DataFrame(
        {
            "layer": [item.layer for item in found],
            "norm": [item.norm for item in found],
            "explained variance": [item.explained_variance for item in found],
            "separability": [item.separability for item in found],
            "sha256": [item.sha256 for item in found],
        }
    )


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


def runs_frame(found: Sequence[GenerationRun]) -> pd.DataFrame:
    """Generation runs as a table, one row each."""
    return summaries_frame([_summary(run) for run in found])


def summaries_frame(found: Sequence[RunSummary]) -> pd.DataFrame:
    """One row per run, from what a list knows of it."""
    return pd.DataFrame(
        {
            "id": [run.id for run in found],
            "run": [run.name or "" for run in found],
            "model": [run.model_name for run in found],
            "prompts": [run.n_prompts for run in found],
            "arms": [", ".join(run.arms) for run in found],
            "texts": [run.n_texts for run in found],
            "decoding": ["sampled" if run.is_sampled else "greedy" for run in found],
            "seed": [run.seed for run in found],
            "replay of": [run.replay_of for run in found],
            **{words: [getattr(run, name) for run in found] for name, words in recorded().items()},
            "made": [run.created_at for run in found],
        }
    )


def _summary(run: GenerationRun) -> RunSummary:
    return RunSummary(
        id=run.id,
        name=run.name,
        model_name=run.model_name,
        n_prompts=len(run.spec.prompts),
        arms=tuple(arm.label for arm in run.spec.arms),
        samples=run.spec.samples,
        is_sampled=run.spec.decoding.do_sample,
        seed=run.spec.seed,
        replay_of=run.replay_of,
        created_at=run.created_at,
        **record_of(run),
    )


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


def _compared(item: GeneratedText) -> dict[str, float]:
    """How far a text is from the baseline, for runs that measured it."""
    if item.divergence is None:
        return {}
    return {
        "mean_kl": item.divergence.mean_kl,
        "baseline_mean_logprob": item.divergence.baseline_mean_logprob,
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
    wanted: JobFilter | None = None,
    *,
    state: JobState | None = None,
    limit: int = 50,
) -> pd.DataFrame:
    """One row per job, newest first."""
    found = jobs.list_jobs(db, wanted, state=state, limit=limit)
    return pd.DataFrame(
        {
            "id": [job.id for job in found],
            "kind": [job.kind for job in found],
            "state": [job.state.value for job in found],
            "progress": [_progress(job.progress_done, job.progress_total) for job in found],
            "pace": [jobs.pace(job) for job in found],
            "note": [_note(job) for job in found],
            "attempt": [job.attempt for job in found],
            "worker": [job.lease_owner for job in found],
            "error": [job.error for job in found],
            "asked": [job.created_at for job in found],
            "by": [job.created_by for job in found],
        }
    )


def workers_frame(db: Database) -> pd.DataFrame:
    """One row per worker, the living first."""
    found = sorted(jobs.workers(db), key=lambda item: (not item.alive, item.id))
    return pd.DataFrame(
        {
            "worker": [item.id for item in found],
            "alive": [item.alive for item in found],
            "state": [_worker_state(item) for item in found],
            "jobs": [", ".join(map(str, item.jobs)) for item in found],
            "queue": [item.queue for item in found],
            "device": [item.device for item in found],
            "models held": [", ".join(item.models) for item in found],
            "memory (MB)": [
                None if item.memory_bytes is None else item.memory_bytes // 1_000_000
                for item in found
            ],
            "host": [item.host for item in found],
            "pid": [item.pid for item in found],
            "torch": [item.torch_version for item in found],
            "last seen": [item.last_seen for item in found],
        }
    )


def _worker_state(worker: WorkerInfo) -> str:
    if worker.state == "stopped" or worker.alive:
        asked = " (asked to stop)" if worker.stop_asked and worker.alive else ""
        return f"{worker.state}{asked}"
    return "gone"


def _note(job: Job) -> str:
    """What is to be known beside the state."""
    standing = jobs.standing(job)
    if standing != job.state.value:
        return standing.removeprefix(f"{job.state.value}, ")
    return job.progress_note if job.state is JobState.RUNNING else ""


def _progress(done: int, total: int | None) -> float | None:
    return None if not total else done / total
