"""``vectorlab demo`` in a terminal serves until Ctrl-C, and takes its children with it."""

import os
import pty
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

from vectorlab.cli.serving import free_port

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as reply:
            return bool(reply.read() == b"ok")
    except OSError:
        return False


def test_the_demo_serves_the_dashboard_and_a_worker_until_ctrl_c(tmp_path):
    port = free_port("127.0.0.1", 18801)
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "vectorlab", "demo", "--port", str(port)],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "VECTORLAB_DATABASE_URL": f"sqlite:///{tmp_path / 'lab.db'}",
        },
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,  # a group of its own, as a terminal gives to a command
        preexec_fn=_heed_ctrl_c,
    )
    os.close(inside)
    seen: list[bytes] = []
    reader = threading.Thread(target=_read_all, args=(terminal, seen), daemon=True)
    reader.start()
    try:
        pause = threading.Event()
        url = f"http://127.0.0.1:{port}"
        for _ in range(480):
            if (answers(url) and b"waits for jobs" in b"".join(seen)) or process.poll() is not None:
                break
            pause.wait(0.25)
        assert answers(url), b"".join(seen).decode(errors="replace")
        os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C sends
        assert process.wait(30) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        reader.join(10)
    text = b"".join(seen).decode(errors="replace")
    assert "Identical" in text
    assert "Traceback" not in text
    assert not answers(url)


def _heed_ctrl_c() -> None:
    """As a terminal starts a command; tests that run in the background have Ctrl-C ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _read_all(terminal: int, seen: list[bytes]) -> None:
    """Everything that the terminal shows, until nobody has it open any more."""
    while True:
        try:
            data = os.read(terminal, 4096)
        except OSError:
            data = b""
        if not data:
            os.close(terminal)
            return
        seen.append(data)
