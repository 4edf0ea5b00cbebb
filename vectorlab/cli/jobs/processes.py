"""Run workers from a terminal: one in this process, or several processes under one parent."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass, replace
from multiprocessing.connection import wait as wait_for_any
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess

from rich.text import Text

from vectorlab.cli.context import say
from vectorlab.cli.jobs.live_view import WorkerView
from vectorlab.cli.output import console
from vectorlab.domain.jobs.jobs import Job
from vectorlab.errors import JobError, VectorLabError
from vectorlab.services import database, jobs

RESTART_FIRST_S, RESTART_LONGEST_S = 0.5, 30.0  # pause before a process that died is replaced
STEADY_S = 60.0  # a process that lived so long counts as sound again


@dataclass(frozen=True, kw_only=True)
class WorkerOptions:
    """What ``vectorlab worker`` was asked for."""

    database_url: str
    device: str
    queue: str
    once: bool
    drain: bool
    idle_exit_s: float | None
    model_bytes: int | None
    state_cache_bytes: int


def run_here(options: WorkerOptions) -> None:
    """One worker in this process, until it is done or told to stop."""
    say(0, None, "loading torch")
    from vectorlab.worker.loop import Worker  # brings torch, which takes seconds
    from vectorlab.worker.shutdown import Stopping, signals_stop

    db = database.open_store(options.database_url)
    stopping = Stopping()
    view = WorkerView(db)
    worker = Worker(
        db,
        device=options.device,
        queue=options.queue,
        model_bytes=options.model_bytes,
        state_cache_bytes=options.state_cache_bytes,
        store_listener=lambda exc, pause_s: view.line(f"{exc} Again in {pause_s:.1f} s."),
    )
    view.follow(os.getpid())

    def abandon() -> None:
        worker.abandon()
        view.stop()

    view.line(f"Worker {worker.id} waits for jobs. Ctrl-C stops it.")
    with view, signals_stop(stopping, abandon=abandon, announce=view.line):
        worker.work(
            stop=stopping,
            drain=options.drain,
            most=1 if options.once else None,
            idle_exit_s=options.idle_exit_s,
            on_job=lambda job: view.line(job_line(job)),
        )
    view.line("Worker stopped.")
    db.dispose()


def run_processes(options: WorkerOptions, count: int) -> None:
    """Several workers, a process each; one that is killed is replaced.

    Raises:
        JobError: If a worker could not work.
    """
    from vectorlab.worker.shutdown import Stopping, signals_stop

    db = database.open_store(options.database_url)
    stopping = Stopping()
    view = WorkerView(db)
    family = _Family(options, count, view)

    def abandon() -> None:
        family.signal_all()
        family.join(0.9)
        view.stop()

    view.line(f"{count} workers wait for jobs. Ctrl-C stops them.")
    with view, signals_stop(stopping, abandon=abandon, announce=view.line):
        family.start()
        while family.alive:
            if stopping.asked.is_set():
                family.ask_to_stop()
            family.look_after()
    view.line("Workers stopped.")
    db.dispose()
    if family.failures:
        raise JobError(
            f"{family.failures} of {count} workers could not work; their message is above."
        )


def job_line(job: Job) -> Text:
    """How an attempt ended, in one line."""
    text = Text.assemble(f"job {job.id} {job.kind} ", (jobs.standing(job), "bold"))
    if job.error and job.state.is_final:
        text.append(f": {job.error.splitlines()[0]}")
    return text


class _Family:
    """The processes of one parent."""

    def __init__(self, options: WorkerOptions, count: int, view: WorkerView) -> None:
        self._options = options
        self._count = count
        self._view = view
        self._context = _context()
        self._children: dict[int, tuple[BaseProcess, float]] = {}  # by number, with its start
        self._pauses: dict[int, float] = {}
        self._due: dict[int, float] = {}  # numbers to start, and when
        self._stopping = False
        self.failures = 0

    @property
    def alive(self) -> bool:
        """Whether any process runs or is to be started."""
        return bool(self._children or self._due)

    def start(self) -> None:
        for number in range(self._count):
            self._start(number)

    def look_after(self) -> None:
        """Wait a moment for a process to end, and replace one that was killed."""
        sentinels = [child.sentinel for child, _ in self._children.values()]
        if sentinels:
            wait_for_any(sentinels, timeout=0.2)
        else:
            time.sleep(0.1)
        for number, (child, began) in list(self._children.items()):
            if not child.is_alive():
                del self._children[number]
                self._ended(number, child, time.monotonic() - began)
        for number, moment in list(self._due.items()):
            if moment <= time.monotonic():
                del self._due[number]
                self._start(number)

    def ask_to_stop(self) -> None:
        """Pass the request on, once."""
        if not self._stopping:
            self._stopping = True
            self._due.clear()
            self.signal_all()

    def signal_all(self) -> None:
        for child, _ in list(self._children.values()):
            if child.is_alive() and child.pid is not None:
                os.kill(child.pid, signal.SIGTERM)

    def join(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        for child, _ in list(self._children.values()):
            child.join(max(0.0, deadline - time.monotonic()))

    def _start(self, number: int) -> None:
        child = self._context.Process(
            target=work_in_child,
            args=(self._options, number, self._count, self._view.is_live),
            name=f"worker-{number}",
        )
        child.start()
        assert child.pid is not None
        self._view.follow(child.pid)
        self._children[number] = (child, time.monotonic())

    def _ended(self, number: int, child: BaseProcess, lived_s: float) -> None:
        code = child.exitcode or 0
        if self._stopping or code == 0:
            return
        if code > 0:  # it said what is wrong; another start would say it again
            self.failures += 1
            return
        pause = RESTART_FIRST_S if lived_s > STEADY_S else self._pauses.get(number, RESTART_FIRST_S)
        self._pauses[number] = min(2 * pause, RESTART_LONGEST_S)
        self._due[number] = time.monotonic() + pause
        name = signal.Signals(-code).name
        self._view.line(f"Worker process {child.pid} was ended by {name}; the next in {pause:g} s.")


def _context() -> ForkServerContext | SpawnContext:
    """How processes start: where forking is sound, from one that has imported torch for all."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["vectorlab.worker.loop"])  # asks for no device
    return context


def work_in_child(options: WorkerOptions, number: int, count: int, quiet: bool) -> None:  # noqa: FBT001
    """A worker in a process that ``run_processes`` started."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # Ctrl-C reaches the parent alone, which passes it on once
    _end_with_parent()
    console.quiet = quiet
    try:
        run_here(replace(options, device=_device(options.device, number, count)))
    except (VectorLabError, OSError) as exc:
        print(f"Error: {exc}", file=sys.stderr, flush=True)
        _exit(1)
    _exit(0)


def _exit(code: int) -> None:
    """Everything is handed back and closed: do not take seconds to unload the libraries."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait_for_any([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _device(device: str, number: int, count: int) -> str:
    """One GPU per process where there are several; else the cores are shared out."""
    import torch  # takes seconds

    if device in ("auto", "cuda") and torch.cuda.is_available():
        return f"cuda:{number % torch.cuda.device_count()}"
    if not device.startswith("cuda") and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // count))
    return device
