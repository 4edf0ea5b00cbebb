"""The page of agreement says what was measured, and what was measured is within its bounds."""

import math
import subprocess
import sys
from dataclasses import replace

import pytest

from scripts.published import __main__ as command
from scripts.published import icl
from scripts.published import parts as catalogue
from scripts.published.checkouts import commit_of, modules_of
from scripts.published.parts import PARTS
from scripts.published.tables import Measured, Row, Table, counted, lines_of, within

KEPT = command.read(command.KEPT)
ROWS = [
    pytest.param(name, row, id=f"{name}: {row.what}, {row.measure}")
    for name, part in KEPT.items()
    for table in part.tables
    for row in table.rows
]


def test_the_page_is_what_was_kept():
    page = command.PAGE.read_text(encoding="utf-8")
    assert page == command.rendered(KEPT), "run: make reproduce-published"


def test_what_was_kept_is_written_as_it_was(tmp_path):
    command.write(KEPT, tmp_path / "kept.json", tmp_path / "page.md")
    assert (tmp_path / "kept.json").read_bytes() == command.KEPT.read_bytes()


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_every_row_is_within_its_bound_or_the_page_says_what_is_known(name: str, row: Row):
    assert row.holds != (row.what in catalogue.BY_NAME[name].beyond)


def test_every_part_that_needs_code_names_its_commit_and_all_name_versions():
    of = {part.name: part for part in PARTS}
    assert KEPT
    for name, part in KEPT.items():
        assert set(part.code) == ({of[name].repository} if of[name].repository else set())
        assert all(len(commit) == 40 for commit in part.code.values())
        assert {"torch", "numpy"} <= set(part.versions)
        assert all(table.rows for table in part.tables)


def test_several_trainings_are_apart_by_standard_errors():
    row = icl.alike("loss", [1.0, 2.0, 3.0], [2.0, 4.0, 6.0])
    # Means 2 and 4, variances 1 and 4, of three each.
    assert row.value == pytest.approx(2 / math.sqrt(1 / 3 + 4 / 3))
    assert (row.ours, row.theirs) == ("2.0000 ± 1.0000", "4.0000 ± 2.0000")
    assert row.holds
    assert not icl.alike("loss", [1.0, 1.1, 0.9], [2.0, 2.1, 1.9]).holds


def measured(*rows: Row, **changes) -> Measured:
    fields = {
        "title": "One part",
        "about": "About it.",
        "code": {"https://example.org/code": "a" * 40},
        "versions": {"torch": "1.0"},
        "machine": {"processor": "some", "kernels": "AVX2"},
        "measured_at": "2026-01-02 03:04 UTC",
        "tables": (Table(title="things", rows=rows),),
    }
    return Measured(**(fields | changes))


def test_a_part_says_versions_commit_processor_and_what_is_missed():
    part = measured(
        within("small", 2.5e-7, 1e-5, "apart"),
        within("large", 0.5, 0.25, "apart", ours="1.5", theirs="1"),
        counted("texts", 9, 10, least=0.9),
        within("broken", float("nan"), 1.0, "apart"),
    )
    assert lines_of(part, ["Bounds: because.", "Not within its bound, large: why."]) == [
        "## One part",
        "",
        "About it.",
        "",
        "Code: https://example.org/code at `aaaaaaa`.",
        "",
        "Versions: torch 1.0. Measured 2026-01-02 03:04 UTC (some, kernels AVX2).",
        "",
        "Bounds: because.",
        "",
        "Not within its bound, large: why.",
        "",
        "| things | ours | theirs | measured | is | bound |  |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| small |  |  | apart | 2.5e-07 | ≤ 1.0e-05 | ok |",
        "| large | 1.5 | 1 | apart | 0.5000 | ≤ 0.2500 | **not ok** |",
        "| texts |  |  | the same, of 10 | 9 | ≥ 9 | ok |",
        "| broken |  |  | apart | nan | ≤ 1 | **not ok** |",
        "",
    ]
    assert part.missed == ["large", "broken"]
    assert Measured.from_json(part.to_json()) == part


@pytest.fixture
def pretend(tmp_path, monkeypatch):
    """The command with parts that take no time; what it wrote is in the folder."""
    asked = []

    def run(value: float, *arguments: str) -> int:
        def measure(part, checkout):
            asked.append((part.name, checkout))
            return measured(within("x", value, 1.0, "apart"), title=part.title)

        monkeypatch.setattr(catalogue.Part, "measure", measure)
        places = ("--kept", str(tmp_path / "kept.json"), "--page", str(tmp_path / "page.md"))
        return command.main([*arguments, *places])

    run.asked, run.folder = asked, tmp_path
    return run


def test_a_part_without_its_code_is_skipped_and_keeps_what_was_there(pretend, capsys):
    assert pretend(0.5, "--icv", "/some/code") == 0
    assert [name for name, _ in pretend.asked] == ["icv", "libraries", "statistics"]
    printed = capsys.readouterr().out
    assert "## In-context vectors" in printed
    assert "Skipped: Attributes of entities. Give a checkout of https://github.com/" in printed
    assert "RAVEL=DIR of make" in printed
    assert "## Attributes of entities" not in printed
    before = command.read(pretend.folder / "kept.json")
    assert pretend(0.25, "--only", "statistics") == 0
    after = command.read(pretend.folder / "kept.json")
    assert list(after) == ["icv", "libraries", "statistics"]
    assert after["icv"] == before["icv"]
    assert after["statistics"] != before["statistics"]
    page = (pretend.folder / "page.md").read_text(encoding="utf-8")
    assert page == command.rendered(after)


def test_a_missed_bound_ends_with_one_and_is_named(pretend, capsys):
    assert pretend(2.0, "--only", "statistics") == 1
    assert "Not within its bound: Statistics and scorers, x" in capsys.readouterr().err


def test_a_missed_bound_that_is_explained_is_named_and_ends_with_zero(pretend, capsys, monkeypatch):
    explained = replace(catalogue.BY_NAME["statistics"], beyond={"x": "for a reason."})
    monkeypatch.setitem(catalogue.BY_NAME, "statistics", explained)
    assert pretend(2.0, "--only", "statistics") == 0
    assert "Not within its bound: Statistics and scorers, x" in capsys.readouterr().err
    page = (pretend.folder / "page.md").read_text(encoding="utf-8")
    assert "Not within its bound, x: for a reason." in page


def test_code_that_was_changed_is_refused(tmp_path):
    def git(*words: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "code.py").write_text("x = 1\n")
    git("add", "code.py")
    git("-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-q", "-m", "code")
    assert len(commit_of(tmp_path)) == 40
    (tmp_path / "code.py").write_text("x = 2\n")
    with pytest.raises(SystemExit, match=r"differs from its commit:\nM code\.py"):
        commit_of(tmp_path)


def test_modules_of_two_folders_do_not_meet(tmp_path):
    before = list(sys.path)
    for number in (1, 2):
        package = tmp_path / str(number) / "shared_name"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "what.py").write_text(f"import absent_module\nvalue = {number}\n")
    stand_ins = {"absent_module": type(sys)("absent_module")}
    for number in (1, 2):
        folder = tmp_path / str(number)
        with modules_of(folder, ["shared_name.what"], stand_ins=stand_ins) as found:
            assert found["shared_name.what"].value == number
    assert not {"shared_name", "shared_name.what", "absent_module"} & set(sys.modules)
    assert sys.path == before
