"""All commands of ``vectorlab runs``, in the order of its help."""

from vectorlab.cli.runs import scores, sweeps
from vectorlab.cli.runs.runs import app

__all__ = ["app"]

for part in (sweeps.app, scores.app):
    app.add_typer(part)
