"""The documents are a site that can be searched, built without a warning and without a network."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec("mkdocs") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs the extra `docs`: make test installs it")
        pytest.skip("needs the extra `docs`: make docs installs it")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_pages_load_nothing_from_elsewhere(site):
    loaded = [
        (page.name, tag)
        for page in site.rglob("*.html")
        for tag in re.findall(
            r"<(?:script|img|iframe)[^>]* src=\"https?:[^>]*>|<link[^>]* href=\"https?:[^>]*>",
            page.read_text("utf-8"),
        )
    ]
    assert loaded == []


def test_words_of_every_kind_of_page_can_be_searched(site):
    entries = json.loads((site / "search" / "search_index.json").read_text("utf-8"))["docs"]
    pages = {entry["location"].partition("#")[0] for entry in entries}
    assert {"index.html", "tutorial.html", "cli.html", "reference/lab.html"} <= pages
    [replay] = [entry for entry in entries if entry["location"] == "cli.html#vectorlab-runs-replay"]
    assert "Example: vectorlab runs replay" in replay["text"]
    assert any("vectorlab.lab.runs.RunView.replay" in entry["location"] for entry in entries)
