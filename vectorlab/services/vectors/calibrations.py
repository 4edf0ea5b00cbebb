"""Calibrated strengths: ask for them, read them, and use them as the unit of a strength."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from vectorlab.domain.defaults import DEFAULT_BUDGET
from vectorlab.domain.description import describe
from vectorlab.domain.interventions.arms import check_measured_before, check_strength
from vectorlab.domain.interventions.calibration import (
    Calibration,
    CalibrationSpec,
    best_choice,
    estimates_of,
    parse_budget,
)
from vectorlab.domain.interventions.conditions import Condition
from vectorlab.domain.interventions.layer_ranges import LayerChoice, spell_layers
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.jobs.jobs import DEFAULT_QUEUE, PRIORITY_BATCH, Job
from vectorlab.domain.jobs.requests import CalibrateRequest
from vectorlab.domain.models import Model
from vectorlab.domain.runs.runs import Prompt
from vectorlab.domain.scores.catalogue import SCORERS, Needs, check_smallest, parse_scorer
from vectorlab.domain.scores.scores import ScorerSpec
from vectorlab.domain.scores.statistics import RULE, Estimate, Verdict
from vectorlab.domain.vectors.vectors import Site, SteeringVector
from vectorlab.errors import InputError
from vectorlab.services.asking import Asked, ask, job_reader
from vectorlab.services.runs import scores
from vectorlab.services.runs.text_options import TextOptions
from vectorlab.services.vectors.belonging import check_belongs
from vectorlab.services.vectors.options import VectorOptions
from vectorlab.services.vectors.thresholds import vector_read
from vectorlab.services.vectors.vectors import check_fits
from vectorlab.store.database import Database, Transaction
from vectorlab.store.jobs import leases
from vectorlab.store.vectors import calibrations, vectors

_COURSE = ("positions", "schedule", "condition", "chat")


@dataclass(frozen=True, kw_only=True)
class CalibrationOptions(TextOptions, VectorOptions):
    """How a vector is calibrated.

    Attributes:
        effect: The scorer whose mean is to be as high as possible.
        damage: Budget: a scorer and the most that its mean may be.
        lower_is_better: The mean of ``effect`` is to be as low as possible.
        smallest: Difference of the effect that is of interest; the verdict says where it is less.
        layers: Each a choice of layers: some, ``"all"``, or, with None, the usual ones. The best of
            several is the result.
        first: Strength that is tried first; None takes the operator's usual one.
        other_model: The model may be another than the vector's own, of its depth and width.
    """

    effect: str
    damage: str = DEFAULT_BUDGET
    lower_is_better: bool = False
    smallest: float | None = None
    layers: tuple[LayerChoice, ...] = (None,)
    first: float | None = None
    other_model: bool = False


def request_calibration(
    db: Database,
    reference: str,
    *,
    model: Model,
    prompts: Sequence[Prompt],
    options: CalibrationOptions,
    actor: str,
    force: bool = False,
    priority: int = PRIORITY_BATCH,
    queue: str = DEFAULT_QUEUE,
) -> Asked[Calibration]:
    """Find the calibration of an equal earlier request, or enqueue it.

    Args:
        db: The store.
        reference: Name, id or hash prefix of the vector.
        model: The model to calibrate on.
        prompts: Texts to try strengths on.
        options: Effect, budget, choices of layers and how the vector acts.
        actor: Recorded as the one who asked.
        force: Compute even where an equal request was answered before.
        priority: Of the job.
        queue: Only workers of this queue take the job.

    Raises:
        NotFoundError: If there is no such vector, or a scorer names one that does not exist.
        InputError: If there is no prompt, a scorer, the budget or an option is unusable, or a
            vector belongs to another model and that is not meant.
        ShapeError: If the vector does not fit the model or has no such layer.
    """
    if not prompts:
        raise InputError("A calibration needs prompts: --prompts SET@VERSION or --prompt TEXT.")
    if not options.layers:
        raise InputError("No choice of layers is given. Leave layers out for all of them.")
    named = vectors_named(db, reference, options)
    check_belongs(db, model, named, other_model=options.other_model)
    with db.read() as tx:
        vector = vectors.get_vector(tx, reference)
        own = [part.layer for part in vectors.layer_infos(tx, vector.id)]
    usual = options.usual(db, vector)
    choices = tuple(dict.fromkeys(usual.chosen(layers) for layers in options.layers))
    for layers in choices:
        check_fits(vector, model, layers)
    measured = _measured(db, vector, model, options)
    whole = _spec(db, vector, model, prompts, options, measured)
    specs = [replace(whole, layers=layers) for layers in choices]
    for spec in specs:
        [intervention] = spec.arm(spec.first).interventions
        check_measured_before(
            intervention, own if intervention.layers is None else intervention.layers
        )
    with db.write() as tx:
        return ask(
            tx,
            CalibrateRequest(model_id=model.id, specs=tuple(specs)),
            found=None if force else _find(tx, specs),
            read=job_reader(db, "calibration_id", calibrations.get_calibration),
            actor=actor,
            priority=priority,
            queue=queue,
        )


def _find(tx: Transaction, specs: Sequence[CalibrationSpec]) -> Calibration | None:
    """The best of earlier calibrations, if every choice of layers has one."""
    known = [calibrations.find_by_spec(tx, spec.sha256) for spec in specs]
    stored = [calibration for calibration in known if calibration is not None]
    if len(stored) < len(specs):
        return None
    values = [(calibration.effect_value, calibration.damage_value) for calibration in stored]
    return stored[best_choice(values, lower_is_better=specs[0].lower_is_better)]


def get(db: Database, calibration_id: int) -> Calibration:
    """The calibration with that id.

    Raises:
        NotFoundError: If there is none.
    """
    with db.read() as tx:
        return calibrations.get_calibration(tx, calibration_id)


def vectors_named(db: Database, reference: str, options: CalibrationOptions) -> list[str]:
    """Every vector that a calibration applies or reads, as it is named.

    Raises:
        InputError: If the condition cannot be read.
        NotFoundError: If it names a search that does not exist.
    """
    return [reference, *([] if options.when is None else [vector_read(db, options.when)])]


def of_vector(
    db: Database, reference: str | None = None, *, model_id: int | None = None
) -> list[Calibration]:
    """Calibrations of a vector, or of all, newest first, perhaps on one model alone."""
    with db.read() as tx:
        vector_id = None if reference is None else vectors.get_vector(tx, reference).id
        return calibrations.calibrations_of(tx, vector_id, model_id=model_id)


def calibrated_layers(
    db: Database,
    vector: SteeringVector,
    model: Model,
    *,
    operator: Operator,
    site: Site,
    usual: tuple[int, ...] | None,
) -> tuple[int, ...] | None:
    """The layers that a vector's calibrated strength counts on; None for all.

    The usual ones if it was calibrated there, and under an operator that does not add up over
    layers; else those of the newest calibration that met its budget.
    """
    with db.read() as tx:
        stored = calibrations.calibrations_of(
            tx, vector.id, model_id=model.id, operator=operator, site=site
        )
    known = [calibration.spec.layers for calibration in stored if calibration.is_met]
    return known[0] if operator.info.adds_up and known and usual not in known else usual


def unit_strength(
    db: Database,
    vector: SteeringVector,
    model: Model,
    *,
    operator: Operator,
    site: Site,
    layers: tuple[int, ...] | None,
    schedule: Schedule = Schedule.CONSTANT,
    condition: Condition | None = None,
) -> float:
    """The calibrated strength of a vector on a model: what 1 means where they are calibrated.

    One that was found under the same schedule and condition goes before one that was found
    without; one that was found under others, or on another model, is never taken.

    Args:
        db: The store.
        vector: The vector.
        model: The model that it steers.
        operator: How it acts.
        site: Where it acts.
        layers: The layers that are steered; None for all it has.
        schedule: How strength changes as a text grows.
        condition: When it acts; None for always.

    Raises:
        InputError: If the vector has no calibration that met its budget for this use.
        IntegrityError: If the calibration was altered.
    """
    found = counting(
        db,
        vector,
        model,
        operator=operator,
        site=site,
        layers=layers,
        schedule=schedule,
        condition=condition,
    )
    if found is not None:
        return found.strength
    spelled = "all layers" if layers is None else f"layers {spell_layers(layers)}"
    flags = "" if vector.model_id == model.id else f" --model {model.name} --other-model"
    raise InputError(
        f"Vector {vector.name!r} is not calibrated for {operator} at {site}, {spelled}, on model "
        f"{model.name!r}. Run: vectorlab vectors calibrate {vector.name} --effect SCORER{flags}"
    )


def counting(
    db: Database,
    vector: SteeringVector,
    model: Model,
    *,
    operator: Operator,
    site: Site,
    layers: tuple[int, ...] | None,
    schedule: Schedule = Schedule.CONSTANT,
    condition: Condition | None = None,
    positions: Positions | None = None,
) -> Calibration | None:
    """The calibration that ``unit_strength`` goes by; the arguments are the same.

    With ``positions`` it is one that was found on those tokens.

    Raises:
        IntegrityError: If the calibration was altered.
    """
    with db.read() as tx:
        met = calibrations.calibrations_of(
            tx, vector.id, model_id=model.id, operator=operator, site=site
        )
        usable = [
            calibration
            for calibration in met
            if calibration.is_met
            and calibration.spec.layers == layers
            and positions in (None, calibration.spec.positions)
        ]
        for course in ((schedule, condition), (Schedule.CONSTANT, None)):
            for calibration in usable:
                if (calibration.spec.schedule, calibration.spec.condition) == course:
                    return calibrations.get_calibration(tx, calibration.id)
    return None


def in_words(calibration: Calibration) -> str:
    """What a calibration found: the strength, what it does, and on what that was measured."""
    spec = calibration.spec
    count = len(spec.prompts)
    measured = f"on {count} {'prompt' if count == 1 else 'prompts'} with {calibration.model_name}"
    if not calibration.is_met:
        return (
            f"Nothing keeps within the budget. {closest_in_words(calibration)} Measured {measured}."
        )
    return (
        f"{calibration.strength:+.4g} has {spec.effect.label} {calibration.effect_value:.4g} at "
        f"{spec.damage.label} {calibration.damage_value:.4g}, within {spec.budget:g}, measured "
        f"{measured}."
    )


def closest_in_words(calibration: Calibration) -> str:
    """Of one that nothing kept within the budget of: how close it came."""
    return (
        f"The closest is {calibration.spec.damage.label} {calibration.damage_value:.4g} at "
        f"strength {calibration.strength:+.4g}; the budget is {calibration.spec.budget:g}."
    )


def against_unsteered_in_words(calibration: Calibration) -> str:
    """The effect that was chosen beside that of the unsteered model, as it was judged."""
    comparison = calibration.evidence.get("against_unsteered")
    label = calibration.spec.effect.label
    return f"{label}: not compared" if comparison is None else judged_in_words(comparison, label)


def is_told_apart(calibration: Calibration) -> bool:
    """Whether the effect that was chosen is more than that of the unsteered model has by chance."""
    comparison = calibration.evidence.get("against_unsteered")
    if comparison is None or comparison["difference"]["low"] is None:
        return False
    return comparison["verdict"] in (Verdict.HIGHER.value, Verdict.LOWER.value)


def judged_in_words(comparison: Mapping[str, Any], label: str) -> str:
    """What a calibration keeps of its effect beside that of the unsteered model.

    Args:
        comparison: As it is kept.
        label: Of the scorer.
    """
    difference = comparison["difference"]
    if difference["low"] is None:
        return f"{label}: too few prompts that changed to compare (n = {comparison['n']})"
    rule = comparison.get("rule", "a bootstrap interval alone, the rule of an earlier version")
    judged = "" if rule == RULE else f"; judged by {rule}"
    return (
        f"{label} {comparison['verdict']}: {difference['mean']:+.4g} "
        f"[{difference['low']:.4g}, {difference['high']:.4g}], n = {comparison['n']}{judged}"
    )


def frame(stored: Sequence[Calibration]) -> pd.DataFrame:
    """Calibrations as a table, one row each."""
    return pd.DataFrame(
        {
            "id": [calibration.id for calibration in stored],
            "vector": [calibration.vector_name for calibration in stored],
            "model": [calibration.model_name for calibration in stored],
            "operator": [calibration.spec.operator.value for calibration in stored],
            "site": [calibration.spec.site.value for calibration in stored],
            "layers": [layers_text(calibration) for calibration in stored],
            "under": [_under(calibration) for calibration in stored],
            "effect": [calibration.spec.effect.label for calibration in stored],
            "budget": [
                f"{calibration.spec.damage.label}<={calibration.spec.budget:g}"
                for calibration in stored
            ],
            "met": [calibration.is_met for calibration in stored],
            "strength": [calibration.strength for calibration in stored],
            "mean effect": [calibration.effect_value for calibration in stored],
            "mean damage": [calibration.damage_value for calibration in stored],
            "prompts": [len(calibration.spec.prompts) for calibration in stored],
            "made": [calibration.created_at for calibration in stored],
        }
    )


def _under(calibration: Calibration) -> str:
    """Where, when and in what chat the vector acts, if that is not everywhere, always and none."""
    facts = [fact for fact in describe(calibration.spec) if fact.field in _COURSE]
    return ", ".join(f"{fact.name} {fact.value}" for fact in facts if not fact.is_usual)


def curve_frame(calibration: Calibration) -> pd.DataFrame:
    """One row per strength that was tried: damage and effect with intervals and counts."""
    rows = [_tried(point.strength, point.damage, point.effect) for point in calibration.curve]
    return pd.DataFrame(rows)


def asked_for(job: Job) -> CalibrationSpec | None:
    """The first of the choices of layers that a job calibrates; None of another kind of job."""
    request = job.request(CalibrateRequest)
    return None if request is None else request.specs[0]


def tried_so_far(db: Database, job: Job) -> dict[str, pd.DataFrame]:
    """What a calibration that is under way has measured, as ``curve_frame``, by choice of layers.

    It is no result yet. Nothing is left of it once the job has ended.
    """
    request = job.request(CalibrateRequest)
    if request is None:
        return {}
    with db.read() as tx:
        chunks = leases.chunks(tx, job.id)
    values = {key: value for data in chunks.values() for key, value in json.loads(data).items()}
    curves = {}
    for spec in request.specs:
        damages = estimates_of(values, spec, spec.damage)
        effects = estimates_of(values, spec, spec.effect)
        tried = sorted({*damages, *effects})
        if tried:
            rows = [_tried(size, damages.get(size), effects.get(size)) for size in tried]
            curves["all" if spec.layers is None else spell_layers(spec.layers)] = pd.DataFrame(rows)
    return curves


def _tried(strength: float, damage: Estimate | None, effect: Estimate | None) -> dict[str, Any]:
    return {
        "strength": strength,
        "damage": None if damage is None else damage.mean,
        "damage low": None if damage is None else damage.low,
        "damage high": None if damage is None else damage.high,
        "effect": None if effect is None else effect.mean,
        "effect low": None if effect is None else effect.low,
        "effect high": None if effect is None else effect.high,
        "n": None if damage is None else damage.n,
        "missing": None if damage is None else damage.n_missing,
    }


def layers_text(calibration: Calibration) -> str:
    """The layers as people write them."""
    layers = calibration.spec.layers
    return "all" if layers is None else spell_layers(layers)


def layer_choices(n_layers: int) -> tuple[LayerChoice, ...]:
    """Choices worth trying: all layers, both halves, and the thirds."""
    halves, thirds = n_layers // 2, n_layers // 3
    parts = [range(halves), range(halves, n_layers)]
    if thirds:
        parts += [
            range(thirds),
            range(thirds, n_layers - thirds),
            range(n_layers - thirds, n_layers),
        ]
    chosen = [tuple(part) for part in parts if 0 < len(part) < n_layers]
    return ("all", *dict.fromkeys(chosen))


@dataclass(frozen=True, kw_only=True)
class _Measured:
    effect: ScorerSpec
    damage: ScorerSpec
    budget: float


def _measured(
    db: Database, vector: SteeringVector, model: Model, options: CalibrationOptions
) -> _Measured:
    effect, (damage, budget) = parse_scorer(options.effect), parse_budget(options.damage)
    for scorer in (effect, damage):
        if SCORERS[scorer.name].needs is Needs.VOTES:
            raise InputError(
                f"Scorer {scorer.name!r} cannot be calibrated on: people would have to vote on the "
                "texts of every strength that is tried. Calibrate on another (vectorlab runs "
                "scorers), generate at its strengths and vote on those."
            )
    with db.read() as tx:
        return _Measured(
            effect=scores.resolved(tx, effect, model, [vector.id]),
            damage=scores.resolved(tx, damage, model, [vector.id]),
            budget=budget,
        )


def _spec(
    db: Database,
    vector: SteeringVector,
    model: Model,
    prompts: Sequence[Prompt],
    options: CalibrationOptions,
    measured: "_Measured",
) -> CalibrationSpec:
    """On all layers."""
    acting = options.acting(db, model, vector)
    usual = acting["operator"].info.first_guess
    first = usual if options.first is None else check_strength(options.first)
    if first == 0:
        raise InputError("The first strength is 0, which does nothing. Give another, such as 0.1.")
    return CalibrationSpec(
        model_fingerprint=model.fingerprint,
        prompts=tuple(prompts),
        effect=measured.effect,
        lower_is_better=options.lower_is_better,
        smallest=check_smallest(options.smallest),
        damage=measured.damage,
        budget=measured.budget,
        first=first,
        **acting,
        **options.writing(db, model),
    )
