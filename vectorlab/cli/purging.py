"""The ``purge`` verb, the same for every noun: ask, delete, say what went."""

from collections.abc import Callable
from typing import Annotated

import typer

from vectorlab.cli.context import open_lab
from vectorlab.cli.output import show

CascadeOption = Annotated[
    bool, typer.Option("--cascade", help="Also delete whatever depends on it.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Delete without asking for a yes.")]


def ask_and_purge(
    context: typer.Context,
    noun: str,
    reference: str,
    remove: Callable[..., list[str]],
    *,
    cascade: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Delete through a service's ``remove`` after a yes, and print one line per thing gone.

    Args:
        context: Of the call; names the store.
        noun: What is deleted, as the question calls it.
        reference: What the user typed.
        remove: The service; returns a line per thing that went.
        cascade: Also delete whatever depends on it.
        yes: Do not ask.
        as_json: Print JSON.

    Raises:
        typer.Abort: If the user says no.
    """
    lab = open_lab(context)
    if not yes:
        typer.confirm(f"Delete {noun} {reference} for good?", abort=True)
    gone = remove(lab.db, reference, cascade=cascade, actor=lab.settings.user)
    show({"purged": gone}, as_json=as_json, human=lambda: "Deleted: " + ", ".join(gone))
