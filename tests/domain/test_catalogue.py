"""What belongs to an entry of a catalogue is in the file of its name, or said to be lacking."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from vectorlab.catalogue import in_file_of
from vectorlab.errors import CatalogueError


@dataclass(frozen=True)
class Tool:
    name: str


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    package = tmp_path / "shed"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    yield package
    for name in [name for name in sys.modules if name.split(".")[0] == "shed"]:
        del sys.modules[name]


def test_the_object_of_the_file_is_found(folder: Path) -> None:
    source = f"from {__name__} import Tool\n\nTOOL = Tool('saw')\n"
    (folder / "saw.py").write_text(source)
    assert in_file_of("shed.saw", "TOOL", Tool) == Tool("saw")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (None, r"entry for shed/saw\.py, but there is no such file.*TOOL = Tool"),
        ("", r"shed/saw\.py has to hold TOOL = Tool\(\.\.\.\), but it has none"),
        ("TOOL = 3", r"shed/saw\.py has to hold TOOL = Tool\(\.\.\.\), but it is of type int"),
    ],
)
def test_what_a_file_lacks_is_said(folder: Path, source: str | None, said: str) -> None:
    if source is not None:
        (folder / "saw.py").write_text(source)
    with pytest.raises(CatalogueError, match=said):
        in_file_of("shed.saw", "TOOL", Tool)


def test_a_package_that_the_file_needs_is_not_taken_for_the_file(folder: Path) -> None:
    (folder / "saw.py").write_text("import no_such_package_at_all\n")
    with pytest.raises(ModuleNotFoundError, match="no_such_package_at_all"):
        in_file_of("shed.saw", "TOOL", Tool)
