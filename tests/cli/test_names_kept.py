"""Of two equal requests with two names, both names hold or the second request is refused."""

from typing import Any

import pytest

GENERATE = ("runs", "generate", "--prompt", "Once", "--max-new-tokens", "3")
SWEEP = ("runs", "sweep", "--vector", "upbeat", "--strength", "0.1", *GENERATE[2:])
EXTRACT = ("vectors", "extract", "--set", "upbeat", "--method", "mean_difference")
EQUALISE = ("vectors", "equalise", "upbeat", "--kl", "0.05", "--texts", "upbeat")
BUILD = ("ravel", "build", "cities", "--train-examples", "4", "--test-examples", "4")


@pytest.fixture
def cities(cli, upbeat) -> None:
    cli("ravel", "import", "cities")


def queued(cli: Any, *words: str) -> int:
    return int(cli(*words, "--detach", "--json").json["job_id"])


@pytest.mark.parametrize("words", [GENERATE, SWEEP, EXTRACT, BUILD, EQUALISE])
def test_the_second_name_of_a_queued_job_is_refused(cli, cities, words: tuple[str, ...]) -> None:
    job = queued(cli, *words, "--name", "first")
    assert queued(cli, *words, "--name", "first") == job
    refused = cli(*words, "--name", "second", "--detach", "--json", code=1)
    assert refused.out == ""
    said = refused.err.replace("\n", " ")
    assert f"Job {job} does the same and gives it the name 'first'" in said
    assert f"vectorlab jobs wait {job}" in said


@pytest.mark.parametrize(
    ("words", "noun"), [(GENERATE, "runs"), (SWEEP, "runs"), (EXTRACT, "vectors")]
)
def test_a_queued_job_takes_a_name_and_what_it_makes_has_it(
    cli, upbeat, words: tuple[str, ...], noun: str
) -> None:
    job = queued(cli, *words)
    assert queued(cli, *words, "--name", "given") == job
    cli("jobs", "wait", str(job))
    assert cli(noun, "show", "given", "--json").json["name"] == "given"


@pytest.mark.parametrize("words", [GENERATE, SWEEP])
def test_a_stored_run_takes_a_name_and_refuses_another(cli, upbeat, words: tuple[str, ...]) -> None:
    run = cli(*words, "--json").json["id"]
    assert cli(*words, "--name", "given", "--detach", "--json").json["id"] == run
    assert cli("runs", "show", "given", "--json").json["id"] == run
    refused = cli(*words, "--name", "other", "--detach", code=1)
    assert f"run {run}, whose name is 'given'" in refused.err.replace("\n", " ")


def test_a_stored_vector_gets_every_name_that_is_asked_for(cli, upbeat) -> None:
    made = cli(*EXTRACT, "--name", "one", "--json").json
    again = cli(*EXTRACT, "--name", "two", "--detach", "--json").json
    assert (again["name"], again["content_sha256"]) == ("two", made["content_sha256"])
