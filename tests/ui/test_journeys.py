"""What a person does in a day, in a real Chromium; pictures are kept.

Each is on the kind of database that it names, and on both with ``make test-journeys``. Pictures lie
in ``test-results/`` afterwards.
"""

import re
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import expect

from tests.integration.conftest import PAIRS as TEN_PAIRS
from tests.ui.conftest import new_tab, usually_on
from tests.ui.filled_store import add_vector, fill
from tests.ui.test_browser import READY, settle, visit, work_off
from vectorlab.domain.jobs.jobs import JobState
from vectorlab.domain.jobs.requests import GenerateRequest
from vectorlab.services import jobs, models
from vectorlab.services.analysis import queries
from vectorlab.services.database import Database
from vectorlab.services.runs import experiments, presets, votes
from vectorlab.services.sets import examples
from vectorlab.steering.model.loading import describe_model

pytestmark = pytest.mark.browser

RESULTS = Path(__file__).parents[2] / "test-results"
PAIRS = (
    "source,target\n"
    "The soup was cold.,Wow the soup was so cold!!! 😡\n"
    "I liked the park.,Yay what an awesome park!!! 😍\n"
    "The bus was late.,Ugh that bus was so very late!!!\n"
)
PROMPT = "Please paraphrase the following sentence. Sentence: The tea was good., paraphrase: "


@pytest.fixture
def place(database_url, monkeypatch):
    """The test's store as the environment names it, with a reader where one is needed."""
    monkeypatch.setenv("VECTORLAB_DATABASE_URL", database_url)
    db = Database.open(database_url)
    reader = f"journey_{abs(hash(database_url)) % 10**9}"
    if db.dialect == "postgresql":
        url = queries.create_reader(db, reader, actor="ada")
        monkeypatch.setenv("VECTORLAB_READER_URL", url)
    yield db
    if db.dialect == "postgresql":
        queries.drop_reader(db, reader, actor="ada")
    db.dispose()


@pytest.fixture
def browser_tab(place, nursery, window, tmp_path):
    with nursery.dashboard(tmp_path / "dashboard.log"), new_tab(window, patience_ms=60_000) as tab:
        yield tab


@pytest.fixture
def keep(request, browser_tab):
    """Keeps a picture of the page as an artefact."""
    RESULTS.mkdir(exist_ok=True)
    name = re.sub(r"\W+", "-", request.node.name)

    def take(step):
        browser_tab.screenshot(path=RESULTS / f"{name}-{step}.png")

    return take


