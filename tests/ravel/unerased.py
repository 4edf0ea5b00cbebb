"""A stored run of a featurizer that did not do its work."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.store.builders import add_trial
from vectorlab.ravel.domain.specs import FEATURIZERS, Measures
from vectorlab.store.database import Transaction

UNERASED = {"accuracy": 1.0, "accuracy_after_removal": 0.9, "majority": 0.25}


def add_unerased(tx: Transaction, made: Mapping[str, Any], measures: Measures = UNERASED) -> None:
    """A run ``unerased`` of the method rlap beside what ``add_ravel`` made."""
    spec = replace(
        made["featurizer"].spec, method="rlap", parameters=FEATURIZERS["rlap"].parameters
    )
    add_trial(tx, made["instance"], spec, name="unerased", changed=False, measures=measures)
