"""The dashboard in a real Chromium."""

import os
import platform
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import TimeoutError as NotInTime
from playwright.sync_api import expect

from tests.ui.filled_store import HOSTILE, PAIRS, RIGHT_TO_LEFT, fill
from tests.ui.served import launched
from vectorlab.domain.jobs.jobs import AttemptOutcome, JobState
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.services import jobs, models
from vectorlab.services.sets import sets

pytestmark = pytest.mark.browser

# One page for each kind of element: tables, charts, code, forms.
DEEP_LINKS = ("", "vectors?vector=upbeat-icv", "compare?run=1&run=3", "new_run?vector=upbeat-icv")
READY = "[data-testid=stApp][data-test-script-state=notRunning] h1"


def visit(tab, address):
    tab.goto(address)
    tab.wait_for_selector(READY)


def settle(tab, title):
    """Wait until the page with that title has come to rest."""
    expect(tab.get_by_role("heading", name=title, level=1)).to_be_visible()
    tab.wait_for_selector(READY)


def work_off(db):
    """What ``vectorlab worker --drain`` does."""
    from vectorlab.worker.loop import Worker

    Worker(db, device="cpu").work(stop=threading.Event(), drain=True)


def test_no_request_leaves_this_machine(db, tab):
    fill(db)
    asked = []
    tab.context.on("request", lambda request: asked.append(request.url))
    tab.context.on("websocket", lambda socket: asked.append(socket.url))
    for address in DEEP_LINKS:
        visit(tab, address)
    tab.wait_for_load_state("networkidle")
    hosts = {urlsplit(url).hostname for url in asked if not url.startswith(("data:", "blob:"))}
    assert hosts == {"127.0.0.1"}


def test_text_is_shown_character_for_character_in_its_own_direction(db, tab):
    fill(db)
    dialogs = []
    tab.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    for address in ("sets?set=upbeat&view=log", "replay?run=3", "compare?run=1"):
        visit(tab, address)
        tab.locator(".vl-text").first.wait_for()
        assert HOSTILE in tab.locator(".vl-text").all_text_contents()
        assert tab.locator("[data-testid=stHtml] img").count() == 0
        assert tab.locator("a[href^=javascript]").count() == 0
    assert "owned" not in tab.title()
    assert not dialogs

    cell = tab.locator(".vl-text", has_text=RIGHT_TO_LEFT).first
    assert cell.evaluate("element => getComputedStyle(element).direction") == "rtl"
    plain = tab.locator(".vl-text", has_text="the soup was cold.").first
    assert plain.evaluate("element => getComputedStyle(element).direction") == "ltr"


def test_a_click_on_a_row_opens_it_and_back_returns(db, tab):
    fill(db)
    visit(tab, "sets")
    tab.get_by_text("Plain to excited reviews").click(
        force=True
    )  # not its link, which lies over the row
    settle(tab, "upbeat")
    assert tab.url.endswith("/sets?set=upbeat")
    tab.get_by_text("history", exact=True).click()
    expect(tab).to_have_url(re.compile(r"view=history"))
    tab.go_back()  # a change of view takes the place of the address before it
    settle(tab, "Demonstration sets")


def test_ticks_stand_in_the_address_that_back_and_a_copied_link_bring_back(db, tab):
    fill(db)
    visit(tab, "runs?words=upbeat")
    tab.get_by_role("checkbox", name="Compare run 3").focus()
    tab.keyboard.press("Space")
    expect(tab).to_have_url(re.compile(r"/runs\?words=upbeat&tick=3$"))
    expect(tab.get_by_role("checkbox", name="Compare run 3", checked=True)).to_be_focused()
    tab.get_by_role("checkbox", name="Compare run 1").click()
    expect(tab).to_have_url(re.compile(r"/runs\?words=upbeat&tick=3&tick=1$"))
    link = tab.url
    tab.get_by_role("button", name="Compare 2 runs").click()
    settle(tab, "Runs 3, 1")
    tab.go_back()  # one step, although the selection and the page change one after the other
    expect(tab.get_by_role("button", name="Compare 2 runs")).to_be_visible()
    assert tab.url == link
    tab.go_back()
    expect(tab.get_by_role("button", name="Open run")).to_be_visible()
    visit(tab, link)
    expect(tab.get_by_role("button", name="Compare 2 runs")).to_be_visible()


def write_cell(tab, grid, *, row, text):
    """Type into the source of a row, which is 35 pixels high like the head above the first."""
    editor = tab.locator(".gdg-input")
    for _ in range(60):  # the grid takes keys once it has drawn the selection
        with suppress(NotInTime):
            editor.wait_for(timeout=500)
            break
        grid.click(position={"x": 200, "y": row * 35 + 17})
        tab.keyboard.press("Enter")
    editor.fill(text)
    editor.press("Enter")


def test_a_draft_is_edited_in_the_grid_looked_at_and_frozen(db, tab):
    fill(db)
    visit(tab, "sets?set=upbeat&view=edit")
    pairs, new = tab.locator(".dvn-scroller").nth(0), tab.locator(".dvn-scroller").nth(1)
    tab.locator("canvas:not([width='0'])").nth(1).wait_for()
    write_cell(tab, pairs, row=2, text="I loved the park.")
    expect(tab.get_by_text("1 edited")).to_be_visible()
    width = pairs.bounding_box()["width"]
    # The cell of "remove" in the third row, beside its box, which a key then ticks.
    pairs.click(position={"x": width - 12, "y": 3 * 35 + 17})
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("1 removed")).to_be_visible()
    new.click(position={"x": 200, "y": 35 + 17})  # makes the row
    write_cell(tab, new, row=1, text="Write to ann@example.org")
    expect(tab.get_by_text("1 added")).to_be_visible()
    expect(tab.get_by_text("e-mail address")).to_be_visible()
    tab.get_by_label("Message").fill("Edited in the grid")
    tab.get_by_role("button", name="Freeze upbeat@3 with 4 demonstrations").click()
    expect(tab.get_by_text("Edited in the grid")).to_be_visible()
    assert "view=" not in tab.url  # the new version, which is the latest, is shown
    items = sets.demonstrations(db, sets.get(db, "upbeat@3"))
    assert [item.source for item in items] == [
        PAIRS[0][0],
        "I loved the park.",
        HOSTILE,
        "Write to ann@example.org",
    ]
    assert items[1].target == PAIRS[1][1]
    assert items[3].target is None


