"""The dashboard over an empty and over a filled store."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from streamlit import config
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.testing.v1 import AppTest, local_script_runner

from tests.databases import DIALECTS
from tests.ui.filled_store import fill
from tests.ui.served import CHROMIUM_FLAGS, CHROMIUM_NAMES, Nursery
from vectorlab.config import Settings
from vectorlab.services.database import Database

SCRIPTS = ScriptCache()  # as a server has one for all who look; AppTest makes one for each run
# As ui/.streamlit/config.toml says, which an AppTest does not read.
config.set_option("browser.gatherUsageStats", False)

APP = Path(__file__).parents[2] / "ui" / "app.py"
# In a browser a journey is on one kind of database, which differs from one to the next; on both
# where the environment asks for it: make test-journeys.
ON_BOTH = os.environ.get("VECTORLAB_JOURNEYS") == "both"


def usually_on(dialect: str) -> pytest.MarkDecorator:
    """A journey that is on this kind of database, unless all are on both."""
    return pytest.mark.parametrize("dialect", DIALECTS if ON_BOTH else [dialect])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Put the store of a browser's test on both kinds of database, where that is asked for."""
    is_asked = ON_BOTH and metafunc.definition.get_closest_marker("browser")
    if is_asked and "kept_in" in metafunc.fixturenames:
        metafunc.parametrize("kept_in", DIALECTS, indirect=True)


@pytest.fixture(scope="session")
def filled_template(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file to copy, with what ``fill`` makes."""
    path = tmp_path_factory.mktemp("filled") / "store.db"
    shutil.copyfile(sqlite_template, path)
    store = Database.open(f"sqlite:///{path}")
    fill(store)
    store.dispose()
    return path


@pytest.fixture
def template(request: pytest.FixtureRequest) -> Path:
    """The store that the test's own begins as."""
    name = "filled_template" if "filled" in request.fixturenames else "sqlite_template"
    return request.getfixturevalue(name)


@contextmanager
def _made(kept_in: str, home: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The store of a test, without rows or filled; yields its URL."""
    if kept_in == "sqlite":
        shutil.copyfile(request.getfixturevalue("template"), home / "vectorlab.db")
        yield Settings.from_environment().database_url
    else:
        server = request.getfixturevalue("postgres_server")
        with server.database(request.getfixturevalue("postgres_template")) as url:
            yield url


@pytest.fixture
def db(
    home: Path, kept_in: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Database]:
    """The test's own store, where the environment says that it is."""
    with _made(kept_in, home, request) as url:
        if kept_in == "postgresql":
            monkeypatch.setenv("VECTORLAB_DATABASE_URL", url)
        store = Database.open(url)
        if kept_in == "postgresql" and "filled" in request.fixturenames:  # no template has it
            fill(store)
        yield store
        store.dispose()
        st.cache_resource.clear()
        st.cache_data.clear()


@pytest.fixture
def filled(db: Database) -> Database:
    """The test's own store, filled."""
    return db


@pytest.fixture
def visit(db: Database, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Opens a page with a selection, as a link would: ``visit("sets", set="upbeat")``."""
    # Pages use no components of other packages; looking for some takes longer than a page.
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", list)
    monkeypatch.setattr(local_script_runner, "ScriptCache", lambda: SCRIPTS)

    def open_page(name: str, **selection: Any) -> AppTest:
        app = AppTest.from_file(APP, default_timeout=20)
        for key, value in selection.items():
            app.query_params[key] = value
        return app.switch_page(f"app_pages/{name}.py").run()

    return open_page


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if found is None:
        missing = "No Chromium was found. Install it: scripts/ensure_chromium.sh"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Where dashboards are served from; one of them for all tests of a process."""
    with closing(Nursery()) as made:
        yield made


@pytest.fixture(scope="session")
def window(chromium: Browser, nursery: Nursery) -> Iterator[BrowserContext]:
    """A browser window whose relative addresses lead to the dashboard.

    One for all tests of a process: reading streamlit's own files anew takes longer than a page.
    """
    with chromium.new_context(
        base_url=nursery.address, viewport={"width": 1280, "height": 900}, accept_downloads=True
    ) as made:
        yield made


@pytest.fixture
def tab(db: Database, nursery: Nursery, window: BrowserContext, tmp_path: Path) -> Iterator[Page]:
    """A browser tab with a dashboard over the test's store."""
    with nursery.dashboard(tmp_path / "dashboard.log"), new_tab(window, patience_ms=30_000) as made:
        yield made


@contextmanager
def new_tab(window: BrowserContext, *, patience_ms: int) -> Iterator[Page]:
    """A tab that knows nothing of those before it; all that are open are closed with it."""
    window.clear_cookies()
    window.set_default_timeout(patience_ms)
    expect.set_options(timeout=patience_ms)
    made = window.new_page()
    try:
        yield made
        if made.url.startswith("http"):  # and not empty still
            made.evaluate("localStorage.clear()")
    finally:
        for page in window.pages:
            page.close()
