"""The dashboard as a real server on a loopback port."""

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


@contextmanager
def dashboard(log: Path) -> Iterator[str]:
    """Serve the store of this environment; yields the address, with a slash at its end."""
    port = _free_port()
    flags = [f"--server.port={port}", "--server.headless=true", "--server.fileWatcherType=none"]
    command = ["streamlit", "run", str(ROOT / "ui" / "app.py"), *flags]
    with _served(command, port, log) as address:
        yield address


@contextmanager
def launched(log: Path) -> Iterator[str]:
    """As ``dashboard``, by ``vectorlab ui --no-worker``, which can start a worker later."""
    port = _free_port()
    command = ["vectorlab", "ui", "--no-worker", "--port", str(port)]
    with _served(command, port, log) as address:
        yield address


@contextmanager
def _served(command: list[str], port: int, log: Path) -> Iterator[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT / "ui",
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            address = f"http://127.0.0.1:{port}/"
            _wait_for(address + "_stcore/health", server, log)
            yield address
        finally:
            server.terminate()
            server.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"The dashboard did not start:\n{log.read_text()}")
