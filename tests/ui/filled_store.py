"""A store with one of everything a page can show, made without a model."""

from collections.abc import Mapping, Sequence

import numpy as np

from vectorlab.domain.hashing import bytes_sha256
from vectorlab.domain.interventions.arms import Arm, Intervention
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.jobs.jobs import NewJob
from vectorlab.domain.models import Model, ModelDescription
from vectorlab.domain.runs.batch_plan import BatchPlan
from vectorlab.domain.runs.runs import Decoding, GenerationRun, NewRun, Prompt, RunSpec
from vectorlab.domain.runs.texts import FinishReason, GeneratedText
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.text.chats import Chat
from vectorlab.domain.vectors.vectors import (
    Alignment,
    ExtractionSpec,
    LayerVector,
    NewVector,
    Origin,
    Site,
    SteeringVector,
    TokenRule,
)
from vectorlab.services import models
from vectorlab.services.database import Database
from vectorlab.services.sets import sets
from vectorlab.store.jobs import queue
from vectorlab.store.runs import runs
from vectorlab.store.vectors import vectors

LAYERS, WIDTH = 5, 16
HOSTILE = (
    "<img src=x onerror=\"document.title='owned'\"> [x](javascript:alert(1)) **bold** $x^2$ "
    ":smile: &lt; `code`\n\n  # not a heading"
)
RIGHT_TO_LEFT = "שלום עולם 👩‍👩‍👧 مرحبا!"
PAIRS = (
    ("The soup was cold.", "Wow, the soup was so cold!!! 😡"),
    ("I liked the park.", "Yay, what an awesome park!!! 😍"),
    ("The bus was late.", "Ugh, that bus was so very late!!!"),
    (HOSTILE, RIGHT_TO_LEFT),
)

PROMPTS = ("Say it: ", HOSTILE, RIGHT_TO_LEFT)


def fill(db: Database) -> None:
    """Two set versions, a vector, a run with its identical and its different replay, jobs."""
    model = models.register(db, name="tiny", description=description(), actor="ada")
    first = [Demonstration(source=source, target=target) for source, target in PAIRS]
    second = [
        Demonstration(source=PAIRS[0][0], target="Oh, the soup was so cold!!! 😡"),
        *first[1:],
    ]
    sets.commit(
        db,
        name="upbeat",
        demonstrations=first,
        message="First pairs",
        actor="ada",
        description="Plain to excited reviews",
        task="paraphrase",
        labels=("reviews", "tone"),
    )
    sets.commit(db, name="upbeat", demonstrations=second, message=HOSTILE, actor="ada")
    vector = add_vector(db, model)
    spec = run_spec(model, vector)
    add_run(db, model, spec, name="first-look")
    add_run(db, model, spec, replay_of=1)
    add_run(db, model, spec, replay_of=1, last_token=9, environment={"torch": "2.11.0"})
    with db.write() as tx:
        job, _ = queue.enqueue(
            tx,
            NewJob(kind="extract", spec={"note": HOSTILE}, dedupe_key=None, created_by="ada"),
        )
        queue.cancel(tx, job.id)
        queue.enqueue(tx, NewJob(kind="generate", spec={}, dedupe_key=None, created_by="ada"))


def alive_worker(db: Database) -> None:
    """Make it look as if a worker were there."""
    with db.write() as tx:
        queue.register_worker(
            tx, worker_id="host-1-abc", host="host", pid=1, device="cpu", torch_version="2.13.0"
        )


def description() -> ModelDescription:
    hashes = {
        f"{part}_sha256": bytes_sha256(part.encode()) for part in ("weights", "config", "tokenizer")
    }
    return ModelDescription(
        source="/models/made-up",
        revision=None,
        architecture="llama",
        n_layers=LAYERS,
        d_model=WIDTH,
        n_parameters=1000,
        vocabulary_size=256,
        context_length=512,
        chat_template_sha256=None,
        **hashes,
    )


