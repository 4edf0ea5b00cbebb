"""Printing: tables for people on stdout, JSON for machines, progress on stderr."""

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import Enum
from typing import Annotated, Any

import pandas as pd
import typer
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from vectorlab.domain.description import Names, describe

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

_LEAST_WORDS = 10  # characters of a column beside which numbers need not be broken
console = Console()
stderr = Console(stderr=True)


def show(value: Any, *, as_json: bool, human: Callable[[], RenderableType]) -> None:
    """Print a result: ``value`` as JSON, or what ``human`` makes of it."""
    if as_json:
        typer.echo(json.dumps(plain(value), ensure_ascii=False, indent=2))
    else:
        console.print(human())


def show_queued(job_id: int, *, as_json: bool) -> None:
    """Print the id of a job that nobody waits for."""
    show(
        {"job_id": job_id},
        as_json=as_json,
        human=lambda: f"Job {job_id} is queued. Wait for it: vectorlab jobs wait {job_id}",
    )


def plain(value: Any) -> Any:
    """Dataclasses, enums, times and frames as JSON types."""
    if isinstance(value, pd.DataFrame):
        return json.loads(value.to_json(orient="records", date_format="iso", force_ascii=False))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [plain(item) for item in value]
    return value


def frame_table(frame: pd.DataFrame, *, title: str = "", hide: Sequence[str] = ()) -> Table:
    """A frame as a table without its empty columns; cells are text, never markup."""
    cells = {
        name: [_cell(value) for value in frame[name]] for name in frame.columns if name not in hide
    }
    table = Table(title=title or None, title_justify="left", header_style="bold")
    shown = [name for name, texts in cells.items() if any(texts) or frame.empty]
    whole = _kept_whole({name: cells[name] for name in shown}, frame)
    for name in shown:
        table.add_column(str(name), overflow="fold", no_wrap=name in whole)
    for record in zip(*(cells[name] for name in shown), strict=True):
        table.add_row(*(Text(text) for text in record))
    return table


def _kept_whole(cells: Mapping[str, Sequence[str]], frame: pd.DataFrame) -> list[str]:
    """Columns of numbers, unless words would be left without room: words are better broken."""
    numbers = [name for name in cells if pd.api.types.is_numeric_dtype(frame[name])]
    words = len(cells) - len(numbers)
    digits = sum(max(len(name), *map(len, cells[name])) for name in numbers if cells[name])
    borders = 3 * len(cells) + 1
    return numbers if digits + borders + _LEAST_WORDS * words <= console.width else []


def facts_of(spec: Any, names: Names | None = None) -> dict[str, str]:
    """What a request says for ``pairs_table``, without what goes without saying."""
    facts = [fact for fact in describe(spec, names) if not fact.is_quiet]
    return {fact.name: f"{fact.value} {fact.unit}".rstrip() for fact in facts}


def pairs_table(values: Mapping[str, Any], *, title: str = "") -> Table:
    """Names and values, one per line."""
    table = Table(title=title or None, title_justify="left", show_header=False, box=None)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in values.items():
        table.add_row(name, Text(_cell(value)))
    return table


@contextmanager
def progress() -> Iterator[Callable[[int, int | None, str], None]]:
    """A progress bar on stderr, for as long as a job is waited for; silent without a terminal."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _RateColumn(),
        TimeRemainingColumn(),
        console=stderr,
        transient=True,
        disable=not stderr.is_terminal,
    )
    with bar:
        task = bar.add_task("waiting", total=None)

        def listener(done: int, total: int | None, note: str) -> None:
            bar.update(task, completed=done, total=total, description=note)

        yield listener


class _RateColumn(ProgressColumn):
    """Steps per second, once there were some."""

    def render(self, task: Task) -> Text:
        speed = task.speed
        return Text(f"{speed:.3g}/s" if speed else "", style="progress.data.speed")


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and pd.isna(value)) or value is pd.NaT:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return str(value)
