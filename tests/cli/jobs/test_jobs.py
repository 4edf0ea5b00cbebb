"""``vectorlab jobs`` and ``vectorlab worker`` as typed; nothing is computed here."""

import json
import shutil
from collections.abc import Callable

import pytest

from tests.store.jobs.test_queue import claim
from vectorlab.domain.jobs.jobs import LogLevel, NewJob
from vectorlab.services.database import open_store
from vectorlab.store.jobs import queue
from vectorlab.store.upkeep import inspection


@pytest.fixture
def url(tmp_path, sqlite_template, monkeypatch: pytest.MonkeyPatch) -> str:
    shutil.copyfile(sqlite_template, tmp_path / "jobs.db")
    monkeypatch.setenv("VECTORLAB_DATABASE_URL", found := f"sqlite:///{tmp_path / 'jobs.db'}")
    return found


@pytest.fixture
def three(url: str) -> None:
    """A failed, a running and a queued job."""
    db = open_store(url)
    with db.write() as tx:
        for kind in ("extract", "generate", "extract"):
            queue.enqueue(tx, NewJob(kind=kind, spec={}, dedupe_key=None, created_by="me"))
        claim(tx, "gpu7-1", job_id=1)
        queue.append_log(tx, 1, 1, [(LogLevel.INFO, "began"), (LogLevel.ERROR, "[red]bad[/red]")])
        queue.fail(tx, 1, 1, error_class="InputError", error="no such set", retry=False)
        queue.register_worker(
            tx, worker_id="gpu8-2", host="gpu8", pid=2, device="cuda:0", torch_version="2"
        )
        claim(tx, "gpu8-2", job_id=2)
        queue.report_progress(tx, 2, 1, 30, 90, "tokens", rate=5.0)
    db.dispose()


def ids(found: list[dict]) -> list[int]:
    return [item["id"] for item in found]


def test_jobs_are_listed_by_filters(cli: Callable, three: None):
    assert ids(cli("jobs", "list", "--json").json) == [3, 2, 1]
    assert ids(cli("jobs", "list", "--state", "failed", "--state", "queued", "--json").json) == [
        3,
        1,
    ]
    assert ids(cli("jobs", "list", "--kind", "generate", "--json").json) == [2]
    assert ids(cli("jobs", "list", "--worker", "gpu7", "--json").json) == [1]
    assert ids(cli("jobs", "list", "--since", "1h", "--json").json) == [3, 2, 1]
    assert ids(cli("jobs", "list", "--since", "2999-01-01", "--json").json) == []
    assert "is not understood" in cli("jobs", "list", "--since", "soon", code=1).err
    assert "No model" in cli("jobs", "list", "--model", "x", code=1).err


def test_a_job_is_shown_with_attempts_log_and_time_left(cli: Callable, three: None):
    running = cli("jobs", "show", "2", "--json").json
    assert (running["standing"], running["seconds_left"]) == ("running", 12.0)
    assert "5 tokens/s, 0:12 left" in cli("jobs", "show", "2").out
    failed = cli("jobs", "show", "1").out
    for text in ("no such set", "gpu7-1", "[red]bad[/red]"):
        assert text in failed
    assert [line["message"] for line in cli("jobs", "log", "1", "--last", "1", "--json").json] == [
        "[red]bad[/red]"
    ]
    assert "No job" in cli("jobs", "log", "99", code=1).err


def test_several_jobs_are_cancelled_and_retried_at_once(cli: Callable, three: None):
    assert [item["state"] for item in cli("jobs", "cancel", "2", "3", "--json").json] == [
        "running",  # its worker is alive and asked to stop
        "cancelled",
    ]
    assert [item["state"] for item in cli("jobs", "retry", "1", "3", "--json").json] == [
        "queued",
        "queued",
    ]


def test_ended_jobs_are_pruned_when_they_are_old_enough(cli: Callable, three: None):
    assert cli("jobs", "prune", "--json").json["pruned"] == []
    dry = cli("jobs", "prune", "--older-than", "0s", "--dry-run", "--json").json
    assert dry == {"pruned": [1], "dry_run": True}
    assert "1 jobs deleted" in cli("jobs", "prune", "--older-than", "0s").out
    assert ids(cli("jobs", "list", "--json").json) == [3, 2]
    assert "cannot be pruned" in cli("jobs", "prune", "--state", "running", code=1).err


def test_workers_are_listed_and_asked_to_stop(cli: Callable, three: None):
    [worker] = cli("worker", "status", "--json").json
    assert (worker["id"], worker["state"], worker["jobs"]) == ("gpu8-2", "busy", [2])
    assert json.loads(cli("worker", "stop", "gpu8", "--json").out) == {"asked": ["gpu8-2"]}
    assert cli("worker", "status", "--json").json[0]["stop_asked"] is True
    assert "No living worker" in cli("worker", "stop", "gpu9", code=1).err


def test_a_worker_refuses_a_file_on_a_network_file_system(
    cli: Callable, three: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(inspection, "_file_system", lambda _path: "nfs4")
    said = cli("worker", "--drain", code=1).err
    assert "network file system (nfs4)" in said
    assert "postgresql://" in said


def test_a_job_is_asked_for_in_a_queue(cli: Callable, url: str):
    words = ("runs", "generate", "--prompt", "Once", "--queue", "night", "--detach", "--json")
    job_id = cli(*words).json["job_id"]
    assert cli("jobs", "show", str(job_id), "--json").json["queue"] == "night"
    assert ids(cli("jobs", "list", "--queue", "night", "--json").json) == [job_id]
    assert cli("jobs", "list", "--queue", "default", "--json").json == []
