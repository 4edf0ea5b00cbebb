"""In-context requests, pinned like all others: an equal request of an older version is found."""

from typing import Any

import pytest

from tests.store import builders
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.icl.domain.features import FeatureOptions
from vectorlab.icl.domain.laws import BridgeRequest, ConstructOptions
from vectorlab.icl.domain.training_spec import TrainingSpec
from vectorlab.icl.services import runs
from vectorlab.store.database import Database

PAIRS = [Demonstration(source=text, target=text.upper()) for text in ("one", "two", "three")]
IN_CONTEXT = {
    "construct": "cec7e08dafcd509f9f6c4bc57d6178f85fb27f70516b024c0011a16d91cb7a2e",
    "features": "1556f8dffd1413901b1c25ad40130abd8beea87e3d4dfd85b8a40464ac7b812f",
    "train": "05bad713a0013c79f870d5babdc8d230e83b6d708b3ccfc98c6b6bda5e160c15",
    "reproduce": "f0aeaa04a6acef8dd6e54288885f346f315e05b3a8544c73956b883b52827346",
    "bridge": "1b3f39f89d433ef73720e51cf304d90a5353b2d86742d8ccf2e9232275c08968",
    "bridge, full": "0e4e75530eedf0249c29b4bec414b40c71d3f6c493e207397406cb2454e54a7f",
}


@pytest.mark.parametrize("kind", list(IN_CONTEXT))
def test_in_context_requests_have_the_hashes_that_they_always_had(
    sqlite_database: Database, kind: str
) -> None:
    with sqlite_database.write() as tx:
        model, version = builders.add_model(tx), builders.add_version(tx, items=PAIRS)
    label = version.label
    ask: Any = {
        "construct": lambda **how: runs.request_construction(
            sqlite_database, ConstructOptions(), **how
        ),
        "features": lambda **how: runs.request_features(sqlite_database, FeatureOptions(), **how),
        "train": lambda **how: runs.request_training(
            sqlite_database, TrainingSpec.published(), **how
        ),
        "reproduce": lambda **how: runs.request_reproduction(sqlite_database, "short", **how),
        "bridge": lambda **how: runs.request_bridge(
            sqlite_database, BridgeRequest(set_reference=label), model=model, **how
        ),
        "bridge, full": lambda **how: runs.request_bridge(
            sqlite_database,
            BridgeRequest(
                set_reference=label,
                random_set=label,
                shots=2,
                queries=3,
                layout="arrow",
                heads=False,
                seed=1,
                dtype="bfloat16",
            ),
            model=model,
            **how,
        ),
    }[kind]
    asked = ask(actor="tester")
    assert asked.job is not None
    assert asked.job.spec["spec_sha256"] == IN_CONTEXT[kind]
