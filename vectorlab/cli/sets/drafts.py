"""``vectorlab sets drafts | discard``: what people changed of sets and have not frozen."""

from typing import Annotated

import typer

from vectorlab.cli.context import open_lab, open_store
from vectorlab.cli.output import JsonOption, frame_table, plain, show
from vectorlab.cli.purging import YesOption

app = typer.Typer()  # its commands stand beside those of ``sets``
_NUMBER = "Number of the draft, as 'sets drafts' lists it."


@app.command()
def drafts(
    context: typer.Context,
    number: Annotated[int | None, typer.Argument(help=f"{_NUMBER} Default: list all.")] = None,
    json: JsonOption = False,
) -> None:
    """List drafts of sets, which the dashboard keeps until they are frozen, or show one.

    Example: vectorlab sets drafts
    """
    from vectorlab.cli.sets.printing import changes_text
    from vectorlab.services import listings
    from vectorlab.services.sets import drafts as set_drafts

    db = open_store(context)
    if number is None:
        listed = set_drafts.list_drafts(db)
        columns = listings.drafts_columns(listed)
        rows = [{**plain(draft), "label": draft.label} for draft in listed]
        show(rows, as_json=json, human=lambda: frame_table(columns))
        return
    draft = set_drafts.get(db, number)
    outlook = set_drafts.look_ahead(db, draft, check=False)
    title = f"Draft {draft.id} of {draft.label}, by {draft.author}: {draft.words}"
    show(
        {**plain(draft), "label": draft.label, "changes": outlook.changes, "count": outlook.count},
        as_json=json,
        human=lambda: changes_text(title, outlook.changes),
    )


@app.command()
def discard(
    context: typer.Context,
    number: Annotated[int, typer.Argument(help=_NUMBER)],
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Throw a draft away; what it holds is lost, and versions stay as they are.

    Example: vectorlab sets discard 3 --yes
    """
    lab = open_lab(context)
    draft = lab.sets.draft(number)
    words = f"draft {draft.id} of {draft.label}, by {draft.author}: {draft.words}"
    if not yes:
        typer.confirm(f"Throw away {words}?", abort=True)
    lab.sets.discard(number)
    gone = {**plain(draft), "label": draft.label}
    show(gone, as_json=json, human=lambda: f"Thrown away: {words}.")