@pytest.mark.slow
@usually_on("postgresql")
def test_from_an_empty_store_to_a_shared_link(place, browser_tab, keep, tmp_path, chromium):
    tab = browser_tab
    asked = []
    tab.context.on("request", lambda request: asked.append(request.url))
    visit(tab, "")
    expect(tab.get_by_text("First steps")).to_be_visible()
    tab.get_by_role("button", name="Register the bundled model").click()
    expect(tab.get_by_text("No worker is alive")).to_be_visible()
    keep("1-first-steps")
    work_off(place)

    visit(tab, "sets")
    file = tmp_path / "reviews.csv"
    file.write_text(PAIRS, encoding="utf-8")
    tab.locator("input[type=file]").set_input_files(file)
    tab.get_by_label("Name of the set", exact=True).fill("upbeat")
    tab.get_by_label("Name of the set", exact=True).press("Enter")
    tab.get_by_role("button", name="Freeze 3 demonstrations").click()
    settle(tab, "upbeat")
    keep("2-frozen")

    tab.get_by_text("New vector from this version").click()
    settle(tab, "New vector")
    tab.get_by_role("button", name="Extract").click()
    expect(tab.get_by_text("queued")).to_be_visible()
    work_off(place)
    tab.get_by_text("Open the vector").click()
    settle(tab, "upbeat-v1")
    keep("3-vector")

    tab.get_by_text("Try it in the playground").click()
    settle(tab, "Playground")
    expect(tab.get_by_text("Strength of upbeat-v1", exact=True)).to_be_visible()
    visit(tab, "playground?vector=upbeat-v1&at=upbeat-v1:0.4")  # enough to change the text
    prompt = tab.get_by_label("Prompt", exact=True)
    prompt.fill(PROMPT)
    prompt.press("Control+Enter")
    tab.get_by_role("button", name="Generate").click()
    expect(tab.get_by_text("queued")).to_be_visible()
    work_off(place)
    expect(tab.locator("b", has_text="upbeat-v1 +0.4")).to_be_visible()
    expect(tab.get_by_text("queued")).to_be_visible()  # the tokens are read next
    work_off(place)
    expect(tab.get_by_text("likelier by steering")).to_be_visible()
    assert tab.locator(".vl-piece").count() > 3
    keep("4-playground")

    tab.get_by_role("button", name="Keep as …").click()
    tab.get_by_label("Name of the run").fill("tea")
    tab.get_by_role("button", name="Keep", exact=True).click()
    expect(tab.get_by_text("Kept as tea")).to_be_visible()

    tab.get_by_text("Open run 1").click()
    settle(tab, "tea")
    expect(tab.locator(".vl-compare th.vl-arm")).to_have_count(2)
    keep("5-compare")
    tab.get_by_text("figures", exact=True).click()
    expect(tab.get_by_text("95 % interval").first).to_be_visible()

    tab.get_by_text("blind vote", exact=True).click()
    expect(tab.get_by_role("button", name="Left is better")).to_be_visible()
    assert not tab.get_by_text("What the votes say").is_visible()
    tab.wait_for_selector(READY)
    keep("6-blind")
    tab.get_by_role("button", name="Left is better").click()
    expect(tab.get_by_text("What the votes say")).to_be_visible()
    expect(tab.get_by_text("95 % interval")).to_be_visible()
    keep("7-votes")
    link = tab.url

    tab.get_by_text("Replay run 1").click()
    settle(tab, "Replay of run 1")
    tab.get_by_role("button", name="Replay now").click()
    expect(tab.get_by_text("queued")).to_be_visible()
    work_off(place)
    expect(tab.get_by_text("token for token")).to_be_visible()
    keep("8-replay")

    visit(tab, "sql")
    tab.get_by_role("button", name="Run", exact=True).click()
    expect(tab.get_by_text("2 rows in")).to_be_visible()
    keep("9-sql")

    with chromium.new_context(base_url=link) as other:
        page = other.new_page()
        page.goto(link)
        settle(page, "tea")
        expect(page.get_by_text("What the votes say")).to_be_visible(timeout=60_000)
    hosts = {urlsplit(url).hostname for url in asked if not url.startswith(("data:", "blob:"))}
    assert hosts == {"127.0.0.1"}


@pytest.mark.slow
@usually_on("sqlite")
def test_from_pasted_pairs_to_a_verdict_and_a_try_at_its_mark(place, browser_tab, keep):
    tab = browser_tab
    models.register(place, name="tiny", description=describe_model("bundled:tiny"), actor="ada")
    fields = {"about": "pairs that I paste", "effect": "regex:!!", "tokens": "8"}
    visit(tab, f"experiment?{urlencode(fields)}")
    _fill(tab, "Pairs, one a line", "\n".join(map(" -> ".join, TEN_PAIRS)))
    _fill(
        tab,
        "Further prompts, one a line",
        "\n".join(
            PROMPT.replace("tea", thing) for thing in ("soup", "room", "film", "park", "bus", "cat")
        ),
    )
    tab.get_by_role("button", name="Run the experiment").click()
    settle(tab, "Experiment under way")
    work_off(place)
    settle(tab, "Experiment: run 1")
    [made] = experiments.list_experiments(place, limit=1)
    [said], [calibration] = made.verdicts, made.calibrations
    expect(tab.get_by_text(said.headline).first).to_be_visible()
    expect(tab.get_by_text("Effect against damage")).to_be_visible()
    keep("1-verdict")

    name, strength = calibration.vector_name, calibration.strength
    tab.get_by_text(f"Vector {name}").click()
    settle(tab, name)
    tab.get_by_text("Try it in the playground").click()
    settle(tab, "Playground")
    number = tab.get_by_label(f"Strength of {name} as a number")
    expect(number).to_have_value(f"{strength:.12g}")
    expect(tab.locator(".vl-mark")).to_be_visible()
    _fill(tab, "Prompt", PROMPT)
    tab.get_by_role("button", name="Generate").click()
    expect(tab.get_by_text("queued")).to_be_visible()
    work_off(place)
    expect(tab.locator("b", has_text=f"{name} {strength:+g}")).to_be_visible()
    keep("2-at-the-mark")


