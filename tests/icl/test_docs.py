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


def test_the_bridge_still_says_what_the_first_paragraphs_say_of_it(numbers: dict):
    layers = numbers["runs"]["bridge"]["layers"]
    beside = [item["cosine"] for item in layers if item["condition"] == "demonstrations"]
    alike = [item["agreement"] for item in layers if item["condition"] == "shuffled"]
    assert max(abs(cosine) for cosine in beside) < 0.3
    assert min(alike) > 0.95


def test_what_the_page_says_of_constructions_is_in_the_runs(numbers: dict):
    runs = numbers["runs"]
    assert runs["separate"]["result"]["copying"]["difference"] < 1e-10
    damped = runs["damped"]["result"]
    assert damped["largest_difference"] < 1e-12
    assert 0.75 * damped["eta"] < damped["limit"] < damped["eta"]
    for built in runs["noise"][1:]:
        closed = built["result"]["closed_forms"]
        assert closed["ridge"] < built["result"]["steps"][1]["layer"] < closed["least squares"]
    maps = {item["map"]: item for item in runs["features"]["result"]["maps"]}
    assert max(item["difference"] for item in maps.values()) < 1e-10
    assert maps["input"]["loss"]["value"] > maps["mlp + step"]["loss"]["value"]


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
