"""Requests of every kind: the plainest, a full one, and those that differ from them in a field.

Their hashes are pinned (``tests/domain/test_request_hashes.py``), so they stay as they are. A field
that is new gets a request of its own in ``SINCE``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from enum import Enum
from typing import Any

from vectorlab.domain.interventions.arms import Arm, Combine, Intervention
from vectorlab.domain.interventions.calibration import CalibrationSpec
from vectorlab.domain.interventions.conditions import Condition, Measure, SearchSpec, ThresholdSide
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.runs.experiments import ExperimentSpec, Subject
from vectorlab.domain.runs.runs import Decoding, Prompt, RunSpec
from vectorlab.domain.scores.catalogue import parse_scorer
from vectorlab.domain.scores.scores import ScorerSpec
from vectorlab.domain.text.chats import Chat, Exchange
from vectorlab.domain.vectors.conventions import Convention
from vectorlab.domain.vectors.passages import ChatForm, ThinkingMarkers
from vectorlab.domain.vectors.states import StateSpec
from vectorlab.domain.vectors.vectors import ExtractionSpec, Site, TokenRule
from vectorlab.icl.domain.features import FeatureOptions
from vectorlab.icl.domain.laws import (
    BridgeRequest,
    BridgeSpec,
    ConstructOptions,
    Inputs,
    RegressionLaw,
    ReproductionSpec,
)
from vectorlab.icl.domain.training_spec import TrainingSpec, Variant
from vectorlab.ravel.domain.instances import ExamplePart, InstanceSpec
from vectorlab.ravel.domain.specs import (
    FeaturizerArm,
    FeaturizerSpec,
    Location,
    RavelRunSpec,
    VectorArm,
)

MODEL, VECTOR, OTHER = "f" * 64, "a" * 64, "b" * 64
OTHER_MODEL = "7" * 64
IDS = {VECTOR: 7, OTHER: 8, "9" * 64: 9}  # row ids of the vectors

PLAIN_CONDITION = Condition(
    vector_id=8,
    vector_sha256=OTHER,
    layer=2,
    measure=Measure.COSINE,
    comparison=ThresholdSide.ABOVE,
    threshold=0.25,
)
FULL_CONDITION = replace(
    PLAIN_CONDITION, window=Positions.parse("prompt:last=4"), site=Site.MLP_OUTPUT
)
PLAIN_INTERVENTION = Intervention(
    vector_id=7,
    vector_sha256=VECTOR,
    operator=Operator.ROTATE,
    strength=0.1,
    site=Site.MLP_OUTPUT,
)
FULL_INTERVENTION = replace(
    PLAIN_INTERVENTION,
    positions=Positions.parse("response:8-15+except=3"),
    layers=(0, 1, 3),
    schedule=Schedule.parse("cosine:1:0.5:8"),
    condition=FULL_CONDITION,
)
PLAIN_ARM = Arm(label="up", interventions=(PLAIN_INTERVENTION,))
FULL_ARM = Arm(
    label="both",
    interventions=(FULL_INTERVENTION, replace(PLAIN_INTERVENTION, strength=-2)),
    combine=Combine.SUM,
    prefix="In front. ",
)
PLAIN_DECODING = Decoding()
FULL_DECODING = Decoding(
    max_new_tokens=7,
    do_sample=True,
    temperature=0.7,
    top_k=5,
    top_p=0.9,
    min_p=0.05,
    stop=("\n", "."),
    kl=True,
)
PLAIN_CHAT = Chat(template_sha256="c" * 64)
FULL_CHAT = replace(PLAIN_CHAT, system="Be brief.")
PLAIN_RUN = RunSpec(
    model_fingerprint=MODEL,
    prompts=(Prompt(text="one"), Prompt(text="two", reference="zwei")),
    arms=(Arm(label="baseline"), PLAIN_ARM),
)
FULL_RUN = replace(
    PLAIN_RUN,
    arms=(Arm(label="baseline"), FULL_ARM),
    decoding=FULL_DECODING,
    seed=3,
    samples=2,
    add_special_tokens=False,
    dtype="bfloat16",
    chat=FULL_CHAT,
)
PLAIN_EXTRACTION = ExtractionSpec(
    model_fingerprint=MODEL,
    set_sha256="d" * 64,
    method="icv",
    read_site=Site.BLOCK_OUTPUT,
    write_site=Site.MLP_OUTPUT,
)
FULL_EXTRACTION = replace(
    PLAIN_EXTRACTION,
    parameters={"rank": 2, "penalty": 0.5, "layout": "arrow"},
    token_rule=TokenRule("slot:text"),
    strip_punctuation=True,
    add_special_tokens=False,
    dtype="bfloat16",
    chat=ChatForm.RESPONSE,
    template="A {kind} review: {text}",
    thinking=ThinkingMarkers.parse("<a> </a>"),
)
PLAIN_CALIBRATION = CalibrationSpec(
    model_fingerprint=MODEL,
    vector_id=7,
    vector_sha256=VECTOR,
    operator=Operator.ADD,
    site=Site.BLOCK_OUTPUT,
    prompts=(Prompt(text="one"), Prompt(text="two", reference="zwei")),
    effect=parse_scorer("contains:good"),
    damage=parse_scorer("kl"),
    budget=0.1,
    first=1.0,
)
FULL_CALIBRATION = replace(
    PLAIN_CALIBRATION,
    positions=Positions.RESPONSE,
    layers=(1, 2),
    lower_is_better=True,
    decoding=Decoding(max_new_tokens=4),
    seed=5,
    add_special_tokens=False,
    dtype="bfloat16",
)
PLAIN_SEARCH = SearchSpec(
    model_fingerprint=MODEL,
    vector_sha256=VECTOR,
    positive_sha256="1" * 64,
    negative_sha256="2" * 64,
)
FULL_SEARCH = replace(
    PLAIN_SEARCH,
    measure=Measure.PROJECTION,
    window=Positions.parse("prompt:last=2"),
    site=Site.MLP_OUTPUT,
    layers=(1, 2),
    dtype="bfloat16",
    chat=FULL_CHAT,
)
PLAIN_INSTANCE = InstanceSpec(data_sha256="e" * 64, model_fingerprint=MODEL)
FULL_INSTANCE = replace(
    PLAIN_INSTANCE,
    max_new_tokens=4,
    stop_characters=".",
    min_template_accuracy=0.25,
    min_entity_accuracy=0.75,
    n_train=64,
    n_test=16,
    seed=2,
    add_special_tokens=False,
    dtype="bfloat16",
)
PLAIN_FEATURIZER = FeaturizerSpec(
    instance_sha256="3" * 64, method="full", attribute="continent", layer=1
)
FULL_FEATURIZER = replace(
    PLAIN_FEATURIZER,
    method="sae",
    location=Location.PROMPT_LAST,
    k=4,
    parameters={"width": 4, "sparsity": 0.05},
    weights_sha256="4" * 64,
    seed=1,
)
PLAIN_VECTOR_ARM = VectorArm(
    label="to-asia +0.1",
    vector_id=7,
    vector_sha256=VECTOR,
    attribute="continent",
    before="Europe",
    after="Asia",
    operator="rotate",
    strength=0.1,
    site="mlp_output",
)
FULL_VECTOR_ARM = replace(PLAIN_VECTOR_ARM, positions="prompt:last=1", layers=(1, 2))
PLAIN_RAVEL_RUN = RavelRunSpec(
    instance_sha256="3" * 64,
    arms=(FeaturizerArm(label="full L1", featurizers=(PLAIN_FEATURIZER,)), PLAIN_VECTOR_ARM),
)
FULL_RAVEL_RUN = replace(
    PLAIN_RAVEL_RUN,
    arms=(
        FeaturizerArm(label="sae L1", featurizers=(FULL_FEATURIZER, PLAIN_FEATURIZER)),
        FULL_VECTOR_ARM,
    ),
    parts=(ExamplePart.ENTITY_VALIDATION,),
)
PLAIN_STATES = StateSpec(
    model_fingerprint=MODEL,
    dtype="float32",
    site=Site.BLOCK_OUTPUT,
    token_rule=TokenRule.LAST,
    layers=(0, 1),
    d_model=16,
    add_special_tokens=True,
    engine={"torch": "2.13.0", "quantiser": None},
)
PLAIN_SCORER, FULL_SCORER = parse_scorer("length"), parse_scorer("judge:question=Is it polite?")
PLAIN_LAW = RegressionLaw()
FULL_LAW = RegressionLaw(
    dx=3, dy=2, n=4, inputs=Inputs.NORMAL, scale=1.0, weight_scale=2.0, noise=0.1
)
PLAIN_TRAINING = TrainingSpec.published()
FULL_TRAINING = replace(
    TrainingSpec.published(Variant.SOFTMAX, layers=4),
    law=FULL_LAW,
    shared=False,
    batch=32,
    seed=4,
)
PLAIN_CONSTRUCTION = ConstructOptions()
FULL_CONSTRUCTION = ConstructOptions(
    law=FULL_LAW, eta=0.5, gamma=0.1, steps=3, tasks=20, seed=1, random_start=True
)
PLAIN_FEATURES = FeatureOptions()
FULL_FEATURES = FeatureOptions(
    n=4, noise=0.1, steps=2, width=8, tasks=20, training_steps=3, batch=16, seed=1
)
PLAIN_REPRODUCTION = ReproductionSpec()
FULL_REPRODUCTION = ReproductionSpec(scope="short", seed=1)
PLAIN_BRIDGE = BridgeSpec(set_reference="upbeat@1", set_sha256="a" * 64, model_fingerprint="b" * 64)
FULL_BRIDGE = replace(
    PLAIN_BRIDGE,
    random_sha256="c" * 64,
    shots=2,
    queries=3,
    layout="arrow",
    heads=False,
    seed=1,
    dtype="bfloat16",
)
FULL_BRIDGE_REQUEST = BridgeRequest(
    set_reference="upbeat@1",
    random_set="other@1",
    shots=2,
    queries=3,
    layout="arrow",
    heads=False,
    seed=1,
    dtype="bfloat16",
)

PLAIN_EXPERIMENT = ExperimentSpec(
    model_fingerprint=MODEL,
    subjects=(Subject(vector_id=7, vector_sha256=VECTOR),),
    choosing=(Prompt(text="one"),),
    judging=(Prompt(text="two", reference="zwei"),),
    effect=parse_scorer("contains:good"),
    damage=parse_scorer("kl"),
    budget=0.1,
)
FULL_EXPERIMENT = replace(
    PLAIN_EXPERIMENT,
    extraction=replace(FULL_EXTRACTION, convention=Convention.CAA),
    shares=(0.25, 1.0),
    random=2,
    shuffled=3,
    prompting=(
        Arm(label="1 demonstrations in the prompt", prefix="Bad. Good.\n"),
        Arm(label="an instruction in the prompt", prefix="Be kind.\n"),
    ),
    lower_is_better=True,
    smallest=0.05,
    beside=(FULL_SCORER,),
    decoding=Decoding(max_new_tokens=4),
    seed=5,
    add_special_tokens=False,
    dtype="bfloat16",
    chat=FULL_CHAT,
)
PLAIN: dict[type, Any] = {
    RunSpec: PLAIN_RUN,
    Arm: PLAIN_ARM,
    Intervention: PLAIN_INTERVENTION,
    Condition: PLAIN_CONDITION,
    Decoding: PLAIN_DECODING,
    Chat: PLAIN_CHAT,
    ExtractionSpec: PLAIN_EXTRACTION,
    CalibrationSpec: PLAIN_CALIBRATION,
    ExperimentSpec: PLAIN_EXPERIMENT,
    SearchSpec: PLAIN_SEARCH,
    InstanceSpec: PLAIN_INSTANCE,
    FeaturizerSpec: PLAIN_FEATURIZER,
    VectorArm: PLAIN_VECTOR_ARM,
    RavelRunSpec: PLAIN_RAVEL_RUN,
    StateSpec: PLAIN_STATES,
    ScorerSpec: PLAIN_SCORER,
    RegressionLaw: PLAIN_LAW,
    TrainingSpec: PLAIN_TRAINING,
    ConstructOptions: PLAIN_CONSTRUCTION,
    FeatureOptions: PLAIN_FEATURES,
    ReproductionSpec: PLAIN_REPRODUCTION,
    BridgeSpec: PLAIN_BRIDGE,
}
FULL: dict[type, Any] = PLAIN | {
    RunSpec: FULL_RUN,
    Arm: FULL_ARM,
    Intervention: FULL_INTERVENTION,
    Condition: FULL_CONDITION,
    Decoding: FULL_DECODING,
    Chat: FULL_CHAT,
    ExtractionSpec: FULL_EXTRACTION,
    CalibrationSpec: FULL_CALIBRATION,
    ExperimentSpec: FULL_EXPERIMENT,
    SearchSpec: FULL_SEARCH,
    InstanceSpec: FULL_INSTANCE,
    FeaturizerSpec: FULL_FEATURIZER,
    VectorArm: FULL_VECTOR_ARM,
    RavelRunSpec: FULL_RAVEL_RUN,
    ScorerSpec: FULL_SCORER,
    RegressionLaw: FULL_LAW,
    TrainingSpec: FULL_TRAINING,
    ConstructOptions: FULL_CONSTRUCTION,
    FeatureOptions: FULL_FEATURES,
    ReproductionSpec: FULL_REPRODUCTION,
    BridgeSpec: FULL_BRIDGE,
}


NEWEST_CHAT = replace(
    FULL_CHAT,
    earlier=(Exchange(user="Hello", assistant="Hi."), Exchange(user="Well?", assistant="")),
)
NEWEST_CONDITION = replace(FULL_CONDITION, vector_model=OTHER_MODEL)
NEWEST_INTERVENTION = replace(
    FULL_INTERVENTION, vector_model=OTHER_MODEL, condition=NEWEST_CONDITION
)
NEWEST_SEARCH = replace(FULL_SEARCH, vector_model=OTHER_MODEL)
NEWEST_CALIBRATION = replace(
    FULL_CALIBRATION,
    smallest=0.05,
    vector_model=OTHER_MODEL,
    schedule=Schedule.parse("first:8"),
    condition=FULL_CONDITION,
    chat=FULL_CHAT,
)
NEWEST_CONSTRUCTION = replace(
    FULL_CONSTRUCTION, damping=0.75, separate_tokens=True, temperature=0.05
)
NEWEST_EXTRACTION = replace(FULL_EXTRACTION, convention=Convention.CAA)
# With every field that there is today.
NEWEST = FULL | {
    Chat: NEWEST_CHAT,
    ExtractionSpec: NEWEST_EXTRACTION,
    Condition: NEWEST_CONDITION,
    Intervention: NEWEST_INTERVENTION,
    SearchSpec: NEWEST_SEARCH,
    CalibrationSpec: NEWEST_CALIBRATION,
    ConstructOptions: NEWEST_CONSTRUCTION,
    BridgeRequest: FULL_BRIDGE_REQUEST,
}
# Requests with fields that are newer than those above, by what is new.
SINCE: dict[str, Any] = {
    "chats.Chat, earlier": NEWEST_CHAT,
    "runs.RunSpec, earlier turns": replace(PLAIN_RUN, chat=NEWEST_CHAT),
    "calibration.CalibrationSpec, schedule": replace(
        PLAIN_CALIBRATION, schedule=Schedule.parse("first:8")
    ),
    "calibration.CalibrationSpec, condition": replace(PLAIN_CALIBRATION, condition=FULL_CONDITION),
    "calibration.CalibrationSpec, chat": replace(PLAIN_CALIBRATION, chat=FULL_CHAT),
    "calibration.CalibrationSpec, earlier turns": replace(PLAIN_CALIBRATION, chat=NEWEST_CHAT),
    "calibration.CalibrationSpec, vector_model": replace(
        PLAIN_CALIBRATION, vector_model=OTHER_MODEL
    ),
    "calibration.CalibrationSpec, newest": replace(
        NEWEST_CALIBRATION, vector_model=None, smallest=None
    ),
    "calibration.CalibrationSpec, smallest": replace(PLAIN_CALIBRATION, smallest=0.05),
    "conditions.Condition, vector_model": replace(PLAIN_CONDITION, vector_model=OTHER_MODEL),
    "conditions.SearchSpec, vector_model": replace(PLAIN_SEARCH, vector_model=OTHER_MODEL),
    "vectors.ExtractionSpec, convention": replace(PLAIN_EXTRACTION, convention=Convention.CAA),
    "vectors.ExtractionSpec, newest": NEWEST_EXTRACTION,
    "runs.Intervention, vector_model": replace(PLAIN_INTERVENTION, vector_model=OTHER_MODEL),
    "runs.Intervention, newest": NEWEST_INTERVENTION,
    "laws.ConstructOptions, damping": replace(PLAIN_CONSTRUCTION, damping=0.75),
    "laws.ConstructOptions, separate_tokens": replace(PLAIN_CONSTRUCTION, separate_tokens=True),
    "laws.ConstructOptions, temperature": replace(
        PLAIN_CONSTRUCTION, separate_tokens=True, temperature=0.05
    ),
    "laws.ConstructOptions, newest": NEWEST_CONSTRUCTION,
}


def requests() -> Iterator[tuple[str, Any]]:
    """Every request under a name that says what it is."""
    for kind, plain in PLAIN.items():
        full, name = FULL[kind], f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}"
        yield f"{name} plain", plain
        yield f"{name} full", full
        for field in fields(plain):
            mine, other = getattr(plain, field.name), getattr(full, field.name)
            if mine != other:
                yield f"{name} plain, {field.name}", replace(plain, **{field.name: other})
                yield f"{name} full, no {field.name}", replace(full, **{field.name: mine})
    yield from SINCE.items()


def another(value: Any, *, of: tuple[type, str] | None = None) -> Any:
    """A value of the same type that is not equal to it; perhaps of a field of a class."""
    if of in ODD:
        return ODD[of]
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case float():
            return value * 0.5 + 0.01
        case Enum():
            members = list(type(value))
            return members[(members.index(value) + 1) % len(members)]
        case TokenRule():
            return TokenRule("mean")
        case str() if len(value) == 64:
            return "9" * 64
        case str():
            return f"{value}x"
        case tuple():
            return value[:-1] or value * 2
        case Mapping():
            return {**value, "more": next(iter(value.values()), 1)}
        case Positions():
            return Positions.parse("prompt:last=9")
        case Schedule():
            return Schedule.parse("first:9")
    first = fields(value)[-1].name
    return replace(value, **{first: another(getattr(value, first), of=(type(value), first))})


# Where the rule above makes what cannot be.
ODD: dict[tuple[type, str] | None, Any] = {
    (TrainingSpec, "variant"): Variant.LINEAR,
    (Chat, "earlier"): (Exchange(user="Hello", assistant="Ho."),),
    (VectorArm, "operator"): "add",
    (ScorerSpec, "label"): "length:unit=words",
    (ReproductionSpec, "scope"): "full",
    (BridgeRequest, "layout"): "lines",
    (BridgeRequest, "dtype"): "float16",
}


def changes(kind: type) -> Iterator[tuple[str, Any]]:
    """The full request with one field changed after the other, by the name of the field."""
    full = NEWEST[kind]
    for field in fields(full):
        value = another(getattr(full, field.name), of=(kind, field.name))
        yield field.name, replace(full, **{field.name: value})
