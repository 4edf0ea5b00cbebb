import random

import pytest

from tests.databases import execute_raw
from vectorlab.domain.sets.checks import Check
from vectorlab.domain.sets.drafts import Edit
from vectorlab.domain.sets.merge import Take
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.errors import InputError
from vectorlab.services.sets import history, sets, splits
from vectorlab.store.database import Database


def pair(name: str, target: str = "plain") -> Demonstration:
    return Demonstration(source=f"the source {name}", target=f"{name} becomes {target}")


def commit(database: Database, name: str, items, message: str = "") -> sets.Committed:
    return sets.commit(database, name=name, demonstrations=items, message=message, actor="tester")


def sources(database: Database, reference: str) -> list[str]:
    version = sets.get(database, reference)
    return [item.source.split()[-1] for item in sets.demonstrations(database, version)]


def came_in(database: Database, reference: str) -> dict[str, str]:
    return {
        item.demonstration.source.split()[-1]: item.version.label
        for item in history.blame(database, reference)
    }


ABCD = [pair(name) for name in "ABCD"]


def fork(database: Database) -> Database:
    """``a`` with two versions, and ``b`` that left it at the second and changed B."""
    commit(database, "a", ABCD[:3], "first")
    commit(database, "a", ABCD, "D came")
    sets.fork(database, reference="a@2", name="b", actor="tester")
    commit(database, "b", [ABCD[0], pair("B", "splendid"), *ABCD[2:]], "B is splendid")
    return database


# What a merge decides hangs on demonstrations alone, which both databases give back alike: one test
# of each kind below, and those of tests/store/sets, run on both.
@pytest.fixture
def forked(sqlite_database: Database) -> Database:
    return fork(sqlite_database)


def test_a_diff_names_what_changed_between_any_two_versions(database: Database):
    forked = fork(database)
    changes = history.diff(forked, "a@1", "b@2").changes
    assert [item.demonstration for item in changes.added] == [ABCD[3]]
    [edit] = changes.edited
    assert edit.after.demonstration.target == "B becomes splendid"
    assert history.diff(forked, "a@2", "b@1").changes.is_empty


def test_an_edit_is_previewed_without_being_written(forked: Database):
    new = Demonstration(source="nothing like it", target="nothing like it")
    edit = Edit(replaced={0: pair("A", "splendid"), 1: new}, removed=frozenset({2}), added=(new,))
    found = history.preview(forked, "a@2", edit)
    [edited] = found.changes.edited
    assert edited.after.demonstration == pair("A", "splendid")
    assert [item.demonstration for item in found.changes.added] == [new, new]
    assert [item.demonstration for item in found.changes.removed] == [ABCD[1], ABCD[2]]
    assert found.count == 4
    assert {item.check: item.count for item in found.findings} == {
        Check.DUPLICATE: 1,
        Check.SAME_SIDES: 2,
    }
    assert history.preview(forked, "a@2", edit, check=False).findings is None
    with forked.read() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM demonstrations").scalar_one() == 5


def test_blame_follows_a_fork_to_where_each_pair_came_in(forked: Database):
    assert came_in(forked, "b@2") == {"A": "a@1", "B": "b@2", "C": "a@1", "D": "a@2"}
    assert came_in(forked, "a@1") == {"A": "a@1", "B": "a@1", "C": "a@1"}


def test_blame_does_not_take_a_move_for_an_arrival(forked: Database):
    commit(forked, "a", ABCD[::-1], "turned round")
    assert set(came_in(forked, "a@3").values()) == {"a@1", "a@2"}


def test_blame_names_the_return_of_what_was_removed(database: Database):
    forked = fork(database)
    commit(forked, "a", ABCD[:2], "fewer")
    commit(forked, "a", ABCD[:3], "C is back")
    assert came_in(forked, "a@4") == {"A": "a@1", "B": "a@1", "C": "a@4"}


