"""Runs the command lines of a file in this process and writes what came of each to another file.

    python in_a_copy.py COMMANDS.json RESULTS.json

The package is the one that ``PYTHONPATH`` names. Some names are no command lines: of the dashboard
they are the playground's slider for the vector and the operator that ``SLIDER`` holds, the list of
runs, and the page of the system echo. ``VERBS`` calls as a notebook does, and ``ALTERED`` holds
statements for the store's database itself.
"""

import contextlib
import csv
import io
import json
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import vectorlab
from vectorlab.cli.main import main

SLIDER, RUNS_PAGE, ECHOES_PAGE = "slider", "runs page", "echoes page"
VERBS, ALTERED = "verbs", "altered"


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
    from streamlit.components.v2 import manifest_scanner
    from streamlit.testing.v1 import AppTest

    manifest_scanner.scan_component_manifests = list  # no page uses any; looking takes longer
    app = AppTest.from_file(
        Path(vectorlab.__file__).parents[1] / "ui" / "app.py", default_timeout=120
    )
    for key, value in query.items():
        app.query_params[key] = value
    drawn = app.switch_page(f"app_pages/{name}.py").run()
    assert not drawn.exception, drawn.exception
    return drawn


def listed_runs() -> list[dict[str, object]]:
    """What the list of runs offers for download."""
    import streamlit as st

    offered: list[bytes] = []

    def keep(label: str, data: Callable[[], bytes], **_: object) -> None:
        offered.append(data())

    with mock.patch.object(st, "download_button", keep):
        page("runs")
    [table] = offered
    return list(csv.DictReader(io.StringIO(table.decode("utf-8-sig"))))


def echoes_page() -> tuple[list[str], list[dict[str, object]]]:
    """Titles of the pages where one looks at things, and the rows on that of echoes."""
    from ui.frame.navigation import NAVIGATION

    [table] = page("echoes").dataframe
    return list(NAVIGATION["Record"].values()), table.value.to_dict(orient="records")


def called_in_a_notebook(words: str) -> str:
    """What comes back."""
    heard: str = vectorlab.Lab().echo.call(words).heard
    return heard


def altered(*statements: str) -> list[str]:
    """What SQLite said to each statement; nothing where it did as told."""
    said = []
    store = Path(os.environ["VECTORLAB_HOME"], "vectorlab.db")
    with contextlib.closing(sqlite3.connect(store, isolation_level=None)) as connection:
        for statement in statements:
            try:
                connection.execute(statement)
                said.append("")
            except sqlite3.Error as error:
                said.append(str(error))
    return said


NO_COMMANDS = {
    SLIDER: slider,
    RUNS_PAGE: listed_runs,
    ECHOES_PAGE: echoes_page,
    VERBS: called_in_a_notebook,
    ALTERED: altered,
}

if __name__ == "__main__":
    asked = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    results: dict[str, object] = {"package": vectorlab.__file__}
    for name, words in asked.items():
        results[name] = NO_COMMANDS[name](*words) if name in NO_COMMANDS else run(words)
    Path(sys.argv[2]).write_text(json.dumps(results), "utf-8")
