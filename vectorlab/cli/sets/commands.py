"""All commands of ``vectorlab sets``, in the order of its help."""

from vectorlab.cli.sets import drafts, files, history, splits
from vectorlab.cli.sets.sets import app

__all__ = ["app"]

app.command("import")(files.import_)
app.command("export")(files.export)
for part in (history.app, splits.app, drafts.app):
    app.add_typer(part)
