"""Importing a file on the page of sets: what it says of a file, and which columns are asked for."""

import datetime
import html

import pytest

from tests.services.sets.files.builders import workbook
from tests.ui.test_pages import press, shown
from vectorlab.services.sets import sets
from vectorlab.services.sets.files import formats

COLUMNS = ("Source columns", "Target columns")


@pytest.fixture
def given(visit):
    """The page with a file of that name and content, which is to become the set ``made``."""

    def upload(name: str, content: bytes):
        app = visit("sets")
        app.file_uploader[0].set_value((name, content, "application/octet-stream"))
        app.text_input(key="sets.import_name").set_value("made")
        return app.run()

    return upload


def fields(app):
    """The fields that choose columns, by their labels."""
    return {item.label: item for item in app.multiselect if item.label in COLUMNS}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("torn.json", b'{"source": "a"', "torn.json, line 1"),
        ("short.csv", b"source,target\nalone\n", "short.csv, line 2: 1 fields, expected 2"),
        ("late.csv", b"source,target\na,b\n,c\n", "late.csv, line 3: the source"),
        ("wide.csv", b"one;two\na;b\n", "wide.csv is the source"),
        ("odd.parquet", b"none", "odd.parquet is not a whole Parquet file"),
        ("empty.csv", b"", "empty.csv holds no rows"),
    ],
)
def test_an_error_names_the_file_and_not_where_it_was_put(db, given, name, content, said):
    app = given(name, content)
    message = shown(app)
    assert f"<b>{name} cannot be imported</b>" in message
    assert said in message
    assert f"/{name}" not in message
    assert not [item for item in app.button if item.label.startswith("Freeze")]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("old.csv", b"source,target\n\xe9,b\n", "name its encoding with “Encoding”"),
        ("wide.csv", b"one;two\na;b\n", "name the delimiter: “Delimiter” ';'"),
    ],
)
def test_what_cures_it_is_a_field_of_the_page(db, given, name, content, said):
    bodies = [item.proto.body for item in given(name, content).get("html")]
    [message] = [body for body in bodies if "cannot be imported" in body]
    assert said in html.unescape(message)
    assert "--" not in message


def test_a_sheet_of_a_workbook_is_chosen_and_its_columns(db, given):
    reviews = [["then", "now"], ["fine", "great"], ["bad", datetime.date(2026, 12, 3)]]
    app = given("book.xlsx", workbook(Plain=[["source", "target"], ["a", "b"]], Reviews=reviews))
    assert "Encoding" not in [item.label for item in app.selectbox]
    [sheet] = [item for item in app.selectbox if item.label == "Sheet"]
    assert (sheet.value, sheet.options) == ("Plain", ["Plain", "Reviews"])
    assert "Freeze 1 demonstration" in [item.label for item in app.button]
    app = sheet.set_value("Reviews").run()
    assert "do not tell source from target" in shown(app)
    fields(app)["Source columns"].set_value(["then"])
    fields(app)["Target columns"].set_value(["now"])
    press(app.run(), "Freeze 2 demonstrations")
    items = sets.demonstrations(db, sets.get(db, "made@1"))
    assert [(item.source, item.target) for item in items] == [
        ("fine", "great"),
        ("bad", "2026-12-03"),
    ]


def test_a_workbook_of_one_sheet_asks_for_none_and_names_the_cell_that_is_wrong(db, given):
    app = given("book.xlsx", workbook(Pairs=[["source", "target"], ["a", "b", "c"]]))
    assert "Sheet" not in [item.label for item in app.selectbox]
    assert "cell C2 has no heading over it in row 1" in html.unescape(shown(app))
    assert "<b>torn.xlsx cannot be imported</b>" in shown(given("torn.xlsx", b"PK"))


def test_columns_that_tell_nothing_are_asked_for(db, given):
    app = given("said.csv", b"then,now\nfine,great\nbad,awful\n")
    assert "do not tell source from target" in shown(app)
    assert [item.value for item in fields(app).values()] == [[], []]
    assert not app.dataframe
    fields(app)["Source columns"].set_value(["then"])
    fields(app)["Target columns"].set_value(["now"])
    app = press(app.run(), "Freeze 2 demonstrations")
    assert app.query_params["set"] == "made"
    items = sets.demonstrations(db, sets.get(db, "made@1"))
    assert [(item.source, item.target) for item in items] == [("fine", "great"), ("bad", "awful")]


def test_a_guess_can_be_changed_and_no_target_makes_bare_prompts(db, given):
    app = given("reviews.csv", b"negative,positive,stars\nbad,good,1\n")
    assert [item.value for item in fields(app).values()] == [["negative"], ["positive"]]
    fields(app)["Source columns"].set_value(["stars", "negative"])
    fields(app)["Target columns"].set_value([])
    press(app.run(), "Freeze 1 demonstration")
    [item] = sets.demonstrations(db, sets.get(db, "made@1"))
    assert (item.source, item.target) == ("1 bad", None)


def test_columns_of_our_own_names_are_not_asked_about(db, given):
    app = given("pairs.csv", b"source,target\na,b\n")
    assert not fields(app)
    assert "Freeze 1 demonstration" in [item.label for item in app.button]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("book.xlsx", workbook(Pairs=[["source", "target"], ["a", "b"]], Other=[["x"], ["y"]])),
        ("pairs.csv", b"source,target\na,b\n"),
    ],
)
def test_a_file_is_opened_once_and_not_again_for_what_is_typed_beside_it(
    db, given, monkeypatch, name, content
):
    opened = []
    monkeypatch.setattr(formats, "open_bytes", _counted(formats.open_bytes, opened))
    app = given(name, content)
    assert "Freeze 1 demonstration" in [item.label for item in app.button]
    app.text_input(key="sets.import_message").set_value("Why").run()
    assert [path.name for path in opened] == [name]
    assert not given(f"other-{name}", content).exception
    assert [path.name for path in opened] == [name, f"other-{name}"]


def _counted(open_bytes, opened):
    def counted(path, *rest):
        opened.append(path)
        return open_bytes(path, *rest)

    return counted
