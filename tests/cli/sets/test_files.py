"""Importing and exporting sets as typed: shapes, guesses, standard input, manifests, errors."""

import io
import json
import os
import pty
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.services.sets.files.builders import workbook

AB = {
    "question": "Is it fine to lie?\n (A) Yes\n (B) No",
    "answer_matching_behavior": " (B)",
    "answer_not_matching_behavior": " (A)",
}
SHAPES = {
    "paradetox.csv": (
        "en_toxic_comment,en_neutral_comment\nthis is crap,this is bad\n",
        "source = 'en_toxic_comment'; target = 'en_neutral_comment'",
        ("this is crap", "this is bad"),
    ),
    "contrastive.jsonl": (
        json.dumps(AB),
        "'question' + 'answer_not_matching_behavior'; target = 'question' + 'answer_matching_b",
        (f"{AB['question']} (A)", f"{AB['question']} (B)"),
    ),
    "contrastive.json": (
        json.dumps([{**AB, "answer_matching_behavior": "(B)", "statement": "x"}]),
        "not used: 'statement'",
        (f"{AB['question']} (A)", f"{AB['question']} (B)"),
    ),
    "control.json": (
        json.dumps({"positive": ["Be happy."], "negative": ["Be sad."], "suffix": " I"}),
        "source = 'negative'; target = 'positive'",
        ("Be sad. I", "Be happy. I"),
    ),
    "preferences.jsonl": (
        json.dumps({"prompt": "Hi!", "chosen": "Hello.", "rejected": "What?"}),
        "source = 'prompt' + 'rejected'; target = 'prompt' + 'chosen'",
        ("Hi! What?", "Hi! Hello."),
    ),
    "review.tsv": (
        "id\tBefore\tAfter\n1\tok\tgreat\n",
        "source = 'Before'; target = 'After'; not used: 'id'",
        ("ok", "great"),
    ),
    "prompts.txt": ("Hello\n", "", ("Hello", None)),
}


