"""Facts about an open store, and what is risky about where it is; for ``vectorlab doctor``."""

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from vectorlab.store import schema
from vectorlab.store.database import Database
from vectorlab.store.engines import parse_url, sqlite_path

# File systems on which SQLite's write-ahead log, shared memory on one host, cannot be trusted.
NETWORK_FILE_SYSTEMS = frozenset(
    {"9p", "afs", "ceph", "cifs", "fuse.sshfs", "glusterfs", "lustre", "nfs", "nfs4", "smb3"}
)


@dataclass(frozen=True, kw_only=True)
class TableSize:
    """How many rows and bytes a table takes."""

    name: str
    rows: int
    n_bytes: int  # with its indices


_SYNCHRONOUS = {0: "OFF", 1: "NORMAL", 2: "FULL", 3: "EXTRA"}
MOUNTS = Path("/proc/self/mounts")


def settings(db: Database) -> dict[str, str]:
    """The server's version, and on SQLite the journal and how commits reach the disk."""
    with db.read() as tx:
        if db.dialect == "postgresql":
            return {"server": f"PostgreSQL {tx.scalar(sa.text('SHOW server_version'))}"}
        level = int(tx.scalar(sa.text("PRAGMA synchronous")) or 0)
        return {
            "server": f"SQLite {tx.scalar(sa.text('SELECT sqlite_version()'))}",
            "journal mode": str(tx.scalar(sa.text("PRAGMA journal_mode"))),
            "synchronous": _SYNCHRONOUS[level],
        }


def view_columns(db: Database) -> dict[str, list[str]]:
    """Columns of every analysis view, by view."""
    place = "analysis" if db.dialect == "postgresql" else None
    with db.read() as tx:
        seen = sa.inspect(tx)
        return {
            name: [column["name"] for column in seen.get_columns(name, schema=place)]
            for name in sorted(seen.get_view_names(schema=place))
        }


def table_sizes(db: Database) -> list[TableSize]:
    """Rows and bytes of every table with its indices, largest first.

    On SQLite every page of the file is looked at; on PostgreSQL the server knows.
    """
    with db.read() as tx:
        names = sorted(schema.metadata.tables)
        if db.dialect == "postgresql":
            query = sa.text(
                "SELECT relname, pg_total_relation_size(oid) FROM pg_class "
                "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            )
        else:
            query = sa.text(
                "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s "
                "JOIN sqlite_master m ON m.name = s.name GROUP BY m.tbl_name"
            )
        n_bytes = {name: int(size) for name, size in tx.execute(query).all()}
        sizes = [
            TableSize(
                name=name,
                rows=int(
                    tx.scalar(sa.select(sa.func.count()).select_from(schema.metadata.tables[name]))
                    or 0
                ),
                n_bytes=n_bytes.get(name, 0),
            )
            for name in names
        ]
    return sorted(sizes, key=lambda size: (-size.n_bytes, size.name))


def file_bytes(db: Database) -> int | None:
    """Size of the file of a SQLite store; None elsewhere."""
    path = sqlite_path(parse_url(db.url))
    return path.stat().st_size if path is not None and path.is_file() else None


def warnings(db: Database) -> list[str]:
    """What is risky about the store's place; one line each, none when all is well."""
    path = sqlite_path(parse_url(db.url))
    if path is None:
        return []
    kind = _file_system(path.resolve())
    if kind not in NETWORK_FILE_SYSTEMS:
        return []
    return [
        (
            f"{path} is on a network file system ({kind}), where SQLite may corrupt it as soon as "
            "two machines write. Move it to a local disk, or use PostgreSQL: --db postgresql://HOST/NAME"
        )
    ]


def _file_system(path: Path) -> str | None:
    """Type of the file system that holds a path; None where the system does not tell."""
    if not MOUNTS.is_file():
        return None
    lines = [line.split() for line in MOUNTS.read_text(encoding="utf-8").splitlines()]
    holding = [
        (place, kind)
        for _, place, kind, *_ in lines
        if path.is_relative_to(place.replace("\\040", " "))
    ]
    return max(holding, key=lambda mount: len(mount[0]), default=("", None))[1]
