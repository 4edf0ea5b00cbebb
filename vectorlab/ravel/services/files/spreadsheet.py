"""A CSV of entities, one column per attribute, and a CSV of templates."""

import csv
from collections.abc import Sequence
from pathlib import Path

from vectorlab.errors import InputError
from vectorlab.ravel.domain.entities import (
    Entity,
    EntityData,
    Split,
    Template,
    check_data,
    draw_splits,
)
from vectorlab.ravel.services.files.json_in import split_of

ENTITY, SPLIT, TEXT, ATTRIBUTE = "entity", "split", "template", "attribute"
_Row = tuple[str, dict[str, str]]  # where it stands, and its cells


def read_spreadsheet(entities: Path, templates: Path, *, seed: int = 0) -> EntityData:
    """Read two CSV files.

    Args:
        entities: Columns ``entity``, perhaps ``split``, and one per attribute; an empty cell is an
            unknown value.
        templates: Columns ``attribute`` (empty: a neutral prompt), ``template``, and perhaps
            ``split`` and ``entity``, whom a neutral prompt is about.
        seed: Draws the splits of a file without a column for them: half, a quarter, a quarter.

    Raises:
        InputError: With file and line.
    """
    columns, rows = _read(entities, needed=(ENTITY,))
    attributes = [name for name in columns if name not in (ENTITY, SPLIT)]
    names = [cells[ENTITY] for _, cells in rows]
    parsed_entities = [
        Entity(
            name=cells[ENTITY],
            split=split,
            values={name: cells[name] for name in attributes if cells[name]},
        )
        for (_, cells), split in zip(rows, _splits(columns, rows, names, seed), strict=True)
    ]
    columns, rows = _read(templates, needed=(ATTRIBUTE, TEXT))
    texts = [cells[TEXT] for _, cells in rows]
    parsed_templates = [
        Template(
            text=cells[TEXT],
            split=split,
            attribute=cells[ATTRIBUTE] or None,
            entity=cells.get(ENTITY) or None,
        )
        for (_, cells), split in zip(rows, _splits(columns, rows, texts, seed), strict=True)
    ]
    data = EntityData(
        attributes=tuple(attributes),
        entities=tuple(parsed_entities),
        templates=tuple(parsed_templates),
    )
    return check_data(entities.stem, data)


def _read(path: Path, *, needed: Sequence[str]) -> tuple[list[str], list[_Row]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            columns = next(reader, [])
            rows = [(reader.line_num, cells) for cells in reader if cells]
    except OSError as exc:
        raise InputError(f"{path} cannot be read: {exc.strerror or exc}.") from exc
    except UnicodeDecodeError as exc:
        raise InputError(f"{path} is not UTF-8, byte {exc.start}.") from exc
    except csv.Error as exc:
        raise InputError(f"{path} is no CSV: {exc}.") from exc
    missing = [name for name in needed if name not in columns]
    if missing or len(set(columns)) < len(columns):
        problem = f"no column {missing[0]!r}" if missing else "a column twice"
        raise InputError(
            f"{path}, line 1, has {problem}; its columns are {', '.join(columns) or 'none'}."
        )
    for line, cells in rows:
        if len(cells) != len(columns):
            raise InputError(f"{path}, line {line}: {len(cells)} fields, expected {len(columns)}.")
    return columns, [
        (f"{path}, line {line}", dict(zip(columns, cells, strict=True))) for line, cells in rows
    ]


def _splits(
    columns: Sequence[str], rows: Sequence[_Row], names: Sequence[str], seed: int
) -> list[Split]:
    if SPLIT not in columns:
        return draw_splits(names, seed)
    return [split_of(where, cells[SPLIT]) for where, cells in rows]
