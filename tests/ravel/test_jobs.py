"""Entity data to scores on the bundled model: jobs, reuse, interruption, vectors, bad input."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from vectorlab.domain.jobs.jobs import JobState
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.errors import ConflictError, InputError, JobReleased, ShapeError
from vectorlab.lab import Lab
from vectorlab.ravel.domain.entities import EntityData, Split
from vectorlab.ravel.domain.instances import ExamplePart, Instance
from vectorlab.ravel.domain.measures import summary
from vectorlab.ravel.domain.specs import FeaturizerSpec, Location, NamedTensor
from vectorlab.ravel.services import files, frames, instances, runs
from vectorlab.ravel.services.runs import Grid, VectorTrial
from vectorlab.ravel.store import instances as stored_instances
from vectorlab.ravel.store import results
from vectorlab.services import jobs

QUICK = {"steps": 3, "batch": 4}


def few_cities() -> EntityData:
    """Cities of two continents and a few templates, so that a test takes seconds."""
    data = files.built_in("cities")
    chosen = [
        item
        for split, count in ((Split.TRAIN, 5), (Split.VALIDATION, 3), (Split.TEST, 3))
        for continent in ("Europe", "Asia")
        for item in [
            e for e in data.entities if e.split is split and e.values["continent"] == continent
        ][:count]
    ]
    wanted = ("continent", "language")
    entities = tuple(
        replace(item, values={name: item.values[name] for name in wanted}) for item in chosen
    )
    templates = [
        item
        for name in (*wanted, None)
        for split in Split
        for item in [t for t in data.templates_of(name) if t.split is split and not t.entity][:2]
    ]
    return EntityData(attributes=wanted, entities=entities, templates=tuple(templates))


@pytest.fixture
def lab(database_url: str) -> Iterator[Lab]:
    found = Lab(database_url, device="cpu")
    yield found
    found.db.dispose()


def build(lab: Lab, **more) -> Instance:
    lab.ravel.add({"few": few_cities()})
    return lab.ravel.build("few@1", name="few-tiny", n_train=24, n_test=16, **more)


@pytest.mark.slow
def test_from_data_to_scores_on_both_databases(lab: Lab):
    instance = build(lab)
    assert instance.version_label == "few@1"
    assert all((item.share or 0) > 0.8 for item in instance.accuracies)
    assert set(instance.n_examples) == {part.value for part in ExamplePart}

    grid = Grid(methods=("full", "mdas"), layers=(3,), ks=(8,), parameters=QUICK)
    run = lab.ravel.run(instance.name, grid=grid, name="first")
    full, _, trained, _ = runs.evaluations(lab.db, run=run)
    assert (full.label, full.part, full.n_features) == ("full L3", ExamplePart.ENTITY_TEST, 128)
    found = summary(full.scores)
    assert found.cause.value > 0.9  # the whole state carries the city
    assert found.isolate.value < 0.2
    assert (trained.label, trained.k, trained.layer) == ("mdas L3 k8", 8, 3)
    frame = lab.ravel.scores("first")
    assert list(frame["arm"][-2:]) == ["do nothing", "copy everything"]

    featurizers = runs.featurizers_of(lab.db, trained)
    assert [item.spec.attribute for item in featurizers] == ["continent", "language"]
    assert all(len(item.curve) == 3 for item in featurizers)
    with lab.db.read() as tx:
        rows = results.tensors(tx, featurizers[0].id)["rows"].values
    assert np.allclose(rows @ rows.T, np.eye(8), atol=1e-5)

    effects = frames.effects_frame(lab.db, full, instance)
    assert len(effects) == 4
    outcomes = frames.outcomes_frame(lab.db, full, instance)
    moved = outcomes[outcomes["changed"]]
    assert (moved["output"] == moved["source's answer"]).all()

    # The same request is found; a larger one computes what is missing only.
    assert lab.ravel.request_run(instance.name, grid=grid).found == run
    more = replace(grid, methods=("full", "mdas", "pca"), parameters=QUICK | {})
    again = lab.ravel.run(instance.name, grid=more)
    assert runs.evaluations(lab.db, run=again)[:4] == runs.evaluations(lab.db, run=run)


def test_an_equal_instance_is_found_and_built_again_has_the_same_hash(lab: Lab):
    first = build(lab)
    asked = lab.ravel.request_build("few@1", n_train=24, n_test=16)
    assert asked.found == first
    again = lab.ravel.build("few@1", n_train=24, n_test=16, force=True)
    assert again.id != first.id
    assert again.content_sha256 == first.content_sha256


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab that has the instance, for tests in which the kind of database does not matter."""
    from vectorlab.services.database import upgrade

    url = f"sqlite:///{tmp_path_factory.mktemp('ravel') / 'ravel.db'}"
    upgrade(url)
    found = Lab(url, device="cpu")
    build(found)
    yield found
    found.db.dispose()


