"""Child processes: the dashboard and the worker beside it."""

import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import vectorlab
from vectorlab.config import ANOTHER, WISH_VARIABLE, Settings
from vectorlab.errors import InputError, VectorLabError

LOOPBACK = "127.0.0.1"
STOP_WITHIN_S = 10.0
# A worker that dies is started again after a pause that doubles with every death; of more deaths
# within so many seconds it would not recover.
MOST_DEATHS = 5
DEATHS_WITHIN_S = 600.0
FIRST_PAUSE_S = 1.0
MOST_WORKERS = 4  # beside one dashboard
_ASKED_TO_END = (0, 130, -signal.SIGTERM, -signal.SIGINT)  # exit codes


def dashboard_directory() -> Path:
    """Where the pages are: inside an installed wheel, or ``ui/`` of the repository."""
    package = Path(vectorlab.__file__).parent
    packed = package / "_ui"
    return packed if (packed / "app.py").is_file() else package.parent / "ui"


def free_port(host: str, preferred: int) -> int:
    """The wanted port, or the next one that nothing listens on.

    Raises:
        InputError: If fifty ports in a row are taken.
    """
    for port in range(preferred, preferred + 50):
        with socket.socket() as probe:
            # As servers do; without it a port just left by another server looks taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise InputError(
        f"No free port from {preferred} to {preferred + 49}. Give another with --port."
    )


def serve(
    settings: Settings, *, host: str, port: int, with_worker: bool, browser: bool = False
) -> None:
    """Run the dashboard, and a worker beside it, until Ctrl-C or a signal to end.

    A worker that dies is started again, a few times; one that was asked to end leaves the
    dashboard alone, which offers to start another.

    Args:
        settings: Store and device, handed on to the children.
        host: Address to listen on.
        port: A free one.
        with_worker: Run a worker beside the dashboard.
        browser: Open it in a browser.
    """
    children: list[subprocess.Popen[bytes]] = []
    with ending_as_interrupt(), tempfile.TemporaryDirectory(prefix="vectorlab-ui-") as folder:
        wish = Path(folder) / "worker-wanted"
        crew = Crew(start=lambda: _start_worker(settings), on_death=partial(_let_go, settings))
        try:
            ui = _start_dashboard(settings, host=host, port=port, browser=browser, wish=wish)
            children.append(ui)
            if with_worker:
                crew.hire()
            while ui.poll() is None:
                if wish.exists():
                    wanted = wish.read_text(encoding="utf-8")
                    wish.unlink()
                    crew.hire(another=wanted == ANOTHER)
                crew.look_after()
                time.sleep(0.2)
        except KeyboardInterrupt:
            pass
        finally:
            _stop([*children, *crew.workers])


class Crew:
    """The workers beside a dashboard; one that dies is replaced, unless they keep dying.

    Args:
        start: Starts a worker.
        on_death: Told the process id of one that died, before the next starts.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        *,
        start: Callable[[], "subprocess.Popen[bytes]"],
        on_death: Callable[[int], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.workers: list[subprocess.Popen[bytes]] = []
        self._start = start
        self._on_death = on_death
        self._clock = clock
        self._deaths: list[float] = []  # moments of the last ones
        self._missing = 0  # workers that died and are to be replaced

    def hire(self, *, another: bool = False) -> None:
        """Start a worker that somebody wants, if none is there or it is to be another."""
        self._deaths.clear()  # who asks by hand has mended what it died of
        if not self.workers or (another and len(self.workers) < MOST_WORKERS):
            # A second press while it starts asks for no second.
            self.workers.append(self._start())
        self._missing = 0

    def look_after(self) -> None:
        """Notice those that ended, and start again what died when its pause is over."""
        ended = [worker for worker in self.workers if worker.poll() is not None]
        self.workers = [worker for worker in self.workers if worker not in ended]
        now = self._clock()
        for worker in ended:
            if worker.returncode not in _ASKED_TO_END:
                self._on_death(worker.pid)
                self._deaths = [at for at in self._deaths if now - at < DEATHS_WITHIN_S] + [now]
                self._missing += 1
        if not self._missing or len(self._deaths) > MOST_DEATHS:
            self._missing = 0  # it would die again; the pages say that none is alive
            return
        pause = FIRST_PAUSE_S * 2.0 ** (len(self._deaths) - 1)
        if now - self._deaths[-1] >= pause:
            self.workers.append(self._start())
            self._missing -= 1


def _let_go(settings: Settings, pid: int) -> None:
    """Let the next worker take over at once what a dead one held, without waiting for its lease."""
    from vectorlab.services import jobs
    from vectorlab.services.database import Database

    try:
        db = Database.open(settings.database_url)
        try:
            jobs.let_go(db, host=platform.node(), pid=pid)
        finally:
            db.dispose()
    except VectorLabError as error:  # the lapse of the lease does it then
        print(f"The jobs of worker process {pid} wait for their lease: {error}", file=sys.stderr)


@contextmanager
def ending_as_interrupt() -> Iterator[None]:
    """Treat SIGTERM and a closed terminal as Ctrl-C: work stops, jobs go back to the queue."""

    def interrupt(number: int, frame: FrameType | None) -> Any:
        del number, frame
        raise KeyboardInterrupt

    numbers = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _start_dashboard(
    settings: Settings, *, host: str, port: int, browser: bool, wish: Path
) -> subprocess.Popen[bytes]:
    directory = dashboard_directory()
    options = {
        "server.address": host,
        "server.port": port,
        "server.headless": not browser,
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": False,
    }
    flags = [f"--{name}={str(value).lower()}" for name, value in options.items()]
    return _start(
        [sys.executable, "-m", "streamlit", "run", str(directory / "app.py"), *flags],
        settings,
        directory,
        {WISH_VARIABLE: str(wish)},
    )


def _start_worker(settings: Settings) -> subprocess.Popen[bytes]:
    return _start([sys.executable, "-m", "vectorlab", "worker"], settings)


def _start(
    command: list[str],
    settings: Settings,
    directory: Path | None = None,
    more: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "VECTORLAB_DATABASE_URL": settings.database_url,
        "VECTORLAB_DEVICE": settings.device,
        **(more or {}),
    }
    # A group of its own: Ctrl-C reaches this process alone, which then ends its children once.
    group = 0 if os.name == "posix" else None
    return subprocess.Popen(
        command, env=environment, cwd=directory, stdin=subprocess.DEVNULL, process_group=group
    )


def _stop(children: list[subprocess.Popen[bytes]]) -> None:
    for child in children:
        if child.poll() is None:
            child.terminate()
    for child in children:
        try:
            child.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
