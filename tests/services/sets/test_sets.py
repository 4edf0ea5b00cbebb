import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.store.builders import add_combined, add_model, add_run, add_vector, fill, run_spec
from vectorlab.domain.lineage import Thing
from vectorlab.domain.runs.runs import Prompt
from vectorlab.domain.sets.checks import Check
from vectorlab.domain.sets.drafts import Edit
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.errors import ConflictError, InputError
from vectorlab.services import lineage
from vectorlab.services.sets import history, sets, splits
from vectorlab.store.database import Database

PAIRS = [
    Demonstration(source=f"Sentence {n} was plain.", target=f"Wow, sentence {n}, so great!!!")
    for n in range(20)
]


def commit(database: Database, items=PAIRS, name: str = "upbeat", **options) -> sets.Committed:
    return sets.commit(
        database, name=name, demonstrations=items, message="", actor="tester", **options
    )


def test_an_error_in_the_stream_leaves_nothing(database: Database):
    def stream():
        yield from PAIRS
        raise InputError("line 21 is broken")

    with pytest.raises(InputError, match="line 21"):
        commit(database, stream())
    assert sets.list_sets(database) == []


def test_what_the_checks_find_is_kept_with_the_version(database: Database):
    done = commit(database, [*PAIRS, PAIRS[3], Demonstration(source="a@b.org", target="x y")])
    found = {item.check: item.positions for item in done.findings}
    assert found == {Check.DUPLICATE: (20,), Check.PERSONAL: (21,)}
    assert sets.check_report(database, done.version) == done.findings
    again = commit(database, [*PAIRS, PAIRS[3], Demonstration(source="a@b.org", target="x y")])
    assert (again.created, again.findings) == (False, done.findings)


def test_a_pair_without_target_is_found_counted_and_said_of_that_version_only(database: Database):
    whole = commit(database)
    lone = Demonstration(source="Nobody answers this.", target=None)
    mixed = commit(database, [*PAIRS, lone])
    assert [(item.check, item.positions) for item in mixed.findings] == [(Check.NO_TARGET, (20,))]
    assert sets.check_report(database, mixed.version) == mixed.findings
    assert sets.check_report(database, whole.version) == ()
    assert sets.without_target(database, mixed.version) == 1
    assert sets.without_target(database, whole.version) == 0


def test_a_strict_commit_refuses_what_the_checks_find_and_writes_nothing(database: Database):
    with pytest.raises(InputError, match="1 demonstration standing in the version more than once"):
        commit(database, [*PAIRS, PAIRS[3]], strict=True)
    assert sets.list_sets(database) == []
    assert commit(database, strict=True).created


def test_an_edit_replaces_removes_and_adds_by_position(database: Database):
    commit(database)
    new, changed = (Demonstration(source=text, target="Oh yes!") for text in ("new", "changed"))
    edit = Edit(replaced={1: changed}, removed=frozenset({0, 19}), added=(new,))
    done = sets.commit_edit(
        database, reference="upbeat@1", edit=edit, message="edited", actor="ann"
    )
    assert done.version.label == "upbeat@2"
    assert sets.demonstrations(database, done.version) == [changed, *PAIRS[2:19], new]
    changes = history.diff(database, "upbeat@1", "upbeat@2").changes
    assert (len(changes.removed), len(changes.added), len(changes.moved)) == (3, 2, 0)


def test_an_edit_of_an_older_version_is_refused(database: Database):
    commit(database)
    commit(database, PAIRS[:5])
    with pytest.raises(InputError, match=r"latest version is upbeat@2.*sets fork upbeat@1"):
        sets.commit_edit(
            database,
            reference="upbeat@1",
            edit=Edit(replaced={}, removed=frozenset({0}), added=()),
            message="",
            actor="ann",
        )


def test_an_edit_of_a_position_that_is_not_there_is_refused(database: Database):
    commit(database)
    with pytest.raises(InputError, match="no position 20; it has 0 to 19"):
        sets.commit_edit(
            database,
            reference="upbeat",
            edit=Edit(replaced={20: PAIRS[0]}, removed=frozenset(), added=()),
            message="",
            actor="ann",
        )


def test_a_page_holds_some_rows_and_the_count_of_all(database: Database):
    version = commit(database).version
    page = sets.page(database, version, offset=5, limit=3)
    assert page.rows == tuple((place, PAIRS[place]) for place in (5, 6, 7))
    assert page.total == 20
    found = sets.page(database, version, contains="SENTENCE 1", limit=4)
    assert [place for place, _ in found.rows] == [1, 10, 11, 12]
    assert found.total == 11
    assert sets.page(database, version, contains="100%_").total == 0
    odd = Demonstration(source="ÉCOLE ПРИВЕТ", target="x y")
    version = commit(database, [*PAIRS, odd]).version
    assert [sets.page(database, version, contains=text).total for text in ("école", "привет")] == [
        1,
        1,
    ]


def test_a_tag_moves_with_the_audit_kept(database: Database):
    commit(database)
    commit(database, PAIRS[:5])
    sets.tag(database, reference="upbeat@1", tags=["published"], actor="ann")
    sets.tag(database, reference="upbeat@2", tags=["published"], actor="ann")
    assert sets.get(database, "upbeat@published").number == 2
    with database.read() as tx:
        rows = tx.exec_driver_sql("SELECT details_json FROM audit_log WHERE action = 'tag'").all()
    assert len(rows) == 2
    with pytest.raises(InputError, match="newest version"):
        sets.tag(database, reference="upbeat@1", tags=["latest"], actor="ann")


def sources(database: Database, version) -> set[str]:
    return {item.source for item in sets.demonstrations(database, version)}