@pytest.mark.slow
@pytest.mark.parametrize(("method", "dialect"), [("mdas", "sqlite"), ("rlap", "postgresql")])
def test_an_interrupted_training_goes_on_and_ends_the_same(lab: Lab, monkeypatch, method: str):
    """The same request in two stores: once straight through, once with a worker that ends."""
    from vectorlab.ravel.worker import run as ravel_run
    from vectorlab.worker import lease

    build(lab)
    grid = Grid(
        methods=(method,), layers=(2,), ks=(4,), attributes=("language",),
        parameters={"steps": 6, "batch": 4},
    )  # fmt: skip
    monkeypatch.setattr(lease.Lease, "checkpoint_is_due", lambda _self: True)
    real, stops = ravel_run._JobMonitor.progress, [4]

    def progress(self: ravel_run._JobMonitor, done: int, total: int) -> None:
        real(self, done, total)
        if stops and done == stops[0]:
            stops.clear()
            raise JobReleased("The worker ends.")

    monkeypatch.setattr(ravel_run._JobMonitor, "progress", progress)
    asked = lab.ravel.request_run("few-tiny", grid=grid, parts=())
    assert asked.job is not None
    lab.worker.work_one(asked.job.id)
    assert jobs.get(lab.db, asked.job.id).state is JobState.QUEUED
    run = lab.result(asked)
    assert jobs.get(lab.db, asked.job.id).attempt == 2
    [resumed] = runs.featurizers_of_run(lab.db, run)
    assert [point["step"] for point in resumed.curve] == [0, 1, 2, 3, 4, 5]
    assert f"loss {method} language L2 k4" in jobs.curves(lab.db, asked.job.id)
    with lab.db.read() as tx:
        rows = results.tensors(tx, resumed.id)["rows"]
    assert rows.sha256 == straight_rows(lab, resumed.spec).sha256


def straight_rows(lab: Lab, spec: FeaturizerSpec) -> NamedTensor:
    """What the training comes to without a worker, a store or an interruption."""
    from vectorlab.ravel.engine.prompts import PromptBook
    from vectorlab.ravel.engine.training import Unwatched
    from vectorlab.ravel.engine.workbench import Workbench
    from vectorlab.steering.model.loading import load_model

    instance = instances.get(lab.db, "few-tiny")
    data = instances.data_of(lab.db, instance)
    loaded = load_model(lab.models.get("tiny").description, device="cpu")
    book = PromptBook(loaded, data, add_special_tokens=True, new_tokens=8)
    with lab.db.read() as tx:
        completions = stored_instances.completions(tx, instance.id)
    examples = instances.examples_of(lab.db, instance)
    bench = Workbench(book, instance.spec, completions, examples, [spec.layer])
    rows = bench.fit(spec, Unwatched()).featurizer.tensors()["rows"]
    return NamedTensor(name="rows", values=rows.numpy())


def test_a_vector_of_entity_demonstrations_is_scored_on_the_same_axes(ready: Lab):
    made = ready.ravel.demonstrations(
        "few", attribute="continent", before="Europe", after="Asia", set="to-asia"
    )
    texts = ready.sets.to_frame(made.version.label)
    assert made.version.count == 10
    assert texts["source"].str.contains("Paris").any()
    assert not texts["target"].str.contains("Paris").any()
    vector = ready.vectors.extract(set="to-asia", method="mean_difference", name="to-asia")
    trial = VectorTrial(
        reference="to-asia", attribute="continent", before="Europe", after="Asia",
        strengths=(0.0, 1.0),
    )  # fmt: skip
    run = ready.ravel.run("few-tiny", vector=trial, parts=(ExamplePart.ENTITY_VALIDATION,))
    idle, steered = runs.evaluations(ready.db, run=run)
    assert (idle.method, idle.label) == ("vector", f"{vector.name} 0")
    still = summary(idle.scores, "continent")
    assert (still.cause.value, still.isolate.value) == (0, 1)
    assert summary(steered.scores, "continent") != still
    instance = instances.get(ready.db, "few-tiny")
    full = ready.ravel.run(
        "few-tiny",
        grid=Grid(methods=("full",), layers=(2,)),
        parts=(ExamplePart.ENTITY_VALIDATION,),
    )
    [beside] = runs.evaluations(ready.db, run=full)
    same = frames.on_same_examples(ready.db, beside, steered, instance, target="continent")
    assert same.cause.n == summary(steered.scores, "continent").cause.n


