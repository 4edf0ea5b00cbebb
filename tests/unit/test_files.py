from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vectorlab.domain.sets import Demonstration, set_content_sha256
from vectorlab.errors import InputError
from vectorlab.services.files import FORMATS, read_demonstrations, write_demonstrations

# Any text that UTF-8 can hold; a line end inside a CSV field is kept as it is.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
sources = texts.filter(bool)
pairs = st.builds(
    lambda source, target, metadata: Demonstration(source=source, target=target, metadata=metadata),
    sources,
    texts,
    st.dictionaries(sources, st.integers() | texts, max_size=2),
)


@pytest.mark.parametrize("ending", FORMATS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(items=st.lists(pairs, min_size=1, max_size=5))
def test_an_export_read_back_has_the_same_content_hash(ending, items, tmp_path):
    path = tmp_path / f"pairs.{ending}"
    write_demonstrations(path, items)
    again = read_demonstrations(path)
    assert set_content_sha256(again) == set_content_sha256(items)
    first = path.read_bytes()
    write_demonstrations(path, again)
    assert path.read_bytes() == first


@pytest.mark.parametrize("ending", ["json", "jsonl"])
def test_pairs_and_bare_prompts_travel_together(ending, tmp_path):
    path = tmp_path / f"mixed.{ending}"
    items = [Demonstration(source="a", target=None), Demonstration(source="b", target="c")]
    write_demonstrations(path, items)
    assert read_demonstrations(path) == items


def test_bare_prompts_have_no_target(tmp_path):
    path = tmp_path / "prompts.csv"
    path.write_text("prompt\nHello\n")
    assert read_demonstrations(path) == [Demonstration(source="Hello", target=None)]


def test_a_byte_order_mark_is_not_part_of_the_first_column(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_bytes("source,target\na,b\n".encode("utf-8-sig"))
    assert read_demonstrations(path) == [Demonstration(source="a", target="b")]


def test_columns_can_be_named(tmp_path):
    path = tmp_path / "reviews.tsv"
    path.write_text("id\tbad\tgood\n1\ta\tb\n")
    found = read_demonstrations(path, source_column="bad", target_column="good")
    assert found == [Demonstration(source="a", target="b")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", b"", "holds no rows"),
        ("x.csv", b"source,target\n", "holds no rows"),
        ("x.csv", b"source,target\na\n", "line 2: 1 fields, expected 2"),
        ("x.csv", b"source,target\n\na,b\nc,d,e\n", "line 4: 3 fields"),
        ("x.csv", b'source,target\n"a,b\n', "line 2"),
        ("x.csv", b"source,target\na,\xff\n", "line 2: byte 0xff is not UTF-8"),
        ("x.csv", b"source,source\na,b\n", "appears twice"),
        ("x.csv", b"left,right\na,b\n", "Choose one with --source-column"),
        ("x.json", b'{"source": "a"}', "a list of objects is needed"),
        ("x.json", b'[{"source": "a"}, 3]', "item 2: int"),
        ("x.json", b'[{"source": 3}]', "source is int, expected text"),
        ("x.json", b'[{"source": "a", "target": ["b"]}]', "target is list, expected text"),
        ("x.json", b'[{"source": "\\ud800"}]', "line 1: source '\\ud800' holds"),
        ("x.json", b"[", "line 1, column 2"),
        ("x.jsonl", b'{"source": "a"}\n{"source"\n', "line 2"),
        ("x.jsonl", b'{"source": "a", "metadata": 1}\n', "metadata is not a JSON object"),
        ("x.csv", b'source,metadata\na,"{"\n', "metadata is not JSON"),
        ("x.jsonl", b'{"source": "a", "metadata": {"x": NaN}}\n', "NaN is not JSON"),
        ("x.xyz", b"", "Format 'xyz'"),
    ],
)
def test_unreadable_files_say_where_and_why(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_demonstrations(path)
    assert message in str(error.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_demonstrations(tmp_path / "none.csv")
    (tmp_path / "dir.csv").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        read_demonstrations(tmp_path / "dir.csv")


def test_csv_refuses_to_mix_pairs_and_bare_prompts(tmp_path):
    items = [Demonstration(source="a", target="b"), Demonstration(source="c", target=None)]
    with pytest.raises(InputError, match="jsonl"):
        write_demonstrations(Path(tmp_path / "x.csv"), items)
    write_demonstrations(tmp_path / "x.jsonl", items)
    assert read_demonstrations(tmp_path / "x.jsonl") == items
