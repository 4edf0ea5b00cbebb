"""What workers do: a live table in a terminal, plain lines elsewhere."""

import platform
import threading
import time
from contextlib import suppress

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from vectorlab.cli.output import console
from vectorlab.domain.jobs.jobs import Job, JobState, WorkerInfo
from vectorlab.errors import VectorLabError
from vectorlab.services import jobs
from vectorlab.services.database import Database

LOOK_EVERY_S = 0.5


class WorkerView:
    """Lines, and in a terminal below them a table of the followed processes.

    The table is read from the store, as everybody else sees it, by a thread of its own.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._pids: set[int] = set()
        self._rows: list[tuple[WorkerInfo, Job | None]] = []
        self._waiting = 0
        self._away = ""
        self._over = threading.Event()
        self._live: Live | None = None

    @property
    def is_live(self) -> bool:
        """Whether there is a table beside the lines."""
        return console.is_terminal and not console.quiet

    def follow(self, pid: int) -> None:
        """Show the worker of this process."""
        self._pids.add(pid)

    def line(self, text: str | Text) -> None:
        """Print a line that stays."""
        console.print(text, highlight=False)

    def stop(self) -> None:
        """End the live table and give the terminal back."""
        self._over.set()
        if self._live is not None:
            with suppress(Exception):
                self._live.stop()

    def __enter__(self) -> "WorkerView":
        if self.is_live:
            threading.Thread(target=self._look, name="view", daemon=True).start()
            self._live = Live(
                console=console,
                get_renderable=self._render,
                refresh_per_second=4,
                transient=True,
            )
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _look(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            try:
                mine = [
                    worker
                    for worker in jobs.workers(self._db)
                    if worker.host == platform.node() and worker.pid in self._pids and worker.alive
                ]
                self._rows = [
                    (worker, jobs.get(self._db, worker.jobs[0]) if worker.jobs else None)
                    for worker in sorted(mine, key=lambda worker: worker.id)
                ]
                self._waiting = jobs.counts(self._db).get(JobState.QUEUED, 0)
                self._away = ""
            except VectorLabError as exc:
                self._away = f"{exc} (since {time.strftime('%H:%M:%S')})"

    def _render(self) -> RenderableType:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for name in ("worker", "device", "job", "", "progress", "rate"):
            table.add_column(name, overflow="ellipsis", no_wrap=True)
        for worker, job in self._rows:
            table.add_row(worker.id, worker.device, *_job_cells(job))
        foot = self._away or f"jobs waiting: {self._waiting} · Ctrl-C stops after the batch at hand"
        return Group(table, Text(foot, style="red" if self._away else "dim"))


def _job_cells(job: Job | None) -> tuple[RenderableType, ...]:
    if job is None:
        return (Text("idle", style="dim"), "", "", "")
    bar: RenderableType = Text(job.progress_note)
    if job.progress_total:
        bar = ProgressBar(total=job.progress_total, completed=job.progress_done, width=24)
    return (f"{job.id} {job.kind}", jobs.standing(job), bar, jobs.pace(job))
