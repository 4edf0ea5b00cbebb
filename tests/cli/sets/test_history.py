"""Histories, merges and splits as they are typed."""

import json

import pytest


@pytest.fixture
def upbeat(cli, reviews):
    """``upbeat@1``, its fork ``fix@2`` with another soup, and ``upbeat@2`` with one pair more."""
    columns = ("--source-column", "negative", "--target-column", "positive")
    text = reviews.read_text(encoding="utf-8")
    cli("sets", "import", str(reviews), "--set", "upbeat", *columns)
    cli("sets", "fork", "upbeat@1", "fix")
    reviews.write_text(text.replace("so incredible", "so heavenly"), encoding="utf-8")
    cli("sets", "import", str(reviews), "--set", "fix", *columns, "-m", "Heavenly soup")
    more = text + "The tea was fine.,Oh the tea was superb!!!\n"
    reviews.write_text(more, encoding="utf-8")
    cli("sets", "import", str(reviews), "--set", "upbeat", *columns, "-m", "Tea")
    return text


def targets(cli, reference):
    shown = cli("sets", "show", reference, "--json").json
    return [item["target"] for item in shown["demonstrations"]]


def test_a_merge_takes_both_changes_and_the_log_draws_it(cli, upbeat):
    done = cli("sets", "merge", "upbeat", "fix", "--json").json
    assert (done["label"], done["base"], done["conflicts"]) == ("upbeat@3", "upbeat@1", [])
    assert "so heavenly" in targets(cli, "upbeat@3")[3]
    assert "tea" in targets(cli, "upbeat@3")[5]
    log = cli("sets", "log", "upbeat").out.splitlines()
    lanes = [line[:4].partition("  ")[0].rstrip() for line in log if line[:1] in ("*", "|")]
    assert lanes[:2] == ["*", "|\\"]
    newest = cli("sets", "log", "upbeat", "--json").json[0]
    assert (newest["label"], newest["parent"], newest["merged"]) == (
        "upbeat@3",
        "upbeat@2",
        "fix@2",
    )


def test_blame_names_the_line_that_brought_a_pair(cli, upbeat):
    cli("sets", "merge", "upbeat", "fix")
    rows = cli("sets", "blame", "upbeat", "--json").json
    assert [row["version"] for row in rows] == [
        *["upbeat@1"] * 3,
        "fix@2",
        "upbeat@1",
        "upbeat@2",
    ]
    assert "fix@2" in cli("sets", "blame", "upbeat@latest").out


def conflicting(cli, upbeat, reviews):
    reviews.write_text(upbeat.replace("so incredible", "so wild"), encoding="utf-8")
    columns = ("--source-column", "negative", "--target-column", "positive")
    cli("sets", "import", str(reviews), "--set", "upbeat", *columns, "-m", "Wild soup")


def test_conflicts_are_shown_and_nothing_is_written_until_they_are_settled(
    cli, upbeat, reviews, tmp_path
):
    conflicting(cli, upbeat, reviews)
    shown = cli("sets", "merge", "upbeat", "fix", code=1).out
    for words in ("so incredible", "so wild", "so heavenly", "--take ours|theirs"):
        assert words in shown.replace("\n", " ")
    file = tmp_path / "conflicts.jsonl"
    found = cli("sets", "merge", "upbeat", "fix", "--conflicts", str(file), "--json", code=1).json
    assert (found["label"], len(found["conflicts"])) == (None, 1)
    assert cli("sets", "show", "upbeat", "--json").json["label"] == "upbeat@3"

    conflict = json.loads(file.read_text(encoding="utf-8"))
    source = conflict["base"]["source"]
    conflict["take"] = [{"source": source, "target": "Both wild and heavenly!!!"}]
    file.write_text(json.dumps(conflict), encoding="utf-8")
    done = cli("sets", "merge", "upbeat", "fix", "--settled", str(file), "--json").json
    assert done["label"] == "upbeat@4"
    assert targets(cli, "upbeat")[3] == "Both wild and heavenly!!!"


def test_one_word_settles_every_conflict(cli, upbeat, reviews):
    conflicting(cli, upbeat, reviews)
    cli("sets", "merge", "upbeat", "fix", "--take", "theirs")
    assert "so heavenly" in targets(cli, "upbeat")[3]