def test_a_split_keeps_equal_sources_together(database: Database):
    echoes = [
        Demonstration(source=item.source.upper(), target=f"Another answer to {n}")
        for n, item in enumerate(PAIRS)
    ]
    commit(database, [*PAIRS, *echoes])
    pool, test = splits.split(
        database, reference="upbeat", names=("pool", "test"), share=0.5, seed=1, actor="ann"
    )
    assert (pool.count, test.count) == (20, 20)
    left, right = ({text.lower() for text in sources(database, side)} for side in (pool, test))
    assert left.isdisjoint(right)
    assert splits.overlap(database, "pool", "test").shared == 0
    assert (pool.relation, pool.details["apart_from"]) == ("split_from", ["test"])


def test_a_later_version_of_one_side_is_held_against_the_other(database: Database):
    commit(database)
    _, test = splits.split(
        database, reference="upbeat", names=("pool", "test"), share=0.5, seed=1, actor="ann"
    )
    leaked = sets.demonstrations(database, test)[0]
    own = sets.demonstrations(database, sets.get(database, "pool"))
    done = commit(database, [*own, leaked], name="pool")
    [finding] = done.findings
    assert (finding.check, finding.positions) == (Check.ON_BOTH_SIDES, (len(own),))
    found = splits.overlap(database, "pool", "test")
    assert (found.shared, found.total, found.example) == (1, 10, leaked.source)
    assert "1 of 10 prompts of test@1 stand in pool@2" in str(found)


def test_forks_and_parts_of_a_side_are_held_against_the_other_too(database: Database):
    commit(database)
    sides = ("pool", "test")
    _, test = splits.split(
        database, reference="upbeat", names=sides, share=0.5, seed=1, actor="ann"
    )
    leaked = sets.demonstrations(database, test)[0]
    sets.fork(database, reference="pool", name="fork", actor="ann")
    own = sets.demonstrations(database, sets.get(database, "fork"))
    done = commit(database, [*own, leaked], name="fork")
    assert [item.check for item in done.findings] == [Check.ON_BOTH_SIDES]
    part, _ = splits.split(
        database, reference="pool", names=("a", "b"), share=0.5, seed=1, actor="ann"
    )
    items = sets.demonstrations(database, part)
    done = commit(database, [*items, leaked], name="a")
    assert [item.check for item in done.findings] == [Check.ON_BOTH_SIDES]


def test_two_first_commits_to_one_new_set_are_two_versions(database: Database):
    start = threading.Barrier(2)

    def first(author: int) -> int:
        start.wait()
        return commit(database, PAIRS[author : author + 3]).version.number

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(first, range(2))) == [1, 2]


def test_folds_are_disjoint_and_together_the_version(database: Database):
    commit(database)
    made = splits.folds(database, reference="upbeat", prefix="cv", count=3, seed=0, actor="ann")
    assert [(pool.count, test.count) for pool, test in made] == [(13, 7), (13, 7), (14, 6)]
    tests = [sources(database, test) for _, test in made]
    assert sum(map(len, tests)) == len(set().union(*tests)) == 20
    for (pool, _), test in zip(made, tests, strict=True):
        assert sources(database, pool) == sources(database, sets.get(database, "upbeat")) - test
    with pytest.raises(InputError, match="choose 2 to 20"):
        splits.folds(database, reference="upbeat", prefix="x", count=21, seed=0, actor="a")
    with pytest.raises(ConflictError):
        splits.folds(database, reference="upbeat", prefix="cv", count=3, seed=0, actor="a")


def test_prompts_that_quote_a_demonstration_overlap_with_it(database: Database):
    version = commit(database).version
    with database.write() as tx:
        model = add_model(tx)
        vector = add_vector(tx, model, version)
        combined = add_combined(tx, model, [vector, add_vector(tx, model, name="other")])
        quoting = Prompt(text="Please paraphrase: sentence 3 was PLAIN, paraphrase:")
        prompts = (quoting, Prompt(text="Nothing of that"))
        run = add_run(tx, model, run_spec(model, combined, prompts=prompts, samples=1))
        clean = add_run(tx, model, run_spec(model, vector, prompts=prompts[1:], samples=1))
    [found] = splits.overlaps_of_run(database, run)
    assert (found.shared, found.total, found.example) == (1, 2, quoting.text)
    [found] = splits.overlaps_of_run(database, clean)
    assert "is disjoint from upbeat@1: none of its 1 prompts" in str(found)


def test_lineage_leads_up_to_the_origin_and_down_to_scores(database: Database):
    with database.write() as tx:
        made = fill(tx)
    first = made["first"]
    found = lineage.around(database, Thing(kind="set_version", id=first.id, name=first.label))
    names = {(item.kind, item.name) for item in found.things}
    assert {("vector", "upbeat-v1"), ("vector", "combined"), ("run", "first")} <= names
    assert ("set_version", "upbeat-fix@1") in names
    run = made["run"]
    up = lineage.around(database, Thing(kind="run", id=run.id, name="first"))
    assert ("set_version", "upbeat@1") in {(item.kind, item.name) for item in up.things}
    assert ("vector", "other") not in {(item.kind, item.name) for item in up.things}
    assert up.is_complete
    assert not lineage.around(database, up.centre, most=2).is_complete


def test_what_a_purge_takes_along_is_said_before_it_is_done(database: Database):
    with database.write() as tx:
        fill(tx)
    said = sets.what_goes(database, "upbeat")
    assert said[0] == "set 'upbeat'"
    assert {"vector 'upbeat-v1'", "set 'upbeat-fix'"} <= set(said)
    gone = sets.remove(database, "upbeat", cascade=True, actor="tester")
    assert sorted(gone) == sorted(said)
