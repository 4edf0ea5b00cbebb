"""``vectorlab sets log | diff | blame | merge``: the history of demonstration sets."""

import json as json_library
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.text import Text

from vectorlab.cli.context import open_lab, open_store
from vectorlab.cli.options import MessageOption, SetName, StrictOption, VersionReference
from vectorlab.cli.output import JsonOption, frame_table, plain, show, stderr
from vectorlab.domain.sets.merge import Take
from vectorlab.errors import InputError

if TYPE_CHECKING:
    from vectorlab.domain.sets.versions import Demonstration
    from vectorlab.services.sets.history import Merged
    from vectorlab.services.sets.lines import ConflictingPair


app = typer.Typer()  # its commands stand beside those of ``sets``


@app.command()
def log(
    context: typer.Context,
    name: SetName,
    json: JsonOption = False,
) -> None:
    """Show the history of a set as a graph, newest first, forks and merges included.

    Example: vectorlab sets log upbeat
    """
    from vectorlab.cli.sets.printing import history_text
    from vectorlab.services.sets import history

    versions = history.history(open_store(context), name)
    labels = {version.id: version.label for version in versions}
    rows = [
        {
            **plain(version),
            "label": version.label,
            "parent": labels.get(version.parent_id or 0),
            "merged": labels.get(version.merged_id or 0),
        }
        for version in versions
    ]
    show(rows, as_json=json, human=lambda: history_text(versions))


@app.command()
def diff(
    context: typer.Context,
    before: Annotated[
        str,
        typer.Argument(metavar="NAME@OLD", help="Version before the changes, such as upbeat@1."),
    ],
    after: Annotated[
        str, typer.Argument(metavar="NAME@NEW", help="Version after the changes, such as upbeat@2.")
    ],
    json: JsonOption = False,
) -> None:
    """Compare two versions: what was added, removed, edited (word by word) and moved.

    Example: vectorlab sets diff upbeat@1 upbeat@2
    """
    from vectorlab.cli.sets.printing import changes_text
    from vectorlab.services.sets import history

    difference = history.diff(open_store(context), before, after)
    title = f"{difference.before.label} -> {difference.after.label}"
    show(difference, as_json=json, human=lambda: changes_text(title, difference.changes))


@app.command()
def blame(context: typer.Context, reference: VersionReference, json: JsonOption = False) -> None:
    """Say in which version each demonstration came in, through forks and merges.

    Example: vectorlab sets blame upbeat@latest
    """
    from vectorlab.services import frames
    from vectorlab.services.sets import history

    db = open_store(context)
    origins = history.blame(db, reference)
    rows = [
        {
            "position": origin.position,
            "version": origin.version.label,
            "author": origin.version.author,
            "message": origin.version.message,
            **plain(origin.demonstration),
        }
        for origin in origins
    ]
    show(rows, as_json=json, human=lambda: frame_table(frames.blame_frame(origins)))


@app.command()
def merge(
    context: typer.Context,
    ours: Annotated[
        str, typer.Argument(metavar="NAME", help="Set that gets the merged version, by its name.")
    ],
    theirs: Annotated[
        str,
        typer.Argument(
            metavar="OTHER[@VERSION]", help="Set, or version of it, that is merged into the first."
        ),
    ],
    take: Annotated[
        Take | None,
        typer.Option(
            help="How every open conflict is settled: our side, theirs, both, the base or neither."
        ),
    ] = None,
    conflicts: Annotated[
        Path | None,
        typer.Option(help="File to write open conflicts to, so that they can be settled by hand."),
    ] = None,
    settled: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="File that --conflicts wrote, with its 'take' fields filled in.",
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            metavar="NAME@V",
            help="Common version to start from, such as upbeat@1, where there are several.",
        ),
    ] = None,
    unrelated: Annotated[
        bool, typer.Option("--unrelated", help="Also merge sets that have no version in common.")
    ] = False,
    strict: StrictOption = False,
    message: MessageOption = None,
    json: JsonOption = False,
) -> None:
    """Bring another line into a set, three-way by content.

    What both lines changed differently is a conflict: it is shown as pairs and nothing is
    written (exit code 1) until each is settled with --take or --settled.

    Example: vectorlab sets merge upbeat upbeat-fix
    """
    from vectorlab.cli.sets.printing import findings_text
    from vectorlab.services.sets import history

    lab = open_lab(context)
    read = None if settled is None else _read_settled(settled)
    done = history.merge(
        lab.db,
        ours=ours,
        theirs=theirs,
        actor=lab.settings.user,
        message=message,
        take=take,
        settled=None if read is None else read.takes,
        shown=() if read is None else read.shown,
        base=base,
        unrelated=unrelated,
        strict=strict,
    )
    if conflicts is not None and done.committed is None:
        _write_conflicts(conflicts, done.conflicts)
    show(_merged_json(done), as_json=json, human=lambda: _merged_text(done, conflicts))
    if done.committed is None:
        raise typer.Exit(1)
    stderr.print(
        findings_text(done.committed.version.label, done.committed.findings), end="", soft_wrap=True
    )


