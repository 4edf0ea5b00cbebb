"""Runs the command lines of a file in this process and writes what came of each to another file.

    python in_a_copy.py COMMANDS.json RESULTS.json

The package is the one that ``PYTHONPATH`` names. Two things written are the dashboard's: the
playground's slider for the vector and the operator that ``SLIDER`` holds, and the list of runs.
"""

import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

import vectorlab
from vectorlab.cli.main import main

SLIDER, RUNS_PAGE = "slider", "runs page"


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
    [found] = page("playground", vector=[vector], operator=operator).slider
    return [found.min, found.max, found.step, found.value]


def page(name: str, **query: object) -> Any:
    """A page of the dashboard, as it is drawn."""
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(
        Path(vectorlab.__file__).parents[1] / "ui" / "app.py", default_timeout=120
    )
    for key, value in query.items():
        app.query_params[key] = value
    drawn = app.switch_page(f"app_pages/{name}.py").run()
    assert not drawn.exception, drawn.exception
    return drawn


def listed_runs() -> list[dict[str, object]]:
    """The first rows of the list of runs."""
    [table] = page("runs").dataframe
    rows: list[dict[str, object]] = json.loads(table.value.to_json(orient="records"))
    return rows


ON_PAGES = {SLIDER: slider, RUNS_PAGE: listed_runs}

if __name__ == "__main__":
    asked = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    results: dict[str, object] = {"package": vectorlab.__file__}
    for name, words in asked.items():
        results[name] = ON_PAGES[name](*words) if name in ON_PAGES else run(words)
    Path(sys.argv[2]).write_text(json.dumps(results), "utf-8")
