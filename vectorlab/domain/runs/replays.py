"""What a replay found: which texts left those of the original, and whether rounding explains it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from vectorlab.domain.runs import margins
from vectorlab.domain.runs.batch_plan import BatchPlan, Products
from vectorlab.domain.runs.outcomes import ReplayOutcome as ReplayOutcome
from vectorlab.domain.runs.runs import GenerationRun
from vectorlab.domain.runs.texts import Departure


class Effect(StrEnum):
    """What a change of the environment does to the numbers of a model."""

    ROUNDING = "rounding"  # the same computation, other last bits
    COMPUTATION = "computation"  # other numbers altogether
    NONE = "none"


_ROUNDING = {
    "device": "device",
    "device_name": "processor",
    "cuda": "CUDA",
    "torch": "torch",
    "transformers": "transformers",
    "attention": "attention",
    "placement": "placement",
    "deterministic": "deterministic algorithms",
    "compiled": "compilation",
    "batch_plan": "batch plan",
}
_ROUNDING_ON_A_CPU = {
    "cpu": "instruction set",
    "kernel_limits": "kernel limits",
    "threads": "number of threads",
    "machine": "architecture",
    "platform": "operating system",
}
_COMPUTATION = {"model_fingerprint": "model", "dtype": "precision", "quantiser": "quantiser"}
_NAMES = _ROUNDING | _ROUNDING_ON_A_CPU | _COMPUTATION


@dataclass(frozen=True, kw_only=True)
class EnvironmentChange:
    """One fact of the environment that differs between original and replay."""

    name: str  # e.g. "torch", "device", "model_fingerprint"
    original: Any
    replay: Any
    effect: Effect = Effect.NONE

    def __str__(self) -> str:
        before, now = (
            str(value)[:12] if self.name == "model_fingerprint" else value
            for value in (self.original, self.replay)
        )
        return f"{_NAMES.get(self.name, self.name)} ({before} -> {now})"


@dataclass(frozen=True, kw_only=True)
class ReplayVerdict:
    """What comparing a run with its replay found."""

    original_id: int
    replay_id: int
    generations: int  # compared
    departures: tuple[Departure, ...]
    changes: tuple[EnvironmentChange, ...]
    verdict: ReplayOutcome
    rounding_margin: float  # up to which a choice counts as near
    unit: str  # of margins

    @property
    def identical(self) -> bool:
        """Whether every generation has the same tokens."""
        return not self.departures

    @property
    def title(self) -> str:
        """The verdict in a word."""
        return "Identical" if self.identical else "Different"

    @property
    def explanation(self) -> str:
        """What was found and why, as a clause that follows the title."""
        if self.identical:
            return (
                f"run {self.replay_id} repeats all {self.generations} texts of run "
                f"{self.original_id} token for token"
            )
        parts = (self._causes(), self._counts(), self._choices(), self._conclusion())
        return "; ".join(parts)

    def __str__(self) -> str:
        return f"{self.title}: {self.explanation}."

    def is_near(self, departure: Departure) -> bool:
        """Whether rounding can have caused a departure."""
        return departure.margin is not None and departure.margin <= self.rounding_margin

    def apart(self, departure: Departure) -> str:
        """How near the choice was at which a text parted, and whether that is too wide."""
        if departure.margin is None:
            return "how near the choice was is not on record"
        wide = "" if self.is_near(departure) else ", not explained by rounding"
        return f"{self._amount(departure.margin)} apart{wide}"

    def _causes(self) -> str:
        causes = ", ".join(
            str(change) for change in self.changes if change.effect is not Effect.NONE
        )
        return (
            f"with another {causes}"
            if causes
            else "nothing on record that changes rounding differs"
        )

    def _counts(self) -> str:
        equal = self.generations - len(self.departures)
        return (
            f"{equal} of {self.generations} texts of run {self.replay_id} equal those of run "
            f"{self.original_id}"
        )

    def _choices(self) -> str:
        count = len(self.departures)
        who = "the one that differs" if count == 1 else f"the {count} that differ"
        where = "a choice" if count == 1 else "choices"
        known = [departure.margin for departure in self.departures if departure.margin is not None]
        if len(known) < count:
            return f"{who} parted at {where} with no margin on record"
        return f"{who} parted at {where} {self._amount(min(known), max(known))} apart"

    def _conclusion(self) -> str:
        word = "explained" if self.verdict is ReplayOutcome.ROUNDING else "not explained"
        limit = self._amount(self.rounding_margin)
        return f"{word} by rounding, which moves choices up to {limit} apart"

    def _amount(self, *values: float) -> str:
        shown = " to ".join(dict.fromkeys(f"{value:.2g}" for value in values))
        return f"{shown} nats" if self.unit == "nats" else f"{shown} in {self.unit}"


def judge(
    original: GenerationRun, replay: GenerationRun, departures: Sequence[Departure]
) -> ReplayVerdict:
    """The verdict on a replay.

    Rounding counts as the reason only where something on record changes it, nothing on record
    changes the computation itself, and every text parted at a choice that rounding can move.
    """
    changes = environment_changes(original, replay)
    effects = {change.effect for change in changes}
    limit = margins.rounding_margin(original.spec)
    rounds = Effect.ROUNDING in effects and Effect.COMPUTATION not in effects
    near = all(
        departure.margin is not None and departure.margin <= limit for departure in departures
    )
    reason = ReplayOutcome.ROUNDING if rounds and near else ReplayOutcome.UNEXPLAINED
    return ReplayVerdict(
        original_id=original.id,
        replay_id=replay.id,
        generations=len(original.spec.rows()),
        departures=tuple(departures),
        changes=changes,
        verdict=reason if departures else ReplayOutcome.IDENTICAL,
        rounding_margin=limit,
        unit=margins.unit(original.spec.decoding),
    )


def environment_changes(
    original: GenerationRun, replay: GenerationRun
) -> tuple[EnvironmentChange, ...]:
    """What on record differs between the two, the batches included."""
    before, now = dict(original.environment), dict(replay.environment)
    if not original.batch_plan.rounds_like(replay.batch_plan):
        before["batch_plan"], now["batch_plan"] = map(
            _plan_in_words, (original.batch_plan, replay.batch_plan)
        )
    on_a_cpu = any(
        environment.get("device") == "cpu" or environment.get("placement")
        for environment in (before, now)
    )
    return tuple(
        EnvironmentChange(
            name=name,
            original=before.get(name),
            replay=now.get(name),
            effect=_effect(name, on_a_cpu=on_a_cpu),
        )
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    )


def _effect(name: str, *, on_a_cpu: bool) -> Effect:
    if name in _COMPUTATION:
        return Effect.COMPUTATION
    if name in _ROUNDING or (on_a_cpu and name in _ROUNDING_ON_A_CPU):
        return Effect.ROUNDING
    return Effect.NONE


def _plan_in_words(plan: BatchPlan) -> str:
    rows = max(map(len, plan.batches), default=0)
    stems = f", stems {', '.join(map(str, plan.stems))}" if plan.stems else ""
    direct = plan.products in {None, Products.DIRECT}
    products = "" if direct else f", products {plan.products}"
    return f"{len(plan.batches)} of at most {rows} rows{stems}{products}"
