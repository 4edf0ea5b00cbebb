"""The analysis views and the triggers that freeze rows, from their only source.

A view is a file in ``store/views/``, of the core or of a system, written as PostgreSQL spells it;
SQLite's spelling follows by a few rules. A trigger follows from ``schema.FROZEN``. Both are dropped
before revisions run, so that no revision has to know them, and made anew once the tables are
today's.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from vectorlab.store.failures import FROZEN_MARK
from vectorlab.store.schema import FROZEN, REVISION, metadata
from vectorlab.store.upkeep.revision import revision_of
from vectorlab.systems import systems

SCHEMA = "analysis"  # where views are on PostgreSQL, for a role that sees nothing else
_SQLITE = {
    r"string_agg\(([\w.]+), ('[^']*') ORDER BY [\w.]+\)": r"group_concat(\1, \2)",
    r"extract\(epoch FROM ([\w.]+)\)": r"(julianday(\1) * 86400.0)",
    r"([\w.]+) ->> '(\w+)'": r"json_extract(\1, '$.\2')",
}
_REFUSE_UPDATE = f"""
    CREATE OR REPLACE FUNCTION refuse_update() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% {FROZEN_MARK}', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END
    $$
"""


@contextmanager
def set_aside(connection: sa.Connection) -> Iterator[None]:
    """Take views and triggers out of the way of revisions, and put today's in their place.

    A store that was brought to an older revision stays without them until it is upgraded.
    """
    drop_all(connection)
    yield
    if revision_of(connection) == REVISION:
        create_all(connection)


def create_all(connection: sa.Connection) -> None:
    """Make every view and trigger in a store that has none."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        connection.execute(sa.text(_REFUSE_UPDATE))
    for statement in (*view_statements(connection.dialect.name).values(), *_triggers(connection)):
        connection.execute(sa.text(statement))


def drop_all(connection: sa.Connection) -> None:
    """Drop every analysis view and every trigger that freezes rows, whatever version made them."""
    is_sqlite = connection.dialect.name == "sqlite"
    seen = sa.inspect(connection)
    for view in seen.get_view_names(schema=None if is_sqlite else SCHEMA):
        if view.startswith("v_"):
            connection.execute(sa.text(f"DROP VIEW {_qualified(view, connection.dialect.name)}"))
    for name, table in connection.execute(sa.text(_FREEZING[connection.dialect.name])).all():
        on = "" if is_sqlite else f" ON {table}"
        connection.execute(sa.text(f"DROP TRIGGER {name}{on}"))


def view_statements(dialect: str) -> dict[str, str]:
    """The statement that makes each view, by its name."""
    return {
        file.stem: f"CREATE VIEW {_qualified(file.stem, dialect)} AS\n{_spelt(file, dialect)}"
        for file in _view_files()
    }


def view_descriptions() -> dict[str, str]:
    """What each view shows: the words that its file begins with."""
    return {
        file.stem: " ".join(re.findall(r"^-- (.*)$", file.read_text("utf-8"), re.MULTILINE))
        for file in _view_files()
    }


def _view_files() -> list[Path]:
    """The files of the views, of the core and of the systems, by the names of the views."""
    of_systems = (path for system in systems() for path in system.module("store").__path__)
    stores = [Path(__file__).parent.parent, *map(Path, of_systems)]
    files = (file for store in stores for file in store.glob("views/v_*.sql"))
    return sorted(files, key=lambda file: file.stem)


def _spelt(file: Path, dialect: str) -> str:
    query = re.sub(r"^--.*\n", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE).rstrip()
    for pattern, spelling in _SQLITE.items() if dialect == "sqlite" else ():
        query = re.sub(pattern, spelling, query)
    return query


def _qualified(view: str, dialect: str) -> str:
    return view if dialect == "sqlite" else f"{SCHEMA}.{view}"


_FREEZING = {
    "sqlite": "SELECT name, tbl_name FROM sqlite_master "
    "WHERE type = 'trigger' AND name LIKE 'freeze\\_%' ESCAPE '\\'",
    "postgresql": "SELECT tgname, tgrelid::regclass::text FROM pg_trigger "
    "WHERE NOT tgisinternal AND tgname LIKE 'freeze\\_%'",
}


def _triggers(connection: sa.Connection) -> list[str]:
    does = (
        "BEGIN SELECT RAISE(ABORT, '{table} " + FROZEN_MARK + "'); END"
        if connection.dialect.name == "sqlite"
        else "FOR EACH ROW EXECUTE FUNCTION refuse_update()"
    )
    return [
        f"CREATE TRIGGER freeze_{table} BEFORE {_event(table)} ON {table} "
        + does.format(table=table)
        for table in FROZEN
    ]


def _event(table: str) -> str:
    open_columns = FROZEN[table]
    if not open_columns:
        return "UPDATE"
    names = (column.name for column in metadata.tables[table].c)
    frozen = [name for name in names if name not in open_columns]
    return f"UPDATE OF {', '.join(frozen)}"
