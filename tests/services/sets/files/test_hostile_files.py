"""Any bytes give a valid stream or one InputError, whatever the format; never anything else."""

import json
import shutil
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.services.sets.files.builders import read, write, write_workbook
from vectorlab.domain.sets.formats import READ_FORMATS
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.errors import InputError
from vectorlab.services.sets.files import bytes_in
from vectorlab.store.references import storable_text

FILE_FORMATS = [name for name in READ_FORMATS if name != "dataset"]
many = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
ITEMS = [
    Demonstration(source=f"source {n} é", target=f"target\n{n}" * 3, metadata={"n": n})
    for n in range(40)
]

pieces = st.sampled_from(
    [
        *(b",", b'"', b"\n", b"\r", b"\r\n", b"\t", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xc3", b" "),
        *(b"source", b"target", b"metadata", b"has_target", b"true", b"negative", b"positive"),
        *(b"{", b"}", b"[", b"]", b":", b'"source"', b'{"source": "a"}', b'"\\ud800"', b"\\u0000"),
        *(b"NaN", b"1e999", b"-", b"9" * 50, b"null", b'"suffix"', b'"template": "{}"', b"{}"),
        *(b"source,target\n", b'"metadata"', b'{"a": 1, "a": 2}', b"\xf0\x9f\x98\x80", b"PAR1"),
    ]
)
any_bytes = st.binary(max_size=200) | st.lists(pieces, max_size=25).map(b"".join)
options = st.fixed_dictionaries(
    {},
    optional={
        "encoding": st.sampled_from(
            ["utf-8", "utf-16", "latin-1", "cp1252", "utf-7", "idna", "shift_jis", "punycode"]
        ),
        "source": st.sampled_from([("source",), ("negative", "positive"), ("text",)]),
        "bare_prompts": st.booleans(),
    },
)


def stream_or_input_error(*paths, **how):
    """Read everything; what comes must be storable."""
    try:
        items = read(*paths, **how)
    except InputError as error:
        message = str(error)
        items = None
    if items is None:
        assert "\n" not in message
        return
    assert items
    for item in items:
        assert item.source.strip()
        storable_text("source", item.source)
        storable_text("target", item.target or "")
        json.dumps(item.metadata, allow_nan=False)
        assert len(item.sha256) == 64


@pytest.mark.slow
@settings(many, max_examples=300)
@given(data=any_bytes, how=options)
@example(data=b"", how={})
@example(data=b"\xef\xbb\xbf", how={})
@example(data=b"[" * 100_000, how={})
@example(data=b'{"a":' * 100_000, how={})
@example(data=b'[{"source": "a", "metadata": {"x": ' + b"9" * 5000 + b"}}]", how={})
def test_any_bytes(data, how, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(data)
    without_encoding = {name: value for name, value in how.items() if name != "encoding"}
    for kind in FILE_FORMATS:
        taken = without_encoding if kind in ("parquet", "xlsx") else how
        stream_or_input_error(path, format=kind, **taken)


def outcome(path, format):
    try:
        return [item.sha256 for item in read(path, format=format)]
    except InputError as error:
        return str(error)


@settings(many, max_examples=200)
@given(data=any_bytes, size=st.integers(1, 7))
def test_the_pieces_that_a_file_comes_in_make_no_difference(data, size, tmp_path, monkeypatch):
    path = tmp_path / "x"
    path.write_bytes(data)
    for kind in ("csv", "json", "jsonl", "text"):
        monkeypatch.setattr(bytes_in, "CHUNK_BYTES", 2**18)
        whole = outcome(path, kind)
        monkeypatch.setattr(bytes_in, "CHUNK_BYTES", size)
        pieces = outcome(path, kind)
        # A byte that is no UTF-8 is seen a piece ahead of other errors: which is told may differ.
        either = "not UTF-8" in f"{pieces}{whole}"
        assert pieces == whole or either, kind
        assert isinstance(pieces, str) == isinstance(whole, str), kind


@settings(many, max_examples=200)
@given(left=any_bytes, right=any_bytes)
def test_any_two_text_files(left, right, tmp_path):
    paths = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for path, data in zip(paths, (left, right), strict=True):
        path.write_bytes(data)
    stream_or_input_error(*paths)


@dataclass(frozen=True)
class Damage:
    """A file is cut short, has some bytes changed, or has a piece put in, wherever it ends."""

    kind: str
    at: float  # share of the file
    piece: bytes
    changes: list[tuple[float, int]]  # where, and to which byte

    def done_to(self, data: bytes) -> bytes:
        at = int(self.at * len(data))
        if self.kind == "cut":
            return data[:at]
        if self.kind == "insert":
            return data[:at] + self.piece + data[at:]
        if self.kind == "double":
            return data[:at] + data[at // 2 :]
        changed = bytearray(data)
        for place, value in self.changes:
            changed[int(place * len(data))] = value
        return bytes(changed)


shares = st.floats(0, 1, exclude_max=True)
damages = st.builds(
    Damage,
    kind=st.sampled_from(["cut", "change", "insert", "double"]),
    at=shares,
    piece=any_bytes,
    changes=st.lists(st.tuples(shares, st.integers(0, 255)), min_size=1, max_size=4),
)


@pytest.mark.slow
@settings(many, max_examples=300)
@given(damage=damages)
def test_a_damaged_export(damage, tmp_path):
    broken = tmp_path / "broken"
    for kind in (name for name in FILE_FORMATS if name != "text"):
        path = tmp_path / kind / f"x.{kind}"
        if not path.exists():
            (write_workbook if kind == "xlsx" else write)(path.parent, ITEMS, kind)
        broken.write_bytes(damage.done_to(path.read_bytes()))
        stream_or_input_error(broken, format=kind)


@settings(many, max_examples=150)
@given(damage=damages, name=st.sampled_from(["state.json", "data-00000-of-00001.arrow"]))
def test_a_damaged_dataset(damage, name, tmp_path):
    whole, broken = tmp_path / "out", tmp_path / "broken"
    if not whole.exists():
        write(whole, ITEMS, "dataset")
    shutil.rmtree(broken, ignore_errors=True)
    shutil.copytree(whole / "x.dataset", broken)
    path = broken / name
    path.write_bytes(damage.done_to(path.read_bytes()))
    if (broken / "state.json").exists():
        stream_or_input_error(broken)
