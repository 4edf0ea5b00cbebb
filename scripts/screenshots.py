"""Pictures of the dashboard over the demo's store, for the documentation.

``python -m scripts.screenshots`` fills a store of its own, serves it, and writes
``docs/images/*.png`` (1280 wide, light theme; ``*-dark.png`` in the dark one).
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.ui.served import CHROMIUM_FLAGS, CHROMIUM_NAMES, ROOT, dashboard
from vectorlab.config import Settings
from vectorlab.domain.sets import Demonstration
from vectorlab.services import runs, sets
from vectorlab.services.database import Database, open_store

IMAGES = ROOT / "docs" / "images"
READY = "[data-testid=stApp][data-test-script-state=notRunning] h1"
SHOWN = "sentiment-paraphrase"  # the demo's set, and the vector made of it
SETTLE_MS = 2500  # tables and charts fade in after the page has come to rest


def main() -> None:
    """Fill a store with the demo, then take every picture."""
    with tempfile.TemporaryDirectory(prefix="vectorlab-screenshots-") as folder:
        os.environ["VECTORLAB_HOME"] = folder
        os.environ["VECTORLAB_USER"] = "ada"
        os.environ["PYTHONPATH"] = str(ROOT)
        subprocess.run([sys.executable, "-m", "vectorlab", "demo", "--no-serve"], check=True)
        db = open_store(Settings.from_environment().database_url)
        _edit_a_set(db)
        pages = _pages(db)
        db.dispose()
        with dashboard(Path(folder) / "dashboard.log") as address, sync_playwright() as playwright:
            found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)))
            browser = playwright.chromium.launch(executable_path=found, args=list(CHROMIUM_FLAGS))
            IMAGES.mkdir(exist_ok=True)
            for name, (path, height) in pages.items():
                _take(browser, address + path, IMAGES / f"{name}.png", height)
            path, height = pages["compare"]
            _take(browser, address + path, IMAGES / "compare-dark.png", height, scheme="dark")


def _edit_a_set(db: Database) -> None:
    """Freeze a second version, so that there is something to diff."""
    first, *rest = sets.demonstrations(db, sets.get(db, SHOWN))
    target = (first.target or "").replace("amazing", "delicious")
    new = Demonstration(source="The train was on time.", target="Yay, the train was on time!!! 🎉")
    sets.commit(
        db,
        name=SHOWN,
        demonstrations=[Demonstration(source=first.source, target=target), *rest[:-1], new],
        message="A tastier pizza; trains instead of the last pair",
        actor="ada",
    )


def _pages(db: Database) -> dict[str, tuple[str, int]]:
    """Picture name -> address and height."""
    found = runs.list_runs(db)
    replay = next(run for run in found if run.replay_of is not None)
    shown = next(run for run in found if any(SHOWN in arm.label for arm in run.spec.arms))
    return {
        "overview": ("", 760),
        "set-changes": (f"sets?set={SHOWN}&view=changes", 560),
        "set-edit": (f"sets?set={SHOWN}&view=edit", 760),
        "set-lineage": (f"sets?set={SHOWN}&version=1&view=lineage", 620),
        "vector": (f"vectors?vector={SHOWN}", 1180),
        "runs": ("runs", 480),
        "compare": (f"compare?run={shown.id}", 900),
        "replay": (f"replay?run={replay.id}", 420),
        "new-run": (f"new_run?vector={SHOWN}&prompts={SHOWN}-prompts%401", 800),
        "jobs": ("jobs", 620),
    }


def _take(
    browser: Browser, address: str, path: Path, height: int, *, scheme: str = "light"
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": height}, color_scheme=scheme)
    page.goto(address)
    page.wait_for_selector(READY, timeout=60_000)
    page.wait_for_timeout(SETTLE_MS)
    page.screenshot(path=path)
    page.close()
    print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
