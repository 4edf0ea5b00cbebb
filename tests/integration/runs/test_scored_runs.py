"""A run that is asked for together with scores has them, whoever waits for it."""

import threading

import pytest

from vectorlab.domain.jobs.jobs import JobState
from vectorlab.errors import InputError
from vectorlab.services import jobs
from vectorlab.services.runs import runs, scores
from vectorlab.services.runs.requests import GenerationRequest
from vectorlab.worker.loop import Worker

PROMPTS = ("Sentence: Bad food!, paraphrase: ", "Sentence: Nice park., paraphrase: ")


@pytest.fixture
def ask(lab):
    """Asks for the texts, with scores of them if some are named."""
    model = lab.models.get("tiny")
    request = GenerationRequest(model="tiny", prompts=PROMPTS, vectors=["upbeat"], strengths=[0.1])
    spec = request.spec(lab.db, model)

    def asked(*scorers, **how):
        if scorers:
            return scores.request_scored_run(
                lab.db, model=model, spec=spec, scorers=scorers, actor="ada", **how
            )
        return runs.request_run(lab.db, model=model, spec=spec, actor="ada", **how)

    return asked


def work_off(lab):
    Worker(lab.db, device="cpu").work(stop=threading.Event(), drain=True)


def scored(lab, run):
    return set(scores.frame(lab.db, run)["scorer"])


def test_the_job_of_the_texts_asks_for_the_scores(lab, ask):
    asked = ask("length", "sentiment", name="wanted")
    work_off(lab)
    job = jobs.get(lab.db, asked.job.id)
    scoring = jobs.get(lab.db, job.result["score_job_id"])
    assert (scoring.state, scoring.spec["run_id"]) == (JobState.SUCCEEDED, job.result["run_id"])
    made = asked.read(job)
    assert [scorer.label for scorer in made.scorers] == ["length", "sentiment"]
    assert made.run.name == "wanted"
    assert scored(lab, made.run) == {"length", "sentiment"}
    again = ask("length", "sentiment")
    assert (again.job, again.found) == (None, made)


def test_of_a_run_that_is_there_only_the_scores_are_asked_for(lab, ask):
    first = ask()
    work_off(lab)
    run = first.read(jobs.get(lab.db, first.job.id))
    asked = ask("length", priority=7)
    assert (asked.job.kind, asked.job.priority) == ("score", 7)
    work_off(lab)
    assert scored(lab, run) == {"length"}


def test_an_equal_job_under_way_takes_the_scores_of_all_who_asked(lab, ask):
    first, second, third = ask(), ask("length"), ask("repetition", "length")
    assert {first.job.id} == {second.job.id, third.job.id}
    work_off(lab)
    run = first.read(jobs.get(lab.db, first.job.id))
    assert scored(lab, run) == {"length", "repetition"}


def test_what_cannot_be_scored_asks_for_no_texts(lab, ask):
    with pytest.raises(InputError, match="is named twice"):
        ask("length", "length")
    with pytest.raises(InputError, match="needs pattern"):
        ask("regex")
    assert [job.kind for job in jobs.list_jobs(lab.db)] == ["extract"]
