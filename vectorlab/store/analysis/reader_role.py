"""The login role of PostgreSQL that can read the analysis views and nothing else."""

import re
import secrets

import sqlalchemy as sa

from vectorlab.domain.queries import QueryLimits
from vectorlab.errors import InputError, StoreError
from vectorlab.store import audit
from vectorlab.store.database import Database, Transaction
from vectorlab.store.engines import parse_url

CONNECTIONS = 20  # at once, of the role
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def create_reader(db: Database, name: str, *, actor: str) -> str:
    """Make the role, or give it a new password; returns the URL to log in with.

    Raises:
        InputError: If the store is no PostgreSQL database, or the name is unusable.
        StoreError: If the store's own login may not make roles.
    """
    if db.dialect != "postgresql":
        raise InputError(
            "A SQLite store needs no reader: queries are read-only there by themselves. "
            'Try: vectorlab sql "SELECT * FROM v_runs"'
        )
    if not _NAME.fullmatch(name) or name.startswith("pg_"):
        raise InputError(
            f"Role name {name!r} is not usable; write lower-case letters, digits and _, such as "
            "vectorlab_reader."
        )
    password = secrets.token_urlsafe(24)  # letters, digits, - and _: nothing to quote
    with db.write() as tx:
        _refuse_strong(tx, name)
        known = tx.scalar(sa.text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": name})
        for statement in _statements(name, password, known=bool(known)):
            tx.exec_driver_sql(statement)
        audit.record(
            tx, actor=actor, action="create", object_kind="role", object_id=name, details={}
        )
    url = parse_url(db.url).set(username=name, password=password, drivername="postgresql")
    return url.render_as_string(hide_password=False)


def drop_reader(db: Database, name: str, *, actor: str) -> None:
    """Take the role and its rights away.

    Raises:
        StoreError: If it is no role that only reads, or does not exist.
    """
    with db.write() as tx:
        _refuse_strong(tx, name)
        tx.exec_driver_sql(f'DROP OWNED BY "{name}"')
        tx.exec_driver_sql(f'DROP ROLE "{name}"')
        audit.record(tx, actor=actor, action="drop", object_kind="role", object_id=name, details={})


def _statements(name: str, password: str, *, known: bool) -> list[str]:
    limit = round(QueryLimits().seconds * 1000)
    powers = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT"
    verb = "ALTER" if known else "CREATE"
    return [
        f"{verb} ROLE \"{name}\" {powers} CONNECTION LIMIT {CONNECTIONS} PASSWORD '{password}'",
        f'ALTER ROLE "{name}" SET default_transaction_read_only = on',
        f"ALTER ROLE \"{name}\" SET statement_timeout = '{limit}ms'",
        f'ALTER ROLE "{name}" SET search_path = analysis',
        f'GRANT USAGE ON SCHEMA analysis TO "{name}"',
        f'GRANT SELECT ON ALL TABLES IN SCHEMA analysis TO "{name}"',
        # A migration drops views and makes them again.
        f'ALTER DEFAULT PRIVILEGES IN SCHEMA analysis GRANT SELECT ON TABLES TO "{name}"',
    ]


def _refuse_strong(tx: Transaction, name: str) -> None:
    """Never turn somebody's login into a reader, or drop it."""
    query = sa.text(
        "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolname = current_user "
        "FROM pg_roles WHERE rolname = :name"
    )
    if tx.scalar(query, {"name": name}):
        raise StoreError(
            f"Role {name!r} has rights of its own; a reader must have none. Choose another name."
        )
