"""The ``rename`` verb, the same for every noun."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from vectorlab.cli.context import open_lab
from vectorlab.cli.output import show

NewName = Annotated[str, typer.Argument(metavar="NAME", help="The name that it gets.")]


def rename_and_show(
    context: typer.Context,
    noun: str,
    reference: str,
    name: str,
    rename: Callable[..., Any],
    *,
    as_json: bool,
) -> None:
    """Rename through a service's ``rename``, and say what has the name now.

    Args:
        context: Of the call; names the store.
        noun: What is renamed.
        reference: What the user typed.
        name: The new name.
        rename: The service; returns what was renamed.
        as_json: Print JSON.
    """
    lab = open_lab(context)
    renamed = rename(lab.db, reference, name, actor=lab.settings.user)
    show(
        {"id": renamed.id, "name": renamed.name},
        as_json=as_json,
        human=lambda: f"{noun.capitalize()} {reference} is called {renamed.name} now.",
    )
