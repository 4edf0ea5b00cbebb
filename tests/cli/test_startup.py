"""What each kind of command may load; how long that takes is measured by ``bench/startup.py``."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from vectorlab.cli.main import app
from vectorlab.cli.nouns import ENTRIES
from vectorlab.store.upkeep import migrate

ROOT = Path(__file__).parents[2]
# What no list loads, and what no look at a command loads. Programs of one kind run in one process,
# since what one of them has loaded would be found after the next.
TO_COMPUTE = {
    "alembic",
    "numpy",
    "pandas",
    "pyarrow",
    "pydantic",
    "scipy",
    "sklearn",
    "streamlit",
    "torch",
}
TO_STORE = TO_COMPUTE | {"sqlalchemy", "transformers"}
FLOORS_OF_A_LOOK = {
    "catalogue",
    "cli",
    "config",
    "domain",
    "errors",
    "system",
    "systems",
    "version",
}
FLOORS_OF_A_LIST = FLOORS_OF_A_LOOK | {"services", "store"}
RUN_ALL = """
import os, sys
from vectorlab.cli.main import main
for words, code in {calls!r}:
    if isinstance(words, str):
        os.environ.update(
            _VECTORLAB_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(words.count(" "))
        )
        words = []
    try:
        main(words)
    except SystemExit as ending:
        assert ending.code == code, (words, ending.code)
    print("LOADED", *sys.modules, file=sys.stderr)
"""
ENDS_AT_ONCE = """
import atexit, sys, threading
class Late:
    def __del__(self): print("never", file=sys.stderr)
late = Late()
from vectorlab.cli.main import main
sys.argv[1:] = {words!r}
threading.Timer(0.2, lambda: atexit.register(print, "said last")).start()
main()
"""
LOOKS = (
    (["--version"], 0),
    (["jobs", "--help"], 0),
    (["--help"], 0),
    (["sets", "lst"], 2),
    (["sets", "list", "--nope"], 2),
    (["vectors", "calibrate", "--help"], 0),
    (["runs", "generate", "--help"], 0),
    (["ravel", "--help"], 0),
    (["icl", "--help"], 0),
    (["worker", "--help"], 0),
    (["doctor", "--help"], 0),
    ("vectorlab s", 0),  # and TAB
    ("vectorlab sets l", 0),
    ("vectorlab vectors extract --r", 0),
)
LISTS = [([noun, "list"], 0) for noun in ("sets", "runs", "vectors", "models", "jobs")]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('startup') / 'lab.db'}"
    migrate.upgrade(url)
    return url


def loaded_after(calls, **environment: str) -> list[set[str]]:
    """All modules that are there after each call."""
    done = subprocess.run(
        [sys.executable, "-c", RUN_ALL.format(calls=calls)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    told = [line for line in done.stderr.splitlines() if line.startswith("LOADED ")]
    assert len(told) == len(calls), done.stderr
    return [set(line.split()[1:]) for line in told]


def floors(modules: set[str]) -> set[str]:
    """Of the core and of the systems."""
    names = (name.split(".")[1:] for name in modules if name.startswith("vectorlab."))
    return {name[name[0] in ("ravel", "icl")] for name in names if name not in (["ravel"], ["icl"])}


def test_a_look_at_a_command_loads_nothing_that_stores_or_computes():
    for (words, _), modules in zip(LOOKS, loaded_after(LOOKS), strict=True):
        assert not modules & TO_STORE, words
        assert floors(modules) <= FLOORS_OF_A_LOOK, words
        if words == ["jobs", "--help"]:  # of one noun, which loads no other
            assert "vectorlab.cli.jobs.jobs" in modules
            assert not modules & {"vectorlab.cli.sets.sets", "vectorlab.cli.vectors.vectors"}


def test_a_list_of_a_store_at_its_revision_loads_nothing_that_migrates_or_computes(store):
    for (words, _), modules in zip(
        LISTS, loaded_after(LISTS, VECTORLAB_DATABASE_URL=store), strict=True
    ):
        assert not modules & TO_COMPUTE, words
        assert floors(modules) <= FLOORS_OF_A_LIST, words


def test_a_page_that_computes_nothing_loads_nothing_that_migrates_or_computes(store):
    page = (
        "import sys; from streamlit.testing.v1 import AppTest\n"
        f"drawn = AppTest.from_file({str(ROOT / 'ui' / 'app.py')!r}, default_timeout=60).run()\n"
        "assert not drawn.exception, drawn.exception\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", page],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "VECTORLAB_DATABASE_URL": store},
    )
    assert done.returncode == 0, done.stderr
    assert not {"alembic", "scipy", "torch", "transformers"} & set(done.stdout.split())


def test_the_words_of_every_command_are_those_of_its_help():
    for name, command in typer.main.get_command(app).whole.items():
        said = command.help.partition("\n\n")[0].replace("\n", " ")
        assert said == ENTRIES[name].about


def test_the_calls_of_a_process_share_what_was_loaded_of_a_noun_but_no_words(cli):
    one, other = (typer.main.get_command(app).whole for _ in range(2))
    assert all(one[name] is other[name] for name in ENTRIES)
    assert "No set 'no'" in cli("sets", "show", "no", code=1).err
    cli("sets", "show", code=2)  # the name was that of the call before


@pytest.mark.parametrize(("words", "code"), [(["sets", "list"], 0), (["sets", "show", "no"], 1)])
def test_the_program_ends_at_once_with_its_code_and_all_it_printed(words, code, store, tmp_path):
    out = tmp_path / "out"
    with out.open("wb") as file:
        done = subprocess.run(
            [sys.executable, "-c", ENDS_AT_ONCE.format(words=words)],
            stdout=file,
            stderr=subprocess.PIPE,
            check=False,
            env={**os.environ, "VECTORLAB_DATABASE_URL": store},
        )
    assert done.returncode == code
    assert b"never" not in done.stderr
    assert b"said last" in out.read_bytes()  # by what was registered with atexit
    assert b"set" in out.read_bytes() if code == 0 else b"Error" in done.stderr
    leftovers = Path(store.removeprefix("sqlite:///")).parent.glob("lab.db-*")
    assert not list(leftovers)  # the store was closed
