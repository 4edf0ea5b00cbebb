"""Sweeps: strength x layers x vector as the arms of one run, every seed a sample of each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from vectorlab.domain.layers import spell_layers
from vectorlab.domain.models import Model
from vectorlab.domain.runs import Arm, Prompt
from vectorlab.errors import InputError
from vectorlab.services.arms import BASELINE, SweepOptions, build_arms
from vectorlab.services.calibrations import unit_strength
from vectorlab.services.conditions import parse_condition
from vectorlab.store import vectors
from vectorlab.store.database import Database

Layers = tuple[int, ...] | None
Count = Callable[[Sequence[str]], Sequence[int]]  # tokens of texts


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What is varied, and what it is compared with."""

    vectors: Sequence[str]
    strengths: Sequence[float]
    layers: Sequence[Layers] = (None,)  # each a choice; None is all of the vector's
    options: SweepOptions = field(default_factory=SweepOptions)
    beside: Mapping[str, str] = field(default_factory=dict)  # baseline vector -> its vector
    extra: Sequence[Arm] = ()  # further arms, such as the demonstrations in the prompt


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """The prompts that a budget of tokens pays for."""

    prompts: tuple[Prompt, ...]
    tokens: int  # that they cost at most, read and written
    left_out: int  # prompts


def sweep_arms(db: Database, model: Model, sweep: Sweep) -> tuple[Arm, ...]:
    """The baseline, then every vector at every strength on every choice of layers, then the rest.

    Raises:
        NotFoundError: If a vector does not exist.
        InputError: If nothing is varied, or an arm cannot be built.
        ShapeError: If a vector does not fit the model.
    """
    if not sweep.vectors or not sweep.strengths:
        raise InputError("A sweep needs --vector NAME and --strength 0.05 0.1.")
    arms: list[Arm] = [BASELINE]
    choices = list(dict.fromkeys(sweep.layers)) or [None]
    for layers in choices:
        for name in (*sweep.vectors, *sweep.beside):
            made = build_arms(
                db,
                model=model,
                references=[name],
                strengths=_strengths(db, model, sweep, sweep.beside.get(name, name), layers),
                options=replace(sweep.options, layers=layers, calibrated=False),
            )
            arms += [_named(arm, layers if len(choices) > 1 else None) for arm in made[1:]]
    return (*arms, *sweep.extra)


def fit_budget(
    prompts: Sequence[Prompt],
    arms: Sequence[Arm],
    *,
    samples: int,
    max_new_tokens: int,
    budget: int | None,
    count: Count,
) -> Fitted:
    """As many prompts, in their order, as a budget of tokens pays for.

    A token counts when it is read and when it is written; texts may end early, so this is the most
    that the run can cost.

    Raises:
        InputError: If the budget does not pay for the first prompt.
    """
    lengths = count([arm.prefix + prompt.text for prompt in prompts for arm in arms])
    costs = [
        samples * sum(length + max_new_tokens for length in lengths[start : start + len(arms)])
        for start in range(0, len(lengths), len(arms))
    ]
    total, kept = 0, 0
    for cost in costs:
        if budget is not None and total + cost > budget:
            break
        total, kept = total + cost, kept + 1
    if prompts and not kept:
        raise InputError(
            f"A budget of {budget} tokens does not pay for one prompt: {len(arms)} arms with "
            f"{samples} texts each cost {costs[0]}. Raise --budget or vary less."
        )
    return Fitted(prompts=tuple(prompts[:kept]), tokens=total, left_out=len(prompts) - kept)


def _strengths(db: Database, model: Model, sweep: Sweep, name: str, layers: Layers) -> list[float]:
    """The strengths as numbers; those of a baseline count in the unit of its vector."""
    if not sweep.options.calibrated:
        return list(sweep.strengths)
    when = sweep.options.when
    with db.read() as tx:
        vector = vectors.get_vector(tx, name)
    unit = unit_strength(
        db,
        vector,
        model,
        operator=sweep.options.operator or vector.operator,
        site=sweep.options.site or vector.write_site,
        layers=layers,
        schedule=sweep.options.schedule,
        condition=None if when is None else parse_condition(db, model, when),
    )
    return [strength * unit for strength in sweep.strengths]


def _named(arm: Arm, layers: Layers) -> Arm:
    if layers is None:
        return arm
    return replace(arm, label=f"{arm.label} (layers {spell_layers(layers)})")
