import json

import pytest

PLAIN = ("--set", "upbeat", "--source-column", "negative", "--target-column", "positive")


@pytest.fixture
def upbeat(cli, reviews):
    return cli("sets", "import", str(reviews), *PLAIN, "--json").json


def test_import_makes_the_set_and_its_first_version(cli, upbeat):
    assert (upbeat["label"], upbeat["count"], upbeat["created"]) == ("upbeat@1", 5, True)
    [listed] = cli("sets", "list", "--json").json
    assert (listed["set"], listed["version"]) == ("upbeat", 1)


def test_importing_the_same_content_again_makes_no_version(cli, reviews, upbeat):
    again = cli("sets", "import", str(reviews), *PLAIN, "--json").json
    assert again["created"] is False
    assert again["content_sha256"] == upbeat["content_sha256"]


def test_show_names_the_content_hash_and_every_pair(cli, upbeat):
    shown = cli("sets", "show", "upbeat@latest", "--json").json
    assert shown["content_sha256"] == upbeat["content_sha256"]
    assert shown["demonstrations"][0]["source"] == "The pizza was okay."
    assert "The pizza was okay." in cli("sets", "show", "upbeat").out.replace("\n", " ")


@pytest.mark.parametrize("ending", ["csv", "tsv", "json", "jsonl"])
def test_an_exported_version_imports_as_the_same_content(cli, upbeat, tmp_path, ending):
    path = tmp_path / f"out.{ending}"
    cli("sets", "export", "upbeat@1", str(path))
    again = cli("sets", "import", str(path), "--set", "copy", "--json").json
    assert again["content_sha256"] == upbeat["content_sha256"]


def test_diff_and_log_tell_what_changed(cli, reviews, upbeat, tmp_path):
    changed = tmp_path / "changed.csv"
    text = reviews.read_text(encoding="utf-8").replace("so incredible", "so heavenly")
    lines = text.splitlines()
    changed.write_text("\n".join([*lines[:-1], "New source.,New target!!!"]) + "\n")
    cli("sets", "import", str(changed), *PLAIN, "-m", "Heavenly soup")
    found = cli("sets", "diff", "upbeat@1", "upbeat@2", "--json").json
    assert found["changes"]["moved"] == []
    [added], [removed] = found["changes"]["added"], found["changes"]["removed"]
    assert added["demonstration"]["source"] == "New source."
    assert removed["demonstration"]["source"] == "We liked the park."
    [edited] = found["changes"]["edited"]
    old, new = (edited[side]["demonstration"] for side in ("before", "after"))
    assert ("incredible" in old["target"], "heavenly" in new["target"]) == (True, True)
    shown = cli("sets", "diff", "upbeat@1", "upbeat@2").out
    assert "+    4  New source." in shown
    assert "[-incredible-]{+heavenly+}" in shown
    log = cli("sets", "log", "upbeat", "--json").json
    assert [(item["number"], item["message"]) for item in log] == [
        (2, "Heavenly soup"),
        (1, "Import reviews.csv"),
    ]
    assert log[0]["parent_id"] == log[1]["id"]


def test_a_fork_keeps_its_origin_as_parent(cli, upbeat):
    forked = cli("sets", "fork", "upbeat@1", "calm", "--json").json
    assert (forked["set_name"], forked["number"]) == ("calm", 1)
    assert forked["parent_id"] == upbeat["id"]
    assert "upbeat@1" in forked["message"]


def test_a_split_is_disjoint_complete_and_repeatable(cli, upbeat):
    made = cli("sets", "split", "upbeat", "pool", "rest", "--share", "0.6", "--json").json
    assert [(item["label"], item["count"]) for item in made] == [("pool@1", 3), ("rest@1", 2)]

    def sources(reference):
        shown = cli("sets", "show", reference, "--json").json
        return [item["source"] for item in shown["demonstrations"]]

    assert sorted(sources("pool") + sources("rest")) == sorted(sources("upbeat"))
    again = cli("sets", "split", "upbeat", "pool2", "rest2", "--share", "0.6", "--json").json
    assert again[0]["content_sha256"] == made[0]["content_sha256"]
    assert "a side empty" in cli("sets", "split", "upbeat", "a", "b", "--share", "1", code=1).err


def test_a_tag_names_a_version_until_it_is_deleted(cli, upbeat):
    assert cli("sets", "tag", "upbeat@1", "published", "good", "--json").json["tags"] == [
        "good",
        "published",
    ]
    assert cli("sets", "show", "upbeat@published", "--json").json["label"] == "upbeat@1"
    assert cli("sets", "tag", "upbeat", "good", "bad", "--delete", "--json").json["deleted"] == [
        "good"
    ]
    assert "upbeat@good" in cli("sets", "show", "upbeat@good", code=1).err


def test_labels_are_replaced_and_the_rest_stays(cli, upbeat):
    cli("sets", "describe", "upbeat", "--task", "sentiment", "--label", "one")
    done = cli("sets", "describe", "upbeat", "--label", "two", "--json").json
    assert (done["labels"], done["task"]) == (["two"], "sentiment")


def test_purge_deletes_a_set_that_nothing_needs(cli, upbeat):
    cli("sets", "purge", "upbeat", code=1)  # nobody there to answer the question
    cli("sets", "purge", "upbeat", "--yes")
    assert cli("sets", "list", "--json").json == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["show", "none"], "No set 'none'"),
        (["show", "upbeat@9"], "upbeat@9"),
        (["show", "upbeat@x y"], "not understood"),
        (["show", "upbeat@x"], "No set version 'upbeat@x'"),
        (["log", "none"], "No set 'none'"),
        (["diff", "upbeat@1", "upbeat@2"], "upbeat@2"),
        (["create", "upbeat"], "upbeat"),
        (["create", "no spaces"], "cannot be used"),
        (["fork", "upbeat@1", "upbeat"], "upbeat"),
        (["export", "upbeat", "x.exe"], "not known"),
        (["import", "none.csv", "--set", "x"], "does not exist"),
    ],
)
def test_bad_references_are_one_clear_line(cli, upbeat, words, message):
    result = cli("sets", *words, code=1)
    assert result.out == ""
    assert result.err.startswith("Error: ")
    assert message in result.err
    assert len(cli("sets", "list", "--json").json) == 1


def test_json_keeps_every_character(cli, tmp_path):
    path = tmp_path / "x.json"
    path.write_text(json.dumps([{"source": "שלום 😀 [bold]", "target": "<img src=x>"}]))
    cli("sets", "import", str(path), "--set", "odd")
    [item] = cli("sets", "show", "odd", "--json").json["demonstrations"]
    assert item["source"] == "שלום 😀 [bold]"
    assert "[bold]" in cli("sets", "show", "odd").out
