"""The page on in-context learning: sliders, stored runs, asking for more."""

import pytest
from typer.testing import CliRunner

from tests import specs
from tests.icl.store.builders import add_icl_run
from tests.store.builders import add_job, add_model, add_version
from tests.ui.everything import ICL_RESULTS
from vectorlab.cli.main import app as command_line
from vectorlab.domain.description import describe
from vectorlab.domain.jobs.jobs import CurvePoint
from vectorlab.icl.domain.runs import REQUESTS, IclKind
from vectorlab.icl.services import runs
from vectorlab.services import jobs as services
from vectorlab.store.jobs import queue

PAGE = "in_context_learning"


@pytest.fixture
def with_runs(db):
    """One run of each kind that the page shows."""
    with db.write() as tx:
        model, version = add_model(tx), add_version(tx)
        job = add_job(tx, kind="icl_train")
        points = [
            CurvePoint(series=series, step=step, value=0.5)
            for series in ("loss", "gradient descent", "cosine of sensitivities")
            for step in (0, 1)
        ]
        queue.add_points(tx, job.id, points)
        add_icl_run(
            tx,
            model,
            version,
            kind=IclKind.TRAIN,
            result=ICL_RESULTS[IclKind.TRAIN],
            job_id=job.id,
        )
        add_icl_run(
            tx,
            model,
            version,
            kind=IclKind.REPRODUCE,
            result={"ok": 1, "of": 1},
        )
        for kind in (IclKind.CONSTRUCT, IclKind.FEATURES):
            add_icl_run(tx, model, version, kind=kind, result=ICL_RESULTS[kind])
        add_icl_run(tx, model, version)
    return db


def slider(app, key: str):
    return next(item for item in app.slider if item.key == key)


def test_the_limit_is_named_as_soon_as_eta_passes_it(db, visit):
    app = visit(PAGE)
    assert not app.exception
    assert "diverges" not in text_of(app)
    slider(app, "eta").set_value(20.0).run()
    assert not app.exception
    assert "passes the limit 2 / lambda_max" in text_of(app)


def test_every_slider_moves_without_an_error(db, visit):
    app = visit(PAGE)
    for key, value in (
        ("n", 1),
        ("noise", 0.5),
        ("depth", 1),
        ("dx", 1),
        ("gamma", 1.0),
        ("eta", 0.0),
    ):
        slider(app, key).set_value(value).run()
        assert not app.exception, key


@pytest.mark.parametrize(
    ("view", "said"),
    [
        ("Constructions", "Separate tokens"),
        ("Constructions", "Loss in closed form: least squares 0.25, ridge 0.125."),
        ("Features", "One task, map by map"),
        ("Trained models", "Away from the law of training"),
        ("Trained models", "The layer applied again and again"),
        ("Bridge to language models", "The update by head"),
        ("Reference points", "1 of 1 are ok."),
    ],
)
def test_stored_runs_are_shown(with_runs, visit, view: str, said: str):
    app = visit(PAGE, view=view)
    assert not app.exception
    assert said in text_of(app)


def test_a_run_in_the_address_that_is_not_there_is_said(with_runs, visit):
    assert "There is no run called gone here" in text_of(
        visit(PAGE, view="Trained models", train="gone")
    )


def test_a_training_is_asked_for_and_followed(db, visit):
    app = visit(PAGE, view="Trained models")
    next(item for item in app.button if item.label == "Train").click().run()
    assert not app.exception
    [job] = services.list_jobs(db)
    assert (job.kind, job.spec["spec"]["batch"]) == ("icl_train", 512)


@pytest.mark.parametrize(
    ("view", "button", "kind", "asked"),
    [
        ("Constructions", "Construct", "icl_construct", ("damping", 0.75)),
        ("Features", "Compare", "icl_features", ("training_steps", 1500)),
    ],
)
def test_what_is_constructed_is_asked_for(db, visit, view, button, kind, asked):
    app = visit(PAGE, view=view)
    next(item for item in app.button if item.label == button).click().run()
    assert not app.exception
    [job] = services.list_jobs(db)
    name, value = asked
    assert (job.kind, job.spec["spec"][name]) == (kind, value)


