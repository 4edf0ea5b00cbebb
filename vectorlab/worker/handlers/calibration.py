"""Calibration jobs: measure strengths in shared batches until the choice is made."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import fmean
from typing import Any

from vectorlab.domain.codec import ids_in
from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.interventions.calibration import (
    CalibrationSpec,
    Limit,
    NewCalibration,
    TriedStrength,
    best_choice,
    estimates_of,
    find_best,
    find_limit,
    measured_as,
)
from vectorlab.domain.jobs.requests import CalibrateRequest
from vectorlab.domain.runs.batch_plan import RowKey
from vectorlab.domain.runs.runs import RunSpec
from vectorlab.domain.runs.texts import FinishReason, GeneratedText
from vectorlab.domain.scores.catalogue import PROJECTION, SCORERS, Needs, scale_of
from vectorlab.domain.scores.scores import ScorerSpec
from vectorlab.domain.scores.statistics import (
    RULE,
    Estimate,
    compare_paired,
    first_of_equals,
    mean_by_group,
)
from vectorlab.domain.vectors.vectors import LayerVector
from vectorlab.errors import InputError
from vectorlab.evals.model_scores import score_with_model
from vectorlab.evals.registry import prepare, score_all
from vectorlab.steering.generation.generation import generate
from vectorlab.steering.model.environment import describe_environment
from vectorlab.steering.model.loading import LoadedModel
from vectorlab.store.database import Transaction
from vectorlab.store.jobs import queue
from vectorlab.store.vectors import calibrations, vectors
from vectorlab.worker.context import JobContext
from vectorlab.worker.handlers.scoring import project, secrets, text_items
from vectorlab.worker.registry import handles

BASELINE = Arm(label="baseline")


@handles(CalibrateRequest)
def run_calibration(context: JobContext, request: CalibrateRequest) -> None:
    """Calibrate a vector for each of the layer choices asked for; the best one is the result."""
    specs = request.specs
    loaded = context.load(specs[0].dtype)
    with context.db.read() as tx:
        numbers = {sha256: vectors.layer_vectors(tx, row) for sha256, row in ids_in(specs).items()}
    bench = _Bench.restore(context, loaded, numbers)
    candidates = [_calibrate(bench, spec) for spec in specs]
    best = best_choice(
        [(candidate.effect, candidate.damage) for candidate in candidates],
        lower_is_better=specs[0].lower_is_better,
    )
    environment = describe_environment(loaded)
    # Outside the transaction: the evidence may want one more measurement, which writes as well.
    new = [_new(bench, candidate, candidates, environment) for candidate in candidates]

    def write(tx: Transaction, result_ids: dict[str, int]) -> None:
        ids = [
            calibrations.add_calibration(tx, calibration, context.job.created_by)
            for calibration in new
        ]
        result_ids["calibration_id"] = ids[best]

    context.commit(write)


@dataclass(frozen=True, kw_only=True)
class _Found:
    spec: CalibrationSpec
    limit: Limit
    strength: float
    effect: float | None
    damage: float


def _calibrate(bench: "_Bench", spec: CalibrationSpec) -> _Found:
    limit = find_limit(
        partial(bench.means, spec, spec.damage),
        spec.budget,
        first=spec.first,
        most=spec.operator.info.most,
    )
    if not limit.is_met:
        [closest] = bench.means(spec, spec.damage, [limit.strength])
        bench.check_says_something(spec, spec.damage, closest)
        bench.tell(
            f"{_layers(spec)}: nothing keeps within {spec.damage.label}<={spec.budget:g}; closest "
            f"{closest:.4g} at {limit.strength:+.4g}"
        )
        return _Found(spec=spec, limit=limit, strength=limit.strength, effect=None, damage=closest)
    turn = -1.0 if spec.lower_is_better else 1.0
    strength = find_best(
        lambda sizes: [turn * value for value in bench.means(spec, spec.effect, sizes)],
        limit.strength,
    )
    [effect] = bench.means(spec, spec.effect, [strength])
    bench.check_says_something(spec, spec.effect, effect)
    [damage] = bench.means(spec, spec.damage, [strength])
    bench.tell(
        f"{_layers(spec)}: {strength:+.4g} with {spec.effect.label} {effect:.4g} at "
        f"{spec.damage.label} {damage:.4g}"
    )
    return _Found(spec=spec, limit=limit, strength=strength, effect=effect, damage=damage)


@dataclass(kw_only=True)
class _Bench:
    """Measures strengths; remembers what was measured, across attempts."""

    context: JobContext
    loaded: LoadedModel
    numbers: Mapping[str, Sequence[LayerVector]]  # by the hash of the vector
    texts: dict[str, list[GeneratedText]] = field(default_factory=dict)  # of the unsteered model
    values: dict[str, list[float | None]] = field(default_factory=dict)  # per prompt
    reasons: dict[str, str] = field(default_factory=dict)  # why scores miss, one by label
    rounds: int = 0

    @classmethod
    def restore(
        cls,
        context: JobContext,
        loaded: LoadedModel,
        numbers: Mapping[str, Sequence[LayerVector]],
    ) -> "_Bench":
        bench = cls(context=context, loaded=loaded, numbers=numbers)
        with context.db.read() as tx:
            saved = queue.chunks(tx, context.job.id)
        for _, data in sorted(saved.items()):
            bench.values |= json.loads(data)
            bench.rounds += 1
        return bench

    def means(
        self, spec: CalibrationSpec, scorer: ScorerSpec, strengths: Sequence[float]
    ) -> list[float]:
        """Mean over the prompts, NaN where no prompt has a score; strengths share batches."""
        self.measure(spec, scorer, strengths)
        return [_mean(self.values[measured_as(spec, scorer, strength)]) for strength in strengths]

    def per_prompt(
        self, spec: CalibrationSpec, scorer: ScorerSpec, strength: float
    ) -> list[float | None]:
        self.measure(spec, scorer, [strength])
        return self.values[measured_as(spec, scorer, strength)]

    def known(self, spec: CalibrationSpec, scorer: ScorerSpec) -> dict[float, Estimate]:
        """Every strength that was measured for this request."""
        return estimates_of(self.values, spec, scorer)

    def measure(
        self, spec: CalibrationSpec, scorer: ScorerSpec, strengths: Sequence[float]
    ) -> None:
        new = [
            strength
            for strength in strengths
            if measured_as(spec, scorer, strength) not in self.values
        ]
        if not new:
            return
        self.context.lease.progress(self.rounds, None, f"rounds of {scorer.label}")
        run = self.run_spec(spec, new)
        if _reads_own_text(scorer):
            texts = list(generate(self.loaded, run, self.numbers).generations)
        else:
            texts = self.stand_ins(spec, run)
        keys = [key for key in run.rows() if key.arm > 0]
        if scorer.name == PROJECTION:
            by_key = {text.key: text.text for text in texts}
            own = [by_key[key] for key in keys]
            along = project(self.context, self.loaded, scorer, own)
            scored = dict(zip(keys, along, strict=True))
        elif SCORERS[scorer.name].needs is Needs.MODEL:
            by_scorer = {scorer: keys}
            scored = score_with_model(self.loaded, run, self.numbers, texts, by_scorer)[scorer]
        else:
            score = prepare(scorer, **secrets(scorer))
            items = text_items(run, texts)
            scored = dict(zip(keys, score_all(score, (items[key] for key in keys)), strict=True))
        values = {
            measured_as(spec, scorer, strength): [
                scored[RowKey(prompt=prompt, arm=arm, sample=0)].value
                for prompt in range(len(run.prompts))
            ]
            for arm, strength in enumerate(new, start=1)
        }
        for result in scored.values():
            if result.missing_reason is not None:
                self.reasons[scorer.label] = result.missing_reason
        self.keep(values)

    def check_says_something(self, spec: CalibrationSpec, scorer: ScorerSpec, mean: float) -> None:
        """Refuse to choose by a scorer that has no value of any text."""
        if math.isnan(mean):
            reason = self.reasons.get(scorer.label, "every score is missing")
            raise InputError(
                f"Scorer {scorer.label!r} says nothing of any of the {len(spec.prompts)} texts "
                f"({reason}). Calibrate on another, or on prompts that have what it needs: "
                "--prompts SET@VERSION gives references."
            )

    def keep(self, values: Mapping[str, list[float | None]]) -> None:
        self.values |= values
        job, seq = self.context.job, self.rounds
        self.context.lease.check()
        data = json.dumps(dict(values)).encode()
        self.context.write(lambda tx: queue.save_chunk(tx, job.id, job.attempt, seq, data))
        self.rounds += 1
        self.context.lease.checkpoint()

    def run_spec(self, spec: CalibrationSpec, strengths: Sequence[float]) -> RunSpec:
        return RunSpec(
            model_fingerprint=spec.model_fingerprint,
            prompts=spec.prompts,
            arms=(BASELINE, *(spec.arm(strength) for strength in strengths)),
            decoding=spec.decoding,
            seed=spec.seed,
            add_special_tokens=spec.add_special_tokens,
            dtype=spec.dtype,
            chat=spec.chat,
        )

    def stand_ins(self, spec: CalibrationSpec, run: RunSpec) -> list[GeneratedText]:
        """The unsteered texts for every arm, where nobody looks at the steered ones."""
        alone = self.run_spec(spec, [])
        if alone.sha256 not in self.texts:
            outcome = generate(self.loaded, alone, {})
            self.texts[alone.sha256] = list(outcome.generations)
        unsteered = self.texts[alone.sha256]
        return [
            GeneratedText(
                key=key,
                text=unsteered[key.prompt].text,
                token_ids=unsteered[key.prompt].token_ids,
                finish_reason=FinishReason.LENGTH,
                mean_logprob=unsteered[key.prompt].mean_logprob,
            )
            for key in run.rows()
        ]

    def tell(self, message: str) -> None:
        self.context.lease.log(message)


def _new(
    bench: _Bench, candidate: _Found, candidates: Sequence[_Found], environment: Mapping[str, Any]
) -> NewCalibration:
    spec = candidate.spec
    evidence: dict[str, Any] = {
        "limit": candidate.limit.strength,
        "limit_is_reached": candidate.limit.is_reached,
        "rounds": bench.rounds,
        "candidates": [
            {
                "layers": other.spec.layers,
                "is_met": other.limit.is_met,
                "strength": other.strength,
                "effect": other.effect,
                "damage": other.damage,
            }
            for other in candidates
        ],
    }
    if spec.condition is not None:
        evidence["vector_ids"] = ids_in(spec.condition)
    if candidate.effect is not None:
        evidence["against_unsteered"] = _against_unsteered(bench, spec, candidate.strength)
    effects = bench.known(spec, spec.effect)
    bench.measure(spec, spec.damage, sorted(effects))
    damages = bench.known(spec, spec.damage)
    curve = [
        TriedStrength(strength=size, damage=damages[size], effect=effects.get(size))
        for size in sorted(damages)
    ]
    return NewCalibration(
        spec=spec,
        is_met=candidate.limit.is_met,
        strength=candidate.strength,
        effect_value=candidate.effect,
        damage_value=candidate.damage,
        curve=curve,
        evidence=evidence,
        environment=environment,
    )


def _against_unsteered(bench: _Bench, spec: CalibrationSpec, strength: float) -> dict[str, Any]:
    """The effect that was chosen, judged by the rule of every comparison."""
    first = first_of_equals([prompt.text for prompt in spec.prompts])
    is_yes_no, noise = scale_of(spec.effect.label)
    compared = compare_paired(
        mean_by_group(bench.per_prompt(spec, spec.effect, strength), first),
        mean_by_group(bench.per_prompt(spec, spec.effect, 0.0), first),
        is_yes_no=is_yes_no,
        noise=noise,
        smallest=spec.smallest,
    )
    return {
        **vars(compared),
        "difference": vars(compared.difference),
        "share": vars(compared.share),
        "verdict": compared.said,
        "rule": RULE,
    }


def _reads_own_text(scorer: ScorerSpec) -> bool:
    needs = SCORERS[scorer.name].needs
    return (
        needs is not Needs.MODEL or scorer.options.get("text") == "own" or scorer.name == PROJECTION
    )


def _mean(values: Sequence[float | None]) -> float:
    there = [value for value in values if value is not None]
    return fmean(there) if there else float("nan")


def _layers(spec: CalibrationSpec) -> str:
    return "all layers" if spec.layers is None else f"layers {list(spec.layers)}"
