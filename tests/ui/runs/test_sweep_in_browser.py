"""A sweep of nine arms by sixty prompts in a real Chromium, on a screen and on a phone."""

import pytest
from playwright.sync_api import expect

from tests.ui.filled_store import fill
from tests.ui.runs.test_side_by_side import sweep
from tests.ui.test_browser import settle, visit

pytestmark = pytest.mark.browser

PAGE = "[data-testid=stMain]"
SIDEWAYS = (
    f"document.querySelector('{PAGE}').scrollWidth - document.querySelector('{PAGE}').clientWidth"
)
STAYING = ("th.vl-prompt", "th.vl-pin-1")
BOXES = "names => names.map(name => document.querySelector(name).getBoundingClientRect().toJSON())"


@pytest.fixture
def swept(db):
    fill(db)
    return sweep(db, name="soup")


def places(tab, *selectors):
    """Where the first of each stands, all at the same moment: a page moves while it is drawn."""
    for selector in selectors:
        tab.locator(selector).first.wait_for()
    return tab.evaluate(BOXES, list(selectors))


def test_nine_columns_scroll_within_their_table_under_a_head_that_stays(swept, tab):
    names = [arm.label for arm in swept.spec.arms]
    shown = "&".join(f"show={name}" for name in names).replace("+", "%2B").replace(" ", "+")
    visit(tab, f"compare?run={swept.id}&{shown}")
    settle(tab, "soup")
    expect(tab.locator(".vl-compare th.vl-arm")).to_have_count(9)
    assert tab.evaluate(SIDEWAYS) == 0
    widths = tab.locator(".vl-compare th.vl-arm").evaluate_all("all => all.map(e => e.offsetWidth)")
    assert min(widths) >= 200
    tab.locator(".vl-sheet").evaluate("sheet => sheet.scrollTo(900, 400)")
    tab.wait_for_function("document.querySelector('.vl-sheet').scrollTop === 400")
    cells = ("td.vl-pin-1", "td:nth-child(3)")
    sheet, prompt, baseline, cell, scrolled = places(tab, ".vl-sheet", *STAYING, *cells)
    assert (prompt["x"], prompt["y"]) == pytest.approx((sheet["x"], sheet["y"]), abs=1)
    assert (baseline["x"], baseline["y"]) == pytest.approx((prompt["right"], sheet["y"]), abs=1)
    assert cell["x"] == pytest.approx(baseline["x"], abs=1)
    assert cell["y"] < scrolled["bottom"] < sheet["y"]  # it went up, and stayed at the side
    assert scrolled["x"] < sheet["x"]
    tab.locator(".vl-compare td .vl-note a").nth(4).click()
    settle(tab, "soup")
    expect(tab.locator(".vl-line")).to_have_count(9)
    assert "row=5" in tab.url


def test_a_phone_has_the_prompt_over_its_row_and_every_arm_in_a_full_line(swept, tab):
    tab.set_viewport_size({"width": 420, "height": 900})
    visit(tab, f"compare?run={swept.id}")
    settle(tab, "soup")
    assert tab.evaluate(SIDEWAYS) == 0
    prompt, baseline = places(tab, "td.vl-pin-0", "td.vl-pin-1")
    assert prompt["y"] + prompt["height"] <= baseline["y"] + 1
    assert prompt["width"] == baseline["width"] > 340
    tab.get_by_text("one prompt", exact=True).click()
    expect(tab.locator(".vl-line")).to_have_count(9)
    assert tab.evaluate(SIDEWAYS) == 0
    tab.get_by_text("Make a demonstration").nth(4).click()
    expect(tab.get_by_label("Target")).to_have_value("Wow, the soup was so cold!!!!")
