"""Data and instances on the page Attributes: brought in, built, made pairs of, purged."""

import json

import pytest

from tests.store.builders import add_model, add_ravel
from tests.ui.sets.test_drafts import field
from tests.ui.test_pages import press, shown
from vectorlab.ravel.services import entities, instances, runs
from vectorlab.services import jobs
from vectorlab.services.sets import sets

ENTITIES = (
    b"entity,split,colour,shape\nsky,train,blue,flat\ngrass,train,green,long\n"
    b"sea,test,blue,flat\nleaf,test,green,long\n"
)
TEMPLATES = (
    b"attribute,template,split\ncolour,%s is,train\ncolour,It is %s:,test\n"
    b"shape,%s has,train\nshape,Form of %s:,test\n"
)


@pytest.fixture
def measured(db):
    with db.write() as tx:
        add_ravel(tx, add_model(tx))
    return db


def labels(db):
    return [version.label for version in entities.list_versions(db)]


def uploader(app, label):
    return next(item for item in app.file_uploader if item.label.startswith(label))


def bad_panels(app):
    bodies = [item.proto.body for item in app.get("html")]
    return "".join(body for body in bodies if 'class="vl-panel vl-panel-bad"' in body)


def test_the_built_in_cities_are_imported_and_can_be_built_of(db, visit):
    with db.write() as tx:
        add_model(tx)
    app = visit("attributes")
    assert "Build" not in [item.label for item in app.button]
    app = press(app, "Import the built-in cities")
    assert labels(db) == ["cities@1"]
    field(app, "Name of the instance").set_value("mine")
    field(app, "Test pairs", "number_input").set_value(7)
    app = press(app, "Build")
    [job] = jobs.list_jobs(db)
    assert (job.kind, job.spec["name"], job.spec["spec"]["n_test"]) == ("ravel_build", "mine", 7)
    assert app.query_params["job"] == str(job.id)
    assert f"<b>Job {job.id}</b>" in shown(app)


def test_an_instance_of_a_taken_name_is_refused_in_its_form(measured, visit):
    app = visit("attributes", instance="things")
    field(app, "Name of the instance").set_value("things")
    field(app, "Test pairs", "number_input").set_value(7)  # another one
    app = press(app, "Build")
    assert "Choose another with “Name of the instance”" in bad_panels(app)
    assert jobs.list_jobs(measured) == []


def test_a_file_of_entities_asks_for_its_templates(db, visit):
    app = visit("attributes")
    uploader(app, "Or files").set_value(("things.csv", ENTITIES, "text/csv"))
    app = app.run()
    said = bad_panels(app)
    assert "things.csv names entities alone. Give their templates as well: “Its templates”" in said
    uploader(app, "Its templates").set_value(("asks.csv", TEMPLATES, "text/csv"))
    app = app.run()
    assert not bad_panels(app)
    field(app, "Name of the entity type").set_value("t t")
    app = press(app, "Import things")
    assert "cannot be used" in bad_panels(app)
    assert labels(db) == []
    field(app, "Name of the entity type").set_value("coloured")
    press(app, "Import things")
    assert labels(db) == ["coloured@1"]


def test_what_is_no_entity_data_is_said_without_a_folder(db, visit):
    app = visit("attributes")
    uploader(app, "Or files").set_value(("things.json", json.dumps([]).encode(), "text/json"))
    said = bad_panels(app.run())
    assert "things.json cannot be imported" in said
    assert "/things" not in said


def opened(app, key):
    app.session_state[key] = True
    return app.run()


def test_demonstrations_are_made_of_two_values(db, visit):
    entities.add_all(db, entities.read("cities"), name=None, actor="ada")
    app = opened(visit("attributes"), "ravel.pairs")
    field(app, "Attribute", "selectbox").set_value("continent")
    app = app.run()
    field(app, "From", "selectbox").set_value("Europe")
    field(app, "To", "selectbox").set_value("Asia")
    app = press(app, "Make the demonstrations")
    assert "cannot be used" in bad_panels(app)
    field(app, "Name of the set").set_value("to-asia")
    press(app, "Make the demonstrations")
    version = sets.get(db, "to-asia@1")
    assert version.message == "continent of cities@1: Europe -> Asia"


def test_an_instance_is_purged_with_what_needs_it(measured, visit):
    app = opened(visit("attributes", instance="things"), "ravel.purge")
    field(app, "What", "selectbox").set_value("instance")
    app = opened(app.run(), "verbs.purge.instance.things")
    assert "is needed by" in shown(app)
    app = app.button(key="verbs.purge.instance.things.yes").click().run()
    assert instances.list_instances(measured) == []
    assert runs.list_runs(measured) == []
    assert len(labels(measured)) == 1


def test_data_runs_and_featurizers_can_be_chosen(measured, visit):
    app = opened(visit("attributes", instance="things"), "ravel.purge")
    for kind, key in (
        ("entity data", labels(measured)[0]),
        ("run", "1"),
        ("featurizer", "featurizer:1"),
    ):
        field(app, "What", "selectbox").set_value(kind)
        app = opened(app.run(), f"verbs.purge.{kind}.{key}")
        assert f"The {kind} {key} " in shown(app)
