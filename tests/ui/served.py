"""The dashboard as a real server on a loopback port."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Nursery:
    """Servers of the dashboard that find everything imported, see ``nursery.py``."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("nursery.py"))],
            cwd=ROOT / "ui",
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @contextmanager
    def dashboard(self, log: Path) -> Iterator[str]:
        """Serve the store of this environment; yields the address, with a slash at its end."""
        port = _free_port()
        flags = [f"--server.port={port}", "--server.headless=true", "--server.fileWatcherType=none"]
        words = ["run", str(ROOT / "ui" / "app.py"), *flags]
        server = self._ask("start", words=words, environment=_environment(), log=str(log))
        try:
            yield _answering(port, log)
        finally:
            self._ask("stop", process=server)

    def close(self) -> None:
        """End it, and every server with it."""
        self._process.communicate()

    def _ask(self, verb: str, **asked: object) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps([verb, asked]), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())


@contextmanager
def launched(log: Path) -> Iterator[str]:
    """A dashboard by ``vectorlab ui --no-worker``, which can start a worker later."""
    port = _free_port()
    command = [sys.executable, "-m", "vectorlab", "ui", "--no-worker", "--port", str(port)]
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=ROOT / "ui", env=_environment(), stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield _answering(port, log)
        finally:
            server.terminate()
            server.wait(30)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answering(port: int, log: Path) -> str:
    """The address of a server, as soon as it answers there."""
    address = f"http://127.0.0.1:{port}/"
    for _ in range(1500):
        try:
            with urllib.request.urlopen(address + "_stcore/health"):
                return address
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"The dashboard did not start:\n{log.read_text()}")
