"""Looking after a store: copies, and the proof that every stored hash still holds."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from vectorlab.domain.hashing import bytes_sha256
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.errors import (
    ConflictError,
    IntegrityError,
    NotFoundError,
    StoreError,
    VectorLabError,
)
from vectorlab.store import evidence, models, schema
from vectorlab.store.database import Transaction
from vectorlab.store.engines import display, parse_url, sqlite_path
from vectorlab.store.runs import runs
from vectorlab.store.sets import sets
from vectorlab.store.upkeep.revision import read_status, refuse_newer
from vectorlab.store.upkeep.sqlite_files import copy_database
from vectorlab.store.vectors import states, vectors
from vectorlab.systems import systems

_models = schema.models


def backup(url: str, path: Path) -> Path:
    """Write a consistent copy of a SQLite store while it is in use.

    Raises:
        ConflictError: If there is a file already.
        StoreError: If there is no store at the URL, or it is not SQLite.
    """
    source = _sqlite_file(url, "pg_dump --format=custom --file=FILE URL")
    if path.exists():
        raise ConflictError(f"{path} exists already. Name a new file for the backup.")
    if read_status(parse_url(url)).current is None:
        raise StoreError(f"There is no store at {source} yet. Run: vectorlab db upgrade")
    return _copy(source, path)


def restore(url: str, path: Path) -> Path | None:
    """Put a backup in the place of a SQLite store.

    Args:
        url: The store that is replaced; open connections see the backup's rows afterwards.
        path: The backup. It may be of an older revision: ``vectorlab db upgrade`` mends that.

    Returns:
        Where the old store was kept, None if there was none.

    Raises:
        StoreError: If the backup is not a sound VectorLab database.
        SchemaError: If a newer version wrote it.
    """
    target = _sqlite_file(url, "pg_restore --clean --dbname=URL FILE")
    status = read_status(parse_url(f"sqlite:///{path.absolute()}"))
    if status.current is None:
        raise StoreError(f"{path} is not a backup of a VectorLab store; nothing was replaced.")
    refuse_newer(status, str(path))
    _check_sound(path)
    kept = _set_aside(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    _copy(path, target)
    return kept


def verify(tx: Transaction) -> list[str]:
    """Recompute every hash on record; one line per problem, none when all is well."""
    checks = (
        _database_problems,
        _demonstration_problems,
        _object_problems,
        _vector_mismatches,
        _state_problems,
        _model_problems,
        _checkpoint_problems,
        evidence.problems,
    )
    return [problem for check in checks for problem in check(tx)]


def _sqlite_file(url: str, instead: str) -> Path:
    parsed = parse_url(url)
    path = sqlite_path(parsed)
    if path is None:
        raise StoreError(f"{display(parsed)} is not SQLite. Use PostgreSQL's own tool: {instead}")
    return path


def _copy(source: Path, target: Path) -> Path:
    try:
        return copy_database(source, target)
    except (sqlite3.Error, OSError) as exc:
        raise StoreError(f"Copying {source} to {target} failed: {exc}.") from exc


def _check_sound(path: Path) -> None:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        (report,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if report != "ok":
        raise StoreError(f"Backup {path} is damaged ({report}); nothing was replaced.")


def _set_aside(target: Path) -> Path | None:
    if not target.exists():
        return None
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    kept = target.with_name(f"{target.name}.{moment}.replaced")
    try:
        read_status(parse_url(f"sqlite:///{target}"))
        copy_database(target, kept)
    except (StoreError, sqlite3.Error):  # not readable as a database: keep the files themselves
        for suffix in ("", "-wal", "-shm"):
            part = target.with_name(target.name + suffix)
            if part.exists():
                part.rename(kept.with_name(kept.name + suffix))
    return kept


def _database_problems(tx: Transaction) -> Iterator[str]:
    if tx.dialect.name != "sqlite":
        return
    for (line,) in tx.exec_driver_sql("PRAGMA integrity_check"):
        if line != "ok":
            yield f"SQLite: {line}"
    for table, row_id, parent, _ in tx.exec_driver_sql("PRAGMA foreign_key_check"):
        yield f"Row {row_id} of {table} refers to a row of {parent} that is not there."


def _model_problems(tx: Transaction) -> Iterator[str]:
    known = dict(tuple(row) for row in tx.execute(sa.select(_models.c.id, _models.c.fingerprint)))
    for model in models.list_models(tx):
        if model.fingerprint != known[model.id]:
            yield (
                f"Model {model.name!r} has fingerprint {model.fingerprint}, on record is "
                f"{known[model.id]}."
            )


def _checkpoint_problems(tx: Transaction) -> Iterator[str]:
    for row in tx.execute(schema.job_checkpoints.select()):
        if bytes_sha256(row.data) != row.sha256:
            yield f"The checkpoint of job {row.job_id} does not have the hash on record."


def _demonstration_problems(tx: Transaction) -> Iterator[str]:
    for row in tx.execute(schema.demonstrations.select().order_by(schema.demonstrations.c.id)):
        demonstration = Demonstration(
            source=row.source, target=row.target, metadata=row.metadata_json
        )
        if demonstration.sha256 != row.sha256:
            yield (
                f"Demonstration {row.id} has hash {demonstration.sha256}, on record is "
                f"{row.sha256}."
            )


def _object_problems(tx: Transaction) -> Iterator[str]:
    """Read everything that is checked as it is read; what cannot be read at all is one problem."""
    readers: tuple[tuple[sa.Table, Callable[[Transaction, int], object]], ...] = (
        (schema.set_versions, sets.demonstrations),
        (schema.steering_vectors, vectors.layer_vectors),
        (schema.generation_runs, runs.run_by_id),
        (schema.generation_runs, runs.generations),
        *(check for system in systems() for check in system.module("store.checks").CHECKS),
    )
    for table, read in readers:
        for object_id in tx.scalars(sa.select(table.c.id).order_by(table.c.id)).all():
            try:
                read(tx, object_id)
            except (IntegrityError, NotFoundError) as exc:
                yield str(exc)
            except (VectorLabError, ValueError, TypeError, LookupError) as exc:
                yield f"Row {object_id} of {table.name} cannot be read: {exc}"


def _vector_mismatches(tx: Transaction) -> Iterator[str]:
    """Runs whose record of a vector's bytes is not the vector's own."""
    used, known = schema.arm_interventions, schema.steering_vectors
    query = (
        sa.select(used.c.run_id, known.c.name)
        .join(known, known.c.id == used.c.steering_vector_id)
        .where(used.c.vector_sha256 != known.c.content_sha256)
        .distinct()
    )
    for run_id, name in tx.execute(query):
        yield f"Run {run_id} used other bytes than vector {name!r} has."


def _state_problems(tx: Transaction) -> Iterator[str]:
    for blob_id in states.damaged_blobs(tx):
        yield (
            f"Blob {blob_id} of kept states does not have its hash. The next extraction computes "
            "them anew; or drop them: vectorlab db evict"
        )
