"""Keeps the tables of columns and of frozen rows in ``docs/schema.md`` in step with the schema.

Names, types and keys are generated; what a column means is written by hand in the last cell and
kept. ``python -m scripts.schema_docs`` rewrites the file.
"""

import re
import tempfile
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from vectorlab.store.engines import migration_engine, parse_url
from vectorlab.store.schema import FROZEN, metadata
from vectorlab.store.upkeep import migrate
from vectorlab.store.upkeep.views_and_triggers import view_descriptions

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "schema.md"
_BLOCK = re.compile(r"<!-- table: (\w+) -->\n.*?<!-- end -->", re.DOTALL)
_VIEWS = re.compile(r"<!-- views -->\n.*?<!-- end -->", re.DOTALL)
_FROZEN = re.compile(r"<!-- frozen -->\n.*?<!-- end -->", re.DOTALL)
_ROW = re.compile(r"^\| `(\w+)` \|.*\| (.*?) ?\|$", re.MULTILINE)


def render(document: str) -> str:
    """The document with every table of columns generated anew."""

    def block(match: re.Match[str]) -> str:
        name = match.group(1)
        lines = _table(metadata.tables[name], dict(_ROW.findall(match.group())))
        return "\n".join([f"<!-- table: {name} -->", *lines, "<!-- end -->"])

    document = _FROZEN.sub(f"<!-- frozen -->\n{_frozen()}\n<!-- end -->", document)
    document = _VIEWS.sub(f"<!-- views -->\n{_views()}\n<!-- end -->", document)
    return _BLOCK.sub(block, document)


def documented(document: str) -> dict[str, dict[str, str]]:
    """Column meanings of every table that the document has a block for."""
    return {
        match.group(1): dict(_ROW.findall(match.group())) for match in _BLOCK.finditer(document)
    }


def view_columns() -> dict[str, list[str]]:
    """Columns of every analysis view, from a database that is migrated for the purpose."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'schema.db'}"
        migrate.upgrade(url)
        with migration_engine(parse_url(url)).connect() as connection:
            seen = sa.inspect(connection)
            return {
                view: [column["name"] for column in seen.get_columns(view)]
                for view in seen.get_view_names()
            }


def _views() -> str:
    """Every view with what its rows are, in the words of its file, and its columns."""
    columns = view_columns()
    return "\n\n".join(
        f"### `{view}`\n\n{words}\n\nColumns: "
        + ", ".join(f"`{column}`" for column in columns[view])
        + "."
        for view, words in view_descriptions().items()
    )


def _frozen() -> str:
    """The frozen tables, with the columns that may change all the same."""
    lines = []
    for name, open_columns in FROZEN.items():
        but = ", ".join(f"`{column}`" for column in open_columns)
        lines.append(f"- `{name}`" + (f", all but {but}" if but else ""))
    return "\n".join(lines)


def _table(table: sa.Table, meanings: dict[str, str]) -> list[str]:
    return [
        "| column | type | null | key | meaning |",
        "|---|---|---|---|---|",
        *(_row(column, meanings.get(column.name, "")) for column in table.c),
    ]


def _row(column: sa.Column, meaning: str) -> str:
    kind = column.type.compile(dialect=postgresql.dialect()).lower()
    null = "yes" if column.nullable else ""
    return f"| `{column.name}` | {kind} | {null} | {_key(column)} | {meaning} |"


def _key(column: sa.Column) -> str:
    words = ["primary"] if column.primary_key else []
    words += [
        f"→ `{key.target_fullname}`"
        for key in sorted(column.foreign_keys, key=lambda item: item.target_fullname)
    ]
    unique = [
        item
        for item in column.table.constraints
        if isinstance(item, sa.UniqueConstraint) and column.name in item.columns
    ]
    words += ["unique" if len(item.columns) == 1 else "unique together" for item in unique]
    return ", ".join(words)


if __name__ == "__main__":
    DOCUMENT.write_text(render(DOCUMENT.read_text("utf-8")), "utf-8")
