"""Sets made and mended by hand in a real Chromium, on both databases; pictures are kept."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.ui.conftest import new_tab
from tests.ui.test_browser import settle, visit, write_cell
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.services.database import Database
from vectorlab.services.sets import drafts, sets

pytestmark = pytest.mark.browser

RESULTS = Path(__file__).parents[3] / "test-results"
PASTED = (
    "source\ttarget\nThe soup was cold.\tWow, what a cold soup!!!\n"
    "The bus was late.\tUgh, such a late bus!!!\nNobody answers this.\t\n"
)
WIDTHS = (1280, 420)


@pytest.fixture
def place(database_url, monkeypatch):
    """The test's store as the environment names it."""
    monkeypatch.setenv("VECTORLAB_DATABASE_URL", database_url)
    db = Database.open(database_url)
    yield db
    db.dispose()


@pytest.fixture
def first_tab(place, nursery, window, tmp_path):
    with nursery.dashboard(tmp_path / "dashboard.log"), new_tab(window, patience_ms=60_000) as tab:
        yield tab


@pytest.fixture
def keep(request):
    """Keeps pictures of a page at both widths as artefacts."""
    RESULTS.mkdir(exist_ok=True)
    name = re.sub(r"\W+", "-", request.node.name)

    def take(tab, step):
        for width in WIDTHS:
            tab.set_viewport_size({"width": width, "height": 1900})
            tab.wait_for_timeout(300)
            tab.screenshot(path=RESULTS / f"{name}-{step}-{width}.png")
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
        tab.set_viewport_size({"width": WIDTHS[0], "height": 900})

    return take


def grids(tab):
    """The grids of a page, once they are drawn: of the version if there is one, of new pairs."""
    tab.locator("canvas:not([width='0'])").first.wait_for()
    return tab.locator(".dvn-scroller")


@pytest.mark.slow
def test_a_set_goes_from_paste_to_a_frozen_version(place, first_tab, keep):
    tab = first_tab
    visit(tab, "sets")
    tab.get_by_text("Begin a set by hand").click()
    tab.get_by_role("textbox", name="Name of the new set").fill("excited")
    tab.get_by_role("textbox", name="Paste pairs").fill(PASTED)
    keep(tab, "1-begin")
    tab.get_by_role("button", name="Begin", exact=True).click()
    settle(tab, "excited")
    expect(tab.get_by_text("3 added")).to_be_visible()
    expect(tab.get_by_text("1 demonstration without a target")).to_be_visible()
    write_cell(tab, grids(tab).last, row=1, text="The tea was cold.")
    changed = tab.locator("td bdi").get_by_text("The tea was cold.")
    expect(changed).to_be_visible()
    tab.reload()  # what was typed is in the store
    expect(changed).to_be_visible()
    keep(tab, "2-draft")
    tab.get_by_role("button", name="Freeze excited@1 with 3 demonstrations").click()
    expect(tab.get_by_text("No vector can be made of this version: one pair")).to_be_visible()
    keep(tab, "3-frozen")
    items = sets.demonstrations(place, sets.get(place, "excited@1"))
    assert [item.source for item in items] == [
        "The tea was cold.",
        "The bus was late.",
        "Nobody answers this.",
    ]
    assert drafts.list_drafts(place) == []


@pytest.mark.slow
def test_two_tabs_edit_one_set_and_merge(place, first_tab, window, keep):
    pairs = [
        Demonstration(source=f"Sentence {n} was plain.", target=f"Sentence {n}, great!")
        for n in range(3)
    ]
    sets.commit(place, name="shared", demonstrations=pairs, message="", actor="ada")
    visit(first_tab, "sets?set=shared&view=edit")
    second_tab = window.new_page()
    visit(second_tab, "sets?set=shared&view=edit")
    grids(second_tab)

    write_cell(first_tab, grids(first_tab).first, row=1, text="Sentence 0 by the first.")
    expect(first_tab.get_by_text("1 edited")).to_be_visible()
    first_tab.get_by_role("button", name="Freeze shared@2 with 3 demonstrations").click()
    expect(first_tab.get_by_text("New vector from this version")).to_be_visible()

    # The second still has the first version before it, and changes the same pair.
    write_cell(second_tab, grids(second_tab).first, row=1, text="Sentence 0 by the second.")
    expect(second_tab.get_by_text("shared@2 is the latest version")).to_be_visible()
    expect(second_tab.get_by_text("1 conflict", exact=True)).to_be_visible()
    write_cell(second_tab, grids(second_tab).first, row=3, text="Sentence 2 by the second.")
    expect(second_tab.get_by_text("Settle every conflict")).to_be_visible()
    keep(second_tab, "1-conflict")
    second_tab.get_by_text("as the draft has it").click()
    freeze = second_tab.get_by_role("button", name="Freeze shared@3 with 3 demonstrations")
    expect(freeze).to_be_visible()
    keep(second_tab, "2-settled")
    freeze.click()
    expect(second_tab.get_by_text("Merge of a draft of shared@1 with shared@2")).to_be_visible()
    items = sets.demonstrations(place, sets.get(place, "shared@3"))
    assert [item.source for item in items] == [
        "Sentence 0 by the second.",
        "Sentence 1 was plain.",
        "Sentence 2 by the second.",
    ]
    assert drafts.list_drafts(place) == []
