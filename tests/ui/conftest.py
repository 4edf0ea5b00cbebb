"""The dashboard over an empty and over a filled store."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from playwright.sync_api import Browser, Page, expect, sync_playwright
from streamlit.testing.v1 import AppTest

from tests.ui.filled_store import fill
from tests.ui.served import CHROMIUM_FLAGS, CHROMIUM_NAMES, dashboard
from vectorlab.config import Settings
from vectorlab.services.database import Database, open_store

APP = Path(__file__).parents[2] / "ui" / "app.py"


@pytest.fixture
def db() -> Iterator[Database]:
    """The test's own store, empty."""
    store = open_store(Settings.from_environment().database_url)
    yield store
    store.dispose()
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def filled(db: Database) -> Database:
    fill(db)
    return db


@pytest.fixture
def visit(db: Database) -> Callable[..., AppTest]:
    """Opens a page with a selection, as a link would: ``visit("sets", set="upbeat")``."""

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


@pytest.fixture
def tab(db: Database, chromium: Browser, tmp_path: Path) -> Iterator[Page]:
    """A browser tab whose relative addresses lead to a dashboard over the test's store."""
    with (
        dashboard(tmp_path / "dashboard.log") as address,
        chromium.new_context(
            base_url=address, viewport={"width": 1280, "height": 900}, accept_downloads=True
        ) as context,
    ):
        context.set_default_timeout(30_000)
        expect.set_options(timeout=30_000)
        yield context.new_page()
