"""Small generation jobs of one model share a batch; each commits, fails and replays by itself."""

import threading

import pytest

from vectorlab.domain.jobs.jobs import Job, JobState
from vectorlab.domain.runs.runs import Decoding
from vectorlab.services import jobs
from vectorlab.store.jobs import queue
from vectorlab.worker.handlers import generation
from vectorlab.worker.loop import Worker

SHORT = Decoding(max_new_tokens=6, do_sample=True)


def ask(lab, prompt: str, **more) -> Job:
    asked = lab.runs.request(prompts=[prompt], decoding=SHORT, **more)
    assert asked.job is not None
    return asked.job


def drain(lab) -> dict[int, Job]:
    done: list[Job] = []
    Worker(lab.db, device="cpu").work(stop=threading.Event(), drain=True, on_job=done.append)
    return {job.id: job for job in done}


def test_queued_jobs_share_a_batch_and_every_run_replays(lab):
    asked = [
        ask(lab, "Once upon a time"),
        ask(lab, "The pizza", vectors=["upbeat"], strengths=[0.1, 0.2]),
        ask(lab, "Hi", seed=3, samples=2),
    ]
    other = lab.runs.request(prompts=["Alone"], decoding=Decoding(max_new_tokens=5)).job
    done = drain(lab)
    assert {job.state for job in done.values()} == {JobState.SUCCEEDED}
    views = [lab.runs.get(str(done[job.id].result["run_id"])) for job in asked]
    frames = [view.run.batch_plan.frames[0] for view in views]
    assert [(frame.rows, frame.first) for frame in frames] == [(6, 0), (6, 1), (6, 4)]
    assert lab.runs.get(str(done[other.id].result["run_id"])).run.batch_plan.frames == ()
    for view in views:
        assert view.replay().identical
    said = [line.message for line in jobs.log(lab.db, asked[1].id)]
    assert f"shares a batch with jobs {', '.join(str(job.id) for job in asked)}" in said


def test_a_job_that_cannot_be_stored_does_not_take_the_others_down(lab):
    lab.runs.generate(prompts=["First"], decoding=SHORT, name="taken")
    good, bad = ask(lab, "Once"), ask(lab, "Twice", name="free")
    with lab.db.write() as tx:  # another run took the name while the job waited
        row = dict(queue.get_job(tx, bad.id).spec) | {"name": "taken"}
        table = queue.schema.jobs
        tx.execute(table.update().where(table.c.id == bad.id).values(spec_json=row))
    done = drain(lab)
    assert done[good.id].state is JobState.SUCCEEDED
    assert done[bad.id].state is JobState.FAILED
    assert "taken" in done[bad.id].error


def test_a_cancelled_companion_is_left_out(lab, monkeypatch: pytest.MonkeyPatch):
    kept, dropped = ask(lab, "Once"), ask(lab, "Twice")
    original = generation.generate_together

    def cancel_one(*args, **kwargs):
        jobs.cancel(lab.db, dropped.id, actor="me")
        return original(*args, **kwargs)

    monkeypatch.setattr(generation, "generate_together", cancel_one)
    monkeypatch.setattr("vectorlab.worker.lease.PROGRESS_EVERY_S", 0.0)
    monkeypatch.setattr("vectorlab.steering.generation.decoding.CHECK_EVERY", 2)
    done = drain(lab)
    assert done[dropped.id].state is JobState.CANCELLED
    assert lab.runs.get(str(done[kept.id].result["run_id"])).replay().identical


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_whatever_ends_the_batch_ends_every_job_of_it(lab, monkeypatch, error):
    asked = [ask(lab, "Once"), ask(lab, "Twice")]

    def broken(*args, **kwargs):
        raise error("out of luck")

    monkeypatch.setattr(generation, "generate_together", broken)
    if error is KeyboardInterrupt:
        with pytest.raises(KeyboardInterrupt):
            drain(lab)
        expected = JobState.QUEUED
    else:
        drain(lab)
        expected = JobState.FAILED
    assert [jobs.get(lab.db, job.id).state for job in asked] == [expected] * 2
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lease-")]


def test_replays_and_large_runs_stay_alone(lab):
    view = lab.runs.generate(prompts=["Once"], decoding=SHORT)
    large = lab.runs.request(prompts=[f"Once {n}" for n in range(65)], decoding=SHORT).job
    assert large.batch_key is None
    view.replay()
    replay = jobs.list_jobs(lab.db)[0]
    assert replay.spec["replay_of"] == view.id
    assert replay.batch_key is None
