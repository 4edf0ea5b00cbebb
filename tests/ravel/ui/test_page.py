"""The page Attributes over an empty and over a filled store."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from tests import specs
from tests.ravel.unerased import add_unerased
from tests.store.builders import add_model, add_ravel, add_vector
from vectorlab.domain.codec import fields_of
from vectorlab.domain.vectors.vectors import SteeringVector
from vectorlab.ravel.domain.instances import ExamplePart
from vectorlab.ravel.domain.specs import AttributeArm, FeaturizerArm, FeaturizerSpec, NewEvaluation
from vectorlab.ravel.services import frames
from vectorlab.ravel.store import results
from vectorlab.services import jobs
from vectorlab.services.database import Database

Visit = Callable[..., AppTest]


@pytest.fixture
def measured(db: Database) -> Database:
    with db.write() as tx:
        add_ravel(tx, add_model(tx))
    return db


def test_an_empty_store_says_how_to_begin(visit: Visit):
    app = visit("attributes")
    assert not app.exception
    assert any("vectorlab ravel import cities" in item.value for item in app.code)


def test_scores_effects_and_examples_of_an_instance_are_shown(measured: Database, visit: Visit):
    app = visit("attributes", instance="things", part="entity_test")
    assert not app.exception
    scores = next(item for item in app.dataframe if "cause" in item.value.columns).value
    assert list(scores["arm"]) == ["mdas L1 k2", "do nothing", "copy everything"]
    assert list(scores["cause"]) == [1.0, 0.0, 1.0]
    outcomes = next(item for item in app.dataframe if "output" in item.value.columns).value
    assert list(outcomes["output"]) == ["c1", "s"]
    headings = [item.value for item in app.subheader]
    assert "Cause and Isolate" in headings
    assert "What moved when each target was moved" in headings


def test_what_a_row_comes_to_stands_beside_its_name(measured: Database, visit: Visit):
    [scores] = [table for table in visit("attributes").dataframe if "cause low" in table.value]
    order = list(scores.proto.column_order)
    assert order[:4] == ["arm", "disentangle", "cause", "isolate"]
    assert set(order) == set(scores.value)


def test_a_target_can_be_chosen_in_the_address(measured: Database, visit: Visit):
    app = visit("attributes", instance="things", part="entity_test", target="colour")
    assert not app.exception
    assert app.selectbox(key="target").value == "colour"
    scores = next(item for item in app.dataframe if "cause" in item.value.columns).value
    assert "mdas L1 k2" in list(scores["arm"])


def test_an_evaluation_in_the_address_that_is_not_there_is_said(measured: Database, visit: Visit):
    app = visit("attributes", instance="things", part="entity_test", evaluation="gone")
    assert any(
        "There is no evaluation called gone here" in item.proto.body for item in app.get("html")
    )


def test_features_that_did_not_do_their_work_are_said(db: Database, visit: Visit):
    with db.write() as tx:
        add_unerased(tx, add_ravel(tx, add_model(tx)))
    app = visit("attributes", instance="things", part="entity_test")
    assert not app.exception
    bodies = [item.proto.body for item in app.get("html")]
    assert any("rlap L1 k2" in body and "not erased" in body for body in bodies)
    measured = next(item for item in app.dataframe if "after removal" in item.value.columns).value
    assert list(measured["after removal"]) == [0.9]


def test_verdicts_are_made_where_somebody_asks(db: Database, visit: Visit):
    with db.write() as tx:
        add_unerased(tx, add_ravel(tx, add_model(tx)))
    chosen = {"instance": "things", "part": "entity_test"}
    app = visit("attributes", **chosen)
    assert not any("verdict" in item.value.columns for item in app.dataframe)
    app = visit("attributes", **chosen, verdicts="true", against="mdas L1 k2")
    assert not app.exception
    shown = next(item for item in app.dataframe if "verdict" in item.value.columns).value
    assert "rlap L1 k2" in list(shown["arm"])
    assert set(shown["verdict"]) == {"not told apart"}


def test_a_part_without_scores_says_so(measured: Database, visit: Visit):
    app = visit("attributes", instance="things", part="context_test")
    assert not app.exception
    assert any("vectorlab ravel score things" in item.value for item in app.code)


def test_a_run_is_asked_for_and_followed(measured: Database, visit: Visit):
    app = visit("attributes", instance="things", part="entity_test")
    app.text_input(key="ask.k").set_value("2 4")
    app.button(key="ask").click().run()
    assert not app.exception
    [job] = jobs.list_jobs(measured)
    assert [arm["label"] for arm in job.spec["spec"]["arms"]] == ["mdas L1 k2", "mdas L1 k4"]


def test_what_cannot_be_asked_for_is_said_and_nothing_is_asked(measured: Database, visit: Visit):
    app = visit("attributes", instance="things", part="entity_test")
    app.text_input(key="ask.k").set_value("many")
    app.button(key="ask").click().run()
    assert not app.exception
    assert not jobs.list_jobs(measured)
    assert any("are not understood" in item.proto.body for item in app.get("html"))


def changed_arms(arm: FeaturizerArm, vector: SteeringVector) -> Iterator[AttributeArm]:
    """The arm, an arm of a vector, and each with one field changed after the other."""
    ids = {"vector_id": vector.id, "vector_sha256": vector.content_sha256}
    steered = replace(specs.FULL_VECTOR_ARM, **ids)
    for whole in (replace(specs.FULL_FEATURIZER, attribute="colour"), steered):
        for place, (name, changed) in enumerate(
            [("", whole), *changes(whole, without=("label", *ids))]
        ):
            label = f"{type(whole).__name__} {place} {name}"
            if isinstance(changed, FeaturizerSpec):
                yield replace(arm, label=label, featurizers=(changed,))
            else:
                yield replace(changed, label=label)


def changes(whole: Any, *, without: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for field in fields_of(type(whole)):
        if field.name not in without:
            kind = (type(whole), field.name)
            changed = specs.another(getattr(whole, field.name), of=kind)
            yield field.name, replace(whole, **{field.name: changed})


def test_an_evaluation_says_every_field_of_what_was_asked_for(db: Database, visit: Visit):
    with db.write() as tx:
        model = add_model(tx)
        made = add_ravel(tx, model)
        arm = made["evaluation"].arm
        arms = list(changed_arms(arm, add_vector(tx, model)))
        ids = [
            results.add_evaluation(
                tx,
                NewEvaluation(
                    arm=item,
                    part=ExamplePart.ENTITY_TEST,
                    instance_id=made["instance"].id,
                    featurizer_ids=[made["featurizer"].id],
                    outcomes=made["outcomes"],
                    scores=made["evaluation"].scores,
                    environment={},
                ),
                "tester",
            ).id
            for item in arms
        ]
    said = {}
    for item, number in zip(arms, ids, strict=True):
        app = visit(
            "attributes",
            instance="things",
            part="entity_test",
            evaluation=f"{item.label} (evaluation {number})",
        )
        assert not app.exception
        bodies = [html.proto.body for html in app.get("html")]
        *_, facts = [body for body in bodies if body.startswith('<dl class="vl-facts">')]
        said[item.label] = facts
    assert len(arms) > 15
    assert len(set(said.values())) == len(arms), said


@pytest.mark.parametrize(
    ("low", "high", "place"),
    [(0.4, 0.7, "holds"), (0.55, 0.7, "lies above"), (0.3, 0.45, "lies below")],
)
def test_the_highest_disentangle_is_said_with_its_interval_beside_doing_nothing(low, high, place):
    scores = pd.DataFrame(
        {
            "arm": ["pca", "mdas", "do nothing"],
            "method": ["pca", "mdas", "policy"],
            "disentangle": [0.4, 0.52, 0.5],
            "disentangle low": [0.2, low, None],
            "disentangle high": [0.45, high, None],
        }
    )
    said = frames.best_in_words(scores)
    assert said.startswith("Highest Disentangle: mdas with 0.520; its interval")
    assert f"{low:.3f} to {high:.3f}, {place} the 0.5 of doing nothing." in said
    unknown = frames.best_in_words(scores.assign(**{"disentangle low": None}))
    assert unknown == "Highest Disentangle: mdas with 0.520, where doing nothing has 0.5."