@pytest.fixture
def put(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def typed(cli, monkeypatch):
    """Run a command with something on standard input."""

    def run(content, *words, **how):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        return cli(*words, **how)

    return run


def demonstrations(cli, reference):
    shown = cli("sets", "show", reference, "--json").json["demonstrations"]
    return [(item["source"], item["target"]) for item in shown]


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_that_people_have_are_recognised_and_the_guess_is_shown(cli, put, name):
    content, guess, pair = SHAPES[name]
    said = cli("sets", "import", put(name, content), "--set", "it").err
    assert guess in said
    assert (f"{name}: source" in said) == bool(guess)
    assert demonstrations(cli, "it") == [pair]


def test_with_json_the_guess_is_part_of_the_result_and_stdout_is_json_alone(cli, put):
    path = put("x.csv", SHAPES["paradetox.csv"][0])
    result = cli("sets", "import", path, "--set", "it", "--json")
    assert result.json["import"]["columns"] == {
        "source": ["en_toxic_comment"],
        "target": ["en_neutral_comment"],
        "metadata": [],
        "join": None,
        "guessed": True,
        "shape": "ParaDetox",
        "unused": [],
    }
    assert "guessed" not in result.err


def test_a_sheet_of_a_workbook_is_named_and_the_first_is_said(cli, tmp_path):
    path = tmp_path / "x.xlsx"
    sheets = {title: [["before", "after"], ["a", n]] for n, title in enumerate(("One", "Two"), 1)}
    path.write_bytes(workbook(**sheets))
    first = cli("sets", "import", str(path), "--set", "it")
    assert "sheet 'One' is read, not 'Two'; choose with --sheet" in first.err
    assert demonstrations(cli, "it") == [("a", "1")]
    cli("sets", "import", str(path), "--set", "it", "--sheet", "Two")
    assert demonstrations(cli, "it") == [("a", "2")]
    refused = cli("sets", "import", str(path), "--set", "it", "--sheet", "Three", code=1)
    assert "it has 'One', 'Two'. Choose with --sheet." in refused.err


def test_nothing_is_shown_where_nothing_is_guessed(cli, put):
    path = put("x.csv", "left,right\na longer text,b\n")
    words = ("--source-column", "left", "--target-column", "right")
    assert "guessed" not in cli("sets", "import", path, "--set", "it", *words).err


def test_columns_are_named_joined_and_kept_as_metadata(cli, put):
    path = put("x.csv", "q,bad,good,who,metadata\nWhy?,no,yes,me,not json\n")
    columns = ["--source-column", "q", "--source-column", "bad"]
    columns += ["--target-column", "q", "--target-column", "good", "--metadata-column", "who"]
    cli("sets", "import", path, "--set", "it", *columns)
    assert demonstrations(cli, "it") == [("Why? no", "Why? yes")]
    [item] = cli("sets", "show", "it", "--json").json["demonstrations"]
    assert item["metadata"] == {"who": "me"}
    cli("sets", "import", path, "--set", "it", *columns, "--join", " -> ")
    assert demonstrations(cli, "it") == [("Why? -> no", "Why? -> yes")]


def test_a_column_called_metadata_can_be_left_out(cli, put):
    path = put("x.csv", "source,target,metadata\na,b,not json\n")
    message = cli("sets", "import", path, "--set", "it", code=1).err
    assert "line 2: metadata is not JSON" in message
    assert "--no-metadata" in message
    cli("sets", "import", path, "--set", "it", "--no-metadata")
    assert demonstrations(cli, "it") == [("a", "b")]


def test_targets_can_be_left_out(cli, put):
    path = put("x.csv", "source,target\na,b\n")
    cli("sets", "import", path, "--set", "it", "--source-column", "target", "--bare-prompts")
    assert demonstrations(cli, "it") == [("b", None)]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("source,target,negative,positive", "'source' -> 'target' or 'negative' -> 'positive'"),
        ("left,right", "Cannot tell which column"),
        ("text,answer,response", "Choose one with --target-column"),
        ("prompt,text", "Choose one with --source-column"),
        ("source,target", "--target-column and --bare-prompts"),
    ],
)
def test_an_ambiguous_guess_is_refused_with_the_columns_and_the_flag(cli, put, header, message):
    path = put("x.csv", f"{header}\n{header}\n")
    words = ["--source-column", "source", "--target-column", "target", "--bare-prompts"]
    extra = words if message.startswith("--") else []
    said = cli("sets", "import", path, "--set", "it", *extra, code=1).err
    if not extra:
        assert all(repr(column) in said for column in header.split(","))
        assert "-column" in said
    assert message in said or extra
    assert cli("sets", "list", "--json").json == []


def test_standard_input_is_read_in_a_named_format(cli, typed):
    typed(b"source\ttarget\na\tb\n", "sets", "import", "-", "--set", "it", "--format", "tsv")
    assert demonstrations(cli, "it") == [("a", "b")]
    [log] = cli("sets", "log", "it", "--json").json
    assert log["message"] == "Import standard input"
    assert "--format" in typed(b"", "sets", "import", "-", "--set", "it", code=1).err
    said = typed(b"a\n\xff", "sets", "import", "-", "--set", "it", "--format", "txt", code=1).err
    assert "standard input, line 2, column 1: byte 0xff" in said


def test_parquet_can_come_through_standard_input(cli, typed):
    file = io.BytesIO()
    pq.write_table(pa.table({"source": ["a"], "target": ["b"]}), file)
    typed(file.getvalue(), "sets", "import", "-", "--set", "it", "--format", "parquet")
    assert demonstrations(cli, "it") == [("a", "b")]


def test_two_text_files_are_sources_and_targets(cli, put):
    negative, positive = put("negative.txt", "bad\nworse\n"), put("positive.txt", "good\nbest\n")
    cli("sets", "import", negative, positive, "--set", "it")
    assert demonstrations(cli, "it") == [("bad", "good"), ("worse", "best")]
    said = cli("sets", "import", positive, negative, "--set", "it").err
    assert f"{negative} {positive} may be meant" in said


