"""Child processes: the dashboard and the worker beside it."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import vectorlab
from vectorlab.config import WISH_VARIABLE, Settings
from vectorlab.errors import InputError

LOOPBACK = "127.0.0.1"
STOP_WITHIN_S = 10.0


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

    A worker that ends leaves the dashboard alone, which offers to start another.

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
        try:
            ui = _start_dashboard(settings, host=host, port=port, browser=browser, wish=wish)
            children.append(ui)
            if with_worker:
                children.append(_start_worker(settings))
            while ui.poll() is None:
                children = [child for child in children if child.poll() is None]
                if wish.exists():
                    wish.unlink()
                    if len(children) == 1:  # a second press while it starts asks for no second
                        children.append(_start_worker(settings))
                time.sleep(0.2)
        except KeyboardInterrupt:
            pass
        finally:
            _stop(children)


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
