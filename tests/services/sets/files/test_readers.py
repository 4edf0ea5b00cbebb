"""Each format in the shapes people have it, and what a reader says about a broken one."""

import csv
import io
import json
import os
import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.services.sets.files.builders import pair, read
from vectorlab.errors import InputError
from vectorlab.services.sets import files as set_files
from vectorlab.services.sets.files import limits


@pytest.fixture
def put(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def refusal(*paths, **options):
    with pytest.raises(InputError) as error:
        read(*paths, **options)
    return str(error.value)


def test_csv_fields_hold_quotes_line_ends_and_delimiters(put):
    cells = ['say "yes"', "two\r\nlines", "a,b", " spaces ", "lone\rreturn", "tab\t"]
    out = io.StringIO(newline="")
    csv.writer(out).writerows([["source", "target"], *([cell, cell] for cell in cells)])
    assert read(put("x.csv", out.getvalue())) == [pair(cell, cell) for cell in cells]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_a_byte_order_mark_make_no_difference(put, end, mark):
    path = put("x.csv", f"{mark}source,target{end}a,b{end}c,d")
    assert read(path) == [pair("a", "b"), pair("c", "d")]


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "latin-1", "utf-32-be"])
def test_other_encodings_are_read_when_named(put, encoding):
    path = put("x.tsv", "source\ttarget\ncafé\tnaïve\n".encode(encoding))
    assert read(path, encoding=encoding) == [pair("café", "naïve")]


def test_another_delimiter_is_read_when_named_and_suggested_when_not(put):
    path = put("x.csv", "source;target\na;b\n")
    assert read(path, delimiter=";") == [pair("a", "b")]
    assert "--delimiter ';'" in refusal(path)


def test_json_comes_as_objects_texts_or_lists(put):
    assert read(put("a.json", '[{"source": "a", "target": null}]')) == [pair("a", None)]
    assert read(put("b.json", '["a", "b"]')) == [pair("a", None), pair("b", None)]
    assert read(put("c.json", '{"negative": ["a"], "positive": ["b"]}')) == [pair("a", "b")]
    assert read(put("d.jsonl", '"a"\n\n  \n"b"')) == [pair("a", None), pair("b", None)]


def test_lists_that_share_suffixes_are_expanded_suffix_by_suffix(put):
    path = put(
        "x.json",
        json.dumps(
            {
                "positive": ["happy", "glad"],
                "negative": ["sad", "glum"],
                "template": "[INST] Act {persona}. [/INST] ",
                "suffixes": ["I", "The"],
            }
        ),
    )
    around = "[INST] Act {}. [/INST] {}"
    assert read(path) == [
        pair(around.format(source, suffix), around.format(target, suffix))
        for suffix in ("I", "The")
        for source, target in (("sad", "happy"), ("glum", "glad"))
    ]
    assert read(put("y.json", '{"positive": ["a"], "negative": ["b"], "suffix": "!"}')) == [
        pair("b!", "a!")
    ]


def test_json_is_read_across_the_pieces_it_comes_in(put):
    long = [{"source": "é" * n, "target": "x", "metadata": {"n": n}} for n in range(1, 900)]
    for indent in (None, 3):
        path = put("x.json", json.dumps(long, ensure_ascii=False, indent=indent))
        assert path.stat().st_size > 3 * limits.CHUNK_BYTES
        assert [item.metadata["n"] for item in read(path)] == list(range(1, 900))


def test_two_text_files_go_together_line_by_line(put):
    first, second = put("n.txt", "a\r\n\r\nb\u2028c\n"), put("p.txt", "x\n\ny\n")
    assert read(first, second) == [pair("a", "x"), pair("b\u2028c", "y")]
    assert read(first) == [pair("a", None), pair("b\u2028c", None)]


