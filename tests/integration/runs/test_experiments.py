"""Experiments: from pairs to a verdict, found again, and taken up where a process died."""

import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.integration.conftest import PAIRS
from tests.store.jobs.test_queue import lapse
from vectorlab.domain.jobs.jobs import JobState
from vectorlab.domain.jobs.requests import CalibrateRequest, GenerateRequest
from vectorlab.domain.runs.runs import Decoding
from vectorlab.domain.scores.verdicts import Grade, Role
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.errors import InputError, JobCancelled, JobFailed
from vectorlab.lab import Lab
from vectorlab.services import jobs
from vectorlab.services.runs import experiments, verdicts
from vectorlab.services.runs.experiments import WantedExperiment
from vectorlab.worker.context import JobContext
from vectorlab.worker.handlers import HANDLERS
from vectorlab.worker.loop import Worker

PROMPTS = tuple(
    f"Please paraphrase the following sentence. Sentence: The {thing} was {how}., paraphrase: "
    for thing in ("soup", "room", "film", "park")
    for how in ("okay", "fine", "bad")
)
WANTED = WantedExperiment(
    pairs="upbeat@1",
    vector_name="mine",
    effect="regex:!!",
    prompts=PROMPTS,
    decoding=Decoding(max_new_tokens=8),
    instruction="Be loud.",
    shots=2,
)


@pytest.fixture
def anywhere(database_url: str) -> Iterator[Lab]:
    """A lab with the pairs, on each kind of database."""
    lab = Lab(database_url, device="cpu")
    pairs = [Demonstration(source=source, target=target) for source, target in PAIRS]
    lab.sets.commit("upbeat", pairs, message="first")
    yield lab
    lab.db.dispose()


def ask(lab: Lab, wanted: WantedExperiment = WANTED) -> Any:
    return experiments.request_experiment(lab.db, wanted, look_up=lab.models.get, actor="tester")


@pytest.mark.slow
def test_pairs_become_a_verdict_whose_parts_are_found_again(anywhere: Lab):
    lab = anywhere
    asked = ask(lab)
    made = lab.result(asked)
    roles = {point.arm: point.role for point in made.frontier}
    [calibration] = made.calibrations
    assert list(roles.values()) == [
        Role.VECTOR,
        Role.VECTOR,
        Role.RANDOM,
        Role.SHUFFLED,
        Role.PROMPTING,
        Role.PROMPTING,
    ]
    [chosen] = [point for point in made.frontier if point.is_chosen]
    assert chosen.strength == calibration.strength
    [said] = made.verdicts
    assert said.effect == "regex:!!"
    assert "none of them among the 6 prompts that judge it" in said.text
    # Prompts were dealt: none chose and judged.
    judging = {prompt.text for prompt in made.run.spec.prompts}
    choosing = {prompt.text for prompt in calibration.spec.prompts}
    assert judging | choosing == set(PROMPTS)
    assert not judging & choosing
    # Its parts are jobs and results like any other: nothing is stored twice.
    kinds = [job.kind for job in jobs.list_jobs(lab.db)][::-1]
    assert kinds == ["experiment", "extract", "extract", "calibrate", "generate", "score"]
    assert jobs.result(jobs.get(lab.db, asked.job.id)) == {
        "run_id": made.run.id,
        "calibration_id": calibration.id,
    }

    again = ask(lab)
    assert again.job is None
    assert again.found.run == made.run
    assert again.found.verdicts == made.verdicts
    assert [found.run.id for found in experiments.list_experiments(lab.db)] == [made.run.id]

    # Even without the record of its job: every part is found.
    lab.jobs.prune(older_than="0s")
    asked = ask(lab)
    assert asked.job is not None
    assert lab.result(asked).run.id == made.run.id
    assert [job.kind for job in jobs.list_jobs(lab.db)] == ["experiment"]

    # Another budget: the vectors are found, the rest is made.
    other = lab.result(ask(lab, replace(WANTED, damage="kl<=0.02")))
    assert other.run.id != made.run.id
    assert other.calibrations[0].strength < calibration.strength
    assert {job.kind for job in jobs.list_jobs(lab.db)} == {
        "experiment",
        "calibrate",
        "generate",
        "score",
    }


@pytest.mark.slow
def test_an_experiment_goes_on_where_its_process_died(anywhere: Lab):
    lab = anywhere
    asked = ask(lab)
    url = lab.db.url
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])  # both kinds of database share what it imports
    process = context.Process(target=_die_while_generating, args=(url, asked.job.id))
    process.start()
    process.join(200)
    assert process.exitcode == 7
    left = {job.kind: job for job in jobs.list_jobs(lab.db)}
    assert left["experiment"].state is JobState.RUNNING
    assert left["calibrate"].state is JobState.SUCCEEDED
    assert left["generate"].state is JobState.RUNNING
    with lab.db.write() as tx:
        for job in (left["experiment"], left["generate"]):
            lapse(tx, job.id)
    made = lab.result(asked)
    assert made.verdicts
    after = {job.kind: job for job in jobs.list_jobs(lab.db)}
    assert len(jobs.list_jobs(lab.db)) == 6
    assert after["calibrate"].attempt == 1
    assert after["generate"].attempt == after["experiment"].attempt == 2
    lines = [line.message for line in jobs.log(lab.db, asked.job.id) if line.attempt == 2]
    assert [line for line in lines if line.endswith(": found")] == [
        "vector of upbeat@1: found",
        "control of mine: sides drawn by lot: found",
        "calibration of mine on 6 prompts: found",
    ]


