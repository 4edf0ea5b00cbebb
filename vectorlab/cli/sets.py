"""``vectorlab sets``: demonstration sets and their versions."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.text import Text

from vectorlab.cli.context import open_lab
from vectorlab.cli.output import JsonOption, console, frame_table, pairs_table, plain, show
from vectorlab.cli.purging import CascadeOption, YesOption, ask_and_purge
from vectorlab.domain.sets import Demonstration
from vectorlab.domain.word_diff import Change, Segment, word_diff
from vectorlab.services import files, reports, sets

app = typer.Typer(
    no_args_is_help=True,
    help="Demonstration sets: immutable versions of pairs source -> target.",
)

Reference = Annotated[str, typer.Argument(metavar="NAME[@VERSION]", help="upbeat, upbeat@2 ...")]
_MARKS = {Change.SAME: ("", ""), Change.ADDED: ("{+", "+}"), Change.REMOVED: ("[-", "-]")}
_STYLES = {Change.SAME: "", Change.ADDED: "green", Change.REMOVED: "red strike"}


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Letters, digits, '.', '-', '_'.")],
    description: Annotated[str, typer.Option(help="What the set is for.")] = "",
    task: Annotated[str, typer.Option(help="For example: sentiment, detoxification.")] = "",
    tag: Annotated[list[str] | None, typer.Option(help="May be repeated.")] = None,
    json: JsonOption = False,
) -> None:
    """Create an empty set.

    Example: vectorlab sets create upbeat --description "plain to upbeat reviews"
    """
    lab = open_lab(context)
    made = sets.create(
        lab.db,
        name=name,
        description=description,
        task=task,
        tags=tag or [],
        actor=lab.settings.user,
    )
    show(made, as_json=json, human=lambda: f"Set {made.name} created.")


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV, TSV, JSON or JSON Lines.")],
    set: Annotated[str, typer.Option("--set", help="Its next version is made, or the set.")],
    source_column: Annotated[str | None, typer.Option(help="Column of the sources.")] = None,
    target_column: Annotated[str | None, typer.Option(help="Column of the targets.")] = None,
    format: Annotated[str | None, typer.Option(help="Overrides the file's ending.")] = None,
    message: Annotated[str | None, typer.Option("--message", "-m", help="Why.")] = None,
    json: JsonOption = False,
) -> None:
    """Freeze the rows of a file as the next version of a set.

    Example: vectorlab sets import reviews.csv --set upbeat --source-column negative
    --target-column positive
    """
    done = open_lab(context).sets.import_file(
        file,
        set=set,
        source_column=source_column,
        target_column=target_column,
        format=format,
        message=message,
    )
    version = done.version
    word = "committed" if done.created else "unchanged: the latest version holds exactly this"
    show(
        {**plain(version), "label": version.label, "created": done.created},
        as_json=json,
        human=lambda: f"{version.label}: {version.count} demonstrations, {word}.",
    )


@app.command("list")
def list_(context: typer.Context, json: JsonOption = False) -> None:
    """List all sets with their latest version."""
    db = open_lab(context).db
    rows = [
        {
            "set": item.name,
            "version": latest and latest.number,
            "demonstrations": latest.count if latest else 0,
            "task": item.task,
            "tags": item.tags,
            "description": item.description,
            "created_at": item.created_at,
            "changed_at": latest.created_at if latest else item.created_at,
            "content_sha256": latest and latest.content_sha256,
        }
        for item, latest in sets.list_sets(db)
    ]
    show(
        rows,
        as_json=json,
        human=lambda: frame_table(reports.sets_frame(db), hide=["sha256", "description"]),
    )


@app.command("show")
def show_(context: typer.Context, reference: Reference, json: JsonOption = False) -> None:
    """Show one version with its demonstrations.

    Example: vectorlab sets show upbeat@1
    """
    db = open_lab(context).db
    version = sets.get(db, reference)
    items = sets.demonstrations(db, version)
    about = {**plain(version), "label": version.label}
    show(
        {**about, "demonstrations": items},
        as_json=json,
        human=lambda: Group(
            pairs_table(about), frame_table(reports.demonstrations_frame(db, version.label))
        ),
    )


@app.command()
def log(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Of the set.")],
    json: JsonOption = False,
) -> None:
    """List the versions of a set, newest first."""
    versions = sets.log(open_lab(context).db, name)

    def human() -> Group:
        return Group(
            *(
                pairs_table(
                    {
                        item.label: item.message or "(no message)",
                        "": f"{item.count} demonstrations, {item.author}, "
                        f"{item.created_at:%Y-%m-%d %H:%M}, {item.content_sha256[:12]}",
                    }
                )
                for item in versions
            )
        )

    show(versions, as_json=json, human=human)


@app.command()
def diff(
    context: typer.Context,
    before: Annotated[str, typer.Argument(metavar="NAME@OLD")],
    after: Annotated[str, typer.Argument(metavar="NAME@NEW")],
    json: JsonOption = False,
) -> None:
    """Compare two versions: added, removed and edited demonstrations, edits word by word.

    Example: vectorlab sets diff upbeat@1 upbeat@2
    """
    found = sets.diff(open_lab(context).db, before, after)
    show(found, as_json=json, human=lambda: _diff_text(found))


@app.command()
def fork(
    context: typer.Context,
    reference: Reference,
    name: Annotated[str, typer.Argument(help="Of the new set.")],
    json: JsonOption = False,
) -> None:
    """Begin a new set from a version of another."""
    lab = open_lab(context)
    version = sets.fork(lab.db, reference=reference, name=name, actor=lab.settings.user)
    show(version, as_json=json, human=lambda: f"{version.label}: {version.message}.")


@app.command()
def split(
    context: typer.Context,
    reference: Reference,
    first: Annotated[str, typer.Argument(help="Name of the first new set.")],
    second: Annotated[str, typer.Argument(help="Name of the second.")],
    share: Annotated[float, typer.Option(help="Of the first, between 0 and 1.")] = 0.5,
    seed: Annotated[int, typer.Option(help="Of the draw.")] = 0,
    json: JsonOption = False,
) -> None:
    """Divide a version into two disjoint new sets, for example a pool and a test set.

    Example: vectorlab sets split upbeat@1 upbeat-pool upbeat-test --share 0.6
    """
    lab = open_lab(context)
    made = sets.split(
        lab.db,
        reference=reference,
        names=(first, second),
        share=share,
        seed=seed,
        actor=lab.settings.user,
    )
    show(
        [{**plain(item), "label": item.label} for item in made],
        as_json=json,
        human=lambda: "\n".join(f"{item.label}: {item.count} demonstrations." for item in made),
    )


@app.command()
def tag(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Of the set.")],
    tags: Annotated[list[str], typer.Argument(help="They replace the present ones.")],
    json: JsonOption = False,
) -> None:
    """Replace the tags of a set."""
    lab = open_lab(context)
    done = sets.tag(lab.db, name=name, tags=tags, actor=lab.settings.user)
    show(done, as_json=json, human=lambda: f"{done.name}: {', '.join(done.tags)}")


@app.command()
def export(
    context: typer.Context,
    reference: Reference,
    file: Annotated[Path, typer.Argument(help="Its ending names the format.")],
    format: Annotated[str | None, typer.Option(help="Overrides the file's ending.")] = None,
    json: JsonOption = False,
) -> None:
    """Write a version to a file; importing it again gives the same content hash."""
    db = open_lab(context).db
    version = sets.get(db, reference)
    files.write_demonstrations(file, sets.demonstrations(db, version), format=format)
    show(
        {"file": str(file), "label": version.label, "content_sha256": version.content_sha256},
        as_json=json,
        human=lambda: f"{version.label} written to {file} ({version.count} demonstrations).",
    )


@app.command()
def purge(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Of the set.")],
    cascade: CascadeOption = False,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Delete a set with all its versions; refuses while something depends on it."""
    ask_and_purge(context, "set", name, sets.remove, cascade=cascade, yes=yes, as_json=json)


def _diff_text(found: sets.SetDiff) -> Text:
    text = Text(f"{found.before.label} -> {found.after.label}\n", style="bold")
    if found.is_empty:
        order = " in another order" if found.is_reordered else ""
        return text.append(f"The same demonstrations{order}.", style="not bold")
    for old, new in found.edited:
        text.append("~ ", style="yellow")
        text.append_text(_pair_diff(old, new)).append("\n")
    for sign, style, items in (("+ ", "green", found.added), ("- ", "red", found.removed)):
        for item in items:
            target = "" if item.target is None else f" -> {item.target}"
            text.append(f"{sign}{item.source}{target}\n", style=f"not bold {style}")
    return text


def _pair_diff(old: Demonstration, new: Demonstration) -> Text:
    text = Text(style="not bold")
    for number, (left, right) in enumerate(
        ((old.source, new.source), (old.target or "", new.target or ""))
    ):
        if number:
            text.append(" -> ")
        for segment in word_diff(left, right):
            text.append(_marked(segment), style=_STYLES[segment.change])
    return text


def _marked(segment: Segment) -> str:
    """The words of a change, in brackets where there are no colours to tell it."""
    before, after = ("", "") if console.color_system else _MARKS[segment.change]
    return f"{before}{segment.text}{after}"