def test_a_node_of_the_lineage_picture_opens_its_page(db, tab):
    fill(db)
    visit(tab, "sets?set=upbeat&version=1&view=lineage")
    tab.locator("svg a", has_text="upbeat-icv").first.click()
    settle(tab, "upbeat-icv")


@pytest.mark.slow
def test_a_killed_worker_is_said_and_one_started_by_a_click_finishes_its_job(
    db, chromium, tmp_path
):
    from vectorlab.steering.model.loading import describe_model

    models.register(db, name="tiny", description=describe_model("bundled:tiny"), actor="ada")
    with (
        subprocess.Popen([sys.executable, "-m", "vectorlab", "worker"]) as terminal,
        ending(terminal),
        launched(tmp_path / "dashboard.log") as address,
        chromium.new_context(base_url=address) as context,
    ):
        context.set_default_timeout(60_000)
        tab = context.new_page()
        visit(tab, "playground?prompt=Once+upon+a+time&tokens=200")
        tab.get_by_role("button", name="Generate", exact=True).click()
        expect(tab.get_by_text("1 text on 1 prompt")).to_be_visible()
        [job] = jobs.list_jobs(db)
        wait_until(lambda: jobs.get(db, job.id).state is JobState.RUNNING)
        terminal.kill()
        terminal.wait()
        assert jobs.let_go(db, host=platform.node(), pid=terminal.pid) == [job.id]  # its lease ends
        expect(tab.get_by_text("running, its worker is gone")).to_be_visible()
        assert not [worker for worker in jobs.workers(db) if worker.alive]
        tab.get_by_role("button", name="Start a worker here").click()
        wait_until(lambda: jobs.get(db, job.id).state is JobState.SUCCEEDED)
        assert [attempt.outcome for attempt in jobs.attempts(db, job.id)] == [
            AttemptOutcome.LOST,
            AttemptOutcome.SUCCEEDED,
        ]
        # That one is the launcher's, which starts it again by itself when it is killed.
        [worker] = [worker for worker in jobs.workers(db) if worker.alive]
        os.kill(worker.pid, signal.SIGKILL)
        wait_until(lambda: alive_but(db, worker.id))
        [again] = alive_but(db, worker.id)
    # The launcher ended, and with it the worker that it had started.
    assert not Path(f"/proc/{again.pid}").exists()
    assert again.id in {worker.id for worker in jobs.workers(db) if worker.state == "stopped"}


def alive_but(db, gone):
    """Workers that are there, without one that was killed."""
    return [worker for worker in jobs.workers(db) if worker.alive and worker.id != gone]


@contextmanager
def ending(process):
    """Ends a process with the block, however it is left."""
    try:
        yield
    finally:
        process.kill()


def wait_until(holds, seconds=90):
    """Wait for something in the store."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_from_pairs_to_a_vector_to_texts_to_an_identical_replay(db, tab):
    from vectorlab.steering.model.loading import describe_model

    models.register(db, name="tiny", description=describe_model("bundled:tiny"), actor="ada")
    sets.commit(
        db,
        name="upbeat",
        demonstrations=[
            Demonstration(source="The soup was cold.", target="Wow, the soup was so cold!!! 😡"),
            Demonstration(source="I liked the park.", target="Yay, what an awesome park!!! 😍"),
        ],
        message="First pairs",
        actor="ada",
    )
    visit(tab, "sets?set=upbeat&version=1")
    tab.get_by_text("New vector from this version").click()
    settle(tab, "New vector")
    tab.get_by_role("button", name="Extract").click()
    expect(tab.get_by_text("No worker is alive")).to_be_visible()
    work_off(db)
    tab.get_by_text("Open the vector").click()
    settle(tab, "upbeat-v1")
    expect(tab.get_by_text("Norm per layer")).to_be_visible()

    tab.get_by_text("New run with this vector").click()
    settle(tab, "New run")
    prompts = tab.get_by_label("Prompts", exact=True)
    prompts.fill(
        "Please paraphrase the following sentence. Sentence: The tea was good., paraphrase: "
    )
    prompts.press("Control+Enter")
    expect(tab.get_by_text("3 texts.")).to_be_visible()
    tab.get_by_role("button", name="Generate").click()
    expect(tab.get_by_text("queued")).to_be_visible()
    work_off(db)
    tab.get_by_text("Open the run").click()
    settle(tab, "Run 1")
    expect(tab.locator(".vl-compare th.vl-arm")).to_have_count(3)
    assert tab.url.endswith("/compare?run=1")

    tab.get_by_text("Replay run 1").click()
    settle(tab, "Replay of run 1")
    tab.get_by_role("button", name="Replay now").click()
    expect(tab.get_by_text("queued")).to_be_visible()
    work_off(db)
    expect(tab.get_by_text("token for token")).to_be_visible()
    tab.go_back()
    tab.go_back()
    settle(tab, "Run 1")
