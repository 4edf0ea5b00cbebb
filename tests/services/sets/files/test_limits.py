"""Files that would take all memory are refused where the limit is passed, and no later."""

import json
import os
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.services.sets.files.builders import read, sharing_workbook
from vectorlab.errors import InputError
from vectorlab.services.sets.files.limits import (
    ENTRY_LIMIT,
    FIELD_LIMIT,
    METADATA_LIMIT,
    OBJECT_LIMIT,
    RECORD_LIMIT,
)

PIECE = b"a" * 2**20


@pytest.fixture
def put(tmp_path):
    def write(name, *parts):
        path = tmp_path / name
        with path.open("wb") as file:
            for part in parts:
                file.write(part)
        return path

    return write


def refusal(*paths, **options):
    with pytest.raises(InputError) as error:
        read(*paths, **options)
    return str(error.value)


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.txt", "x.json"])
def test_the_longest_text_is_read_and_one_character_more_is_refused(put, name):
    for length in (FIELD_LIMIT, FIELD_LIMIT + 1):
        text = "é" * length
        content = {
            "x.csv": f'source,target\nfirst,b\n"{text}",b\n',
            "x.jsonl": f'{{"source": "first"}}\n{{"source": "{text}"}}',
            "x.json": f'[{{"source": "first"}},\n{{"source": "{text}"}}]',
            "x.txt": f"first\n{text}\n",
        }[name]
        path = put(name, content.encode())
        if length == FIELD_LIMIT:
            assert len(read(path)[1].source) == FIELD_LIMIT
        else:
            message = refusal(path)
            assert str(FIELD_LIMIT) in message
            assert "line 3" in message if name == "x.csv" else "line 2" in message


def test_a_quote_that_is_not_closed_is_found_after_one_field(put):
    path = put("x.csv", b'source,target\na,b\n"c', *[b"text,text\n" * 10**6])
    message = refusal(path)
    assert message.startswith(f"{path}, line 3: a field has more than {FIELD_LIMIT} characters")
    assert "quote" in message


def test_a_row_of_endlessly_many_fields_is_refused(put):
    path = put("x.csv", b"source,target\n", (b'"' + b"x" * 60 + b'\n",') * 300_000)
    assert f"line 2: a row has more than {RECORD_LIMIT} characters" in refusal(path)


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.txt"])
def test_a_line_without_an_end_is_refused(put, name):
    path = put(name, b"source\n" * (name == "x.csv"), *[PIECE] * 17)
    line = 2 if name == "x.csv" else 1
    assert f"line {line}: longer than {RECORD_LIMIT} characters" in refusal(path)


def test_a_broken_json_item_is_given_up_after_one_record(put):
    path = put("x.json", b'[{"source": "a"},\n{"source": "', *[PIECE] * 40)
    message = refusal(path)
    assert "line 2, column 1: item 2 is broken, or has more than" in message
    assert str(RECORD_LIMIT) in message


