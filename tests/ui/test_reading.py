# ruff: noqa: E501
"""What is on the screen can be read: contrast in both themes, and at the width of a phone."""

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.ui.everything import fill_all
from tests.ui.filled_store import fill
from tests.ui.runs.test_side_by_side import sweep
from tests.ui.test_browser import READY

pytestmark = pytest.mark.browser

ADDRESSES = (
    "",
    "playground",
    "playground?vector=upbeat-icv&run=1",
    "experiment",
    "experiment?about=pairs+that+I+paste",
    "sets",
    "sets?set=upbeat&view=edit",
    "sets?set=upbeat&view=changes",
    "sets?set=upbeat&view=merge",
    "sets?set=upbeat&view=history",
    "sets?set=upbeat&version=1&view=lineage",
    "sets?set=nothing",
    "vectors",
    "vectors?vector=upbeat-icv",
    "vectors?vector=upbeat-icv&vector=twice",
    "runs?tick=1",
    "compare?run=1&spaces=true",
    "compare?run=1&look=figures&figure=tokens",
    "compare?run=1&layout=one+prompt",
    "compare?run=1&look=tokens",
    "compare?run=1&look=settings",
    "compare?run=1&look=blind+vote",
    "replay?run=3",
    "attributes?instance=things&part=entity_test",
    "in_context_learning",
    "in_context_learning?view=Constructions",
    "in_context_learning?view=Features",
    "in_context_learning?view=Trained+models",
    "in_context_learning?view=Bridge+to+language+models",
    "in_context_learning?view=Reference+points",
    "new_vector",
    "new_run?vector=upbeat-icv",
    "jobs?job=1",
    "sql",
    "settings",
)

# Every visible text with less contrast than WCAG AA asks for: 4.5, or 3 where it is large.
WEAK = """() => {
  const parse = text => {
    const numbers = text.match(/[\\d.]+/g).map(Number);
    if (text.startsWith('color(srgb')) numbers.splice(0, 3, ...numbers.slice(0, 3).map(v => v * 255));
    return [...numbers.slice(0, 3), numbers.length > 3 ? numbers[3] : 1];
  };
  const over = (top, below) => top.slice(0, 3).map((v, i) => v * top[3] + below[i] * (1 - top[3]));
  const luminance = rgb => {
    const [r, g, b] = rgb.map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const backdrop = element => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour[3] > 0) layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const found = [];
  const walker = document.createTreeWalker(document.querySelector('[data-testid=stApp]'), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, element = node.parentElement;
    if (!node.textContent.trim() || element.closest('style, script, svg, canvas, [disabled], [aria-disabled=true], [data-testid=stFileUploaderDropzone], .stCode, code')) continue;
    // It stands above the thumb of its slider, whose colour is no ground of it.
    const floats = element.closest('[data-testid=stSliderThumbValue]');
    const box = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    if (!box.width || !box.height || style.visibility === 'hidden') continue;
    let opacity = 1;
    for (let at = element; at; at = at.parentElement) opacity *= Number(getComputedStyle(at).opacity);
    if (opacity < 0.05) continue;
    const back = backdrop(floats ? floats.closest('[data-testid=stSlider]') : element);
    const ink = parse(style.color);
    if (ink[3] === 0) continue;
    ink[3] *= opacity;
    const [a, b] = [luminance(over(ink, back)), luminance(back)].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (large ? 3 : 4.5)) found.push(`${ratio.toFixed(2)} ${node.textContent.trim().slice(0, 40)} <${element.tagName} ${element.className}>`);
  }
  return found;
}"""


