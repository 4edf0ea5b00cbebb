import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.databases import execute_raw
from tests.store.builders import PAIRS, add_version
from vectorlab.domain.sets.versions import Demonstration, Relation, SetReference, set_content_sha256
from vectorlab.errors import ConflictError, InputError, IntegrityError, NotFoundError
from vectorlab.store.database import Database
from vectorlab.store.sets import sets


def test_a_version_gives_back_its_demonstrations_in_order_with_metadata(database: Database):
    items = [*PAIRS, PAIRS[0]]  # the same demonstration may stand in two places
    with database.write() as tx:
        version = add_version(tx, items=items)
    with database.read() as tx:
        assert sets.demonstrations(tx, version.id) == items
    assert version.label == "upbeat@1"
    assert version.count == len(items)
    assert version.content_sha256 == set_content_sha256(items)
    assert version.created_at.utcoffset().total_seconds() == 0


def test_equal_demonstrations_share_one_row(database: Database, database_url: str):
    with database.write() as tx:
        add_version(tx, "a")
        add_version(tx, "b", items=PAIRS[1:])
    with database.read() as tx:
        count = tx.exec_driver_sql("SELECT count(*) FROM demonstrations").scalar_one()
    assert count == len(PAIRS)


def test_the_same_content_as_the_latest_version_makes_no_new_one(database: Database):
    with database.write() as tx:
        first = add_version(tx)
        again, created = sets.add_version(
            tx, set_name="upbeat", demonstrations=PAIRS, message="same", author="tester"
        )
        second = add_version(tx, items=PAIRS[:1])
        third = add_version(tx)  # back to the content of the first, but not of the latest
    assert (again, created) == (first, False)
    assert [second.number, third.number] == [2, 3]
    assert [second.parent_id, third.parent_id] == [first.id, second.id]


def test_a_fork_names_the_version_of_another_set_as_parent(database: Database):
    with database.write() as tx:
        origin = add_version(tx)
        sets.create_set(tx, name="fork")
        fork, _ = sets.add_version(
            tx,
            set_name="fork",
            demonstrations=PAIRS,
            message="fork",
            author="tester",
            origin=sets.SetOrigin(version_id=origin.id, relation=Relation.FORK),
        )
    assert (fork.number, fork.parent_id, fork.relation) == (1, origin.id, Relation.FORK)


def test_references_find_the_latest_or_the_numbered_version(database: Database):
    with database.write() as tx:
        first, second = add_version(tx), add_version(tx, items=PAIRS[:2])
    with database.read() as tx:
        assert sets.resolve_version(tx, SetReference.parse("upbeat")) == second
        assert sets.resolve_version(tx, SetReference.parse("upbeat@latest")) == second
        assert sets.resolve_version(tx, SetReference.parse("upbeat@1")) == first
        assert sets.version_by_content(tx, first.content_sha256) == first
        assert sets.version_by_content(tx, "0" * 64) is None
        assert sets.list_versions(tx, "upbeat") == [second, first]


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("nothing", "No set 'nothing'. .*vectorlab sets list"),
        ("upbeat@9", "No set version 'upbeat@9'. It has 1 to 1. .*vectorlab sets log upbeat"),
        ("bare", "No set version 'bare@latest'. It has none yet."),
    ],
)
def test_an_unknown_set_or_version_is_named_with_the_cure(
    sqlite_database: Database, reference: str, message: str
):
    with sqlite_database.write() as tx:
        add_version(tx)
        sets.create_set(tx, name="bare")
    with sqlite_database.read() as tx, pytest.raises(NotFoundError, match=message):
        sets.resolve_version(tx, SetReference.parse(reference))


def test_sets_are_listed_by_name_with_their_latest_version(database: Database):
    with database.write() as tx:
        add_version(tx, "b")
        latest = add_version(tx, "b", items=PAIRS[:1])
        sets.create_set(tx, name="a", description="empty", task="style", labels=["x", "y"])
    with database.read() as tx:
        (a, none), (b, version) = sets.list_sets(tx)
    assert (a.name, a.description, a.task, a.labels, none) == (
        "a",
        "empty",
        "style",
        ("x", "y"),
        None,
    )
    assert (b.name, version) == ("b", latest)


