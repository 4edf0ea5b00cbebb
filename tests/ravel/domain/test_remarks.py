"""What has to be said beside scores."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from vectorlab.errors import InputError
from vectorlab.ravel.domain.instances import ExamplePart
from vectorlab.ravel.domain.remarks import is_erased, remark, remark_on
from vectorlab.ravel.domain.specs import (
    FEATURIZERS,
    Evaluation,
    FeaturizerArm,
    FeaturizerSpec,
    Measures,
    check_parameters,
    check_recipe,
)

ERASED = {"accuracy": 1.0, "accuracy_after_removal": 0.4, "majority": 0.27}
LEFT = ERASED | {"accuracy_after_removal": 0.9}
SPARSE = {"latents": 512.0, "active_latents": 50.0, "live_latents": 300.0, "unexplained": 0.1}
DENSE = SPARSE | {"active_latents": 228.0}


def evaluation(method: str, measures: dict[str, Measures]) -> Evaluation:
    spec = FeaturizerSpec(instance_sha256="0", method=method, attribute="country", layer=2)
    return Evaluation(
        id=1,
        arm=FeaturizerArm(label=method, featurizers=(spec,)),
        label=method,
        method=method,
        layer=2,
        location=spec.location,
        k=None,
        n_features=2.0,
        part=ExamplePart.ENTITY_TEST,
        instance_id=1,
        n_outcomes=0,
        scores=(),
        measures=measures,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_nothing_is_said_where_a_method_did_its_work():
    assert remark("rlap", ERASED) == ""
    assert remark("sae", SPARSE) == ""
    assert remark("mdas", {}) == ""
    assert remark("vector", {}) == ""


def test_what_was_not_erased_is_said_with_its_numbers():
    said = remark("rlap", LEFT)
    assert said.startswith("not erased: a linear classifier still tells 0.900 of the states")
    assert "1.000 before, most frequent value 0.270" in said


@pytest.mark.parametrize(("after", "erased"), [(0.27, True), (0.452, True), (0.453, False)])
def test_a_quarter_of_what_was_told_beyond_the_majority_may_be_left(after: float, erased: bool):
    assert is_erased(ERASED | {"accuracy_after_removal": after}) is erased


def test_latents_that_are_not_sparse_are_said():
    assert remark("sae", DENSE) == "latents not sparse: 228 of 512 are active in a state"


@pytest.mark.parametrize("method", ["rlap", "sae"])
def test_a_featurizer_of_an_earlier_recipe_says_that_nobody_looked(method: str):
    assert "made by an earlier recipe" in remark(method, {"unexplained": 0.1})


def test_targets_are_named_where_they_differ():
    found = evaluation("rlap", {"country": LEFT, "continent": ERASED, "timezone": LEFT})
    assert remark_on(found).startswith("country, timezone: not erased")
    assert remark_on(found, "country").startswith("not erased")
    assert remark_on(found, "continent") == ""
    assert remark_on(evaluation("sae", dict.fromkeys(("a", "b"), DENSE))).startswith("latents not")
    assert remark_on(evaluation("vector", {})) == ""


OLD = {
    "rlap": {"steps": 600, "batch": 256, "learning_rate": 0.05},
    "sae": {
        "width": 4, "sparsity": 0.05, "steps": 1000, "batch": 128, "learning_rate": 1e-3,
        "inverse_penalty": 10.0,
    },
}  # fmt: skip
HASHES = {  # of before the recipes changed
    "rlap": "4d6e8db628a64cd94b1a6dfd24dadab017c318bfd8fbf3d3da7d2c4f40b588e2",
    "sae": "2eaeac1ff3c8a1391df56a8f6bfbc12c26e01dc7c59ebc140edceb4c339eabd8",
}


@pytest.mark.parametrize("method", list(OLD))
def test_a_request_of_an_earlier_recipe_keeps_its_hash_and_today_s_has_another(method: str):
    old = FeaturizerSpec(
        instance_sha256="0", method=method, attribute="country", layer=2, k=32,
        parameters=OLD[method],
    )  # fmt: skip
    assert old.sha256 == HASHES[method]
    # Even with the numbers of the old one, what is asked for today is another request.
    shared = set(OLD[method]) & set(FEATURIZERS[method].parameters)
    given = {name: OLD[method][name] for name in shared} if method == "rlap" else {}
    today = replace(old, parameters=check_parameters(FEATURIZERS[method], given))
    assert today.sha256 != old.sha256


def test_an_earlier_recipe_of_the_projection_is_not_made_anew():
    old = FeaturizerSpec(
        instance_sha256="0", method="rlap", attribute="country", layer=2, k=32,
        parameters=OLD["rlap"],
    )  # fmt: skip
    with pytest.raises(InputError, match=r"of an earlier recipe.*today's are.*weight_decay"):
        check_recipe(old)
    check_recipe(replace(old, parameters=check_parameters(FEATURIZERS["rlap"], {})))
