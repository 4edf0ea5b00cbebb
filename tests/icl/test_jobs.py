"""In-context jobs on both databases: made, found, interrupted, killed, refused."""

from collections.abc import Iterator

import pytest
import safetensors.torch
import torch

from tests.store.jobs.test_queue import lapse
from vectorlab.domain.jobs.jobs import JobState
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.errors import InputError, JobFailed, LeaseLost, NotFoundError
from vectorlab.icl.domain.features import FeatureOptions
from vectorlab.icl.domain.laws import BridgeRequest, ConstructOptions, RegressionLaw
from vectorlab.icl.domain.runs import IclKind, IclRun
from vectorlab.icl.domain.training_spec import TrainingSpec
from vectorlab.icl.engine import comparison, features, reproduction
from vectorlab.icl.engine.learning import Learner
from vectorlab.icl.services import frames, runs
from vectorlab.lab import Lab
from vectorlab.services import jobs
from vectorlab.services.asking import Asked
from vectorlab.worker.lease import Lease
from vectorlab.worker.loop import Worker

SPEC = TrainingSpec.published(
    law=RegressionLaw(dx=2, n=6, scale=1.0), steps=40, batch=32, learning_rate=3e-3, seed=1
)


@pytest.fixture
def lab(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    for name in ("WATCHED_TASKS", "ALIGNMENT_TASKS", "CHANGED_TASKS"):
        monkeypatch.setattr(comparison, name, 50)
    monkeypatch.setattr(comparison, "FOLLOWED_STEPS", 3)
    monkeypatch.setattr(features, "CHOICE_TASKS", 50)
    lab = Lab(database_url, device="cpu")
    yield lab
    lab.db.dispose()


def made(lab: Lab, asked: Asked[IclRun]) -> IclRun:
    assert asked.job is not None
    done = lab.wait(asked.job.id)
    return runs.get(lab.db, str(done.result["icl_run_id"]))


def test_a_construction_is_stored_and_found_again(lab: Lab):
    options = ConstructOptions(steps=3, tasks=20, law=RegressionLaw(dx=3, dy=2, n=4, noise=0.1))
    run = made(lab, runs.request_construction(lab.db, options, actor="me"))
    assert run.result["largest_difference"] < 1e-10
    frame = frames.steps_frame(run)
    assert list(frame.columns) == ["step", "gd", "targets", "layer", "gd++", "layer++"]
    assert frame["gd"].is_monotonic_decreasing
    again = runs.request_construction(lab.db, options, actor="me")
    assert (again.found, again.job) == (run, None)
    assert runs.request_construction(lab.db, options, actor="me", force=True).job is not None
    other = ConstructOptions(steps=2, tasks=20, random_start=True)
    result = made(lab, runs.request_construction(lab.db, other, actor="me")).result
    assert (result["gamma"], result["largest_difference"] < 1e-10) == (None, True)


def test_a_rate_that_diverges_fails_the_job_and_names_the_limit(lab: Lab):
    options = ConstructOptions(steps=20, eta=100.0, tasks=10)
    asked = runs.request_construction(lab.db, options, actor="me")
    with pytest.raises(JobFailed, match=r"eta = 100 diverges over 20 steps.*The limit"):
        lab.wait(asked.job.id)


def interrupted_at(monkeypatch: pytest.MonkeyPatch, step: int, error: type[BaseException]) -> None:
    """Save a checkpoint every ten steps, and end the first attempt at a step."""
    original, left = Lease.progress, [step]

    def progress(self: Lease, done: int, total: int | None, note: str) -> None:
        original(self, done, total, note)
        if left and note == "steps" and done == left[0]:
            left.clear()
            raise error

    due = iter(range(1, 10_000))
    monkeypatch.setattr(Lease, "progress", progress)
    monkeypatch.setattr(Lease, "checkpoint_is_due", lambda _self: next(due) % 10 == 0)


@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
def test_a_training_that_ends_early_goes_on_and_ends_as_one_that_did_not(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, killed: bool
):
    whole = made(lab, runs.request_training(lab.db, SPEC, actor="me"))
    interrupted_at(monkeypatch, 25, LeaseLost if killed else KeyboardInterrupt)
    asked = runs.request_training(lab.db, SPEC, actor="me", force=True)
    worker = Worker(lab.db, device="cpu")
    if killed:
        worker.work_one(asked.job.id)
        with lab.db.write() as tx:
            lapse(tx, asked.job.id)
    else:
        with pytest.raises(KeyboardInterrupt):
            worker.work_one(asked.job.id)
    done = worker.work_one(asked.job.id)
    assert (done.state, done.attempt) == (JobState.SUCCEEDED, 2)
    assert any("goes on from step 20" in line.message for line in jobs.log(lab.db, done.id))
    resumed = runs.get(lab.db, str(done.result["icl_run_id"]))
    assert resumed.result == whole.result
    assert runs.curves(lab.db, resumed) == runs.curves(lab.db, whole)
    assert runs.weights(lab.db, resumed.id) == runs.weights(lab.db, whole.id)


def test_features_that_end_early_go_on_and_end_as_those_that_did_not(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
):
    options = FeatureOptions(training_steps=30, batch=8, tasks=20)
    whole = made(lab, runs.request_features(lab.db, options, actor="me"))
    assert runs.request_features(lab.db, options, actor="me").found == whole
    interrupted_at(monkeypatch, 25, KeyboardInterrupt)
    asked = runs.request_features(lab.db, options, actor="me", force=True)
    worker = Worker(lab.db, device="cpu")
    with pytest.raises(KeyboardInterrupt):
        worker.work_one(asked.job.id)
    done = worker.work_one(asked.job.id)
    assert any("goes on from step 20" in line.message for line in jobs.log(lab.db, done.id))
    resumed = runs.get(lab.db, str(done.result["icl_run_id"]))
    assert resumed.result == whole.result
    assert runs.curves(lab.db, resumed) == runs.curves(lab.db, whole)
    assert runs.weights(lab.db, resumed.id) == runs.weights(lab.db, whole.id)
    names = safetensors.torch.load(runs.weights(lab.db, whole.id))
    assert {name.partition(".")[0] for name in names} == {"mlp", "mlp_gd"}
    assert list(frames.predictions_frame(whole))[2:] == list(frames.maps_frame(whole)["m(x)"])


def test_features_that_train_nothing_have_no_weights_and_no_curves(lab: Lab):
    options = FeatureOptions(training_steps=0, tasks=20)
    run = made(lab, runs.request_features(lab.db, options, actor="me"))
    assert (runs.weights(lab.db, run.id), runs.curves(lab.db, run)) == (None, {})
    assert len(frames.maps_frame(run)) == 4


def test_a_training_keeps_its_curves_weights_and_comparison(lab: Lab):
    run = made(lab, runs.request_training(lab.db, SPEC, actor="me"))
    curves = runs.curves(lab.db, run)
    assert {"loss", "gradient descent", "cosine of sensitivities"} <= set(curves)
    assert [step for step, _ in curves["loss"]] == list(range(41))
    assert {"gd", "interpolated", "followed", "out_of_distribution"} <= set(run.result)
    tensors = safetensors.torch.load(runs.weights(lab.db, run.id))
    learner = Learner(SPEC)
    while learner.done < SPEC.steps:
        learner.step()
    assert torch.equal(tensors["key"], learner.model.state_dict()["key"])
    assert run.environment["threads"] == torch.get_num_threads()


def test_a_reproduction_goes_on_behind_its_finished_parts(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
):
    scope = reproduction.Scope(tasks=200, searched=False, trainings=(), alignment_tasks=1)
    monkeypatch.setattr(reproduction, "SHORT", scope)
    original, calls = reproduction._table, []

    def table(row, *args):
        calls.append(row.label)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(row, *args)

    monkeypatch.setattr(reproduction, "_table", table)
    asked = runs.request_reproduction(lab.db, "short", actor="me")
    with pytest.raises(KeyboardInterrupt):
        lab.wait(asked.job.id)
    run = made(lab, asked)
    assert calls == ["U(-0.5, 0.5)", "U(-1, 1)", "U(-1, 1)"]
    checks = runs.checks(lab.db, run.id)
    assert (run.result["of"], len(checks)) == (9, 9)
    frame = runs.checks_frame(checks)
    assert set(frame["verdict"]) <= {"ok", "differs"}


def test_a_bridge_is_stored_by_layer_and_head(lab: Lab):
    pairs = [
        Demonstration(source=f"The {thing} was fine.", target=f"Wow the {thing} was amazing!")
        for thing in ("soup", "room", "park", "film")
    ]
    lab.sets.commit("upbeat", pairs, message="first")
    model = lab.models.get("tiny")
    options = BridgeRequest(set_reference="upbeat@1", shots=2, queries=2)
    run = made(lab, runs.request_bridge(lab.db, options, model=model, actor="me"))
    assert (run.kind, run.model_name, run.set_label) == (IclKind.BRIDGE, "tiny", "upbeat@1")
    layers, heads = runs.layers_frame(lab.db, run.id), runs.heads_frame(lab.db, run.id)
    n_layers = model.description.n_layers
    assert layers.groupby("condition").size().to_dict() == dict.fromkeys(
        ("demonstrations", "shuffled", "random"), n_layers
    )
    assert sorted(heads["layer"].unique()) == list(range(n_layers))
    assert len(run.result["rest"]) == n_layers
    again = BridgeRequest(set_reference="upbeat@latest", shots=2, queries=2)
    assert runs.request_bridge(lab.db, again, model=model, actor="me").found == run
    shift = lab.vectors.extract(
        set="upbeat@1", model="tiny", method="context_shift", parameters={"shots": 2}, name="shift"
    )
    assert (shift.method, shift.n_layers) == ("context_shift", n_layers)
    run_view = lab.runs.generate(vectors=["shift"], strengths=[0.5], prompts=["Hello"])
    assert len(run_view.to_frame()) == 2


def test_a_notebook_has_the_same_verbs(lab: Lab):
    run = lab.icl.construct(steps=2, tasks=5)
    assert lab.icl.construct(steps=2, tasks=5) == run
    trained = lab.icl.train(SPEC)
    assert {"loss", "gradient descent"} <= set(lab.icl.curves(trained))
    built = lab.icl.construct(steps=2, tasks=5, separate_tokens=True)
    assert "separate" in lab.icl.steps(built)
    assert len(lab.icl.copying(built)) > len(lab.icl.copying(run)) == 0
    compared = lab.icl.features(training_steps=0, tasks=5)
    assert set(lab.icl.predictions(compared)) == {"x", "target", *lab.icl.maps(compared)["m(x)"]}
    assert [item.id for item in lab.icl.list(kind=IclKind.TRAIN)] == [trained.id]
    assert len(lab.icl.list()) == 4


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda: ConstructOptions(steps=0), InputError, "steps = 0"),
        (lambda: ConstructOptions(tasks=10**9), InputError, "tasks = 1000000000"),
        (lambda: ConstructOptions(eta=-1.0), InputError, "eta = -1.0"),
        (lambda: ConstructOptions(gamma=-1.0), InputError, "gamma = -1.0"),
        (lambda: BridgeRequest(set_reference="a", shots=0), InputError, "shots = 0"),
        (lambda: BridgeRequest(set_reference="a", layout="odd"), InputError, "Layout 'odd'"),
    ],
)
def test_requests_that_make_no_sense_are_refused(ask, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        ask()


def test_what_is_not_there_is_named(lab: Lab):
    with pytest.raises(InputError, match=r"Scope .odd. is not known\. Use full or short"):
        runs.request_reproduction(lab.db, "odd", actor="me")
    with pytest.raises(NotFoundError, match="icl list"):
        runs.get(lab.db, "7")
    lab.sets.commit("one", [Demonstration(source="a", target="b")], message="first")
    model = lab.models.get("tiny")
    with pytest.raises(InputError, match="one@1"):
        runs.request_bridge(lab.db, BridgeRequest(set_reference="one"), model=model, actor="me")
