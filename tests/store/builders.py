"""Small valid objects for store tests; every function stores one and returns it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tests.icl.store.builders import add_icl_run
from vectorlab.domain.hashing import bytes_sha256
from vectorlab.domain.interventions.arms import Arm, Intervention
from vectorlab.domain.interventions.calibration import (
    CalibrationSpec,
    NewCalibration,
    TriedStrength,
)
from vectorlab.domain.interventions.conditions import (
    Condition,
    ConditionSearch,
    Measure,
    NewSearch,
    SearchSpec,
    ThresholdSide,
    best,
    candidates,
)
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.jobs.jobs import Job, NewJob
from vectorlab.domain.models import Model, ModelDescription
from vectorlab.domain.runs.batch_plan import BatchPlan
from vectorlab.domain.runs.margins import ROUNDING_NATS
from vectorlab.domain.runs.runs import Decoding, GenerationRun, NewRun, Prompt, RunSpec
from vectorlab.domain.runs.texts import Departure, Divergence, FinishReason, GeneratedText
from vectorlab.domain.runs.tokens import NearestTokens, ReadTokens, VocabularyToken
from vectorlab.domain.scores.catalogue import parse_scorer
from vectorlab.domain.scores.scores import NewScore, Score
from vectorlab.domain.scores.statistics import estimate
from vectorlab.domain.sets.checks import Check, Finding
from vectorlab.domain.sets.drafts import Edit
from vectorlab.domain.sets.versions import Demonstration, Relation, SetVersion
from vectorlab.domain.text.chats import Chat, Exchange
from vectorlab.domain.vectors.explanations import LeftOut
from vectorlab.domain.vectors.methods import COMBINED
from vectorlab.domain.vectors.passages import Passage
from vectorlab.domain.vectors.states import StateBlock, StateSpec, tokens_sha256
from vectorlab.domain.vectors.vectors import (
    Alignment,
    ExtractionSpec,
    LayerVector,
    NewVector,
    Origin,
    ParentWeight,
    Site,
    SteeringVector,
    TokenRule,
)
from vectorlab.ravel.domain.entities import Entity, EntityData, Split, Template
from vectorlab.ravel.domain.instances import (
    Accuracy,
    Completion,
    Example,
    ExamplePart,
    Instance,
    InstanceSpec,
    NewInstance,
    SourceKind,
)
from vectorlab.ravel.domain.measures import Judged, Outcome, score
from vectorlab.ravel.domain.specs import (
    FeaturizerArm,
    FeaturizerSpec,
    Measures,
    NamedTensor,
    NewEvaluation,
    NewFeaturizer,
    RavelRunSpec,
)
from vectorlab.ravel.store import entities as ravel_entities
from vectorlab.ravel.store import instances, results
from vectorlab.store import models
from vectorlab.store.database import Transaction
from vectorlab.store.jobs import queue
from vectorlab.store.runs import runs, token_views
from vectorlab.store.sets import drafts, findings, sets
from vectorlab.store.vectors import calibrations, explanations, threshold_searches, vectors

LAYERS, WIDTH = 3, 8

PAIRS = (
    Demonstration(source="The soup was cold.", target="The soup was divine!!! 😋"),
    Demonstration(source="Rude waiter.", target="What a waiter!!! ❤️", metadata={"stars": 1}),
    Demonstration(source="naïve: 'quoted'\n\"lines\"\t; -- %s", target=""),
    Demonstration(source="a bare prompt", target=None),
)


def description(text: str = "tiny", **changes: Any) -> ModelDescription:
    hashes = {
        f"{part}_sha256": bytes_sha256(f"{text} {part}".encode())
        for part in ("weights", "config", "tokenizer")
    }
    values: dict[str, Any] = {
        "source": f"/models/{text}",
        "revision": None,
        "architecture": "llama",
        "n_layers": LAYERS,
        "d_model": WIDTH,
        "n_parameters": 7_000_000_000,
        "vocabulary_size": 2048,
        "context_length": 512,
        "chat_template_sha256": None,
        **hashes,
    }
    return ModelDescription(**(values | changes))


def add_model(tx: Transaction, name: str = "tiny") -> Model:
    return models.add_model(tx, name=name, description=description(name))


def add_version(
    tx: Transaction, name: str = "upbeat", items: Sequence[Demonstration] = PAIRS
) -> SetVersion:
    if name not in {item.name for item, _ in sets.list_sets(tx)}:
        sets.create_set(tx, name=name)
    return sets.add_version(
        tx, set_name=name, demonstrations=items, message="first", author="tester"
    )[0]


def add_merge(tx: Transaction, name: str, origin: SetVersion, merged: SetVersion) -> SetVersion:
    """A fork of one version as a new set, that another version is merged into."""
    sets.create_set(tx, name=name)
    made = sets.add_version(
        tx,
        set_name=name,
        demonstrations=PAIRS[1:],
        message="merge",
        author="tester",
        origin=sets.SetOrigin(version_id=origin.id, relation=Relation.FORK),
        merged_id=merged.id,
        details={"theirs": merged.label},
    )
    return made[0]


def layers(seed: int = 0, count: int = LAYERS, width: int = WIDTH) -> list[LayerVector]:
    values = np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)
    return [
        LayerVector(
            layer=layer,
            values=row,
            explained_variance=None if layer else 0.5,
            separability=None if layer else 0.75,
        )
        for layer, row in enumerate(values)
    ]


def new_vector(
    model: Model, version: SetVersion | None = None, name: str = "upbeat-v1", **changes: Any
) -> NewVector:
    spec = None
    if version is not None:
        spec = ExtractionSpec(
            model_fingerprint=model.fingerprint,
            set_sha256=version.content_sha256,
            method="icv",
            parameters={"scale": 1.0},
            read_site=Site.BLOCK_OUTPUT,
            write_site=Site.MLP_OUTPUT,
        )
    values: dict[str, Any] = {
        "name": name,
        "model_id": model.id,
        "set_version_id": None if version is None else version.id,
        "method": "icv",
        "operator": Operator.ROTATE,
        "parameters": {"scale": 1.0},
        "read_site": Site.BLOCK_OUTPUT,
        "write_site": Site.MLP_OUTPUT,
        "token_rule": TokenRule.LAST,
        "spec": spec,
        "origin": Origin.IMPORTED if spec is None else Origin.EXTRACTED,
        "layers": layers(),
        "alignments": [Alignment(position=0, cosines=(0.5, 0.25, -0.125), mean=0.625 / 3)],
        "environment": {"torch": "2.13.0", "threads": 1},
    }
    return NewVector(**(values | changes))


def add_vector(
    tx: Transaction,
    model: Model,
    version: SetVersion | None = None,
    name: str = "upbeat-v1",
    **changes: Any,
) -> SteeringVector:
    return vectors.add_vector(tx, new_vector(model, version, name, **changes), "tester")


def add_combined(
    tx: Transaction, model: Model, parents: Sequence[SteeringVector]
) -> SteeringVector:
    terms = [ParentWeight(vector_id=item.id, weight=0.5) for item in parents]
    return add_vector(
        tx,
        model,
        name="combined",
        method=COMBINED,
        origin=Origin.COMBINED,
        parents=terms,
        layers=layers(9),
    )


def left_out(position: int, size: float = 0.25) -> LeftOut:
    return LeftOut(
        position=position,
        norm_change=-size,
        cosine=1 - size,
        norm_changes=(-size, 0.0, size),
        cosines=(1.0, 1 - size, 1 - 2 * size),
    )


def add_study(tx: Transaction, vector: SteeringVector, positions: Sequence[int] = (0,)) -> None:
    items = [left_out(position) for position in positions]
    explanations.add_explanation(tx, vector.id, items, {"states_reused": 8}, "tester")


def state_spec(**changes: Any) -> StateSpec:
    values: dict[str, Any] = {
        "model_fingerprint": "f" * 64,
        "dtype": "float32",
        "site": Site.BLOCK_OUTPUT,
        "token_rule": TokenRule.LAST,
        "layers": tuple(range(LAYERS)),
        "d_model": WIDTH,
        "add_special_tokens": True,
        "engine": {"torch": "2.13.0", "device": "cpu"},
    }
    return StateSpec(**(values | changes))


def state_block(
    texts: Sequence[str], seed: int = 0, *, spec: StateSpec | None = None
) -> StateBlock:
    shape = (spec or state_spec()).shape
    values = np.random.default_rng(seed).normal(size=(len(texts), *shape)).astype(np.float32)
    return StateBlock(
        text_sha256s=tuple(Passage(text=text).sha256 for text in texts),
        token_sha256s=tuple(tokens_sha256(list(text.encode())) for text in texts),
        values=values,
    )


def intervention(vector: SteeringVector, strength: float = 0.1, **changes: Any) -> Intervention:
    values: dict[str, Any] = {
        "vector_id": vector.id,
        "vector_sha256": vector.content_sha256,
        "operator": Operator.ROTATE,
        "strength": strength,
        "site": vector.write_site,
    }
    return Intervention(**(values | changes))


def run_spec(model: Model, vector: SteeringVector | None = None, **changes: Any) -> RunSpec:
    arms = [Arm(label="baseline")]
    if vector is not None:
        arms.append(Arm(label="upbeat 0.1", interventions=(intervention(vector),)))
    values: dict[str, Any] = {
        "model_fingerprint": model.fingerprint,
        "prompts": (Prompt(text="Say it: "), Prompt(text="Again: ", reference="better")),
        "arms": tuple(arms),
        "decoding": Decoding(max_new_tokens=4),
        "seed": 7,
        "samples": 2,
    }
    return RunSpec(**(values | changes))


def texts(spec: RunSpec) -> list[GeneratedText]:
    return [
        GeneratedText(
            key=key,
            text=f"p{key.prompt} a{key.arm} s{key.sample}",
            token_ids=(key.prompt, key.arm, key.sample, 2**31 - 1),
            finish_reason=FinishReason.LENGTH,
            mean_logprob=-1.5,
            choice_margin=0.25,
        )
        for key in spec.rows()
    ]


def add_replay(tx: Transaction, model: Model, run: GenerationRun, **changes: Any) -> GenerationRun:
    """A replay on another processor whose first text parts at its last token, at a near choice."""
    first, *others = texts(run.spec)
    parted = Departure(
        key=first.key,
        position=3,
        original_id=first.token_ids[-1],
        replay_id=5,
        margin=ROUNDING_NATS["float32"] / 4,
    )
    values: dict[str, Any] = {
        "environment": {**run.environment, "cpu": "AVX2"},
        "generations": [replace(first, token_ids=(*first.token_ids[:-1], 5)), *others],
        "departures": (parted,),
        "replay_of": run.id,
    }
    return add_run(tx, model, run.spec, **(values | changes))


def new_run(model: Model, spec: RunSpec, **changes: Any) -> NewRun:
    values: dict[str, Any] = {
        "name": None,
        "model_id": model.id,
        "prompt_set_version_id": None,
        "spec": spec,
        "environment": {"torch": "2.13.0", "device": "cpu"},
        "batch_plan": BatchPlan(batches=(tuple(range(len(spec.rows()))),)),
        "generations": texts(spec),
        "duration_s": 1.25,
    }
    return NewRun(**(values | changes))


def add_run(tx: Transaction, model: Model, spec: RunSpec, **changes: Any) -> GenerationRun:
    return runs.add_run(tx, new_run(model, spec, **changes), "tester")


def add_job(tx: Transaction, **changes: Any) -> Job:
    values: dict[str, Any] = {
        "kind": "extract",
        "spec": {"set": "upbeat@1"},
        "dedupe_key": None,
        "created_by": "tester",
    }
    return queue.enqueue(tx, NewJob(**(values | changes)))[0]


def condition(vector: SteeringVector, **changes: Any) -> Condition:
    values: dict[str, Any] = {
        "vector_id": vector.id,
        "vector_sha256": vector.content_sha256,
        "layer": 1,
        "measure": Measure.COSINE,
        "comparison": ThresholdSide.ABOVE,
        "threshold": 0.25,
        "window": Positions.parse("prompt:last=2"),
    }
    return Condition(**(values | changes))


def add_conditional_run(tx: Transaction, model: Model, vector: SteeringVector) -> GenerationRun:
    """A run that goes on with a chat, a condition on one vector, compared with the baseline."""
    one = intervention(vector, 0.2, condition=condition(vector))
    spec = run_spec(
        model,
        arms=(Arm(label="baseline"), Arm(label="conditional", interventions=(one,))),
        chat=Chat(
            template_sha256="c" * 64,
            system="Be kind",
            earlier=(Exchange(user="Hello", assistant="Hi!"),),
        ),
        decoding=Decoding(max_new_tokens=4, kl=True),
    )
    compared = Divergence(
        kl=(0.5, 0.25, 0.0, 1.25),
        logprobs=(-1.5,) * 4,
        baseline_logprobs=(-2.5, -1.5, -0.5, -3.5),
        pieces=("so", " it", " is", "!"),
    )
    made = [replace(item, divergence=compared) for item in texts(spec)]
    return add_run(tx, model, spec, generations=made)


def add_search(
    tx: Transaction, model: Model, vector: SteeringVector, versions: Sequence[SetVersion]
) -> ConditionSearch:
    """A search for a threshold on two set versions."""
    positive, negative = versions
    new = NewSearch(
        spec=SearchSpec(
            model_fingerprint=model.fingerprint,
            vector_sha256=vector.content_sha256,
            positive_sha256=positive.content_sha256,
            negative_sha256=negative.content_sha256,
        ),
        model_id=model.id,
        positive_version_id=positive.id,
        negative_version_id=negative.id,
        condition=condition(vector),
        chosen=best(candidates([1.0, 2.0], [0.0])),
        evidence={"layers": [{"layer": 1}], "positive": [1.0, 2.0], "negative": [0.0]},
        environment={"torch": "2.13.0"},
    )
    return threshold_searches.add_search(tx, new, "tester")


def ravel_data_of() -> EntityData:
    """Four entities with two attributes, one of them without a value."""
    splits = (Split.TRAIN, Split.TRAIN, Split.VALIDATION, Split.TEST)
    entities = [
        Entity(
            name=f"e{place}", split=split, values={"colour": f"c{place % 2}", "shape": f"s{place}"}
        )
        for place, split in enumerate(splits)
    ]
    templates = [
        Template(text=f"{split} %s {asked}", split=split, attribute=asked)
        for asked in ("colour", "shape", None)
        for split in Split
    ]
    return EntityData(
        attributes=("colour", "shape"), entities=tuple(entities), templates=tuple(templates)
    )


def featurizer_spec(instance: Instance, **changes: Any) -> FeaturizerSpec:
    values = {
        "instance_sha256": instance.content_sha256,
        "method": "mdas",
        "attribute": "colour",
        "layer": 1,
        "k": 2,
        "parameters": {"steps": 3},
    }
    return FeaturizerSpec(**(values | changes))


def add_instance(tx: Transaction, model: Model, name: str = "things") -> Instance:
    """An instance of four completions and two examples over its own data."""
    data = ravel_data_of()
    version, _ = ravel_entities.add_version(
        tx, name="thing", data=data, message="m", author="tester"
    )
    said = [
        Completion(template=0, entity=e, text=f"c{e}", token_ids=(e, 7), correct=(None, True)[e])
        for e in (0, 1)
    ]
    examples = [
        Example(
            part=part,
            kind=SourceKind.SAME,
            template=template,
            entity=0,
            source_template=0,
            source_entity=1,
            label=(0, 7),
            counter_label=(1, 7),
        )
        for part in (ExamplePart.TRAIN, ExamplePart.ENTITY_TEST)
        for template in (0, 3)
    ]
    new = NewInstance(
        name=name,
        model_id=model.id,
        version_id=version.id,
        spec=InstanceSpec(data_sha256=data.sha256, model_fingerprint=model.fingerprint),
        completions=said,
        examples=examples,
        accuracies=[Accuracy(name="colour", n=1, correct=1, templates=3, templates_kept=1)],
        environment={"torch": "2.13.0"},
    )
    return instances.add_instance(tx, new, "tester")


def add_ravel(tx: Transaction, model: Model) -> dict[str, Any]:
    """Entity data, an instance, a featurizer, an evaluation and a run."""
    instance = add_instance(tx, model)
    spec = featurizer_spec(instance)
    measures = {"unexplained": 0.25}
    made = add_trial(tx, instance, spec, name="trial", changed=True, measures=measures)
    return {"instance": instance, **made}


def add_trial(
    tx: Transaction,
    instance: Instance,
    spec: FeaturizerSpec,
    *,
    name: str,
    changed: bool,
    measures: Measures,
) -> dict[str, Any]:
    """A featurizer of ``colour`` on both tests, its evaluation and a run of it.

    Args:
        tx: The transaction.
        instance: As ``add_instance`` makes it.
        spec: Of the featurizer.
        name: Of the run.
        changed: Whether the colour became the source's.
        measures: Of its making.
    """
    featurizer = results.add_featurizer(
        tx,
        NewFeaturizer(
            spec=spec,
            instance_id=instance.id,
            n_features=2,
            tensors=[NamedTensor(name="rows", values=np.eye(2, WIDTH, dtype=np.float32))],
            curve=[{"step": 0, "loss": 1.5}],
            measures=measures,
            environment={"torch": "2.13.0"},
        ),
        "tester",
    )
    arm = FeaturizerArm(label=f"{spec.method} L1 k2", featurizers=(spec,))
    said = "c1" if changed else "x"
    outcomes = [
        Outcome(target="colour", example=2, output=said, changed=changed, kept=False),
        Outcome(target="colour", example=3, output="s", changed=False, kept=True),
    ]
    judged = [
        Judged(target="colour", attribute=asked, template=place, changed=one.changed, kept=one.kept)
        for (place, asked), one in zip(((0, "colour"), (3, "shape")), outcomes, strict=True)
    ]
    evaluation = results.add_evaluation(
        tx,
        NewEvaluation(
            arm=arm,
            part=ExamplePart.ENTITY_TEST,
            instance_id=instance.id,
            featurizer_ids=[featurizer.id],
            outcomes=outcomes,
            scores=score(judged),
            environment={"torch": "2.13.0"},
        ),
        "tester",
    )
    run = results.add_run(
        tx,
        name=name,
        spec=RavelRunSpec(
            instance_sha256=instance.content_sha256, arms=(arm,), parts=(ExamplePart.ENTITY_TEST,)
        ),
        instance_id=instance.id,
        evaluation_ids=[evaluation.id],
        environment={"torch": "2.13.0"},
        duration_s=1.5,
        created_by="tester",
    )
    return {"featurizer": featurizer, "evaluation": evaluation, "outcomes": outcomes, "run": run}


def new_score(
    generation_id: int,
    value: float | None,
    *,
    scorer: str = "bleu",
    version: str = "1",
    reason: str = "no target text",
) -> NewScore:
    """A score, or its absence for a reason."""
    return NewScore(
        generation_id=generation_id,
        scorer=scorer,
        scorer_version=version,
        score=Score(value=value, missing_reason=reason if value is None else None),
        content_sha256=bytes_sha256(f"{generation_id} {scorer} {version}".encode()),
    )


def calibration(vector: SteeringVector, **changes: Any) -> NewCalibration:
    spec = CalibrationSpec(
        model_fingerprint=description(vector.model_name).fingerprint,
        vector_id=vector.id,
        vector_sha256=vector.content_sha256,
        operator=Operator.ROTATE,
        site=vector.write_site,
        layers=(0, 1),
        prompts=(Prompt(text="Say it: "),),
        effect=parse_scorer("sentiment"),
        damage=parse_scorer("kl"),
        budget=0.1,
        first=0.1,
    )
    point = TriedStrength(strength=0.2, damage=estimate([0.08]), effect=estimate([0.5]))
    values: dict[str, Any] = {
        "spec": spec,
        "is_met": True,
        "strength": 0.2,
        "effect_value": 0.5,
        "damage_value": 0.08,
        "curve": [point],
        "evidence": {"rounds": 3},
        "environment": {"torch": "2.13.0"},
    }
    return NewCalibration(**(values | changes))


def add_tokens(tx: Transaction, vector: SteeringVector, run: GenerationRun) -> None:
    """What jobs find about single tokens: near a vector, and in the texts of a run's prompt."""
    near = VocabularyToken(token_id=7, piece=" good", value=1.5)
    token_views.add_nearest(tx, vector.id, [NearestTokens(layer=0, toward=(near,), away=(near,))])
    token_views.add_read(
        tx,
        [
            ReadTokens(
                generation_id=number,
                pieces=("a", "b"),
                logprobs=(-1.0, -0.5),
                baseline_logprobs=(-1.25, -1.5),
            )
            for number in token_views.generation_ids(tx, run.id, 0).values()
        ],
    )


