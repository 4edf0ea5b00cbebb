"""Generation runs: ask for a run or a replay, read what came out."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from vectorlab.domain.interventions.arms import Arm, Intervention, check_arm
from vectorlab.domain.interventions.conditions import Condition
from vectorlab.domain.jobs.jobs import DEFAULT_QUEUE, PRIORITY_BATCH, Job
from vectorlab.domain.models import Model, check_dtype
from vectorlab.domain.runs.runs import Chat, GenerationRun, Prompt, RunSpec
from vectorlab.domain.runs.texts import GeneratedText, compare_generations
from vectorlab.domain.scores.scores import ScorerSpec
from vectorlab.domain.sets.versions import SetReference, check_name
from vectorlab.errors import InputError
from vectorlab.store import models
from vectorlab.store.database import Database, Transaction
from vectorlab.store.references import storable_text
from vectorlab.store.runs import runs, verdicts
from vectorlab.store.sets import sets
from vectorlab.store.vectors import vectors

if TYPE_CHECKING:
    from vectorlab.domain.runs.replays import ReplayVerdict
    from vectorlab.services.asking import Asked


def prompts_of_set(db: Database, reference: str) -> tuple[tuple[Prompt, ...], int]:
    """The sources of a set version as prompts (targets as references), and the version's id."""
    with db.read() as tx:
        version = sets.resolve_version(tx, SetReference.parse(reference))
        items = sets.demonstrations(tx, version.id)
    return tuple(
        Prompt(text=demonstration.source, reference=demonstration.target) for demonstration in items
    ), version.id


def request_run(
    db: Database,
    *,
    model: Model,
    spec: RunSpec,
    actor: str,
    name: str | None = None,
    prompt_set_version_id: int | None = None,
    force: bool = False,
    compiled: bool = False,
    scorers: Sequence[ScorerSpec] = (),
    priority: int = PRIORITY_BATCH,
    queue: str = DEFAULT_QUEUE,
) -> "Asked[GenerationRun]":
    """Find the run of an equal earlier request, or enqueue it.

    How a text is computed is not part of the request: a run found may have been compiled or not,
    which its environment tells.

    Args:
        db: The store.
        model: The model that generates.
        spec: Prompts, arms, decoding and seed.
        actor: Recorded as the one who asked.
        name: Of the run; None gives it none.
        prompt_set_version_id: The set version that the prompts are of.
        force: Compute even where an equal request was answered before.
        compiled: Compile the decoding step where that works.
        scorers: The texts are scored by them once they are there; of a run that is found, whoever
            asks does that.
        priority: Of the job.
        queue: Only workers of this queue take the job.

    Raises:
        InputError: If there is no prompt, no arm or no sample to make, or the name is unusable.
        ConflictError: If the name belongs to another run, or an equal run or job has another one.
    """
    from vectorlab.domain.jobs.requests import GenerateRequest
    from vectorlab.services.asking import ask

    _check_spec(spec)
    request = GenerateRequest(
        spec=spec,
        model_id=model.id,
        name=name,
        prompt_set_version_id=prompt_set_version_id,
        compiled=compiled,
        scorers=tuple(scorers),
    )
    with db.write() as tx:
        run = None if force else runs.find_by_spec(tx, spec.sha256, name=name)
        if run is not None:
            run = _named(tx, run, name, actor)
        elif name is not None:
            runs.check_name_is_free(tx, check_name("run", name))
        return ask(
            tx,
            request,
            found=run,
            read=_reader(db),
            actor=actor,
            priority=priority,
            queue=queue,
        )


