"""``vectorlab sets import`` and ``export``: demonstration sets from and to files."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.text import Text

from vectorlab.cli.context import open_lab
from vectorlab.cli.options import MessageOption, NextVersionOption, StrictOption, VersionReference
from vectorlab.cli.output import JsonOption, frame_table, plain, show, stderr
from vectorlab.domain.sets.formats import FORMATS, READ_FORMATS

if TYPE_CHECKING:
    import pandas as pd

    from vectorlab.domain.sets.versions import Demonstration
    from vectorlab.services.sets import files as set_files
    from vectorlab.services.sets import sets


DRY_ROWS = 5  # demonstrations that --dry-run shows
SetFormatOption = Annotated[
    str | None,
    typer.Option(help=f"One of {', '.join(FORMATS)}. Default: by the file's ending."),
]


def import_(
    context: typer.Context,
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="What to read: CSV, TSV, JSON, JSON Lines, Parquet, an Excel workbook, a "
            "datasets directory, "
            "hub:OWNER/NAME, - for standard input, or two text files, sources and targets line by "
            "line.",
        ),
    ],
    set: NextVersionOption,
    source_column: Annotated[
        list[str] | None,
        typer.Option(
            help="Column of the sources; repeat to join several. Default: guessed from the names."
        ),
    ] = None,
    target_column: Annotated[
        list[str] | None,
        typer.Option(
            help="Column of the targets; repeat to join several. Default: guessed from the names."
        ),
    ] = None,
    metadata_column: Annotated[
        list[str] | None,
        typer.Option(
            help="Column to keep as metadata; repeat for several. Default: 'metadata', if there is "
            "one."
        ),
    ] = None,
    no_metadata: Annotated[
        bool,
        typer.Option(
            "--no-metadata", help="Leave out a column 'metadata', which is kept otherwise."
        ),
    ] = False,
    bare_prompts: Annotated[
        bool, typer.Option("--bare-prompts", help="Read sources alone: prompts without targets.")
    ] = False,
    join: Annotated[
        str | None,
        typer.Option(
            help="Text between joined columns. Default: a space where neither has white space "
            "there."
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(help=f"One of {', '.join(READ_FORMATS)}. Default: by the file's ending."),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(help="Character encoding of the text, such as latin-1. Default: UTF-8."),
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option(help="Character between the columns of a CSV file. Default: a comma."),
    ] = None,
    sheet: Annotated[
        str | None,
        typer.Option(help="Sheet of a workbook. Default: the first that is not hidden."),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="Split of a dataset to read, such as train; needed where it has several."
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(help="Configuration of a dataset on the hub, where it has several."),
    ] = None,
    revision: Annotated[
        str | None, typer.Option(help="Branch, tag or commit on the hub. Default: the main branch.")
    ] = None,
    strict: StrictOption = False,
    model: Annotated[
        str | None,
        typer.Option(
            help="Also check that the texts fit into the context of this registered model."
        ),
    ] = None,
    message: MessageOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and check the whole file, and store nothing.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Freeze the rows of a file as the next version of a set: all of them, or nothing.

    Columns that are not named are guessed from their names; the guess is shown first.

    Example: vectorlab sets import reviews.csv --set upbeat --source-column negative
    --target-column positive
    """
    from vectorlab.services.sets import files as set_files

    options = set_files.ReadOptions(
        format=format,
        encoding=encoding,
        delimiter=delimiter,
        sheet=sheet,
        split=split,
        config=config,
        revision=revision,
    )
    metadata = () if no_metadata else metadata_column or None
    columns = set_files.ColumnChoice.of(source_column, target_column, metadata, join, bare_prompts)
    with set_files.open_import(files, options, columns) as source_set:
        if not json:
            for line in source_set.sentences():
                stderr.print(Text(line), soft_wrap=True)
        with _reading(source_set.progress) as seen:
            if dry_run:
                surveyed = set_files.survey(source_set, rows=DRY_ROWS, seen=seen)
            else:
                lab = open_lab(context)
                items = source_set.demonstrations(seen)
                why = message or source_set.message()
                limit = None if model is None else lab.models.token_limit(model)
                done = lab.sets.commit(set, items, message=why, strict=strict, limit=limit)
        if dry_run:
            _show_survey(source_set, surveyed, as_json=json)
        else:
            _show_commit(source_set, done, as_json=json)


