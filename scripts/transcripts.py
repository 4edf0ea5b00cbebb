"""Keeps the console sessions of a document as the commands print them.

``python -m scripts.transcripts`` runs every ``$`` line of the console blocks of ``docs/sets.md``
and ``docs/evaluation.md`` in a folder of its own, one after the other, and rewrites what stands
below them. What differs from run to run (times) is put in as a fixed word, so that a test can hold
the document true. What is measured differs in the last digits from machine to machine; there the
test holds the words. With arguments it does so for these documents instead, such as
``docs/ravel.md``, whose trainings take too long for a test.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = (ROOT / "docs" / "sets.md", ROOT / "docs" / "evaluation.md")
_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_TIME = re.compile(r"\b20\d\d-\d\d-\d\d \d\d:\d\d\b")
_MOMENT = "2026-11-24 12:00"
_MEASURED = re.compile(r"[-+]?\b\d+\.\d+(?:e-\d+)?|\b[01]\b|\b\d+/\d+/\d+\b|\b[0-9a-f]{64}\b")


def render(document: str) -> str:
    """The document with every console session run anew."""
    with tempfile.TemporaryDirectory(prefix="vectorlab-docs-") as folder:
        shutil.copytree(ROOT / "examples", Path(folder) / "examples")
        return _BLOCK.sub(lambda match: _session(match[1], Path(folder)), document)


def said(document: str) -> list[set[str]]:
    """The words of each session, without what is measured: hashes, and numbers but for counts.

    Not their lines: how tables break depends on the digits.
    """
    sessions = (_MEASURED.sub(" ", block) for block in _BLOCK.findall(document))
    return [set(re.sub(r"[\u2500-\u257f]", " ", text).split()) for text in sessions]


def _session(block: str, folder: Path) -> str:
    commands = [part for part in re.split(r"^\$ ", block, flags=re.MULTILINE) if part.strip()]
    lines = ["```console"]
    for part in commands:
        typed = _command_of(part)
        lines.append(f"$ {typed}")
        shown = _TIME.sub(_MOMENT, _run(typed, folder))
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


def _run(command: str, folder: Path) -> str:
    """What a command prints, stdout and stderr together, in a terminal of 100 columns."""
    environment = {
        **os.environ,
        "VECTORLAB_HOME": str(folder / "home"),
        "VECTORLAB_USER": "ada",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "100",
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode not in (0, 1):
        raise SystemExit(f"{command}\nended with exit code {done.returncode}:\n{done.stdout}")
    return done.stdout


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]) if sys.argv[1:] else DOCUMENTS:
        path.write_text(render(path.read_text("utf-8")), "utf-8")
