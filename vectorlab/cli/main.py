"""The root command: global options, the nouns, and errors as one clear line."""

import logging
import sys
from typing import Annotated, Any

import typer
from rich.text import Text

from vectorlab.cli import arguments, db, models, root_commands, sql
from vectorlab.cli.context import Options
from vectorlab.cli.jobs import jobs, worker
from vectorlab.cli.output import stderr
from vectorlab.cli.runs import runs, scores, sweeps
from vectorlab.cli.sets import files, history, sets, splits
from vectorlab.cli.vectors import algebra, calibrations, thresholds, vectors
from vectorlab.errors import VectorLabError
from vectorlab.systems import systems
from vectorlab.version import __version__

app = typer.Typer(
    name="vectorlab",
    help="A laboratory that keeps steering vectors: versioned demonstrations, per-layer vectors, "
    "replayable generations.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(db.app, name="db")
for part in (history.app, splits.app):
    sets.app.add_typer(part)
app.add_typer(sets.app, name="sets")
sets.app.command("import")(files.import_)
sets.app.command("export")(files.export)
app.add_typer(models.app, name="models")
for part in (calibrations.app, algebra.app):
    vectors.app.add_typer(part)
vectors.app.add_typer(thresholds.app)
app.add_typer(vectors.app, name="vectors")
for part in (sweeps.app, scores.app):
    runs.app.add_typer(part)
app.add_typer(runs.app, name="runs")
for system in systems():
    app.add_typer(system.module("cli.commands").app, name=system.name)
app.add_typer(jobs.app, name="jobs")
app.add_typer(worker.app, name="worker")
app.command("demo")(root_commands.demo)
app.command("ui")(root_commands.ui)
app.command("doctor")(root_commands.doctor)
app.command("sql")(sql.sql)


def _print_version(requested: bool) -> None:  # noqa: FBT001 - typer's callback form
    if requested:
        typer.echo(f"vectorlab {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    database_url: Annotated[
        str | None,
        typer.Option(
            "--db",
            metavar="URL",
            help="Database that holds the store. Default: VECTORLAB_DATABASE_URL, or a SQLite file "
            "in the user's data folder. May stand anywhere on the line.",
        ),
    ] = None,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the full traceback of an error, and log more.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Keep the options for the command that follows."""
    del version
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    context.obj = Options(database_url=database_url, debug=debug)


def main(words: list[str] | None = None) -> Any:
    """Entry point of the console script: exit code 1 for errors, 2 for bad use."""
    argv = arguments.normalise(sys.argv[1:] if words is None else words)
    try:
        return app(argv, prog_name="vectorlab")
    except (VectorLabError, OSError) as exc:
        if "--debug" in argv:
            raise
        stderr.print(Text.assemble(("Error: ", "bold red"), str(exc)), soft_wrap=True)
        sys.exit(1)