def test_parquet_of_other_writers_is_read(tmp_path):
    path = tmp_path / "x.parquet"
    table = pa.table(
        {
            "negative": pa.array(["a", "b", "a"]).dictionary_encode(),
            "positive": pa.array([b"x", b"y", None], type=pa.binary()),
            "when": pa.array([1, 2, None], type=pa.timestamp("ms")),
            "about": pa.array([{"k": [1]}, None, {"k": []}]),
        }
    )
    pq.write_table(table, path, row_group_size=2)
    found = read(path, metadata=("when", "about"))
    assert found == [
        pair("a", "x", when="1970-01-01T00:00:00.001000", about={"k": [1]}),
        pair("b", "y", when="1970-01-01T00:00:00.002000"),
        pair("a", None, about={"k": []}),
    ]


def make_dataset(folder, rows, *, files=1, compression=None):
    """As ``datasets.Dataset.save_to_disk`` lays it out."""
    folder.mkdir(parents=True)
    table = pa.Table.from_pylist(rows)
    names = [f"data-{n:05}-of-{files:05}.arrow" for n in range(files)]
    each = -(-len(rows) // files)
    for number, name in enumerate(names):
        options = pa.ipc.IpcWriteOptions(compression=compression)
        with pa.ipc.new_stream(str(folder / name), table.schema, options=options) as writer:
            writer.write_table(table.slice(number * each, each), max_chunksize=2)
    (folder / "dataset_info.json").write_text("{}")
    state = {"_data_files": [{"filename": name} for name in names], "_split": None}
    (folder / "state.json").write_text(json.dumps(state))
    return folder


def test_a_datasets_directory_is_read_file_by_file(tmp_path):
    rows = [{"before": f"{n}", "after": f"-{n}", "n": n} for n in range(7)]
    folder = make_dataset(tmp_path / "data", rows, files=3, compression="zstd")
    assert read(folder, metadata=("n",)) == [
        pair(row["before"], row["after"], n=row["n"]) for row in rows
    ]


def test_a_split_is_named_where_there_are_several(tmp_path):
    for name in ("train", "test"):
        make_dataset(tmp_path / "data" / name, [{"text": name}])
    (tmp_path / "data" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    assert read(tmp_path / "data", split="test") == [pair("test", None)]
    message = refusal(tmp_path / "data")
    assert "'train', 'test'" in message
    assert "--split" in message
    assert "--split" in refusal(tmp_path / "data", split="dev")
    (tmp_path / "data" / "dataset_dict.json").write_text('{"splits": ["train"]}')
    assert read(tmp_path / "data") == [pair("train", None)]


@pytest.mark.parametrize("name", ["../secret.arrow", "/etc/passwd", "..", "", 3, "gone.arrow"])
def test_a_dataset_cannot_point_out_of_its_folder(tmp_path, name):
    folder = make_dataset(tmp_path / "data", [{"text": "a"}])
    (tmp_path / "secret.arrow").write_bytes((folder / "data-00000-of-00001.arrow").read_bytes())
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
    message = refusal(folder)
    assert "data file" in message


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", b"", "holds no rows"),
        ("x.csv", b"source,target\n", "holds no rows"),
        ("x.csv", b"source,target\na\n", "line 2: 1 fields, expected 2 ('source', 'target')"),
        ("x.csv", b"source,target\n\na,b\nc,d,e\n", "line 4: 3 fields"),
        ("x.csv", b'source,target\n"a\nb",c\nd\n', "line 4: 1 fields"),
        ("x.csv", b'source,target\na,b\n"a,b\n\nc', "(the row begins on line 3)"),
        ("x.csv", b'source,target\n"a"b,c\n', "line 2: "),
        ("x.csv", b"source,target\na,\xff\n", "line 2, column 3: byte 0xff is not UTF-8"),
        ("x.csv", b"source,target\r\na,b\r\ncaf\xe9,b\r\n", "line 3, column 4: byte 0xe9"),
        ("x.csv", b"source,target\rd,\xe9", "line 2, column 3: byte 0xe9"),
        ("x.csv", b"source,target\na,\xc3", "line 2, column 3: byte 0xc3"),
        ("x.csv", "source,target\na,b".encode("utf-16"), "--encoding utf-16"),
        ("x.csv", b"source,target\na\0,b\n", "line 2: source 'a\\x00' holds a NUL"),
        ("x.csv", b"source,source\na,b\n", "'source' appears twice"),
        ("x.csv", b"left,right\na,b\n", "Choose one with --source-column"),
        ("x.csv", b"source,target\n ,b\n", "line 2: the source ('source') is empty"),
        ("x.csv", b'source,metadata\na,"{"\n', "line 2: metadata is not JSON"),
        ("x.csv", b"source,metadata\na,[1]\n", "line 2: metadata cannot be kept: list"),
        ("x.csv", b'source,target,has_target\na,,"no"\n', "line 2: has_target is 'no'"),
        ("x.json", b"", "line 1, column 1: nothing found"),
        ("x.json", b"3", "line 1, column 1: '3' found"),
        ("x.json", b"[", "line 1, column 2: Expecting value"),
        ("x.json", b"[]", "holds no rows"),
        ("x.json", b'[{"source": "a"}', "line 1, column 17: the end of the file found"),
        ("x.json", b'[{"source": "a"},\n {"source": "b"', "line 2, column 16"),
        ("x.json", b'[{"source": "a"},\n]', "line 2, column 1"),
        ("x.json", b'[{"source": "a"}\n{}]', "line 2, column 1: '{' found, expected ','"),
        ("x.json", b'[{"source": "a"}] x', "line 1, column 19: 'x' after the end"),
        ("x.json", b'{"source": "a"}', "'source' is no list"),
        ("x.json", b'{"negative": ["a"], "positive": []}', "'negative' has 1, 'positive' has 0"),
        ("x.json", b'{"positive": ["a"], "suffix": []}', "suffix is an empty list"),
        ("x.json", b'{"positive": ["a"], "suffix": 1}', "suffix is neither a text nor"),
        ("x.json", b'{"positive": ["a"], "template": "x"}', "template needs"),
        ("x.json", b'{"negative": [1], "positive": ["a"]}', "entry 1: source is int"),
        ("x.json", b'[{"source": "a"},\n 3]', "line 2, column 2 (item 2): int, expected"),
        ("x.json", b'[{"source": 3}]', "line 1, column 2 (item 1): source is int"),
        ("x.json", b'[{"source": "a", "target": ["b"]}]', "target is list, expected text"),
        ("x.json", b'[{"source": "\\ud800"}]', "(item 1): source '\\ud800' holds"),
        ("x.json", b'[{"\\ud800": "\\ud800"}]', "column name"),
        ("x.json", b'[{"source": "a", "source": "b"}]', "key 'source' appears twice"),
        ("x.json", b'[{"source": "a", "metadata": {"x": 1e999}}]', "the number 1e999 is too large"),
        (
            "x.json",
            b'[{"source": "a", "metadata": ' + b"9" * 5000 + b"}]",
            "an integer has too many digits",
        ),
        ("x.json", b"[" * 50_000, "nested too deeply"),
        (
            "x.json",
            b'[{"source": "a", "metadata": {"x": ' + b"[" * 80 + b"]" * 80 + b"}}]",
            "nested more than 64 levels",
        ),
        ("x.jsonl", b'{"source": "a"}\n{"source"\n', "line 2, column 10"),
        ("x.jsonl", b'{"source": "a"}\n[1]\n', "line 2: list, expected an object"),
        ("x.jsonl", b'{"source": "a", "metadata": 1}\n', "line 1: metadata cannot be kept: int"),
        ("x.jsonl", b'{"source": "a", "metadata": {"x": NaN}}\n', "line 1: NaN is not JSON"),
        ("x.jsonl", b'{"source": "a"}\n{"target": 1}', "line 2: the source ('source') is missing"),
        ("x.jsonl", b'{"source": "a", "metadata": {"x": "\\udc00"}}', "line 1: metadata"),
        ("x.parquet", b"", "is not a whole Parquet file"),
        ("x.parquet", b"PAR1", "is not a whole Parquet file"),
        ("x.txt", b"a\n \nb", "line 2: the source ('source') is empty"),
        ("x.xyz", b"", "Format 'xyz'"),
    ],
)  # fmt: skip
def test_unreadable_files_say_where_and_why(put, name, content, message):
    path = put(name, content)
    found = refusal(path)
    assert message in found
    assert name in found