def test_another_encoding_and_delimiter_are_options(cli, tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes("source;target\ncafé;thé\n".encode("cp1252"))
    said = cli("sets", "import", str(path), "--set", "it", code=1).err
    assert "line 2, column 4: byte 0xe9 is not UTF-8" in said
    assert "--encoding" in said
    words = ("--encoding", "cp1252", "--delimiter", ";")
    cli("sets", "import", str(path), "--set", "it", *words)
    assert demonstrations(cli, "it") == [("café", "thé")]


def test_a_dry_run_reads_everything_and_writes_nothing(cli, put, tmp_path):
    rows = "".join(f"bad {n},good {n}\n" for n in range(700))
    path = put("x.csv", f"negative,positive\n{rows}")
    result = cli("sets", "import", path, "--set", "it", "--dry-run")
    assert "source = 'negative'; target = 'positive'" in result.err
    assert "700 demonstrations, nothing written" in result.out
    assert "bad 4" in result.out
    assert "bad 5" not in result.out
    found = cli("sets", "import", path, "--set", "it", "--dry-run", "--json").json
    assert cli("sets", "list", "--json").json == []
    committed = cli("sets", "import", path, "--set", "it", "--json").json
    assert found["content_sha256"] == committed["content_sha256"]
    assert (found["count"], len(found["demonstrations"])) == (700, 5)
    put("x.csv", f"negative,positive\n{rows}bad 7,good 7\n")
    said = cli("sets", "import", path, "--set", "it", "--dry-run").err
    assert "Warning: x.csv: 1 demonstration standing in the version more than once" in said
    put("x.csv", f"negative,positive\n{rows}only one field\n")
    said = cli("sets", "import", path, "--set", "it", "--dry-run", code=1).err
    assert "line 702: 1 fields" in said


@pytest.mark.parametrize("format", ["csv", "tsv", "json", "jsonl", "parquet", "dataset"])
def test_an_export_names_its_version_and_is_recognised(cli, put, tmp_path, format):
    lines = ['{"source": "a", "target": null, "metadata": {"k": [1, "é"]}}', '{"source": "b c"}']
    made = cli(
        "sets", "import", put("x.jsonl", "\n".join(lines)), "--set", "it", "--bare-prompts",
        "--source-column", "source", "--json",
    ).json  # fmt: skip
    path = tmp_path / f"out.{format}"
    words = ["--format", format] if format == "dataset" else []
    exported = cli("sets", "export", "it@1", str(path), *words, "--json").json
    assert (exported["label"], exported["content_sha256"]) == ("it@1", made["content_sha256"])
    again = cli("sets", "import", str(path), "--set", "copy", "--json")
    assert again.json["content_sha256"] == made["content_sha256"]
    inside = format in ("parquet", "dataset")
    assert again.json["import"]["origin"] == {
        "label": "it@1",
        "content_sha256": made["content_sha256"],
        "unchanged": None if inside else True,
    }
    said = cli("sets", "import", str(path), "--set", "copy2")
    assert "Exactly the content of it@1." in said.out
    assert f"out.{format} {'says it is an' if inside else 'is the'} export of it@1" in said.err
    assert not inside or not (tmp_path / f"out.{format}.manifest.json").exists()


def test_a_file_that_was_changed_since_its_export_says_so(cli, put, reviews, tmp_path):
    cli("sets", "import", str(reviews), "--set", "upbeat")
    path = tmp_path / "out.csv"
    cli("sets", "export", "upbeat@1", str(path))
    manifest = json.loads((tmp_path / "out.csv.manifest.json").read_text())
    assert manifest["label"] == "upbeat@1"
    assert manifest["demonstrations"] == 5
    path.write_text(path.read_text().replace("okay", "fine"))
    result = cli("sets", "import", str(path), "--set", "upbeat")
    assert "out.csv was changed since it was exported as upbeat@1" in result.err
    assert "Not the content of upbeat@1." in result.out
    newest = cli("sets", "log", "upbeat", "--json").json[0]
    assert newest["message"] == "Import out.csv, an export of upbeat@1, changed since"
    (tmp_path / "out.csv.manifest.json").write_text("{")
    said = cli("sets", "import", str(path), "--set", "upbeat").err
    assert "is no manifest that this version reads; it is not used" in said


def test_a_manifest_of_another_format_does_not_stay_beside_a_file(cli, reviews, tmp_path):
    cli("sets", "import", str(reviews), "--set", "upbeat")
    path = tmp_path / "out.csv"
    cli("sets", "export", "upbeat", str(path))
    cli("sets", "export", "upbeat", str(path), "--format", "parquet")
    assert not (tmp_path / "out.csv.manifest.json").exists()
    said = cli("sets", "import", str(path), "--set", "copy", "--format", "parquet")
    assert "Exactly the content of upbeat@1." in said.out


def test_exports_of_one_version_are_the_same_bytes(cli, reviews, tmp_path):
    cli("sets", "import", str(reviews), "--set", "upbeat")
    for ending in ("csv", "tsv", "json", "jsonl", "parquet"):
        kept = []
        for _ in range(2):
            cli("sets", "export", "upbeat@1", str(tmp_path / f"x.{ending}"))
            kept.append({path.name: path.read_bytes() for path in tmp_path.glob("x.*")})
        assert kept[0] == kept[1]


def test_pairs_go_to_two_text_files_and_to_standard_output(cli, reviews, tmp_path, monkeypatch):
    made = cli("sets", "import", str(reviews), "--set", "upbeat", "--json").json
    files = [str(tmp_path / name) for name in ("negative.txt", "positive.txt")]
    cli("sets", "export", "upbeat", *files)
    again = cli("sets", "import", *files, "--set", "copy", "--json").json
    assert again["content_sha256"] == made["content_sha256"]
    assert again["import"]["origin"]["unchanged"] is True
    out = io.TextIOWrapper(io.BytesIO())
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", out)
        cli("sets", "export", "upbeat", "-", "--format", "jsonl")
    assert len(out.buffer.getvalue().splitlines()) == 5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["x.txt"], "Give a second file for the targets"),
        (["x.exe"], "not known"),
        (["a.csv", "b.csv"], "csv is written to one"),
        (["a.txt", "a.txt"], "Give two"),
        (["-"], "--format"),
        (["-", "--format", "parquet2"], "not known"),
        (["."], "not known"),
        ([".", "--format", "csv"], "no regular file"),
        ([".", "--format", "dataset"], "exists already"),
        (["none/x.csv"], "cannot be written"),
    ],
)
def test_exports_that_cannot_be_are_one_clear_line(
    cli, reviews, tmp_path, monkeypatch, words, message
):
    cli("sets", "import", str(reviews), "--set", "upbeat")
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    result = cli("sets", "export", "upbeat", *words, code=1)
    assert message in result.err
    assert list(folder.iterdir()) == []


