"""Workbooks: sheets and columns are chosen, cells become their text, and none takes all memory."""

import datetime
import io
import zipfile

import openpyxl
import pytest

from tests.services.sets.files.builders import pair, read, sharing_workbook, workbook
from vectorlab.errors import InputError
from vectorlab.services.sets import files
from vectorlab.services.sets.files import limits, workbook_format, workbook_texts

PAIRS = [["source", "target"], ["a", "b"], ["c", "d"]]
SHEET = "xl/worksheets/sheet1.xml"


@pytest.fixture
def save(tmp_path):
    """Saves sheets, each a list of rows, as a workbook."""

    def saved(**sheets):
        path = tmp_path / "x.xlsx"
        path.write_bytes(workbook(**sheets))
        return path

    return saved


def changed(path, part, change):
    """The workbook with another content of a part."""
    with zipfile.ZipFile(path) as archive:
        parts = {info: archive.read(info) for info in archive.infolist()}
    other = path.with_name("other.xlsx")
    with zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, data in parts.items():
            archive.writestr(info.filename, change(data) if info.filename == part else data)
    return other


def refusal(*paths, **options):
    with pytest.raises(InputError) as error:
        read(*paths, **options)
    return str(error.value)


def test_the_rows_under_the_headings_are_read(save):
    path = save(Pairs=[[], *PAIRS, [None, None], ["e", None]])
    assert read(path) == [pair("a", "b"), pair("c", "d"), pair("e", None)]
    with files.open_import([path]) as found:
        assert found.table.format == "xlsx"
        assert found.sentences() == []  # nothing was guessed or chosen


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        (-0.5, "-0.5"),
        (0.1 + 0.2, "0.3"),  # as a spreadsheet shows it
        (1e21, "1e+21"),
        (True, "true"),
        (datetime.date(2026, 12, 3), "2026-12-03"),
        (datetime.datetime(2026, 12, 3), "2026-12-03"),
        (datetime.datetime(2026, 12, 3, 14, 5), "2026-12-03 14:05:00"),
        (datetime.time(14, 5), "14:05:00"),
        (datetime.timedelta(hours=30), "30:00:00"),
        ("007", "007"),
        ("two\nlines é 😀", "two\nlines é 😀"),
        ("a_x000D_\nb", "a\r\nb"),
    ],
)
def test_a_cell_becomes_its_text(save, value, text):
    assert read(save(Pairs=[["source", "target"], [value, "b"]])) == [pair(text, "b")]


def test_a_number_may_be_a_heading(save):
    path = save(Pairs=[["source", 2026], ["a", "b"]])
    assert read(path, source=("source",), target=("2026",)) == [pair("a", "b")]


def test_the_first_sheet_that_is_not_hidden_is_read_unless_another_is_named(save):
    path = save(Lists=[["x"], ["y"]], Pairs=PAIRS, Other=[["source"], ["z"]], hidden=("Lists",))
    with files.open_input([path]) as opened:
        assert opened.sheets() == ("Pairs", "Lists", "Other")
    with files.open_import([path]) as found:
        [line] = found.sentences()
        assert "sheet 'Pairs' is read, not 'Lists', 'Other'; choose with --sheet" in line
    assert read(path, sheet="Other") == [pair("z", None)]
    with files.open_import([path], files.ReadOptions(sheet="Pairs")) as found:
        assert found.sentences() == []
    message = refusal(path, sheet="None")
    assert "x.xlsx has no sheet 'None'; it has 'Lists', 'Pairs', 'Other'" in message


def test_columns_are_chosen_as_in_other_files(save):
    path = save(Pairs=[["q", "rude", "kind", "topic"], ["Who?", "You.", "A friend.", "people"]])
    assert "--source-column" in refusal(path)
    chosen = {"source": ("q", "rude"), "target": ("q", "kind"), "metadata": ("topic",)}
    assert read(path, **chosen) == [pair("Who? You.", "Who? A friend.", topic="people")]


def test_an_export_that_went_through_a_spreadsheet_keeps_empty_targets(save):
    rows = [["source", "target", "has_target"], ["a", None, True], ["b", None, False]]
    assert read(save(Pairs=rows)) == [pair("a", ""), pair("b", None)]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([["source", "target"], ["a", "b", "note"]], "cell C2 has no heading over it in row 1"),
        ([["source", "source"], ["a", "b"]], "row 1: column name 'source' appears twice"),
        ([["source", "target"], ["a", "#N/A"]], "cell B2 holds the error #N/A"),
        ([["source", "target"], [None, "b"]], "sheet 'Pairs', row 2: the source"),
        ([], "holds no rows"),
        ([["source", "target"]], "holds no rows"),
    ],
)
def test_what_is_wrong_is_said_with_its_cell(save, rows, said):
    assert said in refusal(save(Pairs=rows))


def test_what_a_sheet_says_of_its_size_is_not_believed(save):
    def smaller(data):
        return data.replace(b'<dimension ref="A1:B3"', b'<dimension ref="A1:A2"')

    path = changed(save(Pairs=PAIRS), SHEET, smaller)
    assert read(path) == [pair("a", "b"), pair("c", "d")]


