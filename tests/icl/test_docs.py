"""Every number of the page comes from a kept run, and the runs say what the page says."""

import json

import pytest

from scripts import icl_report
from vectorlab.icl.domain.training_spec import TrainingSpec


@pytest.fixture(scope="module")
def numbers() -> dict:
    return {
        name: json.loads((icl_report.NUMBERS / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("reproduction", "runs")
    }


def test_the_page_shows_what_the_runs_say(numbers: dict):
    page = icl_report.PAGE.read_text(encoding="utf-8")
    assert icl_report.rendered(page, numbers) == page
    assert page.count("<!-- runs: ") == len(icl_report._tables(numbers))


def test_every_plot_of_the_page_is_there(numbers: dict):
    page = icl_report.PAGE.read_text(encoding="utf-8")
    for name in icl_report._charts(numbers["runs"]):
        assert f"images/icl-{name}.svg" in page
        assert (icl_report.IMAGES / f"icl-{name}.svg").read_text().startswith("<svg")


def test_the_kept_reproduction_was_full_and_all_of_it_is_ok(numbers: dict):
    found = numbers["reproduction"]
    assert found["spec"]["scope"] == "full"
    assert [item["name"] for item in found["checks"] if item["verdict"] != "ok"] == []
    assert found["result"]["cpu_s"] < 15 * 60


def test_the_kept_trainings_can_be_asked_for_again(numbers: dict):
    for name in icl_report._SHOWN:
        spec = numbers["runs"][name]["spec"]
        assert TrainingSpec.from_json(spec).to_json() == spec
