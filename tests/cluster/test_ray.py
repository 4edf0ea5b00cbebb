"""Workers as Ray actors on loopback; ``make test-ray`` installs Ray and runs these."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bench._storm import Chaos, enqueue
from tests.databases import PostgresServer
from vectorlab.domain.jobs.jobs import AttemptOutcome, JobState
from vectorlab.errors import InputError
from vectorlab.lab import Lab
from vectorlab.services import database, jobs

pytestmark = [
    pytest.mark.ray,
    # Of Ray's own code.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

VARIABLES = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_DEDUP_LOGS": "0",
}
NODE = {
    "num_cpus": 2,
    "num_gpus": 1,
    "object_store_memory": 80 * 2**20,
    "include_dashboard": False,
}


@pytest.fixture
def cluster() -> Iterator[Any]:
    """Three nodes with a pretended GPU each, all on 127.0.0.1."""
    os.environ.update(VARIABLES)
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={**NODE, "node_ip_address": "127.0.0.1"})
    try:
        made.others = [made.add_node(**NODE, node_ip_address="127.0.0.1") for _ in range(2)]
        made.wait_for_nodes()
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


@pytest.fixture
def lab(postgres_server: PostgresServer, postgres_template: str) -> Iterator[Lab]:
    with postgres_server.database(postgres_template) as url:
        lab = Lab(url, device="cpu")
        yield lab
        lab.db.dispose()


def until(condition: Callable[[], bool], seconds: float = 180.0) -> None:
    tick, deadline = threading.Event(), time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        tick.wait(0.05)


def test_a_hundred_jobs_are_done_while_an_actor_is_killed_and_a_node_removed(
    cluster: Any, lab: Lab
) -> None:
    import ray

    from vectorlab.worker import ray_launch

    enqueue(lab, Chaos(jobs=100, real_share=1.0, stalled_share=0.0), share_batches=False)
    wanted = ray_launch.RayWorkers(
        database_url=lab.db.url, count=3, gpus_each=1, lease_s=3.0, heartbeat_s=0.5
    )
    names = ray_launch.launch(wanted, address=cluster.address)
    assert names == ["worker-0", "worker-1", "worker-2"]
    assert ray_launch.launch(wanted, address=cluster.address) == names  # nothing is doubled
    until(lambda: done(lab) >= 10)
    before = {item.name: item for item in ray_launch.status()}
    assert len({item.node for item in before.values()}) == 3
    assert [item.gpus for item in before.values()] == [(0,)] * 3

    killed = before["worker-0"]
    assert killed.worker_id is not None
    os.kill(int(killed.worker_id.split("-")[-2]), 9)
    until(lambda: done(lab) >= 40)
    cluster.remove_node(cluster.others[0], allow_graceful=False)
    until(lambda: done(lab) == 100)

    found = jobs.list_jobs(lab.db, limit=None)
    tries = [item for job in found for item in jobs.attempts(lab.db, job.id)]
    assert {job.state for job in found} == {JobState.SUCCEEDED}
    assert sum(item.outcome is AttemptOutcome.SUCCEEDED for item in tries) == 100
    assert len(lab.runs.list(limit=1000)) == 100
    assert database.verify(lab.db) == []
    until(lambda: alive(ray_launch)["worker-0"] not in (None, killed.worker_id))

    assert ray_launch.stop() == names
    until(lambda: busy(lab) == [])
    until(lambda: ray_launch.status() == [])
    assert ray.is_initialized()


def done(lab: Lab) -> int:
    return jobs.counts(lab.db).get(JobState.SUCCEEDED, 0)


def alive(ray_launch: Any) -> dict[str, str | None]:
    return {item.name: item.worker_id for item in ray_launch.status()}


def busy(lab: Lab) -> list[Any]:
    return [item for item in jobs.workers(lab.db) if item.state == "busy"]


def test_a_cluster_of_several_nodes_needs_a_store_that_can_be_shared(cluster: Any) -> None:
    from vectorlab.worker import ray_launch

    with pytest.raises(InputError, match="has 3 nodes, but the store is a SQLite file"):
        ray_launch.launch(
            ray_launch.RayWorkers(database_url="sqlite:///x.db", count=1), address=cluster.address
        )


def test_without_a_cluster_the_command_that_starts_one_is_named() -> None:
    os.environ.update(VARIABLES)
    pytest.importorskip("ray")
    from vectorlab.worker import ray_launch

    with pytest.raises(InputError, match="ray start --head"):
        ray_launch.status(address="127.0.0.1:1")