def test_options_of_other_formats_are_refused_and_the_sheet_by_them(save, tmp_path):
    path = save(Pairs=PAIRS)
    assert "--encoding belongs to csv" in refusal(path, encoding="utf-8")
    text = tmp_path / "x.csv"
    text.write_text("source\na\n", encoding="utf-8")
    assert "--sheet belongs to xlsx" in refusal(text, sheet="Pairs")
    with pytest.raises(InputError, match=r"'xlsx' of 'y\.xlsx' is not known"):
        files.export_format([tmp_path / "y.xlsx"], None)


@pytest.mark.parametrize("data", [b"", b"PK", b"source,target\na,b\n", b"\xd0\xcf\x11\xe0" * 200])
def test_what_is_no_workbook_is_told(tmp_path, data):
    path = tmp_path / "x.xlsx"
    path.write_bytes(data)
    assert "is not a whole workbook in .xlsx format" in refusal(path)
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("x.txt", "a")
    path.write_bytes(other.getvalue())
    assert "the workbook is damaged" in refusal(path)


def test_a_workbook_that_would_grow_without_end_is_refused_before_it_is_read(save, monkeypatch):
    bomb = changed(save(Pairs=PAIRS), SHEET, lambda data: data + b" " * limits.WORKBOOK_LIMIT)
    assert bomb.stat().st_size < 2**20
    monkeypatch.setattr(workbook_texts, "load_workbook", None)
    message = refusal(bomb)
    assert f"at most {limits.WORKBOOK_LIMIT} are taken" in message
    assert "Save the sheet as CSV" in message


def test_a_part_that_says_it_is_smaller_than_it_is_goes_no_further(save):
    path = changed(save(Pairs=PAIRS), SHEET, lambda data: data + b" " * 10**6)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo(SHEET).file_size
    at = data.index(size.to_bytes(4, "little"), data.rindex(SHEET.encode()) - 30)
    data[at : at + 4] = (100).to_bytes(4, "little")
    path.write_bytes(data)
    assert "workbook" in refusal(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_declarations_that_make_texts_grow_are_refused(save, encoding):
    def declared(data):
        entities = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
        head = f'<?xml version="1.0" encoding="{encoding}"?>'
        body = data.decode().partition("?>")[2] if data.startswith(b"<?xml") else data.decode()
        return (head + "<!-- first -->" + entities + body).encode(encoding)

    message = refusal(changed(save(Pairs=PAIRS), SHEET, declared))
    assert f"x.xlsx, its part {SHEET!r}, declares a document type" in message.replace("other", "x")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (b"<row>" + b"<c/>" * limits.ELEMENT_LIMIT + b"</row>", "elements in one row"),
        (b"<row" + b' a="b"' * (limits.RECORD_LIMIT // 5) + b">", "a tag of more than"),
        pytest.param(b"<row/>" * (limits.TEXT_LIMIT + 1), "rows or texts", marks=pytest.mark.slow),
    ],
)
def test_a_small_file_that_would_take_all_memory_is_refused(save, monkeypatch, row, said):
    def filled(data):
        return data.replace(b"</sheetData>", row + b"</sheetData>")

    path = changed(save(Pairs=PAIRS), SHEET, filled)
    assert path.stat().st_size < 2**20
    monkeypatch.setattr(workbook_texts, "load_workbook", None)
    assert said in refusal(path)


def test_cells_share_texts_which_are_read_as_openpyxl_reads_them(tmp_path):
    texts = [
        "<t>source</t>",
        "<t>target</t>",
        '<t xml:space="preserve"> é\n🎉 &lt;b&gt; </t>',
        '<r><rPr><b/></rPr><t xml:space="preserve">bold </t></r><r><t>plain</t></r>',
        "<t>東京</t><rPh sb='0' eb='2'><t>トウキョウ</t></rPh><phoneticPr fontId='1'/>",
        "<t>a_x005F_x000D_b</t>",
        "<r/>",
        "",
    ]
    rows = [[0, 1], [2, 3], [4, 5], [2, 6], [4, 7]]
    path = sharing_workbook(tmp_path / "x.xlsx", rows, texts)
    sheet = openpyxl.load_workbook(path, read_only=True).active
    sheet.reset_dimensions()
    peer = [[cell or None for cell in row] for row in sheet.iter_rows(min_row=2, values_only=True)]
    peer[1][1] = peer[1][1].replace("_x000D_", "\r")
    assert [[each.source, each.target] for each in read(path)] == peer
    assert peer[0] == [" é\n🎉 <b> ", "bold plain"]
    assert peer[1][0] == "東京"


@pytest.mark.parametrize("number", [2, -1])
def test_a_cell_of_a_text_that_is_not_there_is_refused(tmp_path, number):
    texts = ["<t>source</t>", "<t>target</t>"]
    path = sharing_workbook(tmp_path / "x.xlsx", [[0, 1], [0, number]], texts)
    assert f"text {number} of 2 shared ones" in refusal(path)


def test_a_sheet_has_no_more_rows_than_spreadsheets_have(save, monkeypatch):
    monkeypatch.setattr(workbook_format, "ROW_LIMIT", 1000)

    def far(data):
        return data.replace(b'<row r="3"', b'<row r="99999999999"')

    path = changed(save(Pairs=PAIRS), SHEET, far)
    assert "more than 1000 rows" in refusal(path)