def test_an_object_of_lists_has_a_limit(put):
    path = put("x.json", b'{"negative": ["', *[PIECE] * (OBJECT_LIMIT // 2**20 + 2))
    assert str(OBJECT_LIMIT) in refusal(path)


def test_suffixes_cannot_multiply_without_end(put):
    lists = {"positive": ["a"] * 10_000, "negative": ["b"] * 10_000, "suffix": ["c"] * 10_000}
    message = refusal(put("x.json", json.dumps(lists).encode()))
    assert f"100000000 entries with their suffixes, expected at most {ENTRY_LIMIT}" in message


def test_a_header_of_very_many_columns_is_refused(put):
    header = ",".join(f"c{n}" for n in range(20_000))
    assert "20000 columns" in refusal(put("x.csv", f"{header}\n".encode()))


def test_an_endless_stream_is_refused_at_the_first_line():
    if not os.path.exists("/dev/zero"):
        pytest.skip("no /dev/zero on this system")
    assert "/dev/zero, line 1: longer than" in refusal("/dev/zero", format="csv")


# Runs each task in a copy of a process that has loaded everything, and tells how far it went beyond
# that in memory. The kernel's own peak: getrusage goes on with the peak of the parent process.
MEASURER = """
import json, os, resource, sys

from vectorlab.errors import InputError
from vectorlab.services.database import open_store
from vectorlab.services.sets import files, sets


def peak():
    try:
        lines = open("/proc/self/status").read().splitlines()
        return next(int(line.split()[1]) >> 10 for line in lines if line.startswith("VmHWM"))
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 20


def read(path):
    with files.open_import([path]) as found:
        for count, _ in enumerate(found.demonstrations(), start=1):
            if count == 300:
                break


def commit(path, url):
    with files.open_import([path]) as found:
        items = found.demonstrations()
        sets.commit(stores[url], name="big", demonstrations=items, message="", actor="me")


stores = {}
for line in sys.stdin:
    task, *words = json.loads(line)
    if os.fork() == 0:
        stores.update({url: open_store(url) for url in words[1:]})
        said = ""
        before = peak()
        try:
            {"read": read, "commit": commit}[task](*words)
        except InputError as error:
            said = str(error)
        print(json.dumps([peak() - before, said]), flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.fixture(scope="module")
def megabytes_more():
    """Memory that a task takes beyond what the modules take, and the error if there was one."""
    process = subprocess.Popen(
        [sys.executable, "-c", MEASURER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def measure(task, *words):
        process.stdin.write(json.dumps([task, *map(str, words)]) + "\n")
        process.stdin.flush()
        return tuple(json.loads(process.stdout.readline()))

    with process:
        yield measure


@pytest.mark.slow
def test_a_kilobyte_of_parquet_that_repeats_megabytes_stays_small(tmp_path, megabytes_more):
    path = tmp_path / "x.parquet"
    repeated = pa.DictionaryArray.from_arrays(
        pa.array([0] * 200_000, type=pa.int32()), pa.array(["x" * 3_000_000])
    )
    pq.write_table(pa.table({"source": repeated}), path, compression="zstd", store_schema=False)
    assert path.stat().st_size < 2000  # and 600 GB when written out
    used, said = megabytes_more("read", path)
    assert said == ""
    assert used < 400


def test_parquet_with_a_text_beyond_the_limit_is_refused(tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"source": ["x" * (4 * FIELD_LIMIT + 1)] * 3}), path)
    assert f"more than {FIELD_LIMIT} characters" in refusal(path)


@pytest.mark.slow
def test_many_large_rows_of_csv_are_held_one_at_a_time(put, megabytes_more):
    path = put("x.csv", b"source,target\n", *[b"a" * 2_000_000 + b",b\n"] * 100)
    used, said = megabytes_more("read", path)
    assert said == ""
    assert used < 100


@pytest.mark.slow
def test_a_million_texts_that_cells_share_take_little_more_than_their_bytes(
    tmp_path, megabytes_more
):
    texts = (f"<t>{number:x}🎉</t>" for number in range(2**20))
    first = ["<t>source</t>", "<t>target</t>"]
    path = sharing_workbook(tmp_path / "x.xlsx", [[0, 1], [2, 3]], [*first, *texts])
    used, said = megabytes_more("read", path)
    assert said == ""
    assert used < 100  # strings of Python, as openpyxl keeps them, took 220


def test_metadata_has_a_limit_of_its_own(put):
    for length in (METADATA_LIMIT - 9, METADATA_LIMIT - 8):
        value = "a" * length  # {"k": "..."} is nine more
        path = put("x.jsonl", f'{{"source": "a", "metadata": {{"k": "{value}"}}}}'.encode())
        if length == METADATA_LIMIT - 9:
            assert read(path)[0].metadata == {"k": value}
        else:
            assert f"line 1: metadata has {METADATA_LIMIT + 1} characters" in refusal(path)


@pytest.mark.slow
def test_a_commit_holds_few_long_texts_at_a_time(put, tmp_path, megabytes_more):
    lines = b"".join(b"%d " % n + b"a" * 1_000_000 + b",b\n" for n in range(60))
    path = put("x.csv", b"source,target\n", lines)
    used, said = megabytes_more("commit", path, f"sqlite:///{tmp_path / 'x.db'}")
    assert said == ""
    assert used < 45  # 60 MB of text went through
