"""An urgent job starts before a long one ends, and the long one loses nothing by it."""

from functools import partial
from threading import Event

import pytest

from vectorlab.domain.jobs.jobs import (
    PRIORITY_BATCH,
    PRIORITY_INTERACTIVE,
    AttemptOutcome,
    JobState,
)
from vectorlab.domain.runs.runs import Decoding
from vectorlab.services import jobs
from vectorlab.services.runs import runs
from vectorlab.worker.handlers import generation
from vectorlab.worker.loop import Worker

SHORT = Decoding(max_new_tokens=2)
PROMPTS = [f"Once number {number}" for number in range(6)]


class Saved(list):
    """Batches in the order in which they were saved."""

    def __init__(self):
        super().__init__()
        self.after = {}  # what is done before a batch is saved, by its number from 1


@pytest.fixture
def batches(monkeypatch):
    """The batches of all runs, of a few texts each."""
    monkeypatch.setattr(generation, "plan_run", partial(generation.plan_run, token_budget=24))
    original = generation.generate

    saved = Saved()

    def watched(*args, **kwargs):
        save = kwargs["on_batch"]

        def on_batch(batch, texts):
            saved.append(tuple(batch))
            saved.after.get(len(saved), lambda: None)()
            save(batch, texts)

        return original(*args, **{**kwargs, "on_batch": on_batch})

    monkeypatch.setattr(generation, "generate", watched)
    return saved


def ask(lab, priority=PRIORITY_BATCH, prompts=PROMPTS, **how):
    return lab.runs.request(prompts=prompts, decoding=SHORT, priority=priority, **how).job


def work(lab, **how):
    """Work the queue off; returns each job with its state after every attempt, in their order."""
    seen = []
    worker = Worker(lab.db, device="cpu")
    worker.work(
        stop=Event(), drain=True, on_job=lambda job: seen.append((job.id, job.state)), **how
    )
    return seen


def test_an_urgent_job_goes_first_at_the_next_end_of_a_batch(lab, batches):
    long, urgent = ask(lab), []
    batches.after[2] = lambda: urgent.append(ask(lab, PRIORITY_INTERACTIVE, ["Quick"], seed=1).id)
    seen = work(lab)
    assert seen == [
        (long.id, JobState.QUEUED),
        (urgent[0], JobState.SUCCEEDED),
        (long.id, JobState.SUCCEEDED),
    ]
    own = [batch for batch in batches if batch != batches[2]]
    assert len(own) == len(set(own))  # no batch of the long job was computed twice
    assert [item.outcome for item in jobs.attempts(lab.db, long.id)] == [
        AttemptOutcome.RELEASED,
        AttemptOutcome.SUCCEEDED,
    ]
    said = [line.message for line in jobs.log(lab.db, long.id)]
    assert f"handed back to the queue: job {urgent[0]} is more urgent and goes first" in said
    assert not any("the worker ends" in message for message in said)
    run = runs.get(lab.db, str(jobs.get(lab.db, long.id).result["run_id"]))
    again = lab.wait(ask(lab, prompts=PROMPTS, force=True).id)
    undisturbed = runs.get(lab.db, str(again.result["run_id"]))
    assert [text.token_ids for text in runs.generations(lab.db, run)] == [
        text.token_ids for text in runs.generations(lab.db, undisturbed)
    ]


@pytest.mark.parametrize(
    "other",
    [{"priority": PRIORITY_BATCH}, {"priority": PRIORITY_INTERACTIVE, "queue": "elsewhere"}],
)
def test_what_is_no_more_urgent_or_waits_elsewhere_overtakes_nothing(lab, batches, other):
    long = ask(lab)
    batches.after[1] = lambda: ask(lab, prompts=["Quick"], seed=1, **other)
    assert work(lab)[0] == (long.id, JobState.SUCCEEDED)


def test_who_works_off_one_job_alone_does_not_hand_it_back(lab, batches):
    long = ask(lab)
    batches.after[1] = lambda: ask(lab, PRIORITY_INTERACTIVE, ["Quick"], seed=1)
    assert lab.wait(long.id).state is JobState.SUCCEEDED
    assert [item.outcome for item in jobs.attempts(lab.db, long.id)] == [AttemptOutcome.SUCCEEDED]


def test_a_worker_for_one_attempt_finishes_what_it_took(lab, batches):
    long = ask(lab)
    batches.after[1] = lambda: ask(lab, PRIORITY_INTERACTIVE, ["Quick"], seed=1)
    assert work(lab, most=1) == [(long.id, JobState.SUCCEEDED)]
