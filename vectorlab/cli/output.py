"""Printing: tables for people on stdout, JSON for machines."""

import dataclasses
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from numbers import Number
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    import pandas as pd

    from vectorlab.domain.description import Names

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

_LEAST_WORDS = 10  # characters of a column beside which numbers need not be broken
_FEWEST = 3  # and names
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
    if _is_frame(value):
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


def frame_table(
    frame: "pd.DataFrame | Mapping[str, Sequence[Any]]",
    *,
    title: str = "",
    hide: Sequence[str] = (),
    names: Sequence[str] = (),
    spare: Sequence[str] = (),
) -> Table:
    """A frame, or columns by name, as a table without empty ones; cells are text, never markup.

    Args:
        frame: The columns.
        title: Over the table.
        hide: Columns that are left out.
        names: Columns whose cells people type again, which are never broken.
        spare: Columns that are left out, in this order, where those have no room beside them. A
            line beneath the table says which.
    """
    given: Any = frame  # both are read in the same way
    columns = {str(name): list(given[name]) for name in given if name not in hide}
    cells = {name: [_cell(value) for value in column] for name, column in columns.items()}
    table = Table(title=title or None, title_justify="left", header_style="bold")
    shown = [name for name, texts in cells.items() if any(texts) or not texts]
    numbers = [name for name in shown if _are_numbers(columns[name])]
    shown, dropped = _fitting({name: cells[name] for name in shown}, [*names, *numbers], spare)
    left = {name: cells[name] for name in shown}
    # A name that has no room even so is broken rather than cut off.
    whole = list(names) if _least_width(left, names, _FEWEST) <= console.width else []
    whole += _kept_whole(left, [name for name in numbers if name in left], whole)
    if dropped:
        said = f"No room for {', '.join(dropped)}: a wider window has it, and --json."
        table.caption = Text(said)
        table.caption_justify = "left"
    for name in shown:
        table.add_column(str(name), overflow="fold", no_wrap=name in whole)
    for record in zip(*(cells[name] for name in shown), strict=True):
        table.add_row(*(Text(text) for text in record))
    return table


def columns_of(rows: Iterable[Mapping[str, Any]], names: Sequence[str]) -> dict[str, list[Any]]:
    """Columns for ``frame_table`` from records; without any the table has its head alone."""
    records = list(rows)
    return {name: [record.get(name) for record in records] for name in names}


def _fitting(
    cells: Mapping[str, Sequence[str]], whole: Sequence[str], spare: Sequence[str]
) -> tuple[list[str], list[str]]:
    """The columns there is room for without breaking those that are to stay whole, and the rest."""
    shown, dropped = list(cells), []
    for name in spare:
        if _least_width({each: cells[each] for each in shown}, whole) <= console.width:
            break
        if name in shown:
            shown.remove(name)
            dropped.append(name)
    return shown, dropped


def _least_width(
    cells: Mapping[str, Sequence[str]], whole: Sequence[str], fewest: int = _LEAST_WORDS
) -> int:
    """Characters of a table whose other cells are broken into lines of so few."""
    widths = {name: max(map(len, (name, *column))) for name, column in cells.items()}
    least = [width if name in whole else min(width, fewest) for name, width in widths.items()]
    return sum(least) + 3 * len(cells) + 1


def _kept_whole(
    cells: Mapping[str, Sequence[str]], numbers: Sequence[str], names: Sequence[str]
) -> Sequence[str]:
    """Columns of numbers, unless words would be left without room: words are better broken."""
    words = len(cells) - len(numbers) - len([name for name in names if name in cells])
    kept = [name for name in (*numbers, *names) if cells.get(name)]
    fixed = sum(max(len(name), *map(len, cells[name])) for name in kept)
    borders = 3 * len(cells) + 1
    return numbers if fixed + borders + _LEAST_WORDS * words <= console.width else []


def _are_numbers(column: Sequence[Any]) -> bool:
    """Whether a column holds numbers; some may be missing."""
    known = [value for value in column if value is not None]
    return bool(known) and all(isinstance(value, Number) for value in known)


def facts_of(spec: Any, names: "Names | None" = None) -> dict[str, str]:
    """What a request says for ``pairs_table``, without what goes without saying."""
    from vectorlab.domain.description import describe

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


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.4g}"
    if isinstance(value, datetime):
        missing = value != value
        return "" if missing else f"{value:%Y-%m-%d %H:%M}"
    return str(value)


def _is_frame(value: Any) -> bool:
    """Asked of its type's name, since pandas need not be loaded to print what is no frame."""
    return type(value).__module__.partition(".")[0] == "pandas" and hasattr(value, "columns")
