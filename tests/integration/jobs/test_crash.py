"""Between a result and its commit a process may die at any moment."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench._storm import Chaos, enqueue, make_run, make_vector
from tests.integration.jobs.crashing import die_at_every_statement
from tests.store.jobs.test_queue import lapse
from vectorlab.domain.jobs.jobs import JobState
from vectorlab.lab import Lab
from vectorlab.services import database as services
from vectorlab.services import jobs
from vectorlab.store.runs import runs
from vectorlab.store.vectors import vectors
from vectorlab.worker.handlers import HANDLERS
from vectorlab.worker.loop import Worker

MOST = 40  # statements, at most


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["extract", "generate"], ids=str)
def test_a_process_that_dies_at_any_statement_leaves_both_or_neither(
    database_url: str, kind: str, monkeypatch: pytest.MonkeyPatch
):
    with closing_lab(database_url) as lab:
        check(lab, database_url, kind, monkeypatch)


def check(lab: Lab, database_url: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    enqueue(lab, Chaos(jobs=2 * MOST, stalled_share=0, real_share=0, step_s=1e-4))
    asked = sorted(job.id for job in jobs.list_jobs(lab.db, limit=None) if job.kind == kind)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.integration.jobs.crashing"])
    process = context.Process(target=die_at_every_statement, args=(database_url, asked))
    process.start()
    process.join(120)
    statements = process.exitcode
    assert statements is not None
    assert 8 < statements < MOST
    for place, job_id in enumerate(asked[: statements + 1]):
        job = jobs.get(lab.db, job_id)
        committed = place >= statements - 1  # died behind the commit, or not at all
        assert job.state is (JobState.SUCCEEDED if committed else JobState.RUNNING), place
        assert has_result(lab, kind, job_id) is committed, place
    assert services.verify(lab.db) == []

    # Whoever comes next finishes what was left, once.
    with lab.db.write() as tx:
        for job_id in asked[: statements - 1]:
            lapse(tx, job_id)
    monkeypatch.setitem(HANDLERS, "extract", make_vector)
    monkeypatch.setitem(HANDLERS, "generate", make_run)
    worker = Worker(lab.db, device="cpu")
    for job_id in asked[: statements - 1]:
        assert worker.work_one(job_id).state is JobState.SUCCEEDED
        assert has_result(lab, kind, job_id)


@contextmanager
def closing_lab(url: str) -> Iterator[Lab]:
    lab = Lab(url, device="cpu")
    try:
        yield lab
    finally:
        lab.db.dispose()


def has_result(lab: Lab, kind: str, job_id: int) -> bool:
    with lab.db.read() as tx:
        if kind == "extract":
            return f"job-{job_id}" in {item.name for item in vectors.list_vectors(tx)}
        return f"job-{job_id}" in {item.name for item in runs.list_runs(tx, limit=1000)}