def request_replay(
    db: Database,
    reference: str,
    *,
    actor: str,
    accept_changed_model: bool = False,
    priority: int = PRIORITY_BATCH,
    queue: str = DEFAULT_QUEUE,
) -> "Asked[GenerationRun]":
    """Enqueue the exact repetition of a run: same spec, same batches, as a new run.

    Replaying a replay repeats its original. A model whose files changed is refused by the job,
    unless it is accepted here: then the verdict names both fingerprints.

    Args:
        db: The store.
        reference: Name, id or hash prefix of the run.
        actor: Recorded as the one who asked.
        accept_changed_model: Replay even if the model's files changed.
        priority: Of the job.
        queue: Only workers of this queue take the job.

    Raises:
        NotFoundError: If there is no such run.
        IntegrityError: If a stored vector no longer has the bytes the run used, or a text of the
            run is not what it was.
    """
    from vectorlab.domain.jobs.requests import GenerateRequest
    from vectorlab.services.asking import ask

    with db.write() as tx:
        original = runs.get_run(tx, reference)
        if original.replay_of is not None:
            original = runs.get_run(tx, str(original.replay_of))
        runs.generations(tx, original.id)
        for vector_id in sorted(set(original.spec.vector_ids().values())):
            vectors.layer_vectors(tx, vector_id)
        request = GenerateRequest(
            spec=original.spec,
            model_id=original.model_id,
            name=None,
            prompt_set_version_id=original.prompt_set_version_id,
            compiled=bool(original.environment.get("compiled")),
            replay_of=original.id,
            accept_changed_model=accept_changed_model,
            batch_plan=original.batch_plan,
            threads=original.environment.get("threads"),
        )
        return ask(tx, request, read=_reader(db), actor=actor, priority=priority, queue=queue)


def verdict(db: Database, replay: str) -> "ReplayVerdict":
    """What comparing a replay with its original found.

    It was kept with the replay; one that was stored without it is compared here.

    Raises:
        InputError: If the run is not a replay.
    """
    from vectorlab.domain.runs.replays import judge

    with db.read() as tx:
        repeated = runs.get_run(tx, replay)
        if repeated.replay_of is None:
            raise InputError(
                f"Run {repeated.id} is not a replay. Replay it: vectorlab runs replay {repeated.id}"
            )
        original = runs.run_by_id(tx, repeated.replay_of)
        kept = verdicts.find(tx, original, repeated)
        if kept is not None:
            return kept
        texts = [runs.generations(tx, run.id) for run in (original, repeated)]
    return judge(original, repeated, compare_generations(*texts))


def chat_of(model: Model, system: str | None = None) -> Chat:
    """The chat that a model's template makes of prompts.

    Raises:
        InputError: If the model has none.
    """
    template = model.description.chat_template_sha256
    if template is None:
        raise InputError(
            f"Model {model.name!r} has no chat template. Leave --chat and --system out, and write "
            "the prompts as the model should read them."
        )
    return Chat(template_sha256=template, system=system)


def get(db: Database, reference: str) -> GenerationRun:
    """The run with that id, name or spec hash prefix.

    Raises:
        NotFoundError: If there is none.
    """
    with db.read() as tx:
        return runs.get_run(tx, reference)


def list_runs(
    db: Database, *, model: str | None = None, limit: int = 50, offset: int = 0
) -> list[GenerationRun]:
    """Generation runs, newest first, perhaps of one model."""
    with db.read() as tx:
        model_id = None if model is None else models.get_model(tx, model).id
        return runs.list_runs(tx, limit=limit, offset=offset, model_id=model_id)


def generations(db: Database, run: GenerationRun) -> list[GeneratedText]:
    """The texts of a run, ordered by prompt, arm and sample."""
    with db.read() as tx:
        return runs.generations(tx, run.id)


def token_counts(
    db: Database, run_ids: Sequence[int]
) -> dict[int, dict[tuple[int, int, int], int]]:
    """Tokens of every text of some runs, by run and then by prompt, arm and sample."""
    with db.read() as tx:
        return {run_id: runs.token_counts(tx, run_id) for run_id in run_ids}


def replays(db: Database, run: GenerationRun) -> list[GenerationRun]:
    """Replays of a run, newest first."""
    with db.read() as tx:
        return runs.replays(tx, run.id)


