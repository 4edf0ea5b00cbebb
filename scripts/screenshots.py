"""Pictures of the dashboard over the demo's store, for the documentation.

``python -m scripts.screenshots`` fills a store of its own, serves it, and writes
``docs/images/*.png``: 1280 wide in the light theme, ``*-dark.png`` in the dark one, and
``*-narrow.png`` 420 wide.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Literal
from urllib.parse import urlencode

from playwright.sync_api import Browser, sync_playwright

from tests.ui.served import CHROMIUM_FLAGS, CHROMIUM_NAMES, ROOT, Nursery
from vectorlab.config import Settings
from vectorlab.domain.runs.runs import Decoding
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.services.database import Database, open_store
from vectorlab.services.runs import runs, token_views
from vectorlab.services.sets import sets

IMAGES = ROOT / "docs" / "images"
READY = "[data-testid=stApp][data-test-script-state=notRunning] h1"
SHOWN = "sentiment-paraphrase"  # the demo's set, and the vector made of it
PLAYED = "first-try"  # name of the run that the playground shows
PROMPT = "Please paraphrase the following sentence. Sentence: The soup was cold., paraphrase: "
QUERY = (
    "SELECT strength, vector_name, avg(mean_logprob) AS mean_logprob FROM v_generations "
    "WHERE vector_name IS NOT NULL GROUP BY strength, vector_name ORDER BY strength"
)
# What the store is filled with: the demo, and a little of the two other kinds of experiment.
COMMANDS = (
    "demo --no-serve",
    f"runs score {SHOWN} --scorer sentiment",
    "ravel import cities",
    "ravel build cities --model tiny",
    (
        "ravel score cities-tiny --method pca --method mdas --layer 2 --k 32 --parameter steps=40 "
        "--part entity_test"
    ),
    # Small enough to come as close to gradient descent as it can within half a minute.
    "icl construct --steps 50 --damping 0.75 --separate-tokens",
    "icl features --training-steps 300",
    "icl train --dx 5 --batch 512 --steps 1000",
    f"icl bridge --set {SHOWN}@1",
    "icl reproduce --short",
)
# Also at the width of a phone.
NARROW = ("overview", "playground", "compare", "vector", "runs", "attributes")
PATIENCE_MS = 240_000  # the machine may be busy
SETTLE_MS = 2500  # tables and charts fade in after the page has come to rest


def main() -> None:
    """Fill a store with the demo, then take every picture."""
    with tempfile.TemporaryDirectory(prefix="vectorlab-screenshots-") as folder:
        os.environ["VECTORLAB_HOME"] = os.environ["HOME"] = folder  # the page shortens it to ~
        os.environ["VECTORLAB_USER"] = "ada"
        os.environ["PYTHONPATH"] = str(ROOT)
        for command in COMMANDS:
            subprocess.run([sys.executable, "-m", "vectorlab", *command.split()], check=True)
        _play()
        db = open_store(Settings.from_environment().database_url)
        _edit_a_set(db)
        pages = _pages(db)
        db.dispose()
        with (
            closing(Nursery()) as nursery,
            nursery.dashboard(Path(folder) / "dashboard.log") as address,
            sync_playwright() as playwright,
        ):
            found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)))
            browser = playwright.chromium.launch(executable_path=found, args=list(CHROMIUM_FLAGS))
            IMAGES.mkdir(exist_ok=True)
            for name, (path, height) in pages.items():
                for scheme in ("light", "dark"):
                    ending = "" if scheme == "light" else "-dark"
                    _take(
                        browser,
                        address + path,
                        IMAGES / f"{name}{ending}.png",
                        height,
                        scheme=scheme,
                    )
            for name in NARROW:
                path, _ = pages[name]
                _take(browser, address + path, IMAGES / f"{name}-narrow.png", 900, width=420)


def _play() -> None:
    """A run of the playground with its tokens read, nearest tokens, and a second vector."""
    from vectorlab.lab import Lab

    lab = Lab(device="cpu")
    made = lab.runs.generate(
        prompts=[PROMPT], arms=[f"{SHOWN}:0.15"], decoding=Decoding(max_new_tokens=15), name=PLAYED
    )
    for asked in (
        token_views.request_read(lab.db, str(made.id), 0, actor="ada"),
        token_views.request_nearest(lab.db, SHOWN, actor="ada"),
    ):
        assert asked.job is not None
        lab.wait(asked.job.id)
    lab.vectors.combine(f"{SHOWN} - 0.5*dialogue-safety", name="blend")
    lab.db.dispose()


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
    shown = next(run for run in found if run.name == SHOWN)
    dialogue = next(run for run in found if run.name == "dialogue-safety")
    tried = f"playground?vector={SHOWN}&at={SHOWN}:0.15&tokens=15"
    both = f"compare?run={dialogue.id}"
    return {
        "overview": ("", 860),
        "playground": (f"{tried}&run={_played(db)}", 1400),
        "sets": ("sets", 520),
        "set-changes": (f"sets?set={SHOWN}&view=changes", 560),
        "set-edit": (f"sets?set={SHOWN}&view=edit", 760),
        "set-lineage": (f"sets?set={SHOWN}&version=1&view=lineage", 620),
        "vectors": ("vectors", 480),
        "vector": (f"vectors?vector={SHOWN}", 1500),
        "vectors-compared": (f"vectors?vector={SHOWN}&vector=dialogue-safety&vector=blend", 1560),
        "runs": ("runs", 480),
        "compare": (f"compare?run={shown.id}", 900),
        "figures": (f"{both}&look=figures", 960),
        "tokens": (f"compare?run={_played(db)}&look=tokens", 560),
        "settings-differ": (f"compare?run={shown.id}&run={dialogue.id}&look=settings", 640),
        "blind": (f"compare?run={dialogue.id}&look=blind+vote", 640),
        "replay": (f"replay?run={replay.id}", 460),
        "attributes": ("attributes?target=continent", 1500),
        "in-context-learning": ("in_context_learning", 1180),
        "icl-constructions": ("in_context_learning?view=Constructions", 1160),
        "icl-features": ("in_context_learning?view=Features", 1300),
        "icl-trained": ("in_context_learning?view=Trained+models", 1300),
        "icl-bridge": ("in_context_learning?view=Bridge+to+language+models", 1240),
        "icl-reference": ("in_context_learning?view=Reference+points", 800),
        "new-vector": ("new_vector", 620),
        "new-run": (f"new_run?vector={SHOWN}&prompts={SHOWN}-prompts%401", 2100),
        "jobs": ("jobs", 760),
        "sql": (f"sql?asked=true&chart=true&{urlencode({'sql': QUERY})}", 1000),
        "settings": ("settings", 1260),
    }


def _played(db: Database) -> int:
    """The run that the playground shows."""
    return next(run.id for run in runs.list_runs(db) if run.name == PLAYED)


def _take(
    browser: Browser,
    address: str,
    path: Path,
    height: int,
    *,
    scheme: Literal["light", "dark"] = "light",
    width: int = 1280,
) -> None:
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    page.wait_for_selector(READY)
    page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')")
    page.wait_for_timeout(SETTLE_MS)
    page.screenshot(path=path)
    page.close()
    print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
