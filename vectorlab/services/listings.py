"""Lists as columns by name: what tables of the command line show, and frames are made of.

Plain lists of what is given, so that a list of one thing loads neither pandas nor any other thing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from vectorlab.domain.jobs.jobs import Job, WorkerInfo
    from vectorlab.domain.runs.lists import RunSummary
    from vectorlab.domain.runs.runs import GenerationRun
    from vectorlab.domain.sets.drafts import Draft
    from vectorlab.domain.sets.versions import Demonstration, DemonstrationSet, SetVersion
    from vectorlab.domain.vectors.vectors import SteeringVector
    from vectorlab.services.vectors.vectors import VectorDetails

ListColumns: TypeAlias = dict[str, list[Any]]


def sets_columns(
    listed: "Sequence[tuple[DemonstrationSet, SetVersion | None]]",
) -> ListColumns:
    """One row per demonstration set, with its latest version; see ``sets.list_sets``."""
    return {
        "set": [known_set.name for known_set, latest in listed],
        "version": [None if latest is None else latest.number for known_set, latest in listed],
        "demonstrations": [0 if latest is None else latest.count for known_set, latest in listed],
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


def drafts_columns(drafts: "Sequence[Draft]") -> ListColumns:
    """Drafts of sets as a table, one row each."""
    return {
        "draft": [draft.id for draft in drafts],
        "of": [draft.label for draft in drafts],
        "by": [draft.author for draft in drafts],
        "changes": [draft.words for draft in drafts],
        "changed": [draft.changed_at for draft in drafts],
    }


def vectors_columns(steering_vectors: "Sequence[SteeringVector]") -> ListColumns:
    """Vectors as a table, one row each."""
    return {
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


def layers_columns(details: "VectorDetails") -> ListColumns:
    """One row per layer of a vector: norm in activation units, the shares from 0 to 1."""
    layers = details.layers
    return {
        "layer": [info.layer for info in layers],
        "norm": [info.norm for info in layers],
        "explained variance": [info.explained_variance for info in layers],
        "separability": [info.separability for info in layers],
        "sha256": [info.sha256 for info in layers],
    }


def summaries_columns(summaries: "Sequence[RunSummary]") -> ListColumns:
    """One row per run, from what a list knows of it."""
    from vectorlab.domain.runs.runs import recorded

    return {
        "id": [run.id for run in summaries],
        "run": [run.name or "" for run in summaries],
        "model": [run.model_name for run in summaries],
        "prompts": [run.n_prompts for run in summaries],
        "arms": [", ".join(run.arms) for run in summaries],
        "texts": [run.n_texts for run in summaries],
        "decoding": ["sampled" if run.is_sampled else "greedy" for run in summaries],
        "seed": [run.seed for run in summaries],
        "replay of": [run.replay_of for run in summaries],
        **{words: [getattr(run, name) for run in summaries] for name, words in recorded().items()},
        "made": [run.created_at for run in summaries],
    }


def jobs_columns(
    listed: "Sequence[Job]", words: "Mapping[int, str]", waits: "Mapping[int, str]"
) -> ListColumns:
    """One row per job, in their order.

    Args:
        listed: The jobs.
        words: What each asks for, by its id.
        waits: What it waits behind, or what waits behind it, by its id.
    """
    from vectorlab.services import jobs

    return {
        "id": [job.id for job in listed],
        "what": [words[job.id] for job in listed],
        "kind": [job.kind for job in listed],
        "state": [job.state.value for job in listed],
        "progress": [_progress(job.progress_done, job.progress_total) for job in listed],
        "pace": [jobs.pace(job) for job in listed],
        "note": [waits.get(job.id) or _note(job) for job in listed],
        "attempt": [job.attempt for job in listed],
        "worker": [job.lease_owner for job in listed],
        "error": [job.error for job in listed],
        "asked": [job.created_at for job in listed],
        "by": [job.created_by for job in listed],
    }


def workers_columns(known: "Iterable[WorkerInfo]") -> ListColumns:
    """One row per worker, the living first."""
    workers = sorted(known, key=lambda worker: (not worker.alive, worker.id))
    return {
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


def _summary(run: "GenerationRun") -> "RunSummary":
    from vectorlab.domain.runs.lists import RunSummary
    from vectorlab.domain.runs.runs import record_of

    return RunSummary(
        id=run.id,
        name=run.name,
        model_name=run.model_name,
        n_prompts=len(run.spec.prompts),
        first_prompt=run.spec.prompts[0].text,
        arms=tuple(arm.label for arm in run.spec.arms),
        samples=run.spec.samples,
        is_sampled=run.spec.decoding.do_sample,
        seed=run.spec.seed,
        replay_of=run.replay_of,
        created_at=run.created_at,
        **record_of(run),
    )


def _worker_state(worker: "WorkerInfo") -> str:
    if worker.state == "stopped" or worker.alive:
        stopping = " (asked to stop)" if worker.stop_asked and worker.alive else ""
        return f"{worker.state}{stopping}"
    return "gone"


def _note(job: "Job") -> str:
    """What is to be known beside the state."""
    from vectorlab.domain.jobs.jobs import JobState
    from vectorlab.services import jobs

    standing = jobs.standing(job)
    if standing != job.state.value:
        return standing.removeprefix(f"{job.state.value}, ")
    return job.progress_note if job.state == JobState.RUNNING and not jobs.pace(job) else ""


def _progress(done: int, total: int | None) -> float | None:
    return None if not total else done / total


def runs_columns(generation_runs: "Sequence[GenerationRun]") -> ListColumns:
    """One row per run."""
    return summaries_columns([_summary(run) for run in generation_runs])


def demonstrations_columns(items: "Sequence[Demonstration]") -> ListColumns:
    """One row per demonstration, in order."""
    return {
        "position": list(range(len(items))),
        "source": [demonstration.source for demonstration in items],
        "target": [demonstration.target for demonstration in items],
    }
