"""How often pages ask by themselves: never while idle, once a second while work is under way."""

import pytest
import streamlit as st

from tests.ui.everything import fill_all
from tests.ui.frame.test_addresses import MORE_VIEWS
from tests.ui.frame.test_downloads import VIEWS
from vectorlab.domain.jobs.jobs import NewJob
from vectorlab.services.runs import token_views
from vectorlab.store.jobs import queue


@pytest.fixture
def asked_per_second(monkeypatch):
    """Questions a second of every fragment that the page drawn last asks anew by itself."""
    found = []
    draw = st.fragment

    def fragment(function=None, *, run_every=None):
        if run_every is not None:
            found.append(1 / float(run_every.removesuffix("s")))
        return draw(function, run_every=run_every)

    monkeypatch.setattr(st, "fragment", fragment)
    return found


def test_no_page_asks_while_nothing_is_under_way(db, visit, asked_per_second):
    fill_all(db)
    with db.write() as tx:
        queue.finish(tx, 2, 1, {})
    for name, selection in (*VIEWS, *MORE_VIEWS):
        visit(name, **selection)
        assert not asked_per_second, (name, selection)


@pytest.mark.parametrize("kind", ["generate", "icl_train", "icl_features"])
def test_a_page_with_a_job_asks_at_most_once_a_second(db, visit, asked_per_second, kind):
    fill_all(db)
    with db.write() as tx:
        job, _ = queue.enqueue(
            tx, NewJob(kind=kind, spec={"spec": {"arms": []}}, dedupe_key=None, created_by="ada")
        )
        queue.claim(tx, worker_id="host-1-abc", lease_s=60, job_id=job.id)
    for name, selection in (
        ("jobs", {}),
        ("jobs", {"job": job.id}),
        ("vectors", {"vector": "upbeat-icv", "job": job.id}),
        ("replay", {"run": "1", "job": job.id}),
        ("playground", {"job": job.id}),
        ("new_vector", {"job": job.id}),
        ("new_run", {"job": job.id}),
        ("settings", {"job": job.id}),
        ("attributes", {"instance": "things", "part": "entity_test", "job": job.id}),
        ("in_context_learning", {"view": "Constructions", "job": job.id}),
        ("in_context_learning", {"view": "Features", "job": job.id}),
        ("in_context_learning", {"view": "Trained models", "job": job.id}),
        ("in_context_learning", {"view": "Bridge to language models", "job": job.id}),
    ):
        asked_per_second.clear()
        app = visit(name, **selection)
        assert not app.exception, (name, selection)
        assert 0 < sum(asked_per_second) <= 1, (name, selection)


def test_tokens_that_are_being_read_are_asked_for_once_a_second(db, visit, asked_per_second):
    fill_all(db)
    token_views.request_read(db, "1", 1, actor="ada")
    visit("compare", run="1", look="tokens", prompt_number=2)
    assert asked_per_second == [1.0]
