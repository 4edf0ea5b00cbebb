"""Jobs in words: what each asks for, what it waits behind, and what waits behind it."""

import pytest

from tests.store.jobs.test_queue import claim
from tests.ui.filled_store import alive_worker, fill, run_spec
from vectorlab.domain.jobs.jobs import (
    PRIORITY_BATCH,
    PRIORITY_INTERACTIVE,
    JobRequest,
    NewJob,
)
from vectorlab.domain.jobs.kinds import kinds
from vectorlab.domain.jobs.requests import (
    ExplainRequest,
    GenerateRequest,
    NearestRequest,
    ReadRequest,
    RegisterRequest,
)
from vectorlab.services import jobs, models, waiting
from vectorlab.services.vectors import vectors
from vectorlab.store.jobs import queue

PROMPTS = [f"Prompt {number}." for number in range(60)]


@pytest.fixture
def db(database):
    fill(database)
    with database.write() as tx:
        queue.cancel(tx, 2)
    return database


def put(db, request=None, *, priority=PRIORITY_BATCH, **how):
    new = (
        NewJob.of(request, created_by="ada", priority=priority)
        if request
        else NewJob(
            kind="generate", spec={}, dedupe_key=None, created_by="ada", priority=priority, **how
        )
    )
    with db.write() as tx:
        return queue.enqueue(tx, new)[0].id


def wait(db, job_id):
    return waiting.wait_of(db, jobs.get(db, job_id))


def sweep(db, prompts=PROMPTS, **changed):
    spec = run_spec(models.get(db, "tiny"), vectors.get(db, "upbeat-icv"), prompts)
    given = {"model_id": 1, "name": None, "prompt_set_version_id": None, **changed}
    return GenerateRequest(spec=spec, **given)


def test_every_kind_of_job_says_what_it_asks_for():
    silent = [kind for kind, request in kinds().items() if request.in_words is JobRequest.in_words]
    assert silent == []


def test_requests_are_said_with_the_names_of_their_vectors(db):
    one = {"vector_id": 1, "model_id": 1}
    said = {
        put(db, sweep(db)): "sweep of upbeat-icv on 60 prompts, 180 texts",
        put(db, sweep(db, replay_of=1)): "replay of run 1, 180 texts",
        put(db, ExplainRequest(**one)): "upbeat-icv without each of its demonstrations",
        put(db, NearestRequest(**one, count=5)): "vocabulary nearest to upbeat-icv",
        put(db, NearestRequest(vector_id=99, model_id=1, count=5)): (
            "vocabulary nearest to vector 99, which is gone"
        ),
        put(db, ReadRequest(run_id=3, prompt=0, model_id=1)): "tokens of run 3, prompt 1",
        put(db, RegisterRequest(source="bundled:tiny", name="small")): (
            "model bundled:tiny as small"
        ),
        put(db): "generate",  # what cannot be read is called by its kind
    }
    listed = jobs.list_jobs(db)
    words = waiting.requests_in_words(db, listed)
    assert {number: words[number] for number in said} == said


def test_a_waiting_job_says_behind_what_and_until_when(db):
    first, second, third = put(db, sweep(db)), put(db), put(db)
    urgent = put(db, priority=PRIORITY_INTERACTIVE)
    assert wait(db, second) == "waits for a worker; none is alive"
    alive_worker(db)
    assert wait(db, urgent) == "a worker takes it in a moment"
    with db.write() as tx:
        claim(tx, "host-1-abc", job_id=first)
    behind = f"behind job {first} (sweep of upbeat-icv on 60 prompts, 180 texts)"
    assert wait(db, second) == f"{behind}, whose end is not known yet; 1 job is before it"
    with db.write() as tx:
        queue.report_progress(tx, first, 1, 100, 1000, "tokens", rate=10.0)
    assert wait(db, third).startswith(f"{behind}, until about ")
    assert wait(db, third).endswith(" UTC, in 1:30; 2 jobs are before it")
    assert wait(db, urgent) == f"{behind}, which makes room at the end of its batch"
    assert wait(db, first) == "3 jobs wait behind it"
    with db.write() as tx:
        queue.register_worker(
            tx, worker_id="host-2-abc", host="host", pid=2, device="cpu", torch_version="2"
        )
    assert wait(db, urgent) == "a worker takes it in a moment"


def test_jobs_of_other_queues_stand_in_no_ones_way(db):
    alive_worker(db)
    running = put(db, queue="gpu")
    with db.write() as tx:
        claim(tx, "host-9-abc", job_id=running, queue="gpu")
    assert wait(db, put(db)) == "a worker takes it in a moment"
    assert wait(db, running) == ""


def test_a_job_whose_worker_is_gone_is_in_nobodys_way_and_says_so(db):
    left, other = put(db), put(db)
    alive_worker(db)
    with db.write() as tx:
        claim(tx, "host-1-abc", job_id=left)
    assert wait(db, other).startswith(f"behind job {left}")
    assert jobs.let_go(db, host="host", pid=1) == [left]
    job = jobs.get(db, left)
    assert job.lapsed
    assert "is gone or hangs" in jobs.standing(job)
    assert jobs.any_due(db)
    assert not jobs.any_worker_alive(db)
    assert jobs.let_go(db, host="host", pid=1) == []
    with db.write() as tx:
        taken = claim(tx, "host-2-abc", job_id=left)
    assert (taken.id, taken.attempt) == (left, 2)


def test_only_the_process_that_ended_is_let_go(db):
    job_id = put(db)
    alive_worker(db)
    with db.write() as tx:
        claim(tx, "host-1-abc", job_id=job_id)
    assert jobs.let_go(db, host="host", pid=2) == []
    assert jobs.let_go(db, host="elsewhere", pid=1) == []
    assert not jobs.get(db, job_id).lapsed
    assert jobs.any_worker_alive(db)
