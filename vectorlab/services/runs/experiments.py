"""An experiment asked for as one thing, and carried out part by part.

Vectors, their controls, a calibration, a run and its scores are asked for one after the other, each
by its own service: each is found where an equal one is stored, and stays where it was made.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol, TypeVar

from vectorlab.domain.defaults import DEFAULT_BUDGET, DEFAULT_TEMPLATE
from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.interventions.calibration import Calibration, parse_budget
from vectorlab.domain.jobs.jobs import Job, JobFilter, JobState
from vectorlab.domain.jobs.requests import ExperimentRequest
from vectorlab.domain.models import BUNDLED_MODEL, Model
from vectorlab.domain.runs.experiments import (
    SHARES,
    ExperimentSpec,
    Subject,
    check_shares,
    deal,
)
from vectorlab.domain.runs.runs import Prompt
from vectorlab.domain.scores.catalogue import check_smallest, parse_scorer
from vectorlab.domain.sets.versions import SetReference
from vectorlab.domain.vectors.vectors import ExtractionSpec, SteeringVector
from vectorlab.errors import InputError, NotFoundError
from vectorlab.services.asking import Asked, QueueOptions, ask
from vectorlab.services.given import as_prompts, several, with_prompts_of
from vectorlab.services.jobs import result
from vectorlab.services.runs import runs, scores, verdicts
from vectorlab.services.runs.arms import BASELINE, SweepOptions, build_arms
from vectorlab.services.runs.baselines import (
    in_context_arm,
    instruction_arm,
    random_direction,
    request_shuffled,
)
from vectorlab.services.runs.text_options import TextOptions, run_spec
from vectorlab.services.runs.verdicts import ExperimentResult
from vectorlab.services.vectors.belonging import model_of
from vectorlab.services.vectors.calibrations import CalibrationOptions, request_calibration
from vectorlab.services.vectors.vectors import (
    ExtractionOptions,
    extraction_of,
    request_extraction,
)
from vectorlab.store import models
from vectorlab.store.database import Database, Transaction
from vectorlab.store.jobs import queue as jobs
from vectorlab.store.runs import runs as stored_runs
from vectorlab.store.sets import sets
from vectorlab.store.vectors import vectors

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class WantedExperiment(TextOptions, QueueOptions):
    """An experiment that is wanted: found where an equal one was made, or made.

    Attributes:
        vectors: Names, ids or hash prefixes; each is calibrated and judged.
        pairs: A set version of which one more vector is extracted first.
        vector_name: Of that vector; None makes one of set and method.
        model: Reads the pairs; None for the vectors' own, without any the bundled one.
        effect: The scorer whose mean is to move.
        prompts: Texts that the vectors are tried on.
        prompt_set: A set version whose sources are further prompts.
        choose: A set version whose sources choose the strength, so that all prompts judge it.
            Without one, every other prompt chooses and the rest judge.
        strengths: Shares of the calibrated strength; the whole of it is always tried.
        damage: Budget: a scorer and the most that its mean may be.
        lower_is_better: The mean of ``effect`` is to be as low as possible.
        smallest: Difference of the effect that is of interest; the verdict says where it is less.
        scorers: Further scorers of the texts.
        random: Beside each vector so many random directions of the same norms.
        shuffled: And so many vectors of the same texts with their sides drawn by lot; only a
            vector that was extracted has any.
        demonstrations: The pairs that a vector was made of stand in the prompt of one more arm.
        template: How those are written, with ``{source}`` and ``{target}``.
        shots: The first so many of them; None for all.
        instruction: Stands before every prompt of one more arm.
        name: Of the run that the experiment ends in.
    """

    vectors: Sequence[str] = ()
    pairs: str | None = None
    vector_name: str | None = None
    model: str | None = None
    effect: str
    prompts: Sequence[str | Prompt] = ()
    prompt_set: str | None = None
    choose: str | None = None
    strengths: Sequence[float] = SHARES
    damage: str = DEFAULT_BUDGET
    lower_is_better: bool = False
    smallest: float | None = None
    scorers: Sequence[str] = ()
    random: int = 1
    shuffled: int = 1
    demonstrations: bool = True
    template: str = DEFAULT_TEMPLATE
    shots: int | None = None
    instruction: str | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "prompts", as_prompts(self.prompts))
        for name in ("vectors", "strengths", "scorers"):
            object.__setattr__(self, name, several(getattr(self, name)))


class DoPart(Protocol):
    """Does a part of an experiment, unless it was found, and gives what it made."""

    def __call__(self, what: str, asked: Asked[T]) -> T:
        """``what`` it is, in words, and what was answered when it was asked for."""
        ...


def request_experiment(
    db: Database, wanted: WantedExperiment, *, look_up: Callable[[str], Model], actor: str
) -> Asked[ExperimentResult]:
    """Find an equal earlier experiment, or enqueue its job.

    Args:
        db: The store.
        wanted: What is asked for.
        look_up: Finds a model by what it is called.
        actor: Recorded as the one who asked.

    Raises:
        NotFoundError: If a vector, set version or model does not exist.
        InputError: If there is no vector or no prompt, or a scorer, the budget or an option is
            unusable.
        ConflictError: If the name belongs to another run.
    """
    request = _request(db, wanted, look_up)
    with db.read() as tx:
        done = jobs.last_success(tx, request.dedupe_key)
    found = None if done is None else _still_there(db, done)
    with db.write() as tx:
        if request.name is not None and (found is None or found.run.name != request.name):
            stored_runs.check_name_is_free(tx, request.name)
        return ask(
            tx,
            request,
            found=found,
            read=lambda job: verdicts.get(db, str(result(job)["run_id"])),
            actor=actor,
            priority=wanted.priority,
            queue=wanted.queue,
        )


def carry_out(
    db: Database, request: ExperimentRequest, do: DoPart, *, actor: str, priority: int, queue: str
) -> dict[str, int]:
    """Ask for the parts of an experiment one after the other; what was made before is found.

    Args:
        db: The store.
        request: What is asked for.
        do: Does each part.
        actor: Recorded as the one who asked.
        priority: Of the jobs of the parts.
        queue: Of the jobs of the parts.

    Returns:
        Ids of what it ends in, as the result of its job.
    """
    how: dict[str, Any] = {"actor": actor, "priority": priority, "queue": queue}
    spec = request.spec
    with db.read() as tx:
        model = models.get_model(tx, str(request.model_id))
        subjects = [vectors.vector_by_id(tx, subject.vector_id) for subject in spec.subjects]
    if spec.extraction is not None:
        subjects.append(_extract(db, request, spec.extraction, model, do, how))
    arms: list[Arm] = [BASELINE]
    chosen: list[Calibration] = []
    for vector in subjects:
        controls = _controls(db, vector, model, spec, do, how)
        chosen.append(_calibrate(db, vector, model, spec, do, how))
        arms += _arms(db, model, vector, controls, chosen[-1], spec.shares)
    texts = runs.request_run(
        db,
        model=model,
        spec=run_spec(db, _writing(spec), model, spec.judging, arms=[*arms, *spec.prompting]),
        name=request.name,
        prompt_set_version_id=request.prompt_set_version_id,
        **how,
    )
    run = do(f"{len(arms) + len(spec.prompting)} arms on {len(spec.judging)} prompts", texts)
    labels = [scorer.label for scorer in spec.scorers]
    do(f"scores: {', '.join(labels)}", scores.request_scores(db, str(run.id), labels, **how))
    return {"run_id": run.id, "calibration_id": chosen[0].id}


def begun(db: Database, job: Job) -> list[tuple[str, Job | None]]:
    """The parts of an experiment that is under way, in words, each with its job unless found."""
    with db.read() as tx:
        parts = [json.loads(data) for data in jobs.chunks(tx, job.id).values()]
        return [
            (part["what"], None if part["job_id"] is None else jobs.get_job(tx, part["job_id"]))
            for part in parts
        ]


def list_experiments(db: Database, *, limit: int = 50) -> list[ExperimentResult]:
    """What experiments ended in, newest first; those whose run is gone are left out."""
    wanted = JobFilter(states=(JobState.SUCCEEDED,), kind=ExperimentRequest.KIND)
    with db.read() as tx:
        ended = jobs.list_jobs(tx, wanted, limit=limit)
    found = [_still_there(db, job) for job in ended]
    return list({each.run.id: each for each in found if each is not None}.values())


def _still_there(db: Database, job: Job) -> ExperimentResult | None:
    """What an experiment ended in, unless its run, scores or calibration are gone."""
    try:
        return verdicts.find(db, runs.get(db, str(result(job)["run_id"])))
    except NotFoundError:
        return None


def _request(
    db: Database, wanted: WantedExperiment, look_up: Callable[[str], Model]
) -> ExperimentRequest:
    references = wanted.vectors
    if not references and wanted.pairs is None:
        raise InputError(
            "An experiment needs a vector: name one that is stored, or a set version of pairs that "
            "one is extracted from."
        )
    model = _model(db, wanted, references, look_up)
    with db.read() as tx:
        named = [vectors.get_vector(tx, reference) for reference in dict.fromkeys(references)]
        version = None if wanted.pairs is None else _version(tx, wanted.pairs)
    extraction = None
    if wanted.pairs is not None:
        extraction = extraction_of(db, wanted.pairs, model, ExtractionOptions())
    choosing, judging, version_id = _prompts(db, wanted)
    damage, budget = parse_budget(wanted.damage)
    with db.read() as tx:
        applied = [vector.id for vector in named]
        effect, damage, *beside = (
            scores.resolved(tx, scorer, model, applied)
            for scorer in (
                parse_scorer(wanted.effect),
                damage,
                *map(parse_scorer, wanted.scorers),
            )
        )
    has_pairs = extraction is not None or any(_is_extracted(vector) for vector in named)
    spec = ExperimentSpec(
        model_fingerprint=model.fingerprint,
        subjects=tuple(
            Subject(vector_id=vector.id, vector_sha256=vector.content_sha256) for vector in named
        ),
        extraction=extraction,
        choosing=choosing,
        judging=judging,
        shares=check_shares(tuple(wanted.strengths)),
        random=_count("random directions", wanted.random),
        shuffled=_count("shuffled vectors", wanted.shuffled) if has_pairs else 0,
        prompting=_prompting(db, wanted, named),
        effect=effect,
        lower_is_better=wanted.lower_is_better,
        smallest=check_smallest(wanted.smallest),
        damage=damage,
        budget=budget,
        beside=tuple(beside),
        **wanted.writing(db, model),
    )
    return ExperimentRequest(
        spec=spec,
        model_id=model.id,
        name=wanted.name,
        prompt_set_version_id=version_id,
        extracted_from=version,
        vector_name=wanted.vector_name,
    )


def _model(
    db: Database,
    wanted: WantedExperiment,
    references: Sequence[str],
    look_up: Callable[[str], Model],
) -> Model:
    named = wanted.model
    if not references and named is None:
        named = BUNDLED_MODEL
    return model_of(db, references, named=named, other_model=False, look_up=look_up)


def _version(tx: Transaction, reference: str) -> int:
    return sets.resolve_version(tx, SetReference.parse(reference)).id


def _prompts(
    db: Database, wanted: WantedExperiment
) -> tuple[tuple[Prompt, ...], tuple[Prompt, ...], int | None]:
    """Prompts that choose, prompts that judge, and the set version that the latter are of."""
    given, version_id = with_prompts_of(db, wanted.prompts, wanted.prompt_set)
    if not given:
        raise InputError("An experiment needs prompts: --prompts SET@VERSION or --prompt TEXT.")
    if wanted.choose is None:
        choosing, judging = deal(given)
        return choosing, judging, version_id if judging == given else None
    choosing, _ = with_prompts_of(db, (), wanted.choose)
    return choosing, given, version_id


def _prompting(
    db: Database, wanted: WantedExperiment, named: Sequence[SteeringVector]
) -> tuple[Arm, ...]:
    """What else might do it: demonstrations in the prompt, and an instruction."""
    arms: list[Arm] = []
    if wanted.demonstrations:
        labels = [vector.set_label for vector in named if _is_extracted(vector)]
        for label in dict.fromkeys([*labels, wanted.pairs]):
            if label is not None:
                arms.append(in_context_arm(db, label, template=wanted.template, shots=wanted.shots))
    if wanted.instruction is not None:
        arms.append(instruction_arm(wanted.instruction))
    return tuple({arm.prefix: arm for arm in arms}.values())


def _is_extracted(vector: SteeringVector) -> bool:
    return vector.set_label is not None and vector.spec_sha256 is not None


def _count(what: str, count: int) -> int:
    if count < 0:
        raise InputError(f"{count} {what} cannot be made; it has to be 0 or more.")
    return int(count)


def _extract(
    db: Database,
    request: ExperimentRequest,
    spec: ExtractionSpec,
    model: Model,
    do: DoPart,
    how: dict[str, Any],
) -> SteeringVector:
    with db.read() as tx:
        version = sets.version_by_id(tx, int(str(request.extracted_from)))
    options = {field.name: getattr(spec, field.name) for field in fields(ExtractionOptions)}
    asked = request_extraction(
        db,
        set_reference=version.label,
        model=model,
        options=ExtractionOptions(**options),
        name=request.vector_name,
        **how,
    )
    return do(f"vector of {version.label}", asked)


def _controls(
    db: Database,
    vector: SteeringVector,
    model: Model,
    spec: ExperimentSpec,
    do: DoPart,
    how: dict[str, Any],
) -> list[SteeringVector]:
    controls = [
        random_direction(db, str(vector.id), seed=seed, actor=how["actor"])
        for seed in range(spec.random)
    ]
    for seed in range(spec.shuffled if _is_extracted(vector) else 0):
        asked = request_shuffled(db, str(vector.id), model=model, seed=seed, **how)
        controls.append(do(f"control of {vector.name}: sides drawn by lot", asked))
    return controls


def _calibrate(
    db: Database,
    vector: SteeringVector,
    model: Model,
    spec: ExperimentSpec,
    do: DoPart,
    how: dict[str, Any],
) -> Calibration:
    options = CalibrationOptions(
        effect=spec.effect.label,
        damage=f"{spec.damage.label}<={spec.budget!r}",
        lower_is_better=spec.lower_is_better,
        smallest=spec.smallest,
        **_texts(spec),
    )
    asked = request_calibration(
        db, str(vector.id), model=model, prompts=spec.choosing, options=options, **how
    )
    return do(f"calibration of {vector.name} on {len(spec.choosing)} prompts", asked)


def _arms(
    db: Database,
    model: Model,
    vector: SteeringVector,
    controls: Sequence[SteeringVector],
    calibration: Calibration,
    shares: Sequence[float],
) -> list[Arm]:
    """The vector at every share of its calibrated strength, the controls at the whole of it."""
    acting = calibration.spec
    options = SweepOptions(
        operator=acting.operator,
        site=acting.site,
        positions=acting.positions,
        layers="all" if acting.layers is None else acting.layers,
    )

    def of(applied: SteeringVector, strengths: Sequence[float]) -> Sequence[Arm]:
        made = build_arms(
            db,
            model=model,
            references=[str(applied.id)],
            strengths=strengths,
            options=options,
        )
        return made[1:]

    arms = [*of(vector, [share * calibration.strength for share in shares])]
    for control in controls:
        arms += of(control, [calibration.strength])
    return arms


def _texts(spec: ExperimentSpec) -> dict[str, Any]:
    """How prompts are read and texts are written, as options."""
    return {
        "decoding": spec.decoding,
        "seed": spec.seed,
        "add_special_tokens": spec.add_special_tokens,
        "dtype": spec.dtype,
        "chat": spec.chat or False,
    }


def _writing(spec: ExperimentSpec) -> TextOptions:
    return TextOptions(**_texts(spec))
