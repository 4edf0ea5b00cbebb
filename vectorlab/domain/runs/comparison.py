"""Runs side by side: what a page of a comparison asks for, and what it shows."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from vectorlab.domain.description import Names, describe, digest
from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.runs.runs import GenerationRun
from vectorlab.domain.scores.catalogue import scale_of
from vectorlab.domain.scores.statistics import NOISE
from vectorlab.domain.ties import TOLERANCE


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
        """Its name in full, with the version."""
        return self.name if self.version is None else f"{self.name}@{self.version}"

    def sense(self, change: float) -> bool | None:
        """Whether a change is for the better; None where it is none, or neither good nor bad."""
        if self.version is None or change == 0:
            return None
        return (change > 0) != self.lower_is_better


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

    def figure(self, measure: Criterion) -> float | None:
        """The figure of the text, None where it has none."""
        if measure == LENGTH:
            return float(self.n_tokens)
        return self.mean_logprob if measure == LOG_PROBABILITY else self.scores.get(measure.key)

    def change(self, other: "Cell", measure: Criterion) -> float | None:
        """How far its figure is from another's; what rounding can do is no change."""
        own, before = self.figure(measure), other.figure(measure)
        if own is None or before is None:
            return None
        noise = NOISE if measure.version is None else scale_of(measure.name)[1]
        tie = max(noise, TOLERANCE * max(abs(own), abs(before)))
        return 0.0 if abs(own - before) <= tie else own - before


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


def short_names(measures: Sequence[Criterion]) -> dict[str, Criterion]:
    """Figures by what a page and its address call them: versions only where there are several."""
    counts = Counter(measure.name for measure in measures)
    return {
        measure.name if counts[measure.name] == 1 else measure.key: measure for measure in measures
    }


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
