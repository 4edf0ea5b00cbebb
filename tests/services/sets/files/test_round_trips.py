"""An export read back is the same set, and written again it is the same bytes."""

import json
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.services.sets.files.builders import (
    contents,
    demonstrations,
    metadata,
    read,
    texts,
    write,
)
from vectorlab.domain.sets.versions import Demonstration, set_content_sha256
from vectorlab.errors import InputError
from vectorlab.services.sets import files

ANY_CONTENT = ("csv", "tsv", "json", "jsonl", "parquet", "dataset")
many = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
one_line = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), max_size=30
)


def check_round_trip(folder, items, format):
    paths = write(folder / "first", items, format)
    again = read(*paths)
    assert again == items, format
    assert set_content_sha256(again) == set_content_sha256(items), format
    write(folder / "second", again, format)
    assert contents(folder / "first") == contents(folder / "second"), format


@pytest.mark.slow
@settings(many, max_examples=100)
@given(items=st.lists(demonstrations(), min_size=1, max_size=6))
def test_any_demonstrations_survive(items, tmp_path):
    for kind in ANY_CONTENT:
        check_round_trip(tmp_path, items, kind)


@settings(many, max_examples=40)
@given(items=st.lists(demonstrations(targets=st.none()), min_size=1, max_size=4))
def test_bare_prompts_survive(items, tmp_path):
    for kind in ANY_CONTENT:
        check_round_trip(tmp_path, items, kind)


@settings(many, max_examples=150)
@given(
    pairs=st.lists(st.tuples(one_line.filter(str.strip), one_line), min_size=1, max_size=6),
    bare=st.booleans(),
)
def test_texts_of_one_line_survive_in_text_files(pairs, bare, tmp_path):
    items = [
        Demonstration(source=source, target=None if bare else target) for source, target in pairs
    ]
    check_round_trip(tmp_path, items, "text")


@settings(many, max_examples=100)
@given(items=st.lists(demonstrations(), min_size=1, max_size=4))
def test_text_files_hold_everything_or_refuse_and_leave_no_file(items, tmp_path):
    try:
        paths = write(tmp_path / "out", items, "text")
    except InputError:
        assert contents(tmp_path / "out") == {}
    else:
        assert read(*paths) == items


@settings(many, max_examples=60)
@given(items=st.lists(demonstrations(described=metadata), min_size=1, max_size=4))
def test_a_data_frame_gives_back_what_it_was_made_of(items):
    with files.open_frame_import(files.make_frame(items)) as found:
        assert list(found.demonstrations()) == items


@pytest.mark.parametrize("format", [*ANY_CONTENT, "text"])
def test_more_rows_than_a_batch_survive(format, tmp_path):
    items = [Demonstration(source=f"text {n}", target=f"other {n}" * 3) for n in range(9_000)]
    check_round_trip(tmp_path, items, format)


@pytest.mark.parametrize("format", ANY_CONTENT)
def test_a_pair_after_many_bare_prompts_survives(format, tmp_path):
    items = [Demonstration(source=f"{n}", target=None) for n in range(300)]
    items.append(Demonstration(source="x", target="y", metadata={"late": True}))
    check_round_trip(tmp_path, items, format)


@pytest.mark.slow
def test_another_process_writes_the_same_bytes(tmp_path):
    kinds = [*ANY_CONTENT, "text"]
    items = [Demonstration(source=f"é {n}", target="ü") for n in range(100)]
    for kind in kinds:
        write(tmp_path / "here" / kind, items, kind)
    script = (
        "import sys; from pathlib import Path; "
        "from tests.services.sets.files.builders import write; "
        "from vectorlab.domain.sets.versions import Demonstration as D; "
        "items = [D(source=f'é {n}', target='ü') for n in range(100)]; "
        "[write(Path(sys.argv[1], kind), items, kind) for kind in sys.argv[2:]]"
    )
    command = [sys.executable, "-X", "utf8", "-c", script, str(tmp_path / "there"), *kinds]
    subprocess.run(command, check=True, env={"PYTHONHASHSEED": "7"})
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


def test_csv_tells_an_empty_target_from_none_only_where_it_has_to(tmp_path):
    pair, empty, bare = (
        Demonstration(source="a", target="b"),
        Demonstration(source="a", target=""),
        Demonstration(source="a", target=None),
    )
    [path] = write(tmp_path / "out", [pair, empty], "csv")
    assert path.read_text() == '"source","target"\n"a","b"\n"a",""\n'
    [path] = write(tmp_path / "out", [bare], "csv")
    assert path.read_text() == '"source"\n"a"\n'
    [path] = write(tmp_path / "out", [empty, bare], "csv")
    assert path.read_text() == ('"source","target","has_target"\n"a","","true"\n"a","","false"\n')


@settings(many, max_examples=60)
@given(text=texts)
def test_every_character_survives_in_a_named_encoding(text, tmp_path):
    path = tmp_path / "x.jsonl"
    line = f'{{"source": "a", "target": {json.dumps(text)}}}'
    for encoding in ("utf-16", "utf-32", "utf-8-sig"):
        path.write_bytes(line.encode(encoding))
        assert read(path, encoding=encoding) == [Demonstration(source="a", target=text)]


def test_what_no_file_could_give_back_is_refused_and_the_old_file_stays(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text("old")
    deep = {}
    for _ in range(100):
        deep = {"deeper": deep}
    for item, message in (
        (Demonstration(source="a" * (2**22 + 1), target=None), "4194305 characters"),
        (Demonstration(source="a", target=None, metadata=deep), "64 levels"),
    ):
        readable = files.Readable(lambda item=item: iter([item]))
        with pytest.raises(InputError, match=message):
            files.write_files([path], readable, format="jsonl", about={})
    assert contents(tmp_path) == {"x.jsonl": b"old"}
