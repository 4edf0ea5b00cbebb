"""``vectorlab sets``: demonstration sets and their versions."""

from typing import Annotated

import typer
from rich.console import Group

from vectorlab.cli.context import open_lab, open_store
from vectorlab.cli.options import NewSetName, SetName, VersionReference
from vectorlab.cli.output import JsonOption, frame_table, pairs_table, plain, show
from vectorlab.cli.purging import CascadeOption, YesOption, ask_and_purge
from vectorlab.cli.renaming import NewName, rename_and_show

app = typer.Typer(no_args_is_help=True)

_DESCRIPTION = "What the set is for, in a sentence."
_TASK = "What its demonstrations are about, such as sentiment or detoxification."
Labels = Annotated[
    list[str] | None, typer.Option("--label", help="Word to find the set by; repeat for several.")
]


@app.command()
def create(
    context: typer.Context,
    name: NewSetName,
    description: Annotated[str, typer.Option(help=_DESCRIPTION)] = "",
    task: Annotated[str, typer.Option(help=_TASK)] = "",
    label: Labels = None,
    json: JsonOption = False,
) -> None:
    """Create an empty set.

    Example: vectorlab sets create upbeat --description "plain to upbeat reviews"
    """
    from vectorlab.services.sets import sets

    lab = open_lab(context)
    created = sets.create(
        lab.db,
        name=name,
        description=description,
        task=task,
        labels=label or [],
        actor=lab.settings.user,
    )
    show(created, as_json=json, human=lambda: f"Set {created.name} created.")


@app.command("list")
def list_(context: typer.Context, json: JsonOption = False) -> None:
    """List all sets with their latest version.

    Example: vectorlab sets list
    """
    from vectorlab.services import listings
    from vectorlab.services.sets import sets

    listed = sets.list_sets(open_store(context))
    rows = [
        {
            "set": about.name,
            "version": latest and latest.number,
            "demonstrations": latest.count if latest else 0,
            "task": about.task,
            "labels": about.labels,
            "tags": latest.tags if latest else (),
            "description": about.description,
            "created_at": about.created_at,
            "changed_at": latest.created_at if latest else about.created_at,
            "content_sha256": latest and latest.content_sha256,
        }
        for about, latest in listed
    ]
    show(
        rows,
        as_json=json,
        human=lambda: frame_table(
            listings.sets_columns(listed),
            hide=["sha256", "description"],
            names=["set"],
            spare=["tags", "task", "labels", "changed"],
        ),
    )


@app.command("show")
def show_(context: typer.Context, reference: VersionReference, json: JsonOption = False) -> None:
    """Show one version with its demonstrations.

    Example: vectorlab sets show upbeat@1
    """
    from vectorlab.services import listings
    from vectorlab.services.sets import sets

    db = open_store(context)
    version = sets.get(db, reference)
    items = sets.demonstrations(db, version)
    about = {**plain(version), "label": version.label}
    show(
        {**about, "demonstrations": items},
        as_json=json,
        human=lambda: Group(
            pairs_table(about), frame_table(listings.demonstrations_columns(items))
        ),
    )


@app.command()
def fork(
    context: typer.Context,
    reference: VersionReference,
    name: NewSetName,
    json: JsonOption = False,
) -> None:
    """Begin a new set from a version of another.

    Example: vectorlab sets fork upbeat@2 upbeat-short
    """
    from vectorlab.services.sets import sets

    lab = open_lab(context)
    version = sets.fork(lab.db, reference=reference, name=name, actor=lab.settings.user)
    show(version, as_json=json, human=lambda: f"{version.label}: {version.message}.")


@app.command()
def describe(
    context: typer.Context,
    name: SetName,
    description: Annotated[str | None, typer.Option(help=_DESCRIPTION)] = None,
    task: Annotated[str | None, typer.Option(help=_TASK)] = None,
    label: Labels = None,
    json: JsonOption = False,
) -> None:
    """Change description, task or labels of a set; what is not given stays, and so do versions.

    Example: vectorlab sets describe upbeat --label reviews --label tone
    """
    from vectorlab.services.sets import sets

    lab = open_lab(context)
    changes = {"description": description, "task": task, "labels": label}
    done = sets.describe(
        lab.db,
        name,
        actor=lab.settings.user,
        **{key: value for key, value in changes.items() if value is not None},
    )
    show(done, as_json=json, human=lambda: pairs_table(plain(done)))


@app.command()
def tag(
    context: typer.Context,
    reference: VersionReference,
    tags: Annotated[
        list[str],
        typer.Argument(help="One or more names that should mean this version, such as published."),
    ],
    delete: Annotated[
        bool, typer.Option("--delete", help="Remove the tags from the set instead of setting them.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Let a tag point at a version, so that NAME@TAG means it; a tag can move.

    Example: vectorlab sets tag upbeat@3 published
    """
    from vectorlab.services.sets import sets

    lab = open_lab(context)
    if delete:
        name = reference.partition("@")[0]
        gone = sets.untag(lab.db, name=name, tags=tags, actor=lab.settings.user)
        words = ", ".join(gone) or "none of them was there"
        show({"set": name, "deleted": gone}, as_json=json, human=lambda: f"Deleted: {words}.")
        return
    done = sets.tag(lab.db, reference=reference, tags=tags, actor=lab.settings.user)
    show(
        {**plain(done), "label": done.label},
        as_json=json,
        human=lambda: f"{done.label}: {', '.join(done.tags)}",
    )


@app.command()
def rename(
    context: typer.Context,
    name: SetName,
    new: NewName,
    json: JsonOption = False,
) -> None:
    """Give a set another name; its versions, and what was made of them, stay as they are.

    Example: vectorlab sets rename upbeat excited
    """
    from vectorlab.services.sets import sets

    rename_and_show(context, "set", name, new, sets.rename, as_json=json)


@app.command()
def purge(
    context: typer.Context,
    name: SetName,
    cascade: CascadeOption = False,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Delete a set with all its versions; refuses while something depends on it.

    Example: vectorlab sets purge upbeat --yes
    """
    from vectorlab.services.sets import sets

    ask_and_purge(context, "set", name, sets.remove, cascade=cascade, yes=yes, as_json=json)
