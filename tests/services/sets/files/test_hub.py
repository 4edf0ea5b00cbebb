"""A dataset of the hub, with a stand-in for the library, which the suite does not install."""

import sys
from types import ModuleType

import pytest

from tests.services.sets.files.builders import read
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.errors import InputError
from vectorlab.services.sets.files.limits import PEEK_RECORDS

ROWS = [{"negative": f"bad {n}", "positive": f"good {n}"} for n in range(PEEK_RECORDS + 50)]


@pytest.fixture
def library(monkeypatch):
    """``datasets`` whose ``load_dataset`` notes its call and answers what it is told to."""
    module = ModuleType("datasets")
    module.calls = []
    module.answer = lambda: ROWS

    def load_dataset(*words, **options):
        module.calls.append((words, options))
        return module.answer()

    module.load_dataset = load_dataset
    monkeypatch.setitem(sys.modules, "datasets", module)
    return module


def test_a_dataset_is_streamed_from_the_revision_asked_for(library):
    found = read("hub:owner/name", config="en", split="train", revision="abc")
    assert found[-1] == Demonstration(source=ROWS[-1]["negative"], target=ROWS[-1]["positive"])
    assert len(found) == len(ROWS)
    [(words, options)] = library.calls
    assert words == ("owner/name", "en")
    assert options == {"split": "train", "revision": "abc", "streaming": True}


def test_one_split_is_taken_and_several_are_refused_with_their_names(library):
    library.answer = lambda: {"train": ROWS}
    assert len(read("hub:owner/name")) == len(ROWS)
    library.answer = lambda: {"train": ROWS, "test": ROWS}
    with pytest.raises(InputError, match=r"'train', 'test'.*--split"):
        read("hub:owner/name")


def fail(message):
    raise ConnectionError(message)


def breaking():
    yield ROWS[0]
    fail("connection lost\nwith more lines")


def test_a_hub_that_cannot_be_reached_is_one_clear_line(library):
    library.answer = lambda: fail("Couldn't reach the Hub (OfflineModeIsEnabled)")
    with pytest.raises(InputError, match=r"'owner/name' .*OfflineModeIsEnabled.*network"):
        read("hub:owner/name")
    library.answer = breaking
    with pytest.raises(InputError, match=r"'owner/name' .*connection lost\)"):
        read("hub:owner/name")


def test_without_the_library_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match=r"pip install 'vectorlab\[hub\]'"):
        read("hub:owner/name")
