"""Keeps the console sessions of a document as the commands print them.

``python -m scripts.transcripts`` runs every ``$`` line of the console blocks of ``docs/sets.md``,
``docs/evaluation.md``, ``docs/experiment.md`` and ``docs/tutorial.md``, for each in a folder of its
own, one after the other, and rewrites what stands below them. With arguments it does so for these
documents instead, such as ``docs/ravel.md``, whose trainings take too long for a test. Times of day
are put in as a fixed word.

``differences`` holds a document against what the commands print. Another processor rounds the last
bits of floats otherwise: the last digit of a number may move, and the hash of a vector, which
covers its bytes, is another. Words, counts, verdicts and the order of rows may not change.
"""

import io
import math
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from difflib import SequenceMatcher
from itertools import groupby, zip_longest
from pathlib import Path
from unittest.mock import patch

from vectorlab.cli import output
from vectorlab.cli.main import main

WIDTH = 100  # columns of the terminal
ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = tuple(
    ROOT / "docs" / f"{name}.md" for name in ("sets", "evaluation", "experiment", "tutorial")
)
# Numbers are shown with four digits, of which other kernels move the last: a thousandth, where the
# number begins with a one. They move a logit by up to 2e-5, and with it the smallest divergence.
TOLERANCE = {"rel_tol": 1.001e-3, "abs_tol": 1e-5}
_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_TIME = re.compile(r"\b20\d\d-\d\d-\d\d \d\d:\d\d\b")
_MOMENT = "2026-11-24 12:00"
_MEASURED = re.compile(r"[-+]?\b\d+\.\d+(?:e-\d+)?")
_CONTENT_HASH = re.compile(r"^ content hash +([0-9a-f]{12})", re.MULTILINE)
_NOT_COMPARED = re.compile(r"^ (?:request|seconds) .*$", re.MULTILINE)  # it names the vectors


def render(document: str, folder: Path) -> str:
    """The document with every console session run anew in a folder that is empty."""
    shutil.copytree(ROOT / "examples", folder / "examples")
    return _BLOCK.sub(lambda match: _session(match[1], folder), document)


def store_of(folder: Path) -> str:
    """The address of the store that the sessions made there."""
    return f"sqlite:///{folder / 'home' / 'vectorlab.db'}"


def run(command: str, folder: Path) -> str:
    """What a command prints, stdout and stderr together, in a terminal of 100 columns.

    A command that needs no shell runs in this process, which has torch imported already.
    """
    joined = command.replace("\\\n", "")
    program, *words = shlex.split(joined)
    needs_shell = program != "vectorlab" or not {"|", ">", ">>"}.isdisjoint(words)
    with patch.dict(os.environ, _environment(folder), clear=True), chdir(folder):
        said, code = _in_a_shell(joined) if needs_shell else _in_this_process(words)
    if code not in (0, 1):
        raise SystemExit(f"{command}\nended with exit code {code}:\n{said}")
    return said


def differences(document: str, rendered: str) -> list[str]:
    """Where the sessions of a document and those that were run say something else.

    Words must be equal, and numbers with a point within ``TOLERANCE``. How a table breaks its
    cells hangs on the digits and is not compared.
    """
    kept, shown = (
        [part for block in _BLOCK.findall(_without_hashes(text)) for part in _parts(block)]
        for text in (document, rendered)
    )
    words = SequenceMatcher(
        None, *([_words(part) for part in side] for side in (kept, shown)), False
    )
    apart = []
    for tag, start, end, first, last in words.get_opcodes():
        before, after = kept[start:end], shown[first:last]
        if tag == "equal" and all(map(_are_close, before, after)):
            continue
        apart += [f"- {part}" for part in before] + [f"+ {part}" for part in after]
    return apart


def _without_hashes(document: str) -> str:
    for start in _CONTENT_HASH.findall(document):
        document = re.sub(rf"{start}[0-9a-f]*", "(hash)", document)
    return _NOT_COMPARED.sub("", document)


def _parts(session: str) -> Iterator[str]:
    """Its lines, and of tables the columns from top to bottom."""
    lines = session.splitlines()
    for is_table, group in groupby(lines, lambda line: "\u2500" <= line[:1] <= "\u257f"):
        if is_table:
            rows = [re.split("[│┃]", line)[1:-1] for line in group]
            columns = zip_longest(*filter(None, rows), fillvalue="")
            yield from (" ".join(" ".join(cells).split()) for cells in columns)
        else:
            yield from group


def _words(part: str) -> str:
    return "".join(_MEASURED.sub("#", part).split())


def _are_close(before: str, after: str) -> bool:
    numbers = (map(float, _MEASURED.findall(text)) for text in (before, after))
    return all(math.isclose(*pair, **TOLERANCE) for pair in zip(*numbers, strict=True))


def _session(block: str, folder: Path) -> str:
    commands = [part for part in re.split(r"^\$ ", block, flags=re.MULTILINE) if part.strip()]
    lines = ["```console"]
    for part in commands:
        typed = _command_of(part)
        lines.append(f"$ {typed}")
        shown = _TIME.sub(_MOMENT, run(typed, folder))
        lines += [line.rstrip() for line in shown.splitlines() if line.strip()]
    return "\n".join([*lines, "```"])


def _command_of(part: str) -> str:
    """The typed lines: the first, and those after a backslash."""
    typed = []
    for line in part.splitlines():
        typed.append(line)
        if not line.endswith("\\"):
            break
    return "\n".join(typed)


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VECTORLAB_")}
    return {
        **kept,
        "VECTORLAB_HOME": str(folder / "home"),
        "VECTORLAB_USER": "ada",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "COLUMNS": str(WIDTH),
        "LC_ALL": "C.UTF-8",
    }


def _in_this_process(words: list[str]) -> tuple[str, object]:
    said = io.StringIO()
    with ExitStack() as stack:
        stack.enter_context(patch("sys.stdin", io.StringIO()))
        stack.enter_context(redirect_stdout(said))
        stack.enter_context(redirect_stderr(said))
        for console in (output.console, output.stderr):  # they were made before COLUMNS was set
            stack.enter_context(patch.object(console, "_width", WIDTH))
        try:
            main(words)
        except SystemExit as end:
            return said.getvalue(), end.code or 0
    return said.getvalue(), 0


def _in_a_shell(command: str) -> tuple[str, object]:
    done = subprocess.run(
        ["bash", "-c", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return done.stdout, done.returncode


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]) if sys.argv[1:] else DOCUMENTS:
        with tempfile.TemporaryDirectory(prefix="vectorlab-docs-") as folder:
            path.write_text(render(path.read_text("utf-8"), Path(folder)), "utf-8")
