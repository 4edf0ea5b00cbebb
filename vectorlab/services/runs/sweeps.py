"""Sweeps: strength x layers x vector as the arms of one run, every seed a sample of each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from vectorlab.domain.defaults import DEFAULT_TEMPLATE, PRIORITY_BATCH
from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.interventions.layer_ranges import LayerChoice, spell_choice
from vectorlab.domain.jobs.jobs import Job
from vectorlab.domain.models import Model
from vectorlab.domain.runs.runs import Prompt, RunSpec
from vectorlab.domain.vectors.vectors import SteeringVector
from vectorlab.errors import InputError
from vectorlab.services.asking import Asked
from vectorlab.services.given import as_prompts
from vectorlab.services.runs.arms import BASELINE, SweepOptions, build_arms
from vectorlab.services.runs.baselines import (
    in_context_arm,
    random_direction,
    request_shuffled,
)
from vectorlab.services.runs.requests import GenerationRequest, RunOptions
from vectorlab.services.runs.text_options import run_spec
from vectorlab.services.vectors.belonging import check_belongs
from vectorlab.services.vectors.calibrations import unit_strength
from vectorlab.store.database import Database
from vectorlab.store.vectors import vectors

TokenCounter = Callable[[Sequence[str]], Sequence[int]]  # tokens of texts


@dataclass(frozen=True, kw_only=True)
class Sweep(GenerationRequest):
    """A request whose vectors are each tried on several layers, beside what they have to beat.

    Attributes:
        layers: Choices of layers: some, ``"all"`` of the vector's, or, with None, the usual ones.
        random: Beside each vector so many random directions of the same norms.
        shuffled: And so many vectors of the same texts with their sides drawn by lot, which are
            extracted first.
        in_context: A set version whose demonstrations stand before every prompt of one arm.
        template: How those are written, with ``{source}`` and ``{target}``.
        shots: The first so many of them; None for all.
        budget: Most tokens, read and written; as many prompts are taken as it pays for.
    """

    layers: Sequence[LayerChoice] = (None,)
    random: int = 0
    shuffled: int = 0
    in_context: str | None = None
    template: str = DEFAULT_TEMPLATE
    shots: int | None = None
    budget: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.vectors or not self.strengths:
            raise InputError("A sweep needs --vector NAME and --strength 0.05 0.1.")
        if self.sweep.together or self.sweep.layers is not None:
            raise InputError(
                "A sweep tries its vectors one by one, on the layers of each choice. Write an arm "
                "out for several together, and give choices of layers."
            )


@dataclass(frozen=True, kw_only=True)
class WantedSweep(Sweep, RunOptions):
    """A sweep that is wanted: one run, found where an equal one is stored, or made."""


@dataclass(frozen=True, kw_only=True)
class PromptsInBudget:
    """The prompts that a budget of tokens pays for."""

    prompts: tuple[Prompt, ...]
    tokens: int  # that they cost at most, read and written
    left_out: int  # prompts


def sweep_arms(
    db: Database, model: Model, sweep: Sweep, beside: Mapping[str, str]
) -> tuple[Arm, ...]:
    """The baseline, then every vector at every strength on every choice of layers, then the rest.

    Args:
        db: The store.
        model: The vectors have to fit it.
        sweep: What is varied.
        beside: Vectors that those of the sweep have to beat, each with the one that it stands by.

    Raises:
        NotFoundError: If a vector or set version does not exist.
        InputError: If an arm cannot be built.
        ShapeError: If a vector does not fit the model.
    """
    arms: list[Arm] = [BASELINE]
    choices = list(dict.fromkeys(sweep.layers)) or [None]
    for layers in choices:
        for name in (*sweep.vectors, *beside):
            options = _as_usual(
                db, model, replace(sweep.sweep, layers=layers), beside.get(name, name)
            )
            swept = build_arms(
                db,
                model=model,
                references=[name],
                strengths=_strengths(db, model, sweep, beside.get(name, name), options),
                options=replace(options, calibrated=False),
            )
            arms += [_named(arm, layers if len(choices) > 1 else None) for arm in swept[1:]]
    arms += build_arms(
        db, model=model, references=(), strengths=(), options=sweep.sweep, written=sweep.arms
    )[1:]
    if sweep.in_context is not None:
        arms.append(
            in_context_arm(db, sweep.in_context, template=sweep.template, shots=sweep.shots)
        )
    return tuple(arms)


def ask_controls(
    db: Database,
    sweep: Sweep,
    *,
    look_up: Callable[[str], Model],
    actor: str,
    priority: int = PRIORITY_BATCH,
) -> list[tuple[str, Asked[SteeringVector]]]:
    """The vectors that those of a sweep have to beat, each with the one that it stands by.

    Random directions are made at once; shuffled vectors are found or extracted, each as its vector
    was and on the vector's own model.

    Args:
        db: The store.
        sweep: What is varied.
        look_up: Finds a model by its name.
        actor: Recorded as the one who asked.
        priority: Of the jobs.

    Raises:
        NotFoundError: If a vector does not exist.
        InputError: If a vector has no demonstrations to shuffle.
        ConflictError: If another vector has the name of a control.
    """
    with db.read() as tx:
        owners = {name: vectors.get_vector(tx, name).model_name for name in sweep.vectors}
    asked: list[tuple[str, Asked[SteeringVector]]] = []
    for name in sweep.vectors:
        for seed in range(sweep.random):
            made = random_direction(db, name, seed=seed, actor=actor)
            asked.append((name, Asked(found=made, job=None, read=_never)))
    for name in sweep.vectors:
        for seed in range(sweep.shuffled):
            shuffled = request_shuffled(
                db, name, model=look_up(owners[name]), seed=seed, actor=actor, priority=priority
            )
            asked.append((name, shuffled))
    return asked


def sweep_spec(db: Database, model: Model, sweep: Sweep, beside: Mapping[str, str]) -> RunSpec:
    """The run of a sweep.

    Args:
        db: The store.
        model: The vectors have to fit it.
        sweep: What is varied.
        beside: As ``sweep_arms`` takes it.

    Raises:
        As ``sweep_arms``.
    """
    check_belongs(db, model, sweep.vectors_named(db), other_model=sweep.other_model)
    arms = sweep_arms(db, model, sweep, beside)
    prompts = as_prompts(sweep.prompts)
    return run_spec(db, sweep, model, prompts, arms=arms, samples=sweep.samples)


def fit_budget(sweep: Sweep, arms: Sequence[Arm], count: TokenCounter) -> PromptsInBudget:
    """As many prompts of a sweep, in their order, as its budget of tokens pays for.

    A token counts when it is read and when it is written; texts may end early, so this is the most
    that the run can cost.

    Raises:
        InputError: If the budget does not pay for the first prompt.
    """
    prompts, written = as_prompts(sweep.prompts), sweep.decoding.max_new_tokens
    lengths = count([arm.prefix + prompt.text for prompt in prompts for arm in arms])
    costs = [
        sweep.samples * sum(length + written for length in lengths[start : start + len(arms)])
        for start in range(0, len(lengths), len(arms))
    ]
    total, kept = 0, 0
    for cost in costs:
        if sweep.budget is not None and total + cost > sweep.budget:
            break
        total, kept = total + cost, kept + 1
    if prompts and not kept:
        raise InputError(
            f"A budget of {sweep.budget} tokens does not pay for one prompt: {len(arms)} arms with "
            f"{sweep.samples} texts each cost {costs[0]}. Raise --budget or vary less."
        )
    return PromptsInBudget(prompts=prompts[:kept], tokens=total, left_out=len(prompts) - kept)


def _never(job: Job) -> SteeringVector:
    raise AssertionError(f"Job {job.id} makes no random direction.")


def _as_usual(db: Database, model: Model, options: SweepOptions, name: str) -> SweepOptions:
    """Where a vector acts, said for those that stand beside it too."""
    with db.read() as tx:
        vector = vectors.get_vector(tx, name)
    layers = options.layers_meant(db, model, vector)
    return replace(
        options,
        layers="all" if layers is None else layers,
        positions=options.positions or options.usual(db, vector).positions,
    )


def _strengths(
    db: Database, model: Model, sweep: Sweep, name: str, options: SweepOptions
) -> list[float]:
    """The strengths as numbers; those of a baseline count in the unit of its vector."""
    if not sweep.sweep.calibrated:
        return list(sweep.strengths)
    with db.read() as tx:
        vector = vectors.get_vector(tx, name)
    acting = options.acting(db, model, vector)
    use = {name: acting[name] for name in ("operator", "site", "schedule", "condition")}
    unit = unit_strength(db, vector, model, layers=options.layers_meant(db, model, vector), **use)
    return [strength * unit for strength in sweep.strengths]


def _named(arm: Arm, layers: LayerChoice) -> Arm:
    if layers is None:
        return arm
    return replace(arm, label=f"{arm.label} (layers {spell_choice(layers)})")