def test_text_files_of_different_length_are_refused(put):
    message = refusal(put("n.txt", "a\nb\nc"), put("p.txt", "x\ny\n"))
    assert "p.txt ends before line 3" in message


def test_a_key_that_comes_after_the_guess_is_refused_not_dropped(put):
    lines = ['{"prompt": "a", "n": 1}'] * limits.PEEK_RECORDS
    path = put("x.jsonl", "\n".join([*lines, '{"prompt": "b", "completion": "c", "m": 2}']))
    assert f"line {limits.PEEK_RECORDS + 1}: 'completion' comes here" in refusal(path)
    assert len(read(path, source=("prompt",), bare_prompts=True)) == limits.PEEK_RECORDS + 1


def test_missing_files_folders_and_names_are_refused(tmp_path):
    assert "does not exist" in refusal(tmp_path / "none.csv")
    (tmp_path / "dir.csv").mkdir()
    assert "is a folder" in refusal(tmp_path / "dir.csv")
    assert "is a folder" in refusal(tmp_path / "dir.csv", format="csv")
    assert "hub:OWNER/NAME" in refusal("owner/name")
    assert "two text files" in refusal("a.csv", "b.csv")
    assert "No file" in refusal()
    assert "is no folder" in refusal(tmp_path / "none", format="dataset")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("x.csv", {"encoding": "klingon"}, "'klingon' is not known"),
        ("x.csv", {"encoding": "hex"}, "'hex' is not known"),
        ("x.csv", {"encoding": "a\0b"}, "is not known"),
        ("x.csv", {"delimiter": "ab"}, "Delimiter 'ab'"),
        ("x.csv", {"split": "train"}, "--split belongs to dataset"),
        ("x.json", {"delimiter": ","}, "--delimiter belongs to csv"),
        ("x.parquet", {"encoding": "utf-8"}, "--encoding belongs to csv"),
    ],
)
def test_options_that_cannot_be_used_are_refused(put, name, options, message):
    assert message in refusal(put(name, b"source\na\n"), **options)