def test_a_settled_file_that_is_not_understood_names_its_line(cli, upbeat, reviews, tmp_path):
    conflicting(cli, upbeat, reviews)
    file = tmp_path / "settled.jsonl"
    for text in ('{"number": 1}', '{"number": 1, "take": "mine"}', "no json"):
        file.write_text(text, encoding="utf-8")
        error = cli("sets", "merge", "upbeat", "fix", "--settled", str(file), code=1).err
        said = " ".join(error.split())  # the length of the path decides where it is broken
        assert "settled.jsonl, line 1" in said
        assert "ours, theirs, both, base, neither" in said
    missing = str(tmp_path / "none")
    error = cli("sets", "merge", "upbeat", "fix", "--settled", missing, code=2).err
    assert "does not exist" in " ".join(error.replace("│", " ").split())


def test_a_file_that_settles_other_conflicts_is_refused(cli, upbeat, reviews, tmp_path):
    conflicting(cli, upbeat, reviews)
    file = tmp_path / "conflicts.jsonl"
    cli("sets", "merge", "upbeat", "fix", "--conflicts", str(file), code=1)
    item = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**item, "take": "theirs"}), encoding="utf-8")
    reviews.write_text(upbeat.replace("so incredible", "so strange"), encoding="utf-8")
    columns = ("--source-column", "negative", "--target-column", "positive")
    cli("sets", "import", str(reviews), "--set", "upbeat", *columns)
    error = cli("sets", "merge", "upbeat", "fix", "--settled", str(file), code=1).err
    assert "Conflict 1 is not there any more as it was settled" in error


def test_conflicts_with_odd_line_separators_are_read_back(cli, tmp_path):
    for name, end in (("a", "x"), ("a", "y"), ("b", "z")):
        path = tmp_path / "odd.json"
        path.write_text(json.dumps([{"source": "k\u2028l\u0085m", "target": end}]))
        cli("sets", "import", str(path), "--set", name)
        if end == "x":
            cli("sets", "fork", "a", "b")
    file = tmp_path / "conflicts.jsonl"
    cli("sets", "merge", "a", "b", "--conflicts", str(file), code=1)
    text = file.read_text(encoding="utf-8").replace('"take": null', '"take": "theirs"')
    file.write_text(text, encoding="utf-8")
    cli("sets", "merge", "a", "b", "--settled", str(file))
    assert targets(cli, "a") == ["z"]


def test_a_merge_into_a_version_is_refused(cli, upbeat):
    assert "names a version" in cli("sets", "merge", "upbeat@1", "fix", code=1).err


def test_folds_and_overlap(cli, upbeat):
    made = cli("sets", "folds", "upbeat@2", "cv", "--count", "3", "--json").json
    assert [(item["label"], item["count"]) for item in made[:2]] == [
        ("cv-1-pool@1", 4),
        ("cv-1-test@1", 2),
    ]
    assert "disjoint" in cli("sets", "overlap", "cv-1-pool", "cv-1-test").out
    shared = cli("sets", "overlap", "upbeat@1", "cv-1-test", "--json").json
    assert shared["total"] == 2
    assert 1 <= shared["shared"] <= 2


def test_findings_are_warnings_and_strict_refuses_them(cli, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("source,target\nsame,same\nsame,same\n", encoding="utf-8")
    done = cli("sets", "import", str(path), "--set", "x")
    assert "Warning: x@1: 2 demonstrations with the same source and target" in done.err
    refused = cli("sets", "import", str(path), "--set", "y", "--strict", code=1)
    assert "1 demonstration standing in the version more than once" in refused.err
    assert [item["set"] for item in cli("sets", "list", "--json").json] == ["x"]


@pytest.mark.slow
def test_texts_beyond_a_named_models_context_are_found(cli, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(f"source,target\nshort,words here\nlong,{'word ' * 600}\n", encoding="utf-8")
    done = cli("sets", "import", str(path), "--set", "x", "--model", "tiny", "--json").json
    found = {item["check"]: item for item in done["findings"]}
    assert found["too_long"]["positions"] == [1]
    assert "512 tokens of tiny" in found["too_long"]["message"]