def _fill(tab, label, text):
    field = tab.get_by_role("textbox", name=label)
    field.fill(text)
    field.press("Control+Enter")


@pytest.mark.slow
@usually_on("postgresql")
def test_few_clicks_lead_from_the_overview_to_what_is_done_often(place, browser_tab, tmp_path):
    fill(place)
    examples.load(place, actor="ada")
    add_vector(
        place, models.get(place, "tiny"), name="excited", version_of="sentiment-paraphrase@1"
    )
    [preset] = presets.presets(place)
    tab, file = browser_tab, tmp_path / "reviews.csv"
    file.write_text(PAIRS, encoding="utf-8")

    def enter(name):
        return tab.locator("[data-testid=stSidebarNav] a", has_text=name)

    def clicks(*steps):
        """Click one after the other; what is typed between them is a function."""
        for step in steps:
            step() if callable(step) else step.click()
        return sum(not callable(step) for step in steps)

    def asked():
        return [job for job in jobs.list_jobs(place) if job.state is JobState.QUEUED]

    def name_set():
        tab.locator("input[type=file]").set_input_files(file)
        tab.get_by_label("Name of the set", exact=True).fill("reviews")
        tab.get_by_label("Name of the set", exact=True).press("Enter")

    visit(tab, "")
    freeze = tab.get_by_role("button", name="Freeze 3 demonstrations")
    upload = 1  # the button that opens the system's own window
    assert clicks(tab.get_by_text("Import pairs"), name_set, freeze) + upload == 3
    settle(tab, "reviews")

    visit(tab, "")
    card = tab.get_by_role("button", name=preset.experiment.title.partition(":")[0])
    before = len(asked())
    assert clicks(enter("Playground"), card) == 2
    expect(tab.get_by_text("queued")).to_be_visible()
    assert len(asked()) == before + 1

    visit(tab, "")
    row = tab.get_by_role("link", name="upbeat-icv", exact=True)
    with_it = tab.get_by_text("New run with this vector")
    chip = tab.get_by_role("button", name="length", exact=True)
    generate = tab.get_by_role("button", name="Generate")
    typed = partial(_fill, tab, "Prompts", PROMPT)
    assert clicks(enter("Vectors"), row, with_it, typed, chip, generate) == 5
    expect(tab.get_by_text("queued")).to_be_visible()
    request = jobs.list_jobs(place)[0].request(GenerateRequest)
    assert [scorer.label for scorer in request.scorers] == ["length"]
    assert len(request.spec.arms) == 3

    visit(tab, "compare?run=1")
    replay, now = tab.get_by_text("Replay run 1"), tab.get_by_role("button", name="Replay now")
    assert clicks(replay, now) == 2
    expect(tab.get_by_text("queued")).to_be_visible()


@usually_on("sqlite")
def test_a_vote_is_cast_once_by_its_key(place, browser_tab):
    from tests.ui.runs.test_comparison import MATCH

    fill(place)
    visit(browser_tab, "compare?run=1&look=blind+vote&and=upbeat-icv+%2B0.1")
    expect(browser_tab.get_by_text("0 votes so far")).to_be_visible()
    browser_tab.wait_for_selector(READY)
    browser_tab.get_by_role("heading", name="first-look").click()  # no field has the focus
    _press_until(browser_tab, "d", "1 vote so far")
    _press_until(browser_tab, "s", "What the votes say")
    expect(browser_tab.get_by_text("What the votes say")).to_be_visible()
    assert votes.tally(place, MATCH).votes == 2


def _press_until(tab, key: str, text: str) -> None:
    """A key that comes before the page listens is lost, so it is pressed once more."""
    for _ in range(3):
        tab.keyboard.press(key)
        with suppress(AssertionError):
            expect(tab.get_by_text(text)).to_be_visible(timeout=15_000)
            return
    raise AssertionError(f"{text!r} did not appear")
