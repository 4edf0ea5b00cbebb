"""What the Overview says is derived from the record, and costs the same in any store."""

from dataclasses import replace

from tests.services.runs.test_outcomes import score, statements
from tests.ui.filled_store import add_run, fill, run_spec
from vectorlab.domain.jobs.jobs import NewJob
from vectorlab.domain.overview import StepKind
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.services import models, overview
from vectorlab.services.runs import baselines, runs
from vectorlab.services.sets import sets
from vectorlab.services.vectors import vectors
from vectorlab.store.jobs import queue


def tried(db, said, plain="the soup was cold."):
    model, vector = models.get(db, "tiny"), vectors.get(db, "upbeat-icv")
    spec = run_spec(model, vector, ["The soup was cold."])
    return add_run(db, model, spec, said={0: plain, 2: said})


def steps(db):
    return {step.kind: step for step in overview.next_steps(db, author="ada")}


def test_a_try_that_changed_the_text_is_worth_keeping_until_it_is_kept(database):
    fill(database)
    changed = tried(database, "Wow!!!")
    tried(database, "the same", plain="the same")
    [found] = overview.tries(database, author="ada", limit=4)
    assert (found.run_id, found.arm) == (changed.id, "upbeat-icv +0.2")
    assert (found.prompt, found.text, found.plain) == (
        "The soup was cold.",
        "Wow!!!",
        "the soup was cold.",
    )
    assert not overview.tries(database, author="grace", limit=4)
    runs.rename(database, str(changed.id), "kept", actor="ada")
    assert not overview.tries(database, author="ada", limit=4)


def test_what_is_next_is_what_the_record_lacks(database):
    fill(database)  # its run has replays and no scores, its vector no calibration
    found = steps(database)
    assert found[StepKind.SCORE].name == "first-look"
    assert found[StepKind.CALIBRATE].name == "upbeat-icv"
    assert not {StepKind.EXTRACT, StepKind.REPLAY, StepKind.RETRY} & found.keys()
    score(database, runs.get(database, "first-look"), {"cheer": (0.0, 0.2, 0.5)})
    assert StepKind.SCORE not in steps(database)


def test_a_set_is_next_until_something_is_made(database):
    fill(database)
    sets.commit(
        database,
        name="new",
        demonstrations=[Demonstration(source="a", target="b")],
        message="",
        actor="ada",
    )
    found = steps(database)[StepKind.EXTRACT]
    assert (found.name, found.others) == ("new@1", 0)
    tried(database, "Wow!!!")  # a set may have been there to judge, which no version records
    assert StepKind.EXTRACT not in steps(database)


def test_a_control_is_not_to_be_calibrated(database):
    fill(database)
    baselines.random_direction(database, "upbeat-icv", seed=0, actor="ada")
    found = steps(database)[StepKind.CALIBRATE]
    assert (found.name, found.others) == ("upbeat-icv", 0)


def test_a_failed_job_is_next_until_an_equal_one_is_asked_for(database):
    fill(database)
    new = NewJob(kind="extract", spec={"n": 1}, dedupe_key=None, created_by="ada", max_attempts=1)
    with database.write() as tx:
        job, _ = queue.enqueue(tx, new)
        queue.claim(tx, worker_id="host-1-abc", lease_s=60, job_id=job.id)
        queue.fail(tx, job.id, 1, error_class="InputError", error="No.", retry=False)
    assert steps(database)[StepKind.RETRY].id == job.id
    with database.write() as tx:
        queue.enqueue(tx, new)
    assert StepKind.RETRY not in steps(database)


def test_what_waits_is_said_in_the_order_in_which_it_is_taken(database):
    fill(database)
    new = NewJob(kind="extract", spec={}, dedupe_key=None, created_by="ada", priority=7)
    with database.write() as tx:
        first, _, urgent = (
            queue.enqueue(tx, replace(new, priority=priority))[0].id for priority in (7, 7, 9)
        )
    assert [each.job.id for each in overview.under_way(database, limit=2)] == [urgent, first]


def test_the_overview_asks_as_many_statements_of_a_fuller_store(database):
    fill(database)
    tried(database, "Wow!!!")

    def asked():
        with statements() as found:
            overview.tries(database, author="ada", limit=4)
            overview.next_steps(database, author="ada")
            overview.under_way(database)
        return len(found)

    before = asked()
    for number in range(5):
        tried(database, f"Wow {number}!!!")
    assert asked() == before
    assert len(overview.tries(database, author="ada", limit=4)) == 4