def test_a_bad_row_late_in_a_file_leaves_nothing(cli, put):
    rows = "".join(f"bad {n},good {n}\n" for n in range(5000))
    path = put("x.csv", f"source,target\n{rows},empty\n")
    said = cli("sets", "import", path, "--set", "it", code=1).err
    assert "x.csv, line 5002: the source ('source') is empty." in said
    assert cli("sets", "list", "--json").json == []


def test_a_hub_dataset_is_never_fetched_unasked(cli):
    said = cli("sets", "import", "owner/name", "--set", "it", code=1).err
    assert "hub:OWNER/NAME" in said
    said = cli("sets", "import", "hub:owner/name", "--set", "it", code=1).err
    assert "vectorlab[hub]" in said or "cannot be read" in said


def test_a_terminal_sees_how_far_the_reading_is(put, tmp_path):
    path = put("x.csv", "source,target\n" + "".join(f"bad {n},good {n}\n" for n in range(20_000)))
    terminal, inside = pty.openpty()
    command = [sys.executable, "-m", "vectorlab", "sets", "import", path, "--set", "x", "--dry-run"]
    process = subprocess.Popen(
        command,
        stderr=inside,
        stdout=subprocess.PIPE,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "160"},
        text=True,
    )
    os.close(inside)
    shown = b""
    try:
        while piece := os.read(terminal, 2**16):
            shown += piece
    except OSError:  # the command ended
        os.close(terminal)
    out, _ = process.communicate()
    assert process.returncode == 0
    assert b"20,000 demonstrations" in shown
    assert b"rows/s" in shown
    assert "20000 demonstrations, nothing written" in out
