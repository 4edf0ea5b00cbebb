"""Rows shaped for a table or a chart, as pandas frames."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from vectorlab.domain.jobs import JobState
from vectorlab.domain.runs import Arm, GenerationRun
from vectorlab.domain.vectors import LayerVector, SteeringVector
from vectorlab.services import jobs, runs, sets, vectors
from vectorlab.store.database import Database


def sets_frame(db: Database) -> pd.DataFrame:
    """One row per demonstration set, with its latest version."""
    return pd.DataFrame(
        [
            {
                "set": item.name,
                "version": None if latest is None else latest.number,
                "demonstrations": 0 if latest is None else latest.count,
                "task": item.task,
                "tags": ", ".join(item.tags),
                "description": item.description,
                "changed": item.created_at if latest is None else latest.created_at,
                "sha256": None if latest is None else latest.content_sha256,
            }
            for item, latest in sets.list_sets(db)
        ],
        columns=[
            "set",
            "version",
            "demonstrations",
            "task",
            "tags",
            "description",
            "changed",
            "sha256",
        ],
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


def vectors_frame(found: Sequence[SteeringVector]) -> pd.DataFrame:
    """One row per vector."""
    return pd.DataFrame(
        [
            {
                "id": item.id,
                "vector": item.name,
                "method": item.method,
                "model": item.model_name,
                "set": item.set_label,
                "read site": item.read_site.value,
                "write site": item.write_site.value,
                "layers": item.n_layers,
                "d_model": item.d_model,
                "origin": item.origin.value,
                "made": item.created_at,
                "sha256": item.content_sha256,
            }
            for item in found
        ],
        columns=[
            "id",
            "vector",
            "method",
            "model",
            "set",
            "read site",
            "write site",
            "layers",
            "d_model",
            "origin",
            "made",
            "sha256",
        ],
    )


def layers_frame(details: vectors.VectorDetails) -> pd.DataFrame:
    """One row per layer of a vector: norm in activation units, explained variance 0..1."""
    return pd.DataFrame(
        [
            {
                "layer": item.layer,
                "norm": item.norm,
                "explained variance": item.explained_variance,
                "sha256": item.sha256,
            }
            for item in details.layers
        ],
        columns=["layer", "norm", "explained variance", "sha256"],
    )


def alignments_frame(db: Database, details: vectors.VectorDetails) -> pd.DataFrame:
    """One row per demonstration: its text and how far it pulls along the vector."""
    columns = ["position", "alignment", "source", "target"]
    if details.vector.set_label is None:
        return pd.DataFrame(columns=columns)
    items = demonstrations_frame(db, details.vector.set_label)
    pulls = {item.position: item.mean for item in details.alignments}
    return items.assign(alignment=items["position"].map(pulls))[columns]


def layer_cosines(layers: Sequence[LayerVector]) -> pd.DataFrame:
    """Cosine of every layer vector with every other, (L, L); zero where a norm is zero."""
    matrix = np.stack([item.values.astype(np.float64) for item in layers])
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    unit = np.divide(matrix, norms, out=np.zeros_like(matrix), where=norms > 0)
    names = [item.layer for item in layers]
    return pd.DataFrame(unit @ unit.T, index=names, columns=names)


def runs_frame(found: Sequence[GenerationRun]) -> pd.DataFrame:
    """One row per run."""
    return pd.DataFrame(
        [
            {
                "id": run.id,
                "run": run.name or "",
                "model": run.model_name,
                "prompts": len(run.spec.prompts),
                "arms": ", ".join(arm.label for arm in run.spec.arms),
                "texts": len(run.spec.rows()),
                "decoding": "sampled" if run.spec.decoding.do_sample else "greedy",
                "seed": run.spec.seed,
                "replay of": run.replay_of,
                "seconds": run.duration_s,
                "made": run.created_at,
            }
            for run in found
        ],
        columns=[
            "id",
            "run",
            "model",
            "prompts",
            "arms",
            "texts",
            "decoding",
            "seed",
            "replay of",
            "seconds",
            "made",
        ],
    )


def runs_of_vector(
    db: Database, vector: SteeringVector, *, limit: int = 500
) -> list[GenerationRun]:
    """Those of the newest runs of the vector's model that applied it, newest first."""
    found = runs.list_runs(db, model=vector.model_name, limit=limit)
    return [run for run in found if vector.id in run.spec.vector_ids().values()]


def generations_frame(db: Database, run: GenerationRun) -> pd.DataFrame:
    """One row per generation, with the baseline text of the same prompt and sample beside it."""
    arms = run.spec.arms
    rows = [
        {
            "run_id": run.id,
            "prompt_index": item.key.prompt,
            "prompt": run.spec.prompts[item.key.prompt].text,
            "sample": item.key.sample,
            "arm_index": item.key.arm,
            "arm": arms[item.key.arm].label,
            "strength": _strength(arms[item.key.arm]),
            "text": item.text,
            "tokens": len(item.token_ids),
            "finish_reason": item.finish_reason.value,
            "mean_logprob": item.mean_logprob,
        }
        for item in runs.generations(db, run)
    ]
    frame = pd.DataFrame(rows)
    unsteered = [index for index, arm in enumerate(arms) if arm.is_baseline]
    keys = ["prompt_index", "sample"]
    baselines = frame[frame["arm_index"].isin(unsteered)].drop_duplicates(keys)
    beside = baselines[[*keys, "text"]].rename(columns={"text": "baseline_text"})
    return frame.merge(beside, on=keys, how="left")


def _strength(arm: Arm) -> float | None:
    """The one strength of an arm, 0 for none; None where its interventions differ."""
    strengths = {item.strength for item in arm.interventions} or {0.0}
    return strengths.pop() if len(strengths) == 1 else None


def comparison_frame(db: Database, references: Sequence[str]) -> pd.DataFrame:
    """Texts of one or several runs side by side: a row per prompt and sample, a column per arm.

    Prompts are matched by their text. With several runs a column is named ``run/arm``.
    """
    chosen = {run.id: run for run in (runs.get(db, item) for item in references)}.values()
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


def jobs_frame(db: Database, *, state: JobState | None = None, limit: int = 50) -> pd.DataFrame:
    """One row per job, newest first."""
    return pd.DataFrame(
        [
            {
                "id": job.id,
                "kind": job.kind.value,
                "state": job.state.value,
                "progress": _progress(job.progress_done, job.progress_total),
                "note": job.progress_note,
                "attempt": job.attempt,
                "worker": job.lease_owner,
                "error": job.error,
                "asked": job.created_at,
                "by": job.created_by,
            }
            for job in jobs.list_jobs(db, state=state, limit=limit)
        ],
        columns=[
            "id",
            "kind",
            "state",
            "progress",
            "note",
            "attempt",
            "worker",
            "error",
            "asked",
            "by",
        ],
    )


def workers_frame(db: Database) -> pd.DataFrame:
    """One row per worker, the living first."""
    found = sorted(jobs.workers(db), key=lambda item: (not item.alive, item.id))
    return pd.DataFrame(
        [
            {
                "worker": item.id,
                "alive": item.alive,
                "state": item.state if item.alive else "gone",
                "device": item.device,
                "host": item.host,
                "pid": item.pid,
                "torch": item.torch_version,
                "last seen": item.last_seen,
            }
            for item in found
        ],
        columns=["worker", "alive", "state", "device", "host", "pid", "torch", "last seen"],
    )


def _progress(done: int, total: int | None) -> float | None:
    return None if not total else done / total