def test_a_set_is_described_anew_and_what_is_not_named_stays(database: Database):
    with database.write() as tx:
        sets.create_set(tx, name="a", task="style", labels=["old"])
        described = sets.describe_set(tx, "a", labels=["new", "ü"], description="what for")
        assert (described.labels, described.description, described.task) == (
            ("new", "ü"),
            "what for",
            "style",
        )


def test_a_tag_names_a_version_and_can_move(database: Database):
    with database.write() as tx:
        first, second = add_version(tx), add_version(tx, items=PAIRS[:2])
        sets.tag_version(tx, first, "published", "tester")
        assert sets.resolve_version(tx, SetReference.parse("upbeat@published")).id == first.id
        assert sets.version_by_id(tx, first.id).tags == ("published",)
        sets.tag_version(tx, second, "published", "tester")
        assert sets.resolve_version(tx, SetReference.parse("upbeat@published")).id == second.id
        assert sets.version_by_id(tx, first.id).tags == ()
        assert sets.remove_tag(tx, "upbeat", "published")
        assert not sets.remove_tag(tx, "upbeat", "published")
        with pytest.raises(NotFoundError, match="published"):
            sets.resolve_version(tx, SetReference.parse("upbeat@published"))


def test_the_beginning_of_a_content_hash_names_a_version(database: Database):
    with database.write() as tx:
        first, _ = add_version(tx), add_version(tx, items=PAIRS[:2])
        for length in (6, 12, 64):
            reference = SetReference.parse(f"upbeat@{first.content_sha256[:length].upper()}")
            assert sets.resolve_version(tx, reference) == first
        with pytest.raises(NotFoundError):
            sets.resolve_version(tx, SetReference.parse(f"upbeat@{first.content_sha256[:5]}"))


def test_a_taken_set_name_is_refused(sqlite_database: Database):
    with sqlite_database.write() as tx:
        sets.create_set(tx, name="a")
        with pytest.raises(ConflictError, match="'a' exists already"):
            sets.create_set(tx, name="a")


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([], "needs at least one demonstration"),
        ([Demonstration(source="a\x00b", target="c")], "Source 'a.x00b' holds a NUL"),
        ([Demonstration(source="a", target="\ud83d")], "half of a character"),
        ([Demonstration(source="a", target="b", metadata={"k": "\ud83d"})], "half of a character"),
    ],
)
def test_a_version_that_cannot_be_stored_leaves_nothing(
    database: Database, items: list[Demonstration], message: str
):
    with database.write() as tx:
        sets.create_set(tx, name="a")
    with pytest.raises(InputError, match=message), database.write() as tx:
        sets.add_version(tx, set_name="a", demonstrations=items, message="", author="t")
    with database.read() as tx:
        assert sets.list_versions(tx, "a") == []


def test_an_altered_demonstration_is_refused_with_both_hashes(
    database: Database, database_url: str
):
    with database.write() as tx:
        version = add_version(tx)
    on = "" if database.dialect == "sqlite" else " ON demonstrations"
    execute_raw(
        database_url,
        f"DROP TRIGGER freeze_demonstrations{on}",
        "UPDATE demonstrations SET source = 'changed' WHERE target IS NULL",
    )
    with database.read() as tx, pytest.raises(IntegrityError, match=version.content_sha256):
        sets.demonstrations(tx, version.id)


def test_authors_at_the_same_moment_get_different_numbers(database: Database):
    with database.write() as tx:
        sets.create_set(tx, name="upbeat")
    start = threading.Barrier(4)

    def write(author: int) -> int:
        # The texts overlap, in different orders.
        items = [Demonstration(source=f"{n}", target="t") for n in range(5)]
        items = items[author:] + items[:author]
        start.wait()
        with database.write() as tx:
            return add_version(tx, items=items).number

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(write, range(4))) == [1, 2, 3, 4]