def export(
    context: typer.Context,
    reference: VersionReference,
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="File to write, its ending names the format; - is standard output; text takes "
            "two.",
        ),
    ],
    format: SetFormatOption = None,
    json: JsonOption = False,
) -> None:
    """Write a version to a file; importing it again gives the same content hash.

    The same version gives the same bytes each time. A manifest names it and its hash: in
    FILE.manifest.json, or inside a Parquet file or datasets directory.

    Example: vectorlab sets export upbeat@2 upbeat.csv
    """
    from vectorlab.services.sets import sets

    lab = open_lab(context)
    written = lab.sets.export(reference, *files, format=format)
    if not written:  # it went to standard output
        return
    version = sets.get(lab.db, reference)
    show(
        {
            "file": files[0],
            "files": [str(path) for path in written],
            "label": version.label,
            "content_sha256": version.content_sha256,
        },
        as_json=json,
        human=lambda: (
            f"{version.label} written to {' and '.join(files)} ({version.count} demonstrations)."
        ),
    )


def _show_commit(
    source_set: "set_files.FoundSet", done: "sets.Committed", *, as_json: bool
) -> None:
    from vectorlab.cli.sets.printing import findings_text

    version = done.version
    word = "committed" if done.created else "unchanged: the latest version holds exactly this"
    lines = [f"{version.label}: {version.count} demonstrations, {word}."]
    lines += filter(None, [source_set.outcome(version.content_sha256)])
    show(
        {
            **plain(version),
            "label": version.label,
            "created": done.created,
            "findings": done.findings,
            "import": source_set.plain(),
        },
        as_json=as_json,
        human=lambda: "\n".join(lines),
    )
    stderr.print(findings_text(version.label, done.findings), end="", soft_wrap=True)


def _show_survey(
    source_set: "set_files.FoundSet", surveyed: "set_files.Survey", *, as_json: bool
) -> None:
    from vectorlab.cli.sets.printing import findings_text

    lines = [f"{surveyed.count} demonstrations, nothing written (--dry-run)."]
    lines += filter(None, [source_set.outcome(surveyed.content_sha256)])
    show(
        {
            "dry_run": True,
            "count": surveyed.count,
            "content_sha256": surveyed.content_sha256,
            "import": source_set.plain(),
            "demonstrations": surveyed.first,
            "findings": surveyed.findings,
        },
        as_json=as_json,
        human=lambda: Group(frame_table(_first_rows(surveyed.first)), *lines),
    )
    stderr.print(findings_text(source_set.title, surveyed.findings), end="", soft_wrap=True)


def _first_rows(items: "Sequence[Demonstration]") -> "pd.DataFrame":
    import pandas as pd

    rows = [
        (
            demonstration.source,
            demonstration.target,
            str(dict(demonstration.metadata)) if demonstration.metadata else None,
        )
        for demonstration in items
    ]
    return pd.DataFrame(rows, columns=["source", "target", "metadata"], dtype=object)


@contextmanager
def _reading(progress: "set_files.ImportProgress") -> "Iterator[set_files.Seen]":
    """A bar on stderr with amount, rate and demonstrations; silent without a terminal."""
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    from vectorlab.services.sets import files as set_files

    amount: Sequence[ProgressColumn] = (
        (DownloadColumn(), TransferSpeedColumn())
        if progress.unit == "bytes"
        else (MofNCompleteColumn(),)
    )
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *amount,
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=stderr,
        transient=True,
        disable=not stderr.is_terminal,
    )
    with bar:
        task = bar.add_task("reading", total=progress.total, rate="")

        def seen(now: set_files.ImportProgress) -> None:
            elapsed = bar.tasks[0].elapsed or 0
            rate = f"{now.demonstrations / elapsed:,.0f} rows/s" if elapsed else ""
            bar.update(
                task,
                completed=now.done,
                total=now.total,
                description=f"{now.demonstrations:,} demonstrations",
                rate=rate,
            )

        yield seen
