"""The dashboard over an empty and over a filled store."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.ui.filled_store import fill
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