def test_a_pipe_is_read_to_its_end(tmp_path):
    """Also Parquet, which has to be read from its end."""
    whole = tmp_path / "x.parquet"
    pq.write_table(pa.table({"text": ["a", "b"]}), whole)
    for name, content in (("x.csv", b"text\na\nb\n"), ("pipe", whole.read_bytes())):
        pipe = tmp_path / f"fifo-{name}"
        os.mkfifo(pipe)
        writer = threading.Thread(target=pipe.write_bytes, args=[content])
        writer.start()
        kind = "csv" if name == "x.csv" else "parquet"
        assert read(pipe, format=kind) == [pair("a", None), pair("b", None)]
        writer.join()


def test_files_are_closed_when_a_reader_stops_early(put):
    path = put("x.csv", "source,target\n" + "a,b\n" * 100_000)
    with set_files.open_import([path]) as found:
        next(found.demonstrations())
    # a file that is still open would be a ResourceWarning, which is an error here


def test_a_column_that_happens_to_be_called_has_target_is_left_alone(put):
    path = put("x.csv", "source,target,has_target,id\na,b,no,1\n")
    assert read(path) == [pair("a", "b")]


def test_progress_ends_at_the_size_of_the_file(put):
    path = put("x.csv", "source,target\n" + "a,b\n" * 1200)
    told = []
    with set_files.open_import([path]) as found:
        list(found.demonstrations(lambda now: told.append((now.done, now.demonstrations))))
        assert found.progress.total == path.stat().st_size
    assert told[-1] == (path.stat().st_size, 1200)
    assert [count for _, count in told] == [500, 1000, 1200]
