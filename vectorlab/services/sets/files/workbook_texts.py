"""The list of texts that the cells of a workbook share, held in little more than its bytes.

openpyxl keeps a Python string for each, which takes up to seven times the memory.
"""

import xml.etree.ElementTree as ET
from array import array
from collections.abc import Iterator
from typing import IO, Any

from openpyxl.reader.excel import ExcelReader
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS

_TEXT, _RUN, _PIECE = (f"{{{SHEET_MAIN_NS}}}{tag}" for tag in ("si", "r", "t"))


def load_workbook(file: IO[bytes]) -> Any:
    """As ``openpyxl.load_workbook`` reads one whose rows are asked for one at a time."""
    reader = _Reader(file, read_only=True, data_only=True, keep_links=False)
    reader.read()
    return reader.wb


class SharedTexts:
    """Texts by their number, each decoded when it is asked for."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ends = array("Q", [0])

    def add(self, text: str) -> None:
        """Put a text behind the others."""
        self._bytes += text.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._bytes))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, number: int) -> str:
        if not 0 <= number < len(self):
            raise IndexError(f"text {number} of {len(self)} shared ones")
        piece = self._bytes[self._ends[number] : self._ends[number + 1]]
        return piece.decode("utf-8", "surrogatepass")


def read_texts(source: IO[bytes]) -> SharedTexts:
    """The texts of a list of them, without their fonts and how they are pronounced."""
    texts = SharedTexts()
    for element in _elements(source):
        pieces = [element.findtext(_PIECE), *(run.findtext(_PIECE) for run in element.iter(_RUN))]
        # A text that looks like an escape sign has its underscore escaped, as openpyxl reads it.
        texts.add("".join(filter(None, pieces)).replace("x005F_", ""))
    return texts


def _elements(source: IO[bytes]) -> Iterator[ET.Element]:
    """Every text in turn; none is kept."""
    events = ET.iterparse(source, events=("start", "end"))
    root = None
    for event, element in events:
        if root is None:
            root = element
        elif event == "end" and element.tag == _TEXT:
            yield element
            root.clear()


class _Reader(ExcelReader):  # type: ignore[misc]
    """Holds shared texts as above."""

    def read_strings(self) -> None:
        part = self.package.find(SHARED_STRINGS)
        if part is not None:
            with self.archive.open(part.PartName[1:]) as source:
                self.shared_strings = read_texts(source)
