"""Rows shaped for a table or a chart, as pandas frames."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from vectorlab.domain.description import Names, describe
from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.jobs.jobs import Job, JobFilter, JobState, WorkerInfo
from vectorlab.domain.runs import margins
from vectorlab.domain.runs.lists import RunSummary
from vectorlab.domain.runs.runs import GenerationRun, RunSpec, record_of, recorded
from vectorlab.domain.runs.texts import GeneratedText
from vectorlab.domain.sets.diff import Changes, Moved, Placed
from vectorlab.domain.vectors.vectors import LayerVector, SteeringVector
from vectorlab.services import jobs
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
    return pd.DataFrame(
        {
            "set": [known_set.name for known_set, latest in listed],
            "version": [None if latest is None else latest.number for known_set, latest in listed],
            "demonstrations": [
                0 if latest is None else latest.count for known_set, latest in listed
            ],
            "task": [known_set.task for known_set, latest in listed],
            "labels": [", ".join(known_set.labels) for known_set, latest in listed],
            "tags": [", ".join(latest.tags) if latest else "" for known_set, latest in listed],
            "description": [known_set.description for known_set, latest in listed],
            "changed": [
                known_set.created_at if latest is None else latest.created_at
                for known_set, latest in listed
            ],
            "sha256": [
                None if latest is None else latest.content_sha256 for known_set, latest in listed
            ],
        }
    )


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
    return pd.DataFrame(
        {
            "id": [vector.id for vector in steering_vectors],
            "vector": [vector.name for vector in steering_vectors],
            "method": [vector.method for vector in steering_vectors],
            "model": [vector.model_name for vector in steering_vectors],
            "set": [vector.set_label for vector in steering_vectors],
            "read site": [vector.read_site.value for vector in steering_vectors],
            "write site": [vector.write_site.value for vector in steering_vectors],
            "layers": [vector.n_layers for vector in steering_vectors],
            "d_model": [vector.d_model for vector in steering_vectors],
            "origin": [vector.origin.value for vector in steering_vectors],
            "made": [vector.created_at for vector in steering_vectors],
            "sha256": [vector.content_sha256 for vector in steering_vectors],
        }
    )


def layers_frame(details: vectors.VectorDetails) -> pd.DataFrame:
    """One row per layer of a vector: norm in activation units, the shares from 0 to 1."""
    layers = details.layers
    return pd.DataFrame(
        {
            "layer": [info.layer for info in layers],
            "norm": [info.norm for info in layers],
            "explained variance": [info.explained_variance for info in layers],
            "separability": [info.separability for info in layers],
            "sha256": [info.sha256 for info in layers],
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


def runs_frame(generation_runs: Sequence[GenerationRun]) -> pd.DataFrame:
    """Generation runs as a table, one row each."""
    return summaries_frame([_summary(run) for run in generation_runs])


def summaries_frame(summaries: Sequence[RunSummary]) -> pd.DataFrame:
    """One row per run, from what a list knows of it."""
    return pd.DataFrame(
        {
            "id": [run.id for run in summaries],
            "run": [run.name or "" for run in summaries],
            "model": [run.model_name for run in summaries],
            "prompts": [run.n_prompts for run in summaries],
            "arms": [", ".join(run.arms) for run in summaries],
            "texts": [run.n_texts for run in summaries],
            "decoding": ["sampled" if run.is_sampled else "greedy" for run in summaries],
            "seed": [run.seed for run in summaries],
            "replay of": [run.replay_of for run in summaries],
            **{
                words: [getattr(run, name) for run in summaries]
                for name, words in recorded().items()
            },
            "made": [run.created_at for run in summaries],
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
    return pd.DataFrame(
        {
            "id": [job.id for job in listed],
            "kind": [job.kind for job in listed],
            "state": [job.state.value for job in listed],
            "progress": [_progress(job.progress_done, job.progress_total) for job in listed],
            "pace": [jobs.pace(job) for job in listed],
            "note": [_note(job) for job in listed],
            "attempt": [job.attempt for job in listed],
            "worker": [job.lease_owner for job in listed],
            "error": [job.error for job in listed],
            "asked": [job.created_at for job in listed],
            "by": [job.created_by for job in listed],
        }
    )


def workers_frame(db: Database) -> pd.DataFrame:
    """One row per worker, the living first."""
    workers = sorted(jobs.workers(db), key=lambda worker: (not worker.alive, worker.id))
    return pd.DataFrame(
        {
            "worker": [worker.id for worker in workers],
            "alive": [worker.alive for worker in workers],
            "state": [_worker_state(worker) for worker in workers],
            "jobs": [", ".join(map(str, worker.jobs)) for worker in workers],
            "queue": [worker.queue for worker in workers],
            "device": [worker.device for worker in workers],
            "models held": [", ".join(worker.models) for worker in workers],
            "memory (MB)": [
                None if worker.memory_bytes is None else worker.memory_bytes // 1_000_000
                for worker in workers
            ],
            "host": [worker.host for worker in workers],
            "pid": [worker.pid for worker in workers],
            "torch": [worker.torch_version for worker in workers],
            "last seen": [worker.last_seen for worker in workers],
        }
    )


def _worker_state(worker: WorkerInfo) -> str:
    if worker.state == "stopped" or worker.alive:
        stopping = " (asked to stop)" if worker.stop_asked and worker.alive else ""
        return f"{worker.state}{stopping}"
    return "gone"


def _note(job: Job) -> str:
    """What is to be known beside the state."""
    standing = jobs.standing(job)
    if standing != job.state.value:
        return standing.removeprefix(f"{job.state.value}, ")
    return job.progress_note if job.state is JobState.RUNNING else ""


def _progress(done: int, total: int | None) -> float | None:
    return None if not total else done / total
