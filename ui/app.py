"""The router: page frame, navigation, and the loader of this package."""

import importlib.util
import sys
from pathlib import Path

import streamlit as st

HERE = Path(__file__).resolve().parent

if "ui" not in sys.modules:
    # In an installed wheel this folder has another name, and nowhere is its parent on the path.
    spec = importlib.util.spec_from_file_location(
        "ui", HERE / "__init__.py", submodule_search_locations=[str(HERE)]
    )
    assert spec is not None
    sys.modules["ui"] = importlib.util.module_from_spec(spec)

from ui.frame import job_panels, navigation  # noqa: E402

st.set_page_config(page_title="VectorLab", page_icon="🧭", layout="wide", initial_sidebar_state=230)
st.html(HERE / "style.css")
st.html(HERE / "history.html", unsafe_allow_javascript=True)

page = st.navigation(
    {
        heading: [
            st.Page(
                HERE / navigation.page_file(name),
                title=title,
                icon=navigation.icon(name),
                default=name == "overview",
            )
            for name, title in pages.items()
        ]
        for heading, pages in navigation.NAVIGATION.items()
    }
    | {
        "led to": [
            st.Page(HERE / navigation.page_file(name), title=title, visibility="hidden")
            for pages in navigation.LED_TO.values()
            for name, title in pages.items()
        ]
    }
)
with st.sidebar:
    job_panels.call_for_a_worker()
navigation.run_page(page)