@pytest.mark.parametrize("location", [Location.ENTITY_ALL, Location.PROMPT_LAST])
def test_other_locations_can_be_chosen(ready: Lab, location: Location):
    grid = Grid(methods=("full",), layers=(9,), location=location)
    run = ready.ravel.run("few-tiny", grid=grid, parts=(ExamplePart.ENTITY_VALIDATION,))
    [found] = runs.evaluations(ready.db, run=run)
    assert found.location == location
    # The last block feeds the last token alone.
    assert (summary(found.scores).cause.value > 0.2) == (location is Location.PROMPT_LAST)


@pytest.mark.parametrize(
    ("grid", "error", "message"),
    [
        (Grid(methods=("das",), layers=(3,), ks=(129,)), ShapeError, "k is 129, but.* 1 to 128"),
        (Grid(methods=("das",), layers=(3,), ks=(0,)), ShapeError, "k is 0"),
        (Grid(methods=("das",), layers=(3,)), InputError, "needs --k"),
        (Grid(methods=("dbm",), layers=(3,), ks=(4,)), InputError, "leave --k out"),
        (Grid(methods=("full",), layers=(10,)), ShapeError, "Layer 10 does not exist.*0 to 9"),
        (Grid(methods=("full",), layers=(-1,)), ShapeError, "Layer -1 does not exist"),
        (Grid(methods=("magic",), layers=(3,)), InputError, "'magic' is unknown"),
        (Grid(methods=("full",), layers=(3,), attributes=("mood",)), InputError, "'mood'"),
        (
            Grid(methods=("das",), layers=(3,), ks=(4,), parameters={"speed": 1}),
            InputError,
            "no parameter 'speed'",
        ),
        (
            Grid(methods=("das",), layers=(3,), ks=(4,), parameters={"steps": 0}),
            InputError,
            "steps is 0",
        ),
    ],
)
def test_featurizers_that_cannot_be_are_refused_and_nothing_is_asked_for(
    ready: Lab, grid: Grid, error: type[Exception], message: str
):
    before = len(jobs.list_jobs(ready.db))
    with pytest.raises(error, match=message):
        ready.ravel.request_run("few-tiny", grid=grid)
    assert len(jobs.list_jobs(ready.db)) == before


def test_a_vector_towards_an_unknown_or_the_same_value_is_refused(ready: Lab):
    ready.sets.commit("any", [Demonstration(source="Paris is", target="Tokyo is")])
    ready.vectors.extract(set="any", method="mean_difference", name="any")
    trial = VectorTrial(
        reference="any", attribute="continent", before="Europe", after="Atlantis", strengths=(1,)
    )
    with pytest.raises(InputError, match="No entity has continent 'Atlantis'"):
        ready.ravel.request_run("few-tiny", vector=trial)
    with pytest.raises(InputError, match="label and counter-label would be the same"):
        ready.ravel.request_run("few-tiny", vector=replace(trial, after="Europe"))


def test_instances_that_cannot_be_are_refused(ready: Lab):
    with pytest.raises(InputError, match="n_test is 0"):
        ready.ravel.request_build("few", n_test=0)
    with pytest.raises(InputError, match="share from 0 to 1"):
        ready.ravel.request_build("few", min_entity_accuracy=2.0)
    with pytest.raises(ConflictError, match="'few-tiny' is taken"):
        ready.ravel.request_build("few", name="few-tiny", seed=9)
    data = few_cities()
    no_val = [item for item in data.entities if item.split is not Split.VALIDATION]
    ready.ravel.add({"gap": replace(data, entities=tuple(no_val))})
    with pytest.raises(InputError, match="no entities in split val"):
        ready.ravel.request_build("gap")
