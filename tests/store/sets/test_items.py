"""How lists of demonstrations are written: in bounded batches, and over bounded histories."""

import pytest
import sqlalchemy as sa

from tests.store.builders import add_version
from vectorlab.domain.sets.versions import Demonstration, StoredDemonstration
from vectorlab.store import schema
from vectorlab.store.database import Database
from vectorlab.store.sets import items, sets

KEPT_ROWS = (2, 1000)  # the rows of a list since it was written whole: 2 n + 1000 at most


def pairs(word: str, count: int) -> list[Demonstration]:
    return [Demonstration(source=f"{word} {number}", target="t") for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 3000])
def test_a_stream_comes_in_batches_of_a_thousand(count: int):
    stream = [StoredDemonstration(id=number, sha256="") for number in range(count)]
    batches = list(items.in_batches(stream))
    assert [item for batch in batches for item in batch] == stream
    assert [len(batch) for batch in batches] == [
        min(1000, count - start) for start in range(0, count, 1000)
    ]


@pytest.mark.parametrize("target", [None, "t" * 2**19])
def test_long_texts_make_batches_short_and_all_alike(target: str | None):
    text = Demonstration(source="s" * 2**20, target=target)
    batches = list(items.in_batches([text] * 15))
    # The first that goes beyond 2**22 characters is the last of a batch.
    assert [len(batch) for batch in batches] == ([5, 5, 5] if target is None else [3] * 5)


def base_numbers(database: Database) -> list[int]:
    versions = schema.set_versions
    with database.read() as tx:
        return list(tx.scalars(sa.select(versions.c.base_number).order_by(versions.c.number)))


def test_a_list_is_written_whole_once_its_changes_outgrow_it(sqlite_database: Database):
    count = 300
    lists = [pairs(f"list {number}", count) for number in range(7)]  # nothing stays
    with sqlite_database.write() as tx:
        versions = [add_version(tx, items=some) for some in lists]
    with sqlite_database.read() as tx:
        assert [sets.demonstrations(tx, version.id) for version in versions] == lists
    factor, least = KEPT_ROWS
    fit = (factor * count + least) // count  # lists of which every row changes
    assert base_numbers(sqlite_database) == [1] * fit + [fit + 1] * (len(lists) - fit)


def test_small_changes_never_write_a_list_again(sqlite_database: Database):
    some = pairs("one", 40)
    with sqlite_database.write() as tx:
        for place in range(12):
            some[place] = Demonstration(source=f"changed {place}", target="t")
            add_version(tx, items=some)
    with sqlite_database.read() as tx:
        rows = tx.scalar(sa.select(sa.func.count()).select_from(schema.set_items))
    assert base_numbers(sqlite_database) == [1] * 12
    assert rows == 40 + 11