def rename(db: Database, reference: str, name: str, *, actor: str) -> GenerationRun:
    """Give a run a name, or another one; what it holds stays as it is.

    Raises:
        NotFoundError: If there is no such run.
        InputError: If the name is unusable.
        ConflictError: If another run has it.
    """
    with db.write() as tx:
        return _renamed(tx, runs.get_run(tx, reference), name, actor)


def remove(db: Database, reference: str, *, cascade: bool, actor: str) -> list[str]:
    """Purge a run; returns one line per thing that went.

    Raises:
        ConflictError: If replays depend on it and ``cascade`` is off.
    """
    from vectorlab.store import purge

    with db.write() as tx:
        return purge.purge_run(tx, reference, cascade=cascade, actor=actor)


def what_goes(db: Database, reference: str) -> list[str]:
    """What purging a run takes along, a line each, the run itself first.

    Raises:
        NotFoundError: If there is no such run.
    """
    from vectorlab.store import purge

    with db.read() as tx:
        return purge.what_goes(tx, "run", runs.get_run(tx, reference).id)


def _check_spec(spec: RunSpec) -> None:
    if not spec.prompts:
        raise InputError(
            "A run needs at least one prompt: --prompt TEXT, --prompts SET@VERSION "
            "or --prompts FILE."
        )
    if not spec.arms:
        raise InputError("A run needs at least one arm; the baseline is one.")
    _check_arms(spec.arms)
    check_dtype(spec.dtype)
    if spec.samples < 1:
        raise InputError(f"samples is {spec.samples}; it must be 1 or more.")
    if not -(2**63) <= spec.seed < 2**63:
        raise InputError(f"Seed {spec.seed} does not fit 64 bits. Give a smaller one.")
    if spec.samples > 1 and not spec.decoding.do_sample:
        raise InputError(
            f"{spec.samples} samples of greedy decoding would be equal. "
            "Sample (--sample), or ask for one."
        )
    for number, prompt in enumerate(spec.prompts, start=1):
        if not prompt.text.strip():
            raise InputError(f"Prompt {number} is empty.")
        storable_text(f"Prompt {number}", prompt.text)


def _check_arms(arms: Sequence[Arm]) -> None:
    labels = Counter(arm.label for arm in arms)
    twice = [label for label, number in labels.items() if number > 1]
    if twice:
        raise InputError(f"Two arms are called {twice[0]!r}; give each vector and strength once.")
    ids: dict[str, int] = {}
    applied = [intervention for arm in map(check_arm, arms) for intervention in arm.interventions]
    if any(intervention.layers == () for intervention in applied):
        raise InputError("An intervention names no layer. Leave layers out for all of them.")
    read = [
        intervention.condition for intervention in applied if intervention.condition is not None
    ]
    used: list[Intervention | Condition] = [*applied, *read]
    for use in used:
        if ids.setdefault(use.vector_sha256, use.vector_id) != use.vector_id:
            raise InputError(
                f"Vectors {ids[use.vector_sha256]} and {use.vector_id} hold the same bytes; "
                "give one of them."
            )


def _reader(db: Database) -> Callable[[Job], GenerationRun]:
    from vectorlab.services.asking import job_reader

    return job_reader(db, "run_id", runs.run_by_id)


def _named(tx: Transaction, run: GenerationRun, name: str | None, actor: str) -> GenerationRun:
    """The run of an equal request under the name that is asked for."""
    from vectorlab.services.asking import takes_name

    cure = f", rename it (vectorlab runs rename {run.id} {name})"
    if takes_name(f"run {run.id}", run.name, name, cure=cure):
        return _renamed(tx, run, str(name), actor)
    return run


def _renamed(tx: Transaction, run: GenerationRun, name: str, actor: str) -> GenerationRun:
    from vectorlab.store import renaming

    renaming.rename(tx, "run", run.id, name, actor=actor)
    return runs.run_by_id(tx, run.id)
