"""What a command costs before it does anything: its CPU time against that of bare imports.

``python -m bench.startup`` starts every kind of command in turn, in rounds that alternate with
``import torch`` and with the packages that no list can do without. ``--quick`` does fewer rounds
and keeps nothing.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bench._large_store import Size, fill
from bench._report import report
from bench._rounds import ratio_row, told
from vectorlab.services.database import open_store

ROUNDS = 7
LOOK, LIST, PAGE = 0.20, 2.0, 2.0
TORCH, PACKAGES = "import torch", "import sqlalchemy, rich, typer"
OF_A_PAGE = "import streamlit.testing.v1, pandas, sqlalchemy"
DRAWN = "from streamlit.testing.v1 import AppTest; AppTest.from_file('ui/app.py').run(timeout=60)"
TAB = {"_VECTORLAB_COMPLETE": "complete_bash", "COMP_WORDS": "vectorlab sets l", "COMP_CWORD": "2"}
LOOKS = {
    "vectorlab --version": ["--version"],
    "vectorlab --help": ["--help"],
    "vectorlab sets --help": ["sets", "--help"],
    "vectorlab ravel --help": ["ravel", "--help"],
    "vectorlab runs generate --help": ["runs", "generate", "--help"],
    "vectorlab sets list --nope, a usage error": ["sets", "list", "--nope"],
    "vectorlab sets l, one TAB": [],
}
LISTS = {
    "vectorlab sets list": ["sets", "list"],
    "vectorlab runs list": ["runs", "list"],
    "vectorlab vectors show": ["vectors", "show", "vector-1"],
}
PAGES = {"the first page of the dashboard": ["-c", DRAWN]}
SIZE = Size(runs=20, vectors=5, sets=5)


def main() -> int:
    """Measure; 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'lab.db'}"
        db = open_store(url)
        fill(db, SIZE)
        db.dispose()
        seconds = told(_forms(url), rounds=2 if quick else ROUNDS)
    rows = [
        ratio_row(f"{what}, to {peer}", seconds[what], seconds[peer], limit)
        for kind, peer, limit in (
            (LOOKS, TORCH, LOOK),
            (LISTS, PACKAGES, LIST),
            (PAGES, OF_A_PAGE, PAGE),
        )
        for what in kind
    ]
    report(
        "startup",
        {"question": "CPU time of a whole command against imports", "rows": rows},
        packages=["torch", "sqlalchemy", "typer", "rich", "streamlit"],
        keep=not quick,
    )
    return 0 if all(row["holds"] for row in rows) else 1


def _forms(url: str) -> dict[str, Callable[[], float]]:
    """CPU seconds of a process of each kind."""
    peers = {code: ["-c", code] for code in (TORCH, PACKAGES, OF_A_PAGE)}
    commands = {name: ["-m", "vectorlab", *words] for name, words in (LOOKS | LISTS).items()}
    store = {"VECTORLAB_DATABASE_URL": url}
    return {
        name: partial(_cpu_of, words, store | (TAB if "TAB" in name else {}))
        for name, words in (peers | commands | PAGES).items()
    }


def _cpu_of(words: Sequence[str], environment: dict[str, str]) -> float:
    before = _of_children()
    subprocess.run(
        [sys.executable, *words],
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )
    return _of_children() - before


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    raise SystemExit(main())
