"""Stores of any size with rows as real jobs leave them, written in bulk and without a model."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from tests.icl.store.builders import add_icl_run
from tests.store.builders import add_ravel
from tests.ui.everything import ICL_RESULTS
from vectorlab.domain.hashing import bytes_sha256
from vectorlab.domain.interventions.arms import Arm, Intervention
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.jobs.jobs import CurvePoint
from vectorlab.domain.models import Model, ModelDescription
from vectorlab.domain.runs.batch_plan import BatchPlan, RowKey
from vectorlab.domain.runs.runs import Decoding, NewRun, Prompt, RunSpec
from vectorlab.domain.runs.texts import FinishReason, GeneratedText
from vectorlab.domain.scores.scores import NewScore, Score
from vectorlab.domain.sets.versions import Demonstration, SetVersion
from vectorlab.domain.vectors.vectors import LayerVector, NewVector, Origin, Site, TokenRule
from vectorlab.icl.domain.runs import IclKind
from vectorlab.services import models
from vectorlab.services.database import Database
from vectorlab.services.sets import sets
from vectorlab.store import schema
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Transaction
from vectorlab.store.jobs import queue
from vectorlab.store.runs import runs, scores
from vectorlab.store.vectors import vectors

LAYERS, WIDTH = 32, 4096  # of a 7B model
PROMPTS, ARMS = 10, 10  # of a run: a hundred texts
PAIRS = 20  # of a set version
SCORED_EVERY = 10  # runs of which one is scored
CURVE = 100  # points of each curve of a training


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much a store holds."""

    runs: int
    vectors: int
    sets: int

    @property
    def generations(self) -> int:
        """Texts in all."""
        return self.runs * PROMPTS * ARMS


def fill(db: Database, size: Size) -> None:
    """Write everything; the newest run is a replay of the one before."""
    model = models.register(db, name="large", description=_description(), actor="bench")
    versions = [_add_set(db, number) for number in range(size.sets)]
    hashes = []
    for part in _parts(range(size.vectors), 20):
        with db.write() as tx:
            hashes += [_add_vector(tx, model, number, versions) for number in part]
    for part in _parts(range(size.runs), 100):
        with db.write() as tx:
            _add_runs(tx, model, part, hashes, size)
    version = sets.get(db, "set-1")
    with db.write() as tx:
        add_ravel(tx, model)
        _add_icl(tx, model, version, size.sets)


def _parts(numbers: range, size: int) -> Iterator[list[int]]:
    rest = iter(numbers)
    while part := list(islice(rest, size)):
        yield part


def _description() -> ModelDescription:
    hashes = {
        f"{part}_sha256": bytes_sha256(part.encode()) for part in ("weights", "config", "tokenizer")
    }
    return ModelDescription(
        source="/models/large",
        revision=None,
        architecture="llama",
        n_layers=LAYERS,
        d_model=WIDTH,
        n_parameters=7_000_000_000,
        vocabulary_size=32_000,
        context_length=4096,
        chat_template_sha256=None,
        **hashes,
    )


def _add_set(db: Database, number: int) -> int:
    items = [
        Demonstration(source=f"Set {number}, pair {n}: it was fine.", target=f"Wow, {number}-{n}!")
        for n in range(PAIRS)
    ]
    return sets.commit(
        db, name=f"set-{number}", demonstrations=items, message="made up", actor="bench"
    ).version.id


def _add_vector(tx: Transaction, model: Model, number: int, versions: list[int]) -> str:
    random = np.random.default_rng(number)
    values = random.standard_normal((LAYERS, WIDTH), dtype=np.float32)
    new = NewVector(
        name=f"vector-{number}",
        model_id=model.id,
        set_version_id=versions[number % len(versions)],
        method="icv",
        operator=Operator.ROTATE,
        parameters={},
        read_site=Site.BLOCK_OUTPUT,
        write_site=Site.MLP_OUTPUT,
        token_rule=TokenRule.LAST,
        spec=None,
        origin=Origin.IMPORTED,
        layers=[
            LayerVector(layer=place, values=row, explained_variance=0.5)
            for place, row in enumerate(values)
        ],
    )
    return vectors.add_vector(tx, new, "bench").content_sha256


