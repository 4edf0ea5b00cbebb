"""The dashboard as a real server on a loopback port."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vectorlab.cli.serving import free_port

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
    """Servers of the dashboard that find everything imported, see ``nursery.py``.

    They serve at one address, one after the other, so that a browser keeps what it read there.
    """

    def __init__(self) -> None:
        # Below those that connections take, and not where another test process begins to look.
        self._port = free_port("127.0.0.1", 18000 + os.getpid() % 9000)
        self.address = f"http://127.0.0.1:{self._port}/"
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
        options = {"port": self._port, "headless": "true", "fileWatcherType": "none"}
        flags = [f"--server.{name}={value}" for name, value in options.items()]
        words = ["run", str(ROOT / "ui" / "app.py"), *flags]
        server = self._ask("start", words=words, environment=_environment(), log=str(log))
        try:
            _wait_for(self.address, log)
            yield self.address
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
    port = free_port("127.0.0.1", 28000 + os.getpid() % 4000)
    command = [sys.executable, "-m", "vectorlab", "ui", "--no-worker", "--port", str(port)]
    address = f"http://127.0.0.1:{port}/"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=ROOT / "ui", env=_environment(), stdout=output, stderr=subprocess.STDOUT
        )
        try:
            _wait_for(address, log)
            yield address
        finally:
            server.terminate()
            server.wait(30)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def _wait_for(address: str, log: Path) -> None:
    for _ in range(1500):
        try:
            with urllib.request.urlopen(address + "_stcore/health"):
                return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"The dashboard did not start:\n{log.read_text()}")
