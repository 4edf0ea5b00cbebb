"""In-context runs for store tests."""

from typing import Any

from vectorlab.domain.codec import Coded
from vectorlab.domain.hashing import content_sha256
from vectorlab.domain.models import Model
from vectorlab.domain.sets.versions import SetVersion
from vectorlab.icl.domain.features import FeatureOptions
from vectorlab.icl.domain.laws import BridgeSpec, ConstructOptions, ReproductionSpec
from vectorlab.icl.domain.reference_points import ReferenceCheck, ReferencePoint
from vectorlab.icl.domain.runs import HeadUpdate, IclKind, LayerEffect, NewIclRun
from vectorlab.icl.domain.training_spec import TrainingSpec
from vectorlab.icl.store import runs
from vectorlab.store.database import Transaction

ICL_SPECS: dict[IclKind, Coded] = {
    IclKind.CONSTRUCT: ConstructOptions(steps=2),
    IclKind.FEATURES: FeatureOptions(training_steps=1),
    IclKind.TRAIN: TrainingSpec.published(steps=1),
    IclKind.REPRODUCE: ReproductionSpec(scope="short"),
    IclKind.BRIDGE: BridgeSpec(
        set_reference="upbeat@1",
        set_sha256="a" * 64,
        shots=2,
        layout="arrow",
        model_fingerprint="b" * 64,
    ),
}


def add_icl_run(tx: Transaction, model: Model, version: SetVersion, **changes: Any) -> int:
    return runs.add_run(tx, new_icl_run(model, version, **changes), "tester")


def new_icl_run(model: Model, version: SetVersion, **changes: Any) -> NewIclRun:
    """A run with one of every part, whatever its kind would really have."""
    point = ReferencePoint(name="one step", about="loss", source="paper", value=0.2, tolerance=0.1)
    effect = LayerEffect(
        layer=1,
        condition="shuffled",
        cosine=0.5,
        query_cosine=0.25,
        query_cosine_sd=0.125,
        norm=2.0,
        relative_norm=1.5,
        agreement=-1.0,
    )
    head = HeadUpdate(
        layer=1,
        head=2,
        share=0.5,
        effect_cosine=0.25,
        linear_cosine=-0.5,
        attention=1.0,
        by_demonstration=(0.25, 0.25),
    )
    kind = changes.get("kind", IclKind.BRIDGE)
    spec = changes.get("spec", ICL_SPECS[kind].to_json())
    values: dict[str, Any] = {
        "kind": kind,
        "spec": spec,
        "spec_sha256": content_sha256(f"icl_{kind}", spec),
        "model_id": model.id,
        "set_version_id": version.id,
        "job_id": None,
        "result": {"rest": [0.5]},
        "environment": {"torch": "2.13.0"},
        "duration_s": 1.5,
        "checks": [ReferenceCheck(point=point, ours=0.25, low=0.2, high=0.3)],
        "layers": [effect],
        "heads": [head],
        "weights": b"weights",
    }
    return NewIclRun(**(values | changes))
