"""The wheel, installed somewhere else, migrates and runs the demo and the dashboard."""

import json
import os
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from vectorlab.cli.serving import free_port

ROOT = Path(__file__).parents[2]

NOT_SOURCE = shutil.ignore_patterns(
    ".git", ".venv", ".hypothesis", ".*_cache", "__pycache__", "build", "dist", "docs"
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the unpacked wheel and nothing of the repository."""
    work = tmp_path_factory.mktemp("wheel")
    source = work / "source"
    # Built from a copy, so that nothing is left behind in the working tree.
    shutil.copytree(ROOT, source, ignore=NOT_SOURCE)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(work)]
    run([*build, str(source)], work)
    [wheel] = work.glob("vectorlab-*.whl")
    target = work / "installed"
    run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", target, wheel], work
    )
    shutil.rmtree(source)
    return target


def run(command: list[object], folder: Path, **environment: str) -> str:
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
    return done.stdout


@pytest.fixture
def vectorlab(installed: Path, tmp_path: Path):
    environment = {
        "PYTHONPATH": str(installed),
        "VECTORLAB_DATABASE_URL": f"sqlite:///{tmp_path / 'lab.db'}",
    }

    def call(*words: str) -> str:
        return run([sys.executable, "-m", "vectorlab", *words], tmp_path, **environment)

    return call


def test_nothing_of_the_working_tree_is_used(installed, tmp_path):
    place = run(
        [sys.executable, "-c", "import vectorlab; print(vectorlab.__file__)"],
        tmp_path,
        PYTHONPATH=str(installed),
    )
    assert Path(place.strip()).is_relative_to(installed)
    assert (installed / "vectorlab" / "_alembic" / "env.py").is_file()
    assert (installed / "vectorlab" / "_ui" / "app.py").is_file()
    assert (installed / "vectorlab" / "_ui" / ".streamlit" / "config.toml").is_file()
    assert not (installed / "tests").exists()
    views = {path.relative_to(ROOT) for path in (ROOT / "vectorlab").rglob("v_*.sql")}
    assert all((installed / view).is_file() for view in views)


def test_the_wheel_migrates_and_runs_the_demo_twice(vectorlab):
    first = json.loads(vectorlab("demo", "--no-serve", "--json"))
    assert first["replay"]["identical"] is True
    assert first["computed"] == {"set versions": 4, "vectors": 2, "runs": 2, "replays": 1}
    second = json.loads(vectorlab("demo", "--no-serve", "--json"))
    assert second["computed"] == {}
    assert second["found"] == first["computed"]
    assert second["runs"] == first["runs"]
    assert json.loads(vectorlab("db", "status", "--json"))["state"] == "current"


@pytest.fixture
def dashboard(installed: Path, tmp_path: Path) -> Iterator[str]:
    port = free_port("127.0.0.1", 18701)
    environment = {
        **os.environ,
        "PYTHONPATH": str(installed),
        "VECTORLAB_DATABASE_URL": f"sqlite:///{tmp_path / 'lab.db'}",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "vectorlab", "ui", "--no-worker", "--port", str(port)],
        cwd=tmp_path,
        env=environment,
    )
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(15)


def test_the_wheel_serves_the_dashboard(dashboard):
    pause = threading.Event()
    for _ in range(240):
        try:
            with urllib.request.urlopen(f"{dashboard}/_stcore/health", timeout=2) as reply:
                assert reply.read() == b"ok"
                break
        except OSError:
            pause.wait(0.25)
    else:
        pytest.fail("the dashboard did not answer within a minute")
    with urllib.request.urlopen(dashboard, timeout=5) as page:
        assert b"<html" in page.read()


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