def _add_runs(
    tx: Transaction, model: Model, numbers: list[int], hashes: list[str], size: Size
) -> None:
    """Runs whose ids, and whose texts' ids, follow from their numbers."""
    last = size.runs - 1
    for number in numbers:
        is_replay = number == last and last > 0
        spec = _spec(model, number - 1 if is_replay else number, hashes)
        new = NewRun(
            name=f"run-{number}" if number % 7 == 0 else None,
            model_id=model.id,
            prompt_set_version_id=None,
            spec=spec,
            environment={"torch": "2.13.0", "device": "cpu"},
            batch_plan=BatchPlan(batches=(tuple(range(PROMPTS * ARMS)),)),
            generations=[_text(number, key) for key in spec.rows()],
            duration_s=1.0,
            replay_of=last if is_replay else None,
        )
        runs.add_run(tx, new, "bench")
    scores.put_scores(tx, list(_scores(numbers)))
    done = schema.jobs.insert().values(
        created_at=utc_now(), run_after=utc_now(), finished_at=utc_now()
    )
    tx.execute(done, [_job(model, number) for number in numbers])


def _text(number: int, key: RowKey) -> GeneratedText:
    words = " good" * (key.arm % 4)
    return GeneratedText(
        key=key,
        text=f"It was a{words} day, said run {number} to prompt {key.prompt}.",
        token_ids=tuple(range(20)),
        finish_reason=FinishReason.LENGTH,
        mean_logprob=-1.0 - key.arm / 10,
    )


def _spec(model: Model, number: int, hashes: list[str]) -> RunSpec:
    place = number % len(hashes)
    arms = [Arm(label="baseline")]
    arms += [
        Arm(
            label=f"vector-{place} {strength / 50:+g}",
            interventions=(
                Intervention(
                    vector_id=place + 1,
                    vector_sha256=hashes[place],
                    operator=Operator.ROTATE,
                    strength=strength / 50,
                    site=Site.MLP_OUTPUT,
                ),
            ),
        )
        for strength in range(1, ARMS)
    ]
    return RunSpec(
        model_fingerprint=model.fingerprint,
        prompts=tuple(Prompt(text=f"Prompt {n} of run {number}: ") for n in range(PROMPTS)),
        arms=tuple(arms),
        decoding=Decoding(max_new_tokens=20),
        seed=number,
    )


def _add_icl(tx: Transaction, model: Model, version: SetVersion, count: int) -> None:
    """That many runs of every kind; the newest training has the curves of the first job."""
    curves = ("loss", "gradient descent", "cosine of sensitivities")
    points = [
        CurvePoint(series=name, step=step, value=0.5) for name in curves for step in range(CURVE)
    ]
    queue.add_points(tx, 1, points)
    for number in range(count):
        for kind, result in ICL_RESULTS.items():
            spec = {"variant": "linear", "layers": 1, "steps": 1, "scope": "short"}
            spec |= {"shots": 2, "layout": "arrow", "seed": number}
            drawn = kind is IclKind.TRAIN and number == count - 1
            add_icl_run(
                tx,
                model,
                version,
                kind=kind,
                spec=spec,
                result=result,
                job_id=1 if drawn else None,
            )


def _scores(numbers: list[int]) -> Iterator[NewScore]:
    for number in numbers:
        if number % SCORED_EVERY:
            continue
        for prompt in range(PROMPTS):
            for arm in range(ARMS):
                text = _generation_id(number, prompt, arm)
                yield NewScore(
                    generation_id=text,
                    scorer="cheer",
                    scorer_version="1",
                    score=Score.of(arm / 10 + prompt / 100),
                    content_sha256=bytes_sha256(f"score {text}".encode()),
                )


def _job(model: Model, number: int) -> dict[str, object]:
    return {
        "kind": "generate",
        "spec_json": {},
        "spec_sha256": "0" * 64,
        "model_id": model.id,
        "queue": "default",
        "state": "succeeded",
        "priority": 0,
        "attempt": 1,
        "uncounted_attempts": 0,
        "max_attempts": 3,
        "cancel_requested": False,
        "progress_done": 100,
        "progress_total": 100,
        "progress_note": "tokens",
        "result_json": {"run_id": number + 1},
        "created_by": "bench",
    }


def _generation_id(number: int, prompt: int, arm: int) -> int:
    return (number * PROMPTS + prompt) * ARMS + arm + 1
