import io
import shutil
import zipfile
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
from hypothesis import strategies as st
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS

from vectorlab.domain.sets.versions import Demonstration
from vectorlab.services.sets import files

ABOUT = {"manifest_version": 1, "label": "x@1", "content_sha256": "0" * 64}
SHARED = "xl/sharedStrings.xml"
FILES = {
    "csv": ["x.csv"],
    "tsv": ["x.tsv"],
    "json": ["x.json"],
    "jsonl": ["x.jsonl"],
    "parquet": ["x.parquet"],
    "text": ["x.negative.txt", "x.positive.txt"],
    "dataset": ["x.dataset"],
}

# Whatever both databases store: any character but NUL and halves of surrogate pairs.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
sources = texts.filter(lambda text: text.strip())
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # JSON spells a NUL character \u0000, which both databases store as text
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
metadata = st.just({}) | st.dictionaries(texts, json_values, max_size=3)


def pair(source: str, target: str | None, **metadata: Any) -> Demonstration:
    return Demonstration(source=source, target=target, metadata=metadata)


def demonstrations(targets: Any = st.none() | texts, described: Any = metadata) -> Any:
    return st.builds(
        lambda source, target, about: Demonstration(source=source, target=target, metadata=about),
        sources,
        targets,
        described,
    )


def write(folder: Path, items: list[Demonstration], format: str) -> list[Path]:
    """Files of the format in the folder, which holds nothing else afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    paths = [folder / name for name in FILES[format]]
    if format == "text" and all(item.target is None for item in items):
        paths = paths[:1]
    readable = files.Readable(lambda: iter(items))
    files.write_files(paths, readable, format=format, about=ABOUT)
    return paths


def workbook(*, hidden: Collection[str] = (), **sheets: Iterable[Sequence[Any]]) -> bytes:
    """A workbook of sheets by their titles, each of rows."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
        sheet.sheet_state = "hidden" if title in hidden else "visible"
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue()


def sharing_workbook(path: Path, rows: Sequence[Sequence[int]], texts: Iterable[str]) -> Path:
    """A workbook as spreadsheets save it: cells are numbers of texts in a list, which is XML."""
    cells = ""
    for row in rows:
        cells += "<row>" + "".join(f'<c t="s"><v>{number}</v></c>' for number in row) + "</row>"
    listed = f'<Override PartName="/{SHARED}" ContentType="{SHARED_STRINGS}"/></Types>'
    with (
        zipfile.ZipFile(io.BytesIO(workbook(Pairs=[]))) as empty,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as full,
    ):
        for name in empty.namelist():
            part = empty.read(name).decode()
            part = part.replace("</sheetData>", f"{cells}</sheetData>")
            full.writestr(name, part.replace("</Types>", listed))
        with full.open(SHARED, "w") as part_of_texts:
            part_of_texts.write(f'<sst xmlns="{SHEET_MAIN_NS}">'.encode())
            for text in texts:
                part_of_texts.write(f"<si>{text}</si>".encode())
            part_of_texts.write(b"</sst>")
    return path


def write_workbook(folder: Path, items: list[Demonstration], format: str) -> list[Path]:
    """What ``write`` does as a workbook, which the product does not write."""
    folder.mkdir(parents=True)
    path = folder / f"x.{format}"
    rows = ([item.source, item.target] for item in items)
    path.write_bytes(workbook(Pairs=[["source", "target"], *rows]))
    return [path]


def read(*paths: Path, **options: Any) -> list[Demonstration]:
    """Everything in files; options of columns and of reading together."""
    names = files.ColumnChoice.__dataclass_fields__.keys() & options.keys()
    asked = files.ColumnChoice(**{name: options.pop(name) for name in names})
    with files.open_import(paths, files.ReadOptions(**options), asked) as found:
        return list(found.demonstrations())


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
