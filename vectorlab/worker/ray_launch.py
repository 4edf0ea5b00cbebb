"""Workers as actors of a Ray cluster: Ray places them and starts them again, and nothing more.

Every actor runs the worker loop on the one queue. What it computes goes into the store and never
into Ray's memory, so a cluster that is lost costs no result: any plain worker carries on.
"""

import os
import socket
import threading
import time
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from vectorlab.domain.defaults import DEFAULT_STATE_CACHE_BYTES
from vectorlab.domain.jobs.jobs import DEFAULT_QUEUE
from vectorlab.errors import InputError
from vectorlab.services import database
from vectorlab.services.jobs import HEARTBEAT_S, LEASE_S

NAMESPACE = "vectorlab"
PREFIX = "worker-"
ANSWER_WITHIN_S = 10.0  # of an actor that is asked something
PAUSE_AFTER_FAILURE_S = 5.0  # before Ray replaces an actor whose loop failed


@dataclass(frozen=True, kw_only=True)
class RayWorkers:
    """How many workers to place on a cluster, and with what."""

    database_url: str
    count: int
    gpus_each: float = 0.0
    queue: str = DEFAULT_QUEUE
    model_bytes: int | None = None
    state_cache_bytes: int = DEFAULT_STATE_CACHE_BYTES
    lease_s: float = LEASE_S
    heartbeat_s: float = HEARTBEAT_S


@dataclass(frozen=True, kw_only=True)
class ActorInfo:
    """One actor as Ray and the actor itself describe it."""

    name: str
    state: str  # "alive", or why it does not answer
    worker_id: str | None
    node: str | None
    gpus: tuple[int, ...]


def launch(workers: RayWorkers, *, address: str | None = None) -> list[str]:
    """Place so many named, detached workers on the cluster; those that are there stay.

    Args:
        workers: How many workers of what kind.
        address: Of the cluster; None takes ``RAY_ADDRESS`` or the one of this machine.

    Returns:
        Names of all actors.

    Raises:
        InputError: If Ray is not installed, there is no cluster, or the store cannot be shared.
    """
    ray = _connected(address)
    nodes = [node for node in ray.nodes() if node["Alive"]]
    if workers.database_url.startswith("sqlite") and len(nodes) > 1:
        raise InputError(
            f"The cluster has {len(nodes)} nodes, but the store is a SQLite file, which belongs to "
            "one machine. Use PostgreSQL: --db postgresql://USER@HOST/NAME"
        )
    actor = ray.remote(max_restarts=-1, num_cpus=1, num_gpus=workers.gpus_each)(_Actor)
    names = [f"{PREFIX}{number}" for number in range(workers.count)]
    for name in names:
        actor.options(
            name=name, namespace=NAMESPACE, lifetime="detached", get_if_exists=True
        ).remote(workers)
    return names


def status(*, address: str | None = None) -> list[ActorInfo]:
    """Every worker actor of the cluster.

    Raises:
        InputError: If Ray is not installed or there is no cluster.
    """
    ray = _connected(address)
    replies = {name: handle.describe.remote() for name, handle in _actors(ray)}
    return [_answer(ray, name, reference) for name, reference in replies.items()]


def stop(*, address: str | None = None) -> list[str]:
    """Let every worker actor finish its batch and hand its job back, then remove it for good.

    Raises:
        InputError: If Ray is not installed or there is no cluster.
    """
    ray = _connected(address)
    actors = list(_actors(ray))
    replies = [handle.stop.remote() for _, handle in actors]
    if replies:
        ray.wait(replies, num_returns=len(replies), timeout=ANSWER_WITHIN_S)
    for _, handle in actors:
        ray.kill(handle, no_restart=True)
    return [name for name, _ in actors]


class _Actor:
    """The worker loop in a thread, from the moment Ray makes the actor, also again."""

    def __init__(self, workers: RayWorkers) -> None:
        from vectorlab.worker.loop import Worker  # brings torch
        from vectorlab.worker.shutdown import Stopping

        self._stopping = Stopping()
        self._worker = Worker(
            database.open_store(workers.database_url),
            queue=workers.queue,
            lease_s=workers.lease_s,
            heartbeat_s=workers.heartbeat_s,
            model_bytes=workers.model_bytes,
            state_cache_bytes=workers.state_cache_bytes,
        )
        self._thread = threading.Thread(target=self._work, name="loop", daemon=True)
        self._thread.start()

    def describe(self) -> tuple[str, str, tuple[int, ...]]:
        """Worker id, node and GPUs."""
        ray = _ray()
        context = ray.get_runtime_context()
        return self._worker.id, context.get_node_id(), tuple(map(int, ray.get_gpu_ids()))

    def stop(self) -> None:
        """Finish the batch, hand the job back, claim no other."""
        self._stopping.ask()
        self._thread.join(ANSWER_WITHIN_S - 2)
        self._stopping.hurry.set()
        self._thread.join(1)

    def _work(self) -> None:
        try:
            self._worker.work(stop=self._stopping)
        except BaseException:
            time.sleep(PAUSE_AFTER_FAILURE_S)
            os._exit(1)  # Ray makes a new one


def _actors(ray: Any) -> list[tuple[str, Any]]:
    actors = ray.util.list_named_actors(all_namespaces=True)
    names = sorted(
        actor["name"]
        for actor in actors
        if actor["namespace"] == NAMESPACE and actor["name"].startswith(PREFIX)
    )
    return [(name, ray.get_actor(name, namespace=NAMESPACE)) for name in names]


def _answer(ray: Any, name: str, reference: Any) -> ActorInfo:
    try:
        worker_id, node, gpus = ray.get(reference, timeout=ANSWER_WITHIN_S)
    except ray.exceptions.RayError as exc:
        state = f"does not answer: {str(exc).splitlines()[0]}"
        return ActorInfo(name=name, state=state, worker_id=None, node=None, gpus=())
    return ActorInfo(name=name, state="alive", worker_id=worker_id, node=node, gpus=gpus)


def _connected(address: str | None) -> Any:
    ray = _ray()
    if not ray.is_initialized():
        try:
            _probe(address)
            ray.init(
                address=address or os.environ.get("RAY_ADDRESS") or "auto",
                namespace=NAMESPACE,
                log_to_driver=False,
                configure_logging=False,
            )
        except (OSError, ValueError, RuntimeError) as exc:
            raise InputError(
                f"No Ray cluster at {address or 'this machine'}: {exc}. Start one with: "
                "ray start --head, or name it: --address HOST:6379"
            ) from exc
    return ray


def _probe(address: str | None) -> None:
    """Refuse at once an address where nobody listens; Ray itself tries for minutes."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=ANSWER_WITHIN_S).close()


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing calls home unless asked to
    try:
        return import_module("ray")
    except ModuleNotFoundError as exc:
        raise InputError(
            "Ray is not installed. Run: pip install 'vectorlab[ray]'; or start plain workers: "
            "vectorlab worker"
        ) from exc
