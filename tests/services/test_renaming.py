"""Sets, models, vectors and runs get another name, and nothing else of the store moves."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from tests.store.builders import add_job, fill
from vectorlab.domain.jobs.requests import ExtractRequest, GenerateRequest, RegisterRequest
from vectorlab.errors import ConflictError, InputError, NotFoundError
from vectorlab.services import database as services
from vectorlab.services import models
from vectorlab.services.runs import runs
from vectorlab.services.sets import sets
from vectorlab.services.vectors import vectors
from vectorlab.store import renaming
from vectorlab.store.database import Database

RENAME: dict[str, Callable[..., Any]] = {
    "set": sets.rename,
    "model": models.rename,
    "vector": vectors.rename,
    "run": runs.rename,
}
each_noun = pytest.mark.parametrize("noun", RENAME)


@pytest.fixture
def store(database: Database) -> Database:
    with database.write() as tx:
        fill(tx)
    return database


def names(store: Database, noun: str) -> dict[int, str | None]:
    table = renaming.NAMED[noun]
    with store.read() as tx:
        return {row.id: row.name for row in tx.execute(sa.select(table.c.id, table.c.name))}


def first(store: Database, noun: str) -> tuple[int, str]:
    """Something of that noun, by its id and what it is referred to by."""
    row_id, name = next(iter(names(store, noun).items()))
    return row_id, name or str(row_id)


def test_everything_with_a_name_can_be_renamed():
    assert list(RENAME) == list(renaming.NAMED)


@each_noun
def test_a_new_name_is_all_that_changes(store: Database, noun: str):
    before = names(store, noun)
    row_id, reference = first(store, noun)
    renamed = RENAME[noun](store, reference, "another", actor="ada")
    assert (renamed.id, renamed.name) == (row_id, "another")
    assert names(store, noun) == before | {row_id: "another"}
    assert services.verify(store) == []
    with store.read() as tx:
        log = tx.execute(sa.text("SELECT * FROM audit_log WHERE action = 'rename'")).one()
    assert (log.actor, log.object_kind, log.object_id) == ("ada", noun, str(row_id))
    RENAME[noun](store, "another", "another", actor="ada")
    with store.read() as tx:  # once
        tx.execute(sa.text("SELECT * FROM audit_log WHERE action = 'rename'")).one()


@each_noun
def test_a_name_that_is_taken_unusable_or_promised_is_refused(store: Database, noun: str):
    before = names(store, noun)
    row_id, reference = first(store, noun)
    for wrong in ("two words", "12", ""):
        with pytest.raises(InputError, match="name"):
            RENAME[noun](store, reference, wrong, actor="ada")
    with pytest.raises(NotFoundError, match="nothing-like-it"):
        RENAME[noun](store, "nothing-like-it", "another", actor="ada")
    others = [name for other, name in before.items() if other != row_id and name]
    for name in others[:1]:
        with pytest.raises(ConflictError, match=f"'{name}' is taken by {noun} "):
            RENAME[noun](store, reference, name, actor="ada")
    makers = {"vector": ExtractRequest, "run": GenerateRequest, "model": RegisterRequest}
    if noun in makers:
        with store.write() as tx:
            add_job(tx, kind=makers[noun].KIND, spec={"name": "promised"})
        with pytest.raises(ConflictError, match="is to make a"):
            RENAME[noun](store, reference, "promised", actor="ada")
    assert names(store, noun) == before
