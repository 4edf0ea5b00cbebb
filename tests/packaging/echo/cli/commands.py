"""``vectorlab echo``: call, and hear what comes back."""

from typing import Annotated

import typer
from vectorlab.echo.services import echoes

from vectorlab.cli.context import finish, open_lab
from vectorlab.cli.options import DetachOption
from vectorlab.cli.output import JsonOption, show
from vectorlab.cli.purging import YesOption, ask_and_purge

app = typer.Typer(no_args_is_help=True)


@app.command()
def call(
    context: typer.Context,
    words: Annotated[str, typer.Argument(help="What is called.")],
    detach: DetachOption = False,
    json: JsonOption = False,
) -> None:
    """Call something.

    Example: vectorlab echo call hello
    """
    lab = open_lab(context)
    finish(
        lab,
        echoes.request_echo(lab.db, words, actor=lab.settings.user),
        lambda echo: show(vars(echo), as_json=json, human=lambda: echo.heard),
        describe=lambda echo: f"echo {echo.id}",
        detach=detach,
        as_json=json,
    )


@app.command()
def purge(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="ID", help="Number of the echo.")],
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Delete an echo for good.

    Example: vectorlab echo purge 1 --yes
    """
    ask_and_purge(context, "echo", reference, echoes.purge, cascade=False, yes=yes, as_json=json)
