"""The wheel, installed somewhere else, migrates, runs the demo and serves until Ctrl-C.

The suite itself builds the wheel, looks whether everything is in it and migrates with it; the demo
it runs from the repository alone (``tests/packaging/test_readme.py``).
"""

import json
import os
import pty
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from vectorlab.cli.serving import free_port

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the unpacked wheel and nothing of the repository."""
    work = tmp_path_factory.mktemp("wheel")
    # What `python -m build` starts, without an environment of its own; it leaves nothing behind.
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", work], ROOT)
    [wheel] = work.glob("vectorlab-*.whl")
    target = work / "installed"
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", target]
    run([*install, wheel], work)
    return target


def run(command: list[object], folder: Path, **environment: str) -> None:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


@dataclass(frozen=True)
class Used:
    """What came of the commands of the wheel, and where it was."""

    told: dict[str, Any]
    environment: dict[str, str]


@pytest.fixture(scope="module")
def used(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Used:
    """The demo, twice, in one process that knows the wheel alone."""
    demo = "demo --no-serve --json"
    return using(installed, tmp_path_factory.mktemp("used"), first=demo, second=demo)


def using(installed: Path, folder: Path, **lines: str) -> Used:
    environment = {
        "PYTHONPATH": str(installed),
        "VECTORLAB_DATABASE_URL": f"sqlite:///{folder / 'lab.db'}",
    }
    asked, told = folder / "asked.json", folder / "told.json"
    commands = {name: shlex.split(line) for name, line in lines.items()}
    commands["status"] = ["db", "status", "--json"]
    asked.write_text(json.dumps(commands), encoding="utf-8")
    program = ROOT / "tests" / "packaging" / "in_a_copy.py"
    run([sys.executable, program, asked, told], folder, **environment)
    return Used(json.loads(told.read_text(encoding="utf-8")), environment)


@pytest.mark.slow
def test_the_wheel_migrates_and_uses_nothing_of_the_working_tree(installed, tmp_path):
    told = using(installed, tmp_path, migrated="db upgrade --json").told
    assert Path(told["package"]).is_relative_to(installed)
    assert [told[name]["code"] for name in ("migrated", "status")] == [0, 0]
    assert json.loads(told["status"]["out"])["state"] == "current"


@pytest.mark.slow
def test_everything_that_is_not_python_is_in_the_wheel(installed):
    assert (installed / "vectorlab" / "_alembic" / "env.py").is_file()
    assert (installed / "vectorlab" / "_ui" / "app.py").is_file()
    assert (installed / "vectorlab" / "_ui" / ".streamlit" / "config.toml").is_file()
    assert not (installed / "tests").exists()
    views = {path.relative_to(ROOT) for path in (ROOT / "vectorlab").rglob("v_*.sql")}
    assert all((installed / view).is_file() for view in views)
    pages = {path.relative_to(ROOT / "ui") for path in (ROOT / "ui").rglob("*.py")}
    assert all((installed / "vectorlab" / "_ui" / page).is_file() for page in pages)


@pytest.mark.long
def test_the_wheel_migrates_and_runs_the_demo_twice(used):
    assert [used.told[name]["code"] for name in ("first", "second", "status")] == [0, 0, 0]
    first, second, status = (
        json.loads(used.told[name]["out"]) for name in ("first", "second", "status")
    )
    assert first["replay"]["identical"] is True
    assert first["computed"] == {"set versions": 6, "vectors": 6, "runs": 5, "replays": 1}
    assert second["computed"] == {}
    assert second["found"] == first["computed"]
    assert second["runs"] == first["runs"]
    assert status["state"] == "current"


@dataclass
class Terminal:
    """A command in a terminal of its own."""

    process: subprocess.Popen[bytes]
    seen: list[bytes] = field(default_factory=list)

    @property
    def text(self) -> str:
        return b"".join(self.seen).decode(errors="replace")

    def press_ctrl_c(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)


@contextmanager
def in_a_terminal(
    command: list[str], folder: Path, environment: dict[str, str]
) -> Iterator[Terminal]:
    ours, inside = pty.openpty()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,  # a group of its own, as a terminal gives to a command
        preexec_fn=_heed_ctrl_c,
    )
    os.close(inside)
    terminal = Terminal(process)
    reader = threading.Thread(target=_read_all, args=(ours, terminal.seen), daemon=True)
    reader.start()
    try:
        yield terminal
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        reader.join(10)


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


@pytest.mark.long
def test_the_demo_of_the_wheel_serves_a_dashboard_and_a_worker_until_ctrl_c(used, tmp_path):
    port = free_port("127.0.0.1", 18801)
    url = f"http://127.0.0.1:{port}"
    demo = [sys.executable, "-m", "vectorlab", "demo", "--port", str(port)]
    with in_a_terminal(demo, tmp_path, used.environment) as terminal:
        pause = threading.Event()
        for _ in range(480):
            ready = answers(url) and "waits for jobs" in terminal.text
            if ready or terminal.process.poll() is not None:
                break
            pause.wait(0.25)
        assert answers(url), terminal.text
        with urllib.request.urlopen(url, timeout=5) as page:
            assert b"<html" in page.read()
        terminal.press_ctrl_c()
        assert terminal.process.wait(30) == 0
    assert "Identical" in terminal.text
    assert "Traceback" not in terminal.text
    assert not answers(url)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as reply:
            return bool(reply.read() == b"ok")
    except OSError:
        return False


# Libraries that no example touches are not read: that is most of the time it takes.
SETTINGS = """\
[mypy]
strict = True

[mypy-torch.*,transformers.*,altair.*,sqlalchemy.*,pyarrow.*]
follow_imports = skip
"""
MISSPELT = """\
from vectorlab import Lab

Lab().vectors.extract(set="upbeat", metod="icv")
Lab().runs.generate(prompts="a", strengths=["0.1"])
Lab().icl.construct(step=1)
Lab().jobs.list(limt=1)
"""


@pytest.mark.long
def test_the_examples_type_check_against_the_installed_package(installed, tmp_path):
    python = user_of(installed, tmp_path / "venv")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / "misspelt.py").write_text(MISSPELT, encoding="utf-8")
    (tmp_path / "mypy.ini").write_text(SETTINGS, encoding="utf-8")
    mypy = [sys.executable, "-m", "mypy", "--no-incremental"]
    checked = subprocess.run(
        [*mypy, "--python-executable", python, "examples/notebook.py", "misspelt.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    found = [line for line in checked.stdout.splitlines() if ": error: " in line]
    assert [line.partition(": ")[0] for line in found] == [
        f"misspelt.py:{number}" for number in (3, 4, 5, 6)
    ], checked.stdout + checked.stderr
    assert '"metod"' in found[0]
    assert '"step"' in found[2]


def user_of(installed: Path, folder: Path) -> Path:
    """An interpreter that has the wheel, and what it needs, as a user has it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    [packages] = folder.glob("lib/python*/site-packages")
    others = [place for place in sys.path if place.endswith("site-packages")]
    (packages / "wheel.pth").write_text("\n".join([str(installed), *others]), encoding="utf-8")
    return python