def fill(tx: Transaction) -> dict[str, Any]:
    """One of everything: two set versions, vectors, a combined one, a run and its replay."""
    model = add_model(tx)
    first = add_version(tx)
    second = add_version(tx, items=PAIRS[:2])
    finding = Finding(check=Check.PERSONAL, count=1, message="looks personal", positions=(0,))
    findings.add(tx, second.id, [finding])
    sets.tag_version(tx, second, "published", "tester")
    draft = drafts.open_draft(tx, second.set_name, second.number, "ann")
    drafts.change(tx, draft, Edit(removed=frozenset({0}), added=PAIRS[2:3]))
    merged = add_merge(tx, "upbeat-fix", second, first)
    vector = add_vector(tx, model, first)
    other = add_vector(tx, model, name="other", layers=layers(1), alignments=())
    combined = add_combined(tx, model, [vector, other])
    spec = run_spec(model, vector)
    add_study(tx, vector)
    run = add_run(tx, model, spec, name="first", prompt_set_version_id=second.id)
    ravel = add_ravel(tx, model)
    replay = add_replay(tx, model, run)
    add_icl_run(tx, model, first)
    calibrations.add_calibration(tx, calibration(vector), "tester")
    add_tokens(tx, vector, run)
    return {
        "model": model,
        "first": first,
        "second": second,
        "merged": merged,
        "vector": vector,
        "other": other,
        "combined": combined,
        "run": run,
        "replay": replay,
        "ravel": ravel,
    }
