"""A stored run of a featurizer that did not do its work."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from vectorlab.ravel.domain.instances import ExamplePart
from vectorlab.ravel.domain.measures import Judged, Outcome, score
from vectorlab.ravel.domain.specs import (
    FEATURIZERS,
    FeaturizerArm,
    Measures,
    NamedTensor,
    NewEvaluation,
    NewFeaturizer,
    RavelRun,
    RavelRunSpec,
)
from vectorlab.ravel.store import results
from vectorlab.store.database import Transaction

UNERASED = {"accuracy": 1.0, "accuracy_after_removal": 0.9, "majority": 0.25}


def add_unerased(
    tx: Transaction, made: Mapping[str, Any], measures: Measures = UNERASED
) -> RavelRun:
    """A run ``unerased`` of the method rlap beside what ``add_ravel`` made."""
    spec = replace(
        made["featurizer"].spec, method="rlap", parameters=FEATURIZERS["rlap"].parameters
    )
    instance, arm = made["instance"], FeaturizerArm(label="rlap L1 k2", featurizers=(spec,))
    featurizer = results.add_featurizer(
        tx,
        NewFeaturizer(
            spec=spec,
            instance_id=instance.id,
            n_features=2,
            tensors=[NamedTensor(name="rows", values=np.eye(2, 8, dtype=np.float32))],
            curve=[{"step": 0, "loss": 1.5}],
            measures=measures,
            environment={},
        ),
        "tester",
    )
    evaluation = results.add_evaluation(
        tx,
        NewEvaluation(
            arm=arm,
            part=ExamplePart.ENTITY_TEST,
            instance_id=instance.id,
            featurizer_ids=[featurizer.id],
            outcomes=[
                Outcome(target="colour", example=2, output="x", changed=False, kept=False),
                Outcome(target="colour", example=3, output="s", changed=False, kept=True),
            ],
            scores=score(
                [
                    Judged(
                        target="colour", attribute=asked, template=place, changed=False, kept=kept
                    )
                    for place, asked, kept in ((0, "colour", False), (3, "shape", True))
                ]
            ),
            environment={},
        ),
        "tester",
    )
    return results.add_run(
        tx,
        name="unerased",
        spec=RavelRunSpec(
            instance_sha256=instance.content_sha256, arms=(arm,), parts=(ExamplePart.ENTITY_TEST,)
        ),
        instance_id=instance.id,
        evaluation_ids=[evaluation.id],
        environment={},
        duration_s=1.0,
        created_by="tester",
    )