def add_vector(
    db: Database, model: Model, *, name: str = "upbeat-icv", version_of: str = "upbeat@1"
) -> SteeringVector:
    """A vector of a set version, its numbers drawn."""
    version = sets.get(db, version_of)
    values = np.random.default_rng(0).normal(size=(LAYERS, WIDTH)).astype(np.float32)
    with db.write() as tx:
        return vectors.add_vector(
            tx,
            NewVector(
                name=name,
                model_id=model.id,
                set_version_id=version.id,
                method="icv",
                operator=Operator.ROTATE,
                parameters={},
                read_site=Site.BLOCK_OUTPUT,
                write_site=Site.MLP_OUTPUT,
                token_rule=TokenRule.LAST,
                spec=ExtractionSpec(
                    model_fingerprint=model.fingerprint,
                    set_sha256=version.content_sha256,
                    method="icv",
                    read_site=Site.BLOCK_OUTPUT,
                    write_site=Site.MLP_OUTPUT,
                ),
                origin=Origin.EXTRACTED,
                layers=[
                    LayerVector(layer=layer, values=row, explained_variance=0.2 + layer / 10)
                    for layer, row in enumerate(values)
                ],
                alignments=[
                    Alignment(position=n, cosines=(0.3,) * LAYERS, mean=0.6 - n / 4)
                    for n in range(len(PAIRS))
                ],
            ),
            "ada",
        )


def run_spec(model: Model, vector: SteeringVector, prompts: Sequence[str] = PROMPTS) -> RunSpec:
    """The baseline and two strengths."""
    arms = [Arm(label="baseline")]
    arms += [
        Arm(
            label=f"upbeat-icv {strength:+g}",
            interventions=(
                Intervention(
                    vector_id=vector.id,
                    vector_sha256=vector.content_sha256,
                    operator=Operator.ROTATE,
                    strength=strength,
                    site=vector.write_site,
                ),
            ),
        )
        for strength in (0.1, 0.2)
    ]
    return RunSpec(
        model_fingerprint=model.fingerprint,
        prompts=tuple(Prompt(text=text) for text in prompts),
        arms=tuple(arms),
        decoding=Decoding(max_new_tokens=8),
        seed=7,
    )


def add_chat(db: Database, model: Model, *, name: str) -> GenerationRun:
    """Store a run whose only prompt begins a conversation."""
    template = model.description.chat_template_sha256
    assert template is not None
    spec = RunSpec(
        model_fingerprint=model.fingerprint,
        prompts=(Prompt(text="Hello"),),
        arms=(Arm(label="baseline"),),
        chat=Chat(template_sha256=template),
    )
    return add_run(db, model, spec, name=name)


def add_run(
    db: Database,
    model: Model,
    spec: RunSpec,
    *,
    name: str | None = None,
    replay_of: int | None = None,
    last_token: int = 3,
    environment: dict[str, str] | None = None,
    said: Mapping[int, str] | None = None,
) -> GenerationRun:
    """Store a run of that request with made-up texts; ``said`` has others, by arm."""
    with db.write() as tx:
        return runs.add_run(
            tx,
            NewRun(
                name=name,
                model_id=model.id,
                prompt_set_version_id=None,
                spec=spec,
                environment={"torch": "2.13.0", "device": "cpu"} | (environment or {}),
                batch_plan=BatchPlan(batches=(tuple(range(len(spec.rows()))),)),
                generations=_texts(spec, last_token, said or {}),
                duration_s=1.5,
                replay_of=replay_of,
            ),
            "ada",
        )


def _texts(spec: RunSpec, last_token: int, other: Mapping[int, str]) -> Sequence[GeneratedText]:
    said = {0: "the soup was cold.", 1: "the soup was so cold!!! 😡", **other}
    again = {key: f" (sample {key.sample + 1})" if key.sample else "" for key in spec.rows()}
    return [
        GeneratedText(
            key=key,
            text=(RIGHT_TO_LEFT if key.prompt == 2 else said.get(key.arm, HOSTILE)) + again[key],
            token_ids=(1, 2, last_token if key.arm == 2 else 3),
            finish_reason=FinishReason.EOS,
            mean_logprob=-1.0,
        )
        for key in spec.rows()
    ]
