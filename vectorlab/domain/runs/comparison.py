"""Runs side by side: what a page of a comparison asks for, and what it shows."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from vectorlab.domain.description import Names, describe, digest
from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.runs.runs import GenerationRun


class Shown(StrEnum):
    """Which rows of a comparison are wanted, by the text and figure of the judged column."""

    ALL = "all"
    CHANGED = "changed"  # another text than the baseline's
    BETTER = "better"
    WORSE = "worse"


class Order(StrEnum):
    """How the rows of a comparison are sorted."""

    PROMPT = "prompt"  # as the runs have them
    BEST = "best first"
    WORST = "worst first"
    LARGEST = "largest change"


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """A figure that generations are judged by."""

    name: str
    version: str | None = None  # of the scorer; None: a figure kept with every generation
    lower_is_better: bool = False

    @property
    def key(self) -> str:
        """How an address names it."""
        return self.name if self.version is None else f"{self.name}@{self.version}"


LOG_PROBABILITY = Criterion(name="log-probability")  # mean over the tokens, in nats
LENGTH = Criterion(name="tokens")


@dataclass(frozen=True, kw_only=True)
class Column:
    """One arm of one run."""

    run_id: int
    arm: int
    label: str  # of the arm
    is_baseline: bool


@dataclass(frozen=True, kw_only=True)
class Question:
    """A page of a comparison."""

    columns: tuple[Column, ...]
    baseline: Column | None = None
    judged: Column | None = None
    measure: Criterion = LOG_PROBABILITY
    shown: Shown = Shown.ALL
    order: Order = Order.PROMPT
    offset: int = 0
    limit: int = 20


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One generation in a comparison."""

    generation_id: int
    text: str
    n_tokens: int
    mean_logprob: float | None
    finish_reason: str
    scores: Mapping[str, float] = field(default_factory=dict)  # by the key of the measure


@dataclass(frozen=True, kw_only=True)
class ComparedRow:
    """A prompt and a sample with the texts of every column; a run may lack the prompt."""

    prompt: str
    places: Mapping[int, int]  # run -> number of the prompt in it
    sample: int
    cells: Mapping[Column, Cell]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One line of the settings of several runs."""

    name: str
    values: tuple[str, ...]  # one per run

    @property
    def differs(self) -> bool:
        """Whether the runs do not agree."""
        return len(set(self.values)) > 1


def columns_of(runs: Sequence[GenerationRun]) -> tuple[Column, ...]:
    """Every arm of every run, in their order."""
    return tuple(
        Column(run_id=run.id, arm=place, label=arm.label, is_baseline=arm.is_baseline)
        for run in runs
        for place, arm in enumerate(run.spec.arms)
    )


def settings_of(runs: Sequence[GenerationRun], names: Names | None = None) -> list[Setting]:
    """All that was asked for and where it was computed, run by run."""
    return side_by_side([_facts(run, names) for run in runs])


def side_by_side(facts: Sequence[Mapping[str, str]]) -> list[Setting]:
    """What each of several says under a name, a line per name."""
    lines = dict.fromkeys(name for fact in facts for name in fact)
    return [
        Setting(name=name, values=tuple(fact.get(name, "–") for fact in facts)) for name in lines
    ]


def strength_of(arm: Arm) -> float | None:
    """The one strength of an arm, 0 for the baseline; None where its interventions differ."""
    strengths = {intervention.strength for intervention in arm.interventions} or {0.0}
    return strengths.pop() if len(strengths) == 1 else None


def _facts(run: GenerationRun, names: Names | None) -> dict[str, str]:
    about = {
        "name": run.name or "–",
        "model": run.model_name,
        "prompts from": run.prompt_set_label or "the request",
        "replay of": "–" if run.replay_of is None else str(run.replay_of),
    }
    about |= {fact.name: fact.value for fact in describe(run.spec, names)}
    plan = run.batch_plan
    about["batches"] = f"{len(plan.batches)} (plan {digest(plan)})"
    return about | {name: _fact(value) for name, value in run.environment.items()}


def _fact(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) and math.isfinite(value) else str(value)
