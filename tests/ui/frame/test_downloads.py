"""Every table of every page downloads, and what comes is the table."""

import re
from io import BytesIO

import pandas as pd
import pytest
import streamlit as st

from tests.ui.everything import fill_all
from tests.ui.filled_store import HOSTILE, add_run, run_spec
from tests.ui.test_pages import shown
from ui import markup, tables
from vectorlab.services import models
from vectorlab.services.vectors import vectors

# Page and selection of every view that has a table.
VIEWS = (
    ("overview", {}),
    ("sets", {}),
    *(
        ("sets", {"set": "upbeat", "view": view})
        for view in ("demonstrations", "changes", "history", "lineage")
    ),
    ("vectors", {}),
    ("vectors", {"vector": "upbeat-icv"}),
    ("vectors", {"vector": ["upbeat-icv", "twice"]}),
    ("runs", {}),
    *(("compare", {"run": "1", "look": look}) for look in ("texts", "figures", "tokens")),
    ("compare", {"run": "1", "look": "settings"}),
    ("compare", {"run": ["1", "3"], "look": "settings", "same": "true"}),
    ("compare", {"run": "1", "look": "blind vote"}),
    ("replay", {}),
    ("replay", {"run": "3"}),
    ("playground", {"run": "1"}),
    ("attributes", {"instance": "things", "part": "entity_test"}),
    *(
        ("in_context_learning", {"view": view})
        for view in (
            "Constructions",
            "Features",
            "Trained models",
            "Bridge to language models",
            "Reference points",
        )
    ),
    ("jobs", {}),
    ("jobs", {"job": "2"}),
    ("sql", {"sql": "SELECT run_id FROM v_runs", "asked": "true"}),
    ("settings", {}),
)


@pytest.fixture
def offered(monkeypatch):
    """What the buttons of the page that was drawn last give, by key."""
    found = {}
    draw = st.download_button

    def button(label, data, *, key=None, **more):
        found[key] = data
        return draw(label, data, key=key, **more)

    monkeypatch.setattr(st, "download_button", button)
    return found


def elements(block):
    """What a page draws, in its order."""
    for child in block.children.values():
        if hasattr(child, "children"):
            yield from elements(child)
        else:
            yield child


def read(make):
    return pd.read_csv(BytesIO(make()), encoding="utf-8-sig", keep_default_na=False)


def test_every_table_of_every_page_has_a_download_that_holds_it(db, visit, offered):
    fill_all(db)
    drawn = 0
    for name, selection in VIEWS:
        offered.clear()
        app = visit(name, **selection)
        assert not app.exception, (name, selection)
        found = list(elements(app.main))
        for place, element in enumerate(found):
            if element.type != "html" or "<table" not in element.proto.body:
                continue
            drawn += 1
            behind = [item for item in found[place + 1 : place + 3] if hasattr(item, "click")]
            assert behind, (name, selection, element.proto.body[:200])
            rows = len(re.findall("<tr>", element.proto.body.partition("<tbody>")[2]))
            assert len(read(offered[behind[0].key])) >= rows, (name, selection)
        for key, make in offered.items():
            if (key or "").startswith("csv."):
                assert len(read(make).columns), (name, selection, key)
    assert drawn >= 15


def test_a_list_downloads_beyond_the_page_that_is_shown(filled, visit, offered):
    model, vector = models.get(filled, "tiny"), vectors.get(filled, "upbeat-icv")
    spec = run_spec(model, vector, ["Say it: ", "Say that: "])
    for _ in range(100):
        add_run(filled, model, spec)
    app = visit("runs")
    assert shown(app).count('class="vl-open"') == 50
    assert len(read(offered["csv.runs"])) == 103
    visit("runs", kind="replays")
    assert len(read(offered["csv.runs"])) == 2


def test_what_is_downloaded_is_the_text_and_not_its_markup(filled, visit, offered):
    visit("compare", run="1")
    assert HOSTILE in read(offered["csv.runs-1"])["upbeat-icv +0.2"].tolist()
    visit("sets", set="upbeat", view="changes")
    [row] = read(offered["csv.changes"]).to_dict("records")
    assert row["change"] == "edited"
    assert row["target before"].startswith("Wow, ")
    assert row["target after"].startswith("Oh, ")
    cells = [markup.literal(HOSTILE), markup.quiet("a") + "<br>b"]
    assert tables.words_of(["one", "two"], [cells]).values.tolist() == [[HOSTILE, "a\nb"]]
