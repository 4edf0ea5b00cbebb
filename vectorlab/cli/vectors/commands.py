"""All commands of ``vectorlab vectors``, in the order of its help."""

from vectorlab.cli.vectors import algebra, calibrations, thresholds
from vectorlab.cli.vectors.vectors import app

__all__ = ["app"]

for part in (calibrations.app, algebra.app, thresholds.app):
    app.add_typer(part)
