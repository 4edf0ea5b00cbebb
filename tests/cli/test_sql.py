"""``vectorlab sql`` and ``db reader`` as people type them, and ``Lab.sql``."""

import io
import json
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import Cli
from tests.store.builders import fill
from vectorlab import Lab
from vectorlab.store.database import Database

QUERY = "SELECT arm_index, n_tokens, mean_logprob FROM v_generations ORDER BY generation_id"


@pytest.fixture
def db(sqlite_database: Database) -> str:
    with sqlite_database.write() as tx:
        fill(tx)
    return sqlite_database.url


def test_a_table_csv_json_and_parquet_hold_the_same_rows(cli: Cli, db: str, tmp_path: Path):
    expected = Lab(db).sql(QUERY)
    assert len(expected) == 16
    assert "mean_logprob" in cli("sql", QUERY, "--db", db).out
    printed = pd.read_csv(io.StringIO(cli("sql", QUERY, "--csv", "--db", db).out))
    told = pd.DataFrame(cli("sql", QUERY, "--json", "--db", db).json["rows"])
    frames = [printed, told]
    for ending, read in (
        ("csv", pd.read_csv),
        ("parquet", pd.read_parquet),
        ("json", lambda path: pd.DataFrame(json.loads(path.read_text()))),
        ("jsonl", lambda path: pd.read_json(path, lines=True)),
    ):
        path = tmp_path / f"rows.{ending}"
        cli("sql", QUERY, "--out", str(path), "--db", db)
        frames.append(read(path))
    for frame in frames:
        pd.testing.assert_frame_equal(frame, expected, check_dtype=False)


@pytest.mark.parametrize("ending", ["svg", "png", "html"])
def test_a_plot_is_a_file_that_needs_nothing_else(cli: Cli, db: str, tmp_path: Path, ending: str):
    path = tmp_path / f"chart.{ending}"
    cli("sql", QUERY, "--plot", str(path), "--db", db)
    if ending == "png":
        assert path.read_bytes().startswith(b"\x89PNG")
    else:
        assert "<svg" in path.read_text()
        assert "<script" not in path.read_text()


def test_what_was_left_out_is_told(cli: Cli, db: str):
    result = cli("sql", QUERY, "--rows", "3", "--json", "--db", db)
    assert result.json["truncated"]
    assert "Only the first 3 rows" in result.err


def test_a_recipe_runs_by_number_and_the_list_names_it(cli: Cli, db: str):
    titles = [item["title"] for item in cli("sql", "--recipes", "--json").json]
    assert cli("sql", "--recipe", titles[0], "--db", db, "--json").json["rows"]
    assert titles[0] in cli("sql", "--recipes").out


def test_a_query_comes_from_standard_input(cli: Cli, db: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 41 + 1 AS answer"))
    assert cli("sql", "-", "--json", "--db", db).json["rows"] == [{"answer": 42}]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sql",), "Give one query"),
        (("sql", "SELECT 1", "--recipe", "1"), "Give one query"),
        (("sql", "DELETE FROM generations"), "may not use anything but reading"),
        (("sql", "SELECT 1", "--out", "x.xlsx"), "Use one of .csv"),
        (("sql", "SELECT 1", "--out", "/no/such/folder/x.csv"), "There is no folder"),
        (("sql", "SELECT 1", "--plot", "x.svg"), "no other column holds numbers"),
        (("sql", "SELECT 1, 2", "--plot", "x.gif"), "Use an ending of"),
        (("sql", "SELECT 1, 2 WHERE 1 = 0", "--plot", "x.svg"), "no rows to plot"),
        (("sql", "SELECT 1", "--seconds", "0"), "Both must be above 0"),
        (("db", "reader"), "A SQLite store needs no reader"),
    ],
)
def test_bad_use_is_one_line(cli: Cli, db: str, words: tuple[str, ...], said: str):
    result = cli(*words, "--db", db, code=1)
    assert said in result.err
    assert result.err.count("\n") == 1


def test_on_postgresql_the_printed_login_is_all_that_queries_need(
    cli: Cli, postgres_database: Database, monkeypatch: pytest.MonkeyPatch
):
    url = postgres_database.url
    # A process of its own would close its connections when the command ends.
    monkeypatch.setattr("vectorlab.services.database.open_store", lambda _: postgres_database)
    with postgres_database.write() as tx:
        fill(tx)
    assert "vectorlab db reader" in cli("sql", "SELECT 1", "--db", url, code=1).err
    reader = cli("db", "reader", "--name", "reader_of_commands", "--db", url).out.strip()
    monkeypatch.setenv("VECTORLAB_READER_URL", reader)
    assert cli("sql", QUERY, "--json", "--db", url).json["rows"]
    refused = cli("sql", "DELETE FROM public.generations", "--db", url, code=1)
    assert refused.err.startswith("Error: The query")
    cli("db", "reader", "--name", "reader_of_commands", "--drop", "--db", url)
    assert "does not work" in cli("sql", "SELECT 1", "--db", url, code=1).err
