"""The root command: global options, the nouns, and errors as one clear line."""

import gc
import logging
import sys
from typing import Annotated, Any

import typer
from rich.text import Text

from vectorlab.cli import arguments, ending
from vectorlab.cli.context import Options
from vectorlab.cli.nouns import Root
from vectorlab.cli.output import stderr
from vectorlab.errors import VectorLabError
from vectorlab.version import __version__

# Between looks for garbage: imports make objects that stay, and with Python's 700 the looks take a
# fifth of the start.
_NEW_OBJECTS = 50_000

app = typer.Typer(
    name="vectorlab",
    cls=Root,
    help="A laboratory that keeps steering vectors: versioned demonstrations, per-layer vectors, "
    "replayable generations.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
    """Entry point of the console script: exit code 1 for errors, 2 for bad use.

    Without ``words`` it is the program of this process, whose command line it reads.
    """
    if words is None:
        gc.set_threshold(_NEW_OBJECTS)
        with ending.at_once():
            return main(sys.argv[1:])
    argv = arguments.normalise(words)
    try:
        return app(argv, prog_name="vectorlab")
    except (VectorLabError, OSError) as exc:
        if "--debug" in argv:
            raise
        stderr.print(Text.assemble(("Error: ", "bold red"), str(exc)), soft_wrap=True)
        sys.exit(1)
