"""``lab.sets`` with files and frames, both databases: all or nothing, and the same hash again."""

import logging

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.services.sets.files.builders import FILES, demonstrations
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.errors import InputError
from vectorlab.lab import Lab

many = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50
)


@pytest.fixture
def lab(database_url):
    made = Lab(database_url)
    yield made
    made.db.dispose()


# One way out and back in for each example: every file gives back what it was written of, which
# test_round_trips.py holds; here the store stands between them.
@pytest.mark.slow
@many
@given(
    items=st.lists(demonstrations(), min_size=1, max_size=5),
    way=st.sampled_from(["csv", "tsv", "json", "jsonl", "parquet", "frame"]),
)
def test_what_the_store_holds_survives_every_file(lab, items, way, tmp_path):
    kept = lab.sets.commit("any", items).version
    if way == "frame":
        again = lab.sets.import_frame(lab.sets.to_frame(kept.label), set="again").version
    else:
        path = tmp_path / f"x.{way}"
        lab.sets.export(kept.label, path)
        again = lab.sets.import_file(path, set="again").version
    assert again.content_sha256 == kept.content_sha256


def test_an_error_late_in_a_file_leaves_nothing(lab, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("source,target\n" + "a,b\n" * 3000 + "a,b,c\n")
    with pytest.raises(InputError, match="line 3002: 3 fields"):
        lab.sets.import_file(path, set="none")
    assert lab.sets.list().empty
    lab.sets.commit("kept", [Demonstration(source="a", target="b")])
    with pytest.raises(InputError, match="line 3002"):
        lab.sets.import_file(path, set="kept")
    assert [item.number for item in lab.sets.log("kept")] == [1]


def test_a_sheet_of_a_workbook_is_named(lab, tmp_path):
    path = tmp_path / "x.xlsx"
    with pd.ExcelWriter(path) as book:
        for title, pair in {"One": ("a", "b"), "Two": ("c", 5)}.items():
            rows = pd.DataFrame([pair], columns=["source", "target"])
            rows.to_excel(book, sheet_name=title, index=False)
    lab.sets.import_file(path, set="it", sheet="Two", message="From a workbook")
    assert lab.sets.to_frame("it")[["source", "target"]].to_numpy().tolist() == [["c", "5"]]


def test_text_files_and_datasets_come_back(lab, tmp_path):
    items = [Demonstration(source="a", target="b"), Demonstration(source="c", target="")]
    kept = lab.sets.commit("it", items).version
    for kind in ("text", "dataset"):
        paths = [tmp_path / name for name in FILES[kind]]
        written = lab.sets.export("it", *paths, format=kind)
        assert [path.name for path in written[: len(paths)]] == FILES[kind]
        again = lab.sets.import_file(paths if kind == "text" else paths[0], set=kind).version
        assert again.content_sha256 == kept.content_sha256


def test_a_guess_is_logged_before_it_is_used(lab, caplog):
    frame = pd.DataFrame({"negative": ["a", "b"], "positive": ["c", None], "n": [1.5, None]})
    with caplog.at_level(logging.WARNING, logger="vectorlab"):
        done = lab.sets.import_frame(frame, set="it", metadata_column="n", message="From a frame")
    assert "source = 'negative'; target = 'positive'" in caplog.text
    assert done.version.message == "From a frame"
    assert list(lab.sets.to_frame("it")["metadata"]) == [{"n": 1.5}, None]
    assert list(lab.sets.to_frame("it")["target"]) == ["c", None]


def test_progress_of_reading_goes_to_the_listener(lab, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("source,target\n" + "a,b\n" * 1000)
    told = []
    lab.listener = lambda done, total, note: told.append((done, total, note))
    lab.sets.import_file(path, set="it")
    size = path.stat().st_size
    assert told[-1] == (size, size, "1000 demonstrations read")


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"source": [1]}), "the data frame, row 1: source is int"),
        (pd.DataFrame([["a", "b"]], columns=["source", "source"]), "appears twice"),
        (pd.DataFrame({"source": []}), "holds no rows"),
        (pd.DataFrame(), "holds no rows"),
        (pd.DataFrame({"source": [None]}), "row 1: the source ('source') is missing"),
        (
            pd.DataFrame({"source": ["a"], "metadata": [{"x": float("inf")}]}),
            "row 1: metadata cannot be kept: inf is not JSON",
        ),
    ],
)
def test_frames_that_cannot_be_used_say_why(sqlite_database, frame, message):
    lab = Lab(sqlite_database.url)
    with pytest.raises(InputError) as error:
        lab.sets.import_frame(frame, set="it")
    assert message in str(error.value)
    lab.db.dispose()