# What can be read or pressed and lies beyond the right edge, where nothing can be pushed aside.
BEYOND = """() => {
  const main = document.querySelector('[data-testid=stMain]');
  const wide = main.scrollWidth > main.clientWidth + 1 ? ['the page itself'] : [];
  return wide.concat([...document.querySelectorAll('[data-testid=stMain] :is(p, a, button, input, textarea, label, td, th, h1, h2, h3)')]
  .filter(element => element.checkVisibility() && element.getBoundingClientRect().right > innerWidth + 1)
  .filter(element => {
    for (let at = element.parentElement; at; at = at.parentElement)
      if (['auto', 'scroll'].includes(getComputedStyle(at).overflowX) && at.scrollWidth > at.clientWidth) return false;
    return true;
  })
  .map(element => `${element.tagName} ${element.textContent.trim().slice(0, 40)}`));
}"""
SHADE = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
WHITE = "rgb(255, 255, 255)"
# Follows a link in the page that is open; whether the new one has come to rest in time.
FOLLOW = """address => new Promise(done => {
  const app = document.querySelector('[data-testid=stApp]');
  const watcher = new MutationObserver(changes => {
    const ran = changes.some(change => change.oldValue === 'running');
    if (ran && app.dataset.testScriptState === 'notRunning') done(true);
  });
  watcher.observe(app, { attributeFilter: ['data-test-script-state'], attributeOldValue: true });
  setTimeout(done, 20000, false);
  history.pushState({}, '', address);
  dispatchEvent(new PopStateEvent('popstate'));
})"""
# Nothing is stale, still to come or on its way from one look to another.
AT_REST = """() => !document.querySelector('[data-testid=stSkeleton], [data-stale=true]')
  && document.getAnimations().every(
    item => item.playState !== 'running' || item.effect.getComputedTiming().endTime === Infinity
  )"""


def open_page(tab, address):
    tab.goto(address)
    tab.wait_for_selector(READY)
    tab.wait_for_load_state("networkidle")


def each_page(tab, addresses=ADDRESSES):
    """The addresses, one page after the other; what can be is opened as a link in the last one."""
    open_page(tab, addresses[0])
    yield addresses[0]
    for address in addresses[1:]:
        followed = tab.evaluate(FOLLOW, "/" + address)
        tab.wait_for_selector(READY)
        if not followed or selection(tab.url) != selection(address):
            open_page(tab, address)
        tab.wait_for_function(AT_REST)
        yield address


def selection(address):
    return parse_qs(urlsplit(address).query)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_on_the_screen_reaches_aa(db, tab, scheme):
    fill_all(db)
    tab.emulate_media(color_scheme=scheme)
    weak = {}
    for address in each_page(tab, (*ADDRESSES, f"compare?run={sweep(db).id}&layout=one+prompt")):
        assert (tab.evaluate(SHADE) == WHITE) == (scheme == "light")
        weak[address] = tab.evaluate(WEAK)
    assert not {page: found for page, found in weak.items() if found}


def test_nothing_on_any_page_lies_beyond_the_edge_of_a_phone(db, tab):
    fill_all(db)
    tab.set_viewport_size({"width": 420, "height": 900})
    pages = each_page(tab, (*ADDRESSES, f"compare?run={sweep(db).id}"))
    wide = {address: tab.evaluate(BEYOND) for address in pages}
    assert not {page: found for page, found in wide.items() if found}


def sent_by(tab):
    """What the page in a tab sends to its server from now on, as it grows."""
    sent = []
    tab.on("websocket", lambda socket: socket.on("framesent", lambda data: sent.append(data)))
    return sent


def test_an_idle_page_does_not_ask_again_and_a_busy_one_at_most_once_a_second(db, tab):
    from vectorlab.services import jobs

    fill(db)
    jobs.cancel(db, 2, actor="ada")
    tabs = {}
    for address in ("", "jobs", "compare?run=1", "playground?run=1", "jobs?job=2"):
        page = tab.context.new_page()
        tabs[address] = sent_by(page)
        open_page(page, address)
    before = {address: len(sent) for address, sent in tabs.items()}
    assert all(before.values())
    tab.wait_for_timeout(3500)
    assert {address: len(sent) for address, sent in tabs.items()} == before
    jobs.retry(db, 2, actor="ada")
    sent = sent_by(tab)
    tab.goto("jobs?job=2")
    expect(tab.get_by_text("queued")).to_be_visible()
    before, started = len(sent), time.monotonic()
    tab.wait_for_timeout(4000)
    assert 1 <= len(sent) - before <= time.monotonic() - started + 1