def test_blame_holds_over_lists_that_are_written_whole(database: Database, monkeypatch):
    monkeypatch.setattr("vectorlab.store.sets.items._MOST_CHANGES", (0, 6))
    items = list(ABCD)
    for number in range(1, 7):
        commit(database, "a", items)
        items = [*items, pair(f"E{number}")]
    with database.read() as tx:
        query = "SELECT count(DISTINCT base_number) FROM set_items"
        assert tx.exec_driver_sql(query).scalar_one() > 1
    assert came_in(database, "a@6") == {
        **dict.fromkeys("ABCD", "a@1"),
        **{f"E{number}": f"a@{number + 1}" for number in range(1, 6)},
    }


def test_a_merge_brings_in_what_the_other_line_changed(database: Database):
    forked = fork(database)
    commit(forked, "a", [*ABCD, pair("E")], "E came")
    done = history.merge(forked, ours="a", theirs="b", actor="ann", message="join")
    version = done.committed.version
    assert (version.label, version.merged_id) == ("a@4", sets.get(forked, "b@2").id)
    assert (done.base.label, done.conflicts) == ("a@2", ())
    items = sets.demonstrations(forked, version)
    assert items == [ABCD[0], pair("B", "splendid"), *ABCD[2:], pair("E")]
    assert came_in(forked, "a@4") == {
        "A": "a@1",
        "B": "b@2",
        "C": "a@1",
        "D": "a@2",
        "E": "a@3",
    }
    assert [item.label for item in history.history(forked, "a")] == [
        "a@4",
        "a@3",
        "b@2",
        "b@1",
        "a@2",
        "a@1",
    ]


def test_a_second_merge_has_the_first_as_its_base(forked: Database):
    history.merge(forked, ours="a", theirs="b", actor="ann")
    commit(forked, "b", [pair("Z"), *sets.demonstrations(forked, sets.get(forked, "b@2"))])
    done = history.merge(forked, ours="a", theirs="b", actor="ann")
    assert done.base.label == "b@2"
    assert sources(forked, "a@latest") == ["Z", "A", "B", "C", "D"]


def test_conflicts_are_shown_as_pairs_and_nothing_is_written(forked: Database):
    commit(forked, "a", [ABCD[0], pair("B", "awful"), *ABCD[2:]], "B is awful")
    done = history.merge(forked, ours="a", theirs="b", actor="ann")
    assert done.committed is None
    [conflict] = done.conflicts
    assert (conflict.base, conflict.ours, conflict.theirs) == (
        ABCD[1],
        pair("B", "awful"),
        pair("B", "splendid"),
    )
    assert sets.get(forked, "a@latest").label == "a@3"


@pytest.mark.parametrize(
    ("settled", "targets"),
    [
        (Take.OURS, ["awful"]),
        (Take.BOTH, ["awful", "splendid"]),
        ([pair("B", "so so")], ["so so"]),
        ([], []),
    ],
)
def test_a_conflict_is_settled_by_a_word_or_by_pairs(forked: Database, settled, targets):
    commit(forked, "a", [ABCD[0], pair("B", "awful"), *ABCD[2:]], "B is awful")
    done = history.merge(forked, ours="a", theirs="b", actor="ann", settled={1: settled}, take=None)
    items = sets.demonstrations(forked, done.committed.version)
    assert items == [ABCD[0], *(pair("B", target) for target in targets), *ABCD[2:]]
    assert done.committed.version.details["conflicts"] == 1


def test_a_merge_of_what_is_there_or_without_common_version_is_refused(forked: Database):
    with pytest.raises(InputError, match=r"b@2 already holds a@2"):
        history.merge(forked, ours="b", theirs="a", actor="ann")
    commit(forked, "c", [pair("Z")])
    with pytest.raises(InputError, match=r"no version in common.*--unrelated"):
        history.merge(forked, ours="a", theirs="c", actor="ann")
    history.merge(forked, ours="a", theirs="c", actor="ann", unrelated=True)
    assert sorted(sources(forked, "a")) == ["A", "B", "C", "D", "Z"]
    commit(forked, "c", [pair("Y")])
    with pytest.raises(InputError, match="no conflict 3"):
        history.merge(forked, ours="a", theirs="c", actor="ann", settled={3: Take.OURS})