def test_a_construction_of_an_older_version_is_shown_without_what_it_lacks(db, visit):
    with db.write() as tx:
        result = {
            "steps": [{"step": 0, "gd": 1.0, "layer": 1.0}],
            "eta": 1.0,
            "limit": 2.0,
            "largest_difference": 0.0,
        }
        kind = IclKind.CONSTRUCT
        add_icl_run(tx, add_model(tx), add_version(tx), kind=kind, result=result)
    app = visit(PAGE, view="Constructions")
    assert not app.exception
    assert "joined in one token from the start" in text_of(app)


@pytest.mark.parametrize(
    ("kind", "view"),
    [
        (IclKind.CONSTRUCT, "Constructions"),
        (IclKind.FEATURES, "Features"),
        (IclKind.TRAIN, "Trained models"),
        (IclKind.BRIDGE, "Bridge to language models"),
        (IclKind.REPRODUCE, "Reference points"),
    ],
)
def test_a_run_says_every_field_of_what_was_asked_for(db, visit, kind: IclKind, view: str):
    asked = [specs.NEWEST[REQUESTS[kind]], *(item for _, item in specs.changes(REQUESTS[kind]))]
    with db.write() as tx:
        model, version = add_model(tx), add_version(tx)
        for item in asked:
            add_icl_run(
                tx, model, version, kind=kind, spec=item.to_json(), result=ICL_RESULTS[kind]
            )
    said = set()
    for run in runs.list_runs(db, kind=kind):
        label = f"{run.id}: {runs.asked_in_words(run)} {run.set_label or ''}".strip()
        app = visit(PAGE, view=view, **{str(kind): label})
        assert not app.exception
        bodies = {item.proto.body for item in app.get("html")}
        said |= {body for body in bodies if body.startswith('<dl class="vl-facts">')}
    assert len(said) == len(asked)


@pytest.mark.parametrize("kind", list(IclKind))
def test_the_command_says_what_was_asked_for(db, kind: IclKind):
    asked = specs.NEWEST[REQUESTS[kind]]
    with db.write() as tx:
        result = {
            **ICL_RESULTS.get(kind, {}),
            "steps": [{"step": 0, "gd": 1.0}],
            "eta": 1.0,
            "limit": 2.0,
        }
        run = add_icl_run(
            tx,
            add_model(tx),
            add_version(tx),
            kind=kind,
            spec=asked.to_json(),
            result=result | {"largest_difference": 0.0},
        )
    done = CliRunner().invoke(
        command_line, ["--db", db.url, "icl", "show", str(run)], env={"COLUMNS": "200"}
    )
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    for fact in describe(asked):
        assert fact.is_quiet or f"{fact.name} {fact.value}" in said, fact


def text_of(app) -> str:
    found = [item.value for item in (*app.subheader, *app.caption)]
    return "\n".join([*found, *(item.proto.body for item in app.get("html"))])


def test_reference_points_are_asked_for(db, visit):
    app = visit(PAGE, view="Reference points")
    app.selectbox(key="ask.scope").set_value("short")
    next(item for item in app.button if item.label == "Measure them").click().run()
    [job] = services.list_jobs(db)
    assert (job.kind, job.spec["spec"]["scope"]) == ("icl_reproduce", "short")


def test_a_run_is_purged_on_its_page(with_runs, visit):
    def kinds(db):
        return [run.kind for run in runs.list_runs(db)]

    before = kinds(with_runs)
    app = visit(PAGE, view="Trained models")
    run = next(run for run in runs.list_runs(with_runs) if run.kind is IclKind.TRAIN)
    key = f"verbs.purge.in-context run.{run.id}"
    app.session_state[key] = True  # opened
    app = app.run()
    app = app.button(key=f"{key}.yes").click().run()
    assert not app.exception
    before.remove(IclKind.TRAIN)
    assert kinds(with_runs) == before
    assert app.query_params["view"] == "Trained models"
