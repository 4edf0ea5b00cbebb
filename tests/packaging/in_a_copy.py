"""Runs the command lines of a file in this process and writes what came of each to another file.

    python in_a_copy.py COMMANDS.json RESULTS.json

The package is the one that ``PYTHONPATH`` names. The last thing written is the playground's slider
for the vector and the operator that ``SLIDER`` holds.
"""

import contextlib
import io
import json
import sys
from pathlib import Path

import vectorlab
from vectorlab.cli.main import main

SLIDER = "slider"


def run(words: list[str]) -> dict[str, object]:
    out, err, code = io.StringIO(), io.StringIO(), 0
    sys.stdin = io.StringIO("")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(words)
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else 1
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


def slider(vector: str, operator: str) -> list[float]:
    """Lowest, highest, step and first strength of the only slider."""
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(
        Path(vectorlab.__file__).parents[1] / "ui" / "app.py", default_timeout=120
    )
    app.query_params["vector"] = [vector]
    app.query_params["operator"] = operator
    page = app.switch_page("app_pages/playground.py").run()
    assert not page.exception, page.exception
    [found] = page.slider
    return [found.min, found.max, found.step, found.value]


if __name__ == "__main__":
    asked = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    results: dict[str, object] = {"package": vectorlab.__file__}
    for name, words in asked.items():
        results[name] = slider(*words) if name == SLIDER else run(words)
    Path(sys.argv[2]).write_text(json.dumps(results), "utf-8")