def test_lines_that_were_merged_both_ways_do_not_undo_what_was_settled(sqlite_database: Database):
    commit(sqlite_database, "a", [pair("K", "plain")])
    sets.fork(sqlite_database, reference="a", name="b", actor="tester")
    commit(sqlite_database, "a", [pair("K", "one")])
    commit(sqlite_database, "b", [pair("K", "two")])
    history.merge(sqlite_database, ours="a", theirs="b@2", actor="ann", take=Take.OURS)
    history.merge(sqlite_database, ours="b", theirs="a@2", actor="ann", take=Take.OURS)
    with pytest.raises(InputError, match=r"merged both ways.*--base"):
        history.merge(sqlite_database, ours="b", theirs="a", actor="ann")
    done = history.merge(sqlite_database, ours="b", theirs="a", actor="ann", base="a@2")
    assert (done.base.label, done.conflicts) == ("a@2", ())
    assert sets.demonstrations(sqlite_database, done.committed.version) == [pair("K", "two")]
    with pytest.raises(InputError, match="not a version that both"):
        history.merge(sqlite_database, ours="a", theirs="b", actor="ann", base="b@3")


def test_the_sides_of_a_split_are_joined_not_removed_from_each_other(sqlite_database: Database):
    commit(sqlite_database, "a", ABCD)
    sides = ("pool", "test")
    splits.split(sqlite_database, reference="a", names=sides, share=0.5, seed=0, actor="ann")
    with pytest.raises(InputError, match="sides of a split have none"):
        history.merge(sqlite_database, ours="pool", theirs="test", actor="ann")
    with pytest.raises(InputError, match="no version in common"):
        history.merge(sqlite_database, ours="a", theirs="pool", actor="ann")
    history.merge(sqlite_database, ours="pool", theirs="test", actor="ann", unrelated=True)
    assert sorted(sources(sqlite_database, "pool")) == ["A", "B", "C", "D"]


def test_any_history_reads_back_as_it_was_committed(database: Database):
    chance = random.Random(3)
    items, committed = [pair(str(n)) for n in range(40)], []
    for step in range(12):
        for _ in range(chance.randrange(6)):
            move = items.pop(chance.randrange(len(items)))
            items.insert(chance.randrange(len(items)), chance.choice([move, pair(f"n{step}")]))
        items = [*items[: chance.randrange(25, 45)], pair(f"t{step}")]
        committed.append((commit(database, "a", items).version, list(items)))
    for version, wanted in committed:
        assert sets.demonstrations(database, version) == wanted


def test_versions_of_a_large_set_share_their_items(database: Database):
    chance = random.Random(0)
    items = [pair(f"number {n}") for n in range(500)]
    commit(database, "a", items)
    for step in range(20):
        for place in chance.sample(range(len(items)), len(items) // 100):
            items[place] = pair(f"number {place}", f"step {step}")
        commit(database, "a", items)
    with database.read() as tx:
        count = {
            table: tx.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
            for table in ("demonstrations", "set_items", "set_versions")
        }
    assert count == {"demonstrations": 600, "set_items": 600, "set_versions": 21}


def test_an_altered_item_list_is_noticed(database: Database, database_url: str):
    commit(database, "a", ABCD)
    on = "" if database.dialect == "sqlite" else " ON set_items"
    execute_raw(
        database_url,
        f"DROP TRIGGER freeze_set_items{on}",
        "UPDATE set_items SET rank = -1 WHERE rank = (SELECT max(rank) FROM set_items)",
    )
    with pytest.raises(Exception, match="content hash"):
        sets.demonstrations(database, sets.get(database, "a"))