def _die_while_generating(url: str, job_id: int) -> None:
    lab = Lab(url, device="cpu")
    HANDLERS[GenerateRequest.KIND] = lambda _: os._exit(7)
    lab.worker.work_one(job_id)


def test_a_part_that_another_worker_does_is_waited_for(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    asked = ask(lab, replace(WANTED, pairs=None, vector_name=None, vectors=("upbeat",)))
    other, own = Worker(lab.db, device="cpu"), lab.worker._part
    handed: list[int] = []

    def part(job_id: int, listener: Any) -> Any:
        """The first part is done by another worker; this one cannot claim it."""
        if handed:
            return own(job_id, listener)
        handed.append(job_id)
        other.work_one(job_id)
        return None

    monkeypatch.setattr(lab.worker, "_part", part)
    assert lab.result(asked).verdicts
    assert jobs.attempts(lab.db, handed[0])[0].worker_id == other.id


def test_cancelling_an_experiment_ends_the_part_at_hand(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    asked = ask(lab, replace(WANTED, pairs=None, vector_name=None, vectors=("upbeat",)))

    def cancelled_by_somebody(context: JobContext) -> None:
        jobs.cancel(lab.db, asked.job.id, actor="tester")
        [around] = lab.worker._around
        around.lease._written_at = 0.0  # so that it asks the store
        context.lease.progress(1, 100, "steps")
        raise AssertionError("the part goes on")

    monkeypatch.setitem(HANDLERS, CalibrateRequest.KIND, cancelled_by_somebody)
    with pytest.raises(JobCancelled):
        lab.result(asked)
    states = {job.kind: job.state for job in jobs.list_jobs(lab.db)}
    assert states["experiment"] is states["calibrate"] is JobState.CANCELLED
    assert "generate" not in states


def test_a_part_that_fails_is_why_the_experiment_fails(lab: Lab):
    wanted = replace(WANTED, pairs=None, vectors=("upbeat",), effect="exact")  # no references
    with pytest.raises(JobFailed, match="says nothing of any of the 6 texts"):
        lab.result(ask(lab, wanted))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pairs": None}, "An experiment needs a vector"),
        ({"prompts": ()}, "An experiment needs prompts"),
        ({"strengths": (0.0, 1.0)}, "has to be above 0"),
        ({"damage": "kl"}, "is not understood"),
        ({"effect": "nonsense"}, "nonsense"),
        ({"random": -1}, "-1 random directions"),
        ({"instruction": " "}, "The instruction is empty"),
        ({"smallest": 0.0}, "has to be above 0"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_queued(
    lab: Lab, changes: dict[str, Any], words: str
):
    with pytest.raises(InputError, match=words):
        ask(lab, replace(WANTED, **changes))
    assert [job.kind for job in jobs.list_jobs(lab.db)] == ["extract"]


def test_a_strength_that_was_chosen_on_the_prompts_that_judge_it_says_so(lab: Lab):
    wanted = replace(WANTED, pairs=None, vectors=("upbeat",), prompts=PROMPTS[:1])
    made = lab.result(ask(lab, wanted))
    [said] = made.verdicts
    assert said.grade is Grade.TOO_FEW_PROMPTS
    assert "chosen on the same 1 prompt that judge it" in said.text


def test_a_run_that_was_swept_by_hand_ends_in_the_same_verdict(lab: Lab):
    lab.vectors.calibrate(
        "upbeat", effect="regex:!!", prompts=PROMPTS[1::2], decoding=WANTED.decoding
    )
    swept = lab.runs.sweep(
        vectors=["upbeat"],
        strengths=[1.0],
        random=1,
        prompts=PROMPTS[::2],
        sweep=experiments.SweepOptions(calibrated=True),
        decoding=WANTED.decoding,
    )
    with pytest.raises(InputError, match="says nothing of an experiment"):
        verdicts.get(lab.db, str(swept.id))
    swept.score("regex:!!", "kl")
    by_hand = verdicts.get(lab.db, str(swept.id))
    asked = ask(
        lab,
        replace(
            WANTED,
            pairs=None,
            vectors=("upbeat",),
            shuffled=0,
            strengths=(),
            demonstrations=False,
            instruction=None,
        ),
    )
    assert lab.result(asked).verdicts == by_hand.verdicts
    assert lab.result(asked).run.id == swept.id