def _merged_json(done: "Merged") -> dict[str, Any]:
    committed = done.committed
    return {
        "base": done.base and done.base.label,
        "ours": done.ours.label,
        "theirs": done.theirs.label,
        "label": committed and committed.version.label,
        "conflicts": done.conflicts,
        "findings": () if committed is None else committed.findings,
    }


def _merged_text(done: "Merged", file: Path | None) -> Group:
    from vectorlab.cli.sets.printing import conflict_text

    if done.committed is not None:
        version = done.committed.version
        return Group(
            Text(
                f"{version.label}: {done.theirs.label} merged into {done.ours.label} "
                f"({version.count} demonstrations)."
            )
        )
    where = (
        f"They are in {file}: fill in 'take' and pass it with --settled."
        if file
        else (
            "Settle them with --take ours|theirs|both|base|neither, or one by one: --conflicts FILE"
        )
    )
    count = len(done.conflicts)
    head = (
        f"{count} conflict{'' if count == 1 else 's'} between {done.ours.label} and "
        f"{done.theirs.label}; nothing was written."
    )
    return Group(Text(head), *(conflict_text(conflict) for conflict in done.conflicts), Text(where))


def _write_conflicts(path: Path, conflicts: "tuple[ConflictingPair, ...]") -> None:
    """One JSON object per line; ``take`` is to be filled with a word or with pairs."""
    lines = [
        json_library.dumps(
            {"number": conflict.number, "take": None, **plain(conflict)}, ensure_ascii=False
        )
        for conflict in conflicts
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class _Settled:
    """A conflicts file that somebody filled in."""

    takes: "dict[int, Take | list[Demonstration]]"
    shown: "list[ConflictingPair]"  # the conflicts that were settled, as the file has them


def _read_settled(path: Path) -> _Settled:
    from vectorlab.domain.sets.versions import Demonstration
    from vectorlab.services.sets.lines import ConflictingPair

    settled = _Settled(takes={}, shown=[])
    # Lines end at \n alone: a text may hold any other line separator.
    for line, text in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not text.strip():
            continue
        try:
            record = json_library.loads(text)
            take = record["take"]
            if take is not None:
                number = int(record["number"])
                settled.takes[number] = Take(take) if isinstance(take, str) else _pairs(take)
                settled.shown.append(
                    ConflictingPair(
                        number=number,
                        base=Demonstration(**record["base"]),
                        ours=record["ours"] and Demonstration(**record["ours"]),
                        theirs=record["theirs"] and Demonstration(**record["theirs"]),
                    )
                )
        except (ValueError, KeyError, TypeError) as exc:
            raise InputError(
                f"{path}, line {line}: {exc}. Expected a line of a conflicts file with 'take': "
                f"{', '.join(Take)}, or a list of pairs with 'source' and 'target'."
            ) from exc
    return settled


def _pairs(items: list[dict[str, Any]]) -> "list[Demonstration]":
    from vectorlab.domain.sets.versions import Demonstration

    return [Demonstration(**pair) for pair in items]
