"""Tables fit the window: names stay whole, and what gives way to them is said."""

import io
from datetime import datetime

import pytest
from rich.console import Console

from vectorlab.cli import output

NAMES = ["sentiment-paraphrase-stripped", "upbeat"]
COLUMNS = {
    "id": [12, 3],
    "vector": NAMES,
    "method": ["random_direction", "icv"],
    "set": ["dialogue-safety@1", None],
    "site": ["block_output", "mlp_output"],
    "layers": [8, 8],
    "made": [datetime(2026, 12, 3, 9, 40)] * 2,
}


@pytest.fixture
def printed(monkeypatch):
    """What a table looks like in a window of some width."""

    def at(width, columns=COLUMNS, **how):
        window = Console(width=width, record=True, file=io.StringIO())
        monkeypatch.setattr(output, "console", window)
        window.print(output.frame_table(columns, **how))
        text = window.export_text()
        assert max(map(len, text.splitlines())) <= width
        return text

    return at


@pytest.mark.parametrize("width", [60, 80, 98])
def test_names_stay_whole_and_what_has_no_room_is_said(printed, width):
    text = printed(width, names=["vector"], spare=["layers", "site", "made"])
    assert all(f" {name} " in text for name in NAMES)
    assert "No room for layers" in text
    head = text.splitlines()[1]
    assert " layers " not in head
    assert " method " in head  # what is not spare gives way by being broken


def test_no_more_gives_way_than_has_to(printed):
    assert "No room for layers: a wider" in printed(95, names=["vector"], spare=["layers", "site"])
    wide = printed(160, names=["vector"], spare=["layers", "site", "made"])
    assert "No room" not in wide
    assert "random_direction" in wide


def test_a_name_that_is_longer_than_the_window_is_broken_and_not_cut(printed):
    long = "a-very-long-name-" * 6 + "the-end"
    text = printed(
        60, {"id": [1], "vector": [long], "made": ["x"]}, names=["vector"], spare=["made"]
    )
    lines = [line.split("│")[2].strip() for line in text.splitlines() if line.startswith("│")]
    assert "".join(lines) == long


def test_a_table_without_names_is_as_it_was(printed):
    text = printed(60)
    assert "No room" not in text
