"""Queries cannot write, leave the views, loop for ever or fill the memory; attacked on both."""

import sqlite3
import time
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from tests.databases import execute_raw
from tests.store.builders import fill
from vectorlab.domain.queries import QueryLimits, QueryResult
from vectorlab.errors import InputError, StoreError
from vectorlab.services.analysis import queries
from vectorlab.store import schema
from vectorlab.store.database import Database
from vectorlab.store.upkeep import migrate

Ask = Callable[..., QueryResult]
SHORT = QueryLimits(seconds=0.3, rows=5)

# One of everything that is no reading of the views, as either database spells it.
ATTACKS = {
    "both": (
        "INSERT INTO audit_log (actor) VALUES ('x')",
        "UPDATE models SET name = 'x'",
        "DELETE FROM generations",
        "DROP VIEW v_runs",
        "CREATE TABLE x (a int)",
        "CREATE TEMP TABLE x AS SELECT 1",
        "CREATE VIEW x AS SELECT 1",
        "WITH gone AS (DELETE FROM scores RETURNING id) SELECT * FROM gone",
        "SELECT 1; DELETE FROM generations",
        "SELECT 1; SELECT 2",
        "BEGIN",
        "COMMIT",
        "ROLLBACK; DELETE FROM generations",
        "VACUUM",
        "ANALYZE",
        "SELECT * FROM models",
        "SELECT data FROM layer_vectors",
        "SELECT * FROM (SELECT * FROM jobs) AS v_jobs",
        "WITH v_sets AS (SELECT data FROM layer_vectors) SELECT * FROM v_sets",
        "WITH v_sets AS (SELECT spec_json FROM jobs) SELECT * FROM v_sets",
        "SELECT (SELECT count(*) FROM job_chunks)",
        "SELECT count(*) FROM job_chunks",
        "EXPLAIN DELETE FROM generations",
        "",
        "   ;  ",
        "-- nothing",
        "SELECT \x00 1",
        "not a query",
        "SELECT nothing FROM v_runs",
    ),
    "sqlite": (
        "PRAGMA query_only = OFF",
        "PRAGMA writable_schema = ON",
        "SELECT * FROM pragma_table_info('models')",
        "PRAGMA table_info(models)",
        "ATTACH DATABASE '/tmp/x.db' AS x",
        "ATTACH DATABASE ':memory:' AS x",
        "DETACH DATABASE main",
        "VACUUM INTO '/tmp/x.db'",
        "SELECT load_extension('/tmp/x.so')",
        "SELECT writefile('/tmp/x', 'x')",
        "SELECT readfile('/etc/passwd')",
        "SELECT fts3_tokenizer('x')",
        "SELECT * FROM sqlite_master",
        "SELECT sql FROM sqlite_schema",
        "SELECT * FROM sqlite_dbpage",
        "SELECT count(*) FROM sqlite_schema",
        "SELECT count(*) FROM main.job_chunks",
        "SELECT count(*) FROM JOB_CHUNKS",
        "SELECT rowid FROM models",
        "SELECT zeroblob(900000000)",
        "SELECT randomblob(900000000)",
        "SELECT printf('%.*c', 900000000, 'x')",
        "CREATE VIRTUAL TABLE x USING fts5(a)",
        "REINDEX",
        "SAVEPOINT x",
    ),
    "postgresql": (
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_ls_dir('/')",
        "SELECT lo_import('/etc/passwd')",
        "SELECT lo_create(4711)",
        "SELECT nextval('public.models_id_seq')",
        "COPY (SELECT 1) TO PROGRAM 'id'",
        "COPY analysis.v_runs TO '/tmp/x'",
        "DO $$ BEGIN PERFORM 1; END $$",
        "SET ROLE postgres",
        "RESET ROLE",
        "SET SESSION AUTHORIZATION postgres",
        "RESET SESSION AUTHORIZATION",
        "SELECT set_config('role', 'postgres', true), query_to_xml('TABLE jobs', true, true, '')",
        "SELECT set_config('session_authorization', 'postgres', true)",
        "SELECT query_to_xml('SELECT * FROM public.models', true, true, '')",
        "SELECT table_to_xml('public.models', true, true, '')",
        "SELECT * FROM public.models",
        "SELECT rolpassword FROM pg_authid",
        "SELECT pg_reload_conf()",
        "LISTEN x",
        "LOCK TABLE public.models",
        "GRANT ALL ON SCHEMA public TO PUBLIC",
        "ALTER ROLE CURRENT_USER SUPERUSER",
        "SELECT * FROM pg_sleep(60)",
    ),
}


@pytest.fixture
def ask(database: Database) -> Iterator[Ask]:
    """Query a filled store the way its kind of database asks for."""
    with database.write() as tx:
        fill(tx)
    yield from asking(database)


def asking(database: Database) -> Iterator[Ask]:
    if database.dialect == "sqlite":
        yield lambda sql, limits=None: queries.run_query(database, sql, limits=limits)
        return
    role = f"reader_{time.monotonic_ns()}"
    url = queries.create_reader(database, role, actor="tester")
    try:
        yield lambda sql, limits=None: queries.run_query(
            database, sql, limits=limits, reader_url=url
        )
    finally:
        queries.drop_reader(database, role, actor="tester")


def everything(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Every row of the store, apart from the log, in which making the reader is noted."""
    kept = [table for table in schema.metadata.sorted_tables if table.name != "audit_log"]
    with database.read() as tx:
        return {table.name: sorted(map(repr, tx.execute(table.select()))) for table in kept}


def test_an_attack_is_refused_in_one_line_and_changes_nothing(database: Database, ask: Ask):
    before = everything(database)
    for attack in (*ATTACKS["both"], *ATTACKS[database.dialect]):
        with pytest.raises(InputError) as refused:
            pytest.fail(f"{attack!r} gave {ask(attack, limits=SHORT)}")
        assert str(refused.value).count("\n") == 0, attack
        assert len(str(refused.value)) > 20, attack
    assert everything(database) == before
    assert ask("SELECT count(*) FROM v_runs").rows == [(2,)]


def test_reading_is_allowed_in_all_its_forms(ask: Ask):
    for query in (
        "SELECT * FROM v_generations",
        "select count(*) from v_generations;",
        "SELECT * FROM v_runs r JOIN v_generations g ON g.run_id = r.run_id",
        "WITH mine AS (SELECT text FROM v_generations) SELECT count(*) FROM mine",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<9) SELECT * FROM n",
        "SELECT upper(text), row_number() OVER (ORDER BY generation_id) FROM v_generations",
        "SELECT text FROM v_generations WHERE lower(text) LIKE '%p0%'",
        "VALUES (1), (2)",
        "SELECT 1 AS one UNION SELECT 2",
        "/* a comment */ SELECT 1 -- and another",
    ):
        assert ask(query).rows


@pytest.mark.parametrize(
    "endless",
    [
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
        f"SELECT count(*) FROM {', '.join(f'v_generations {name}' for name in 'abcdefgh')}",
    ],
)
def test_a_loop_is_stopped_at_the_deadline(ask: Ask, endless: str):
    began = time.monotonic()
    with pytest.raises(InputError, match=r"stopped after 0\.3 s"):
        ask(endless, limits=SHORT)
    assert time.monotonic() - began < 5


def test_of_a_hundred_million_rows_only_the_first_are_taken(ask: Ask):
    result = ask(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000), "
        "m(j) AS (SELECT 1 UNION ALL SELECT j + 1 FROM m WHERE j < 10000) SELECT i, j FROM n, m",
        limits=QueryLimits(rows=7),
    )
    assert len(result.rows) == 7
    assert result.truncated


def test_a_limit_that_is_not_reached_is_no_truncation(ask: Ask):
    result = ask("SELECT run_id FROM v_runs ORDER BY run_id", limits=QueryLimits(rows=2))
    assert [row[0] for row in result.rows] == [1, 2]
    assert not result.truncated


@pytest.mark.parametrize("limits", [{"rows": 0}, {"seconds": 0.0}, {"rows": -1}])
def test_limits_that_allow_nothing_are_refused(ask: Ask, limits: dict[str, float]):
    with pytest.raises(InputError, match="Both must be above 0"):
        ask("SELECT 1", limits=QueryLimits(**limits))


def test_moments_are_moments_on_both(ask: Ask):
    frame = queries.frame(ask("SELECT created_at, run_name, run_name FROM v_runs ORDER BY run_id"))
    assert str(frame["created_at"].dt.tz) == "UTC"
    assert list(frame.columns) == ["created_at", "run_name", "run_name_2"]


def test_queries_see_what_a_writer_commits_and_do_not_block_it(database: Database, ask: Ask):
    before = ask("SELECT count(*) FROM v_sets").rows[0][0]
    with database.write() as tx:
        tx.execute(
            schema.demonstration_sets.insert().values(
                name="new", description="", task="", labels_json=[], created_at=sa.func.now()
            )
        )
        assert ask("SELECT count(*) FROM v_sets").rows[0][0] == before
    assert ask("SELECT count(*) FROM v_sets").rows[0][0] == before + 1


def test_a_long_text_cannot_be_made_on_sqlite(sqlite_database: Database):
    [ask] = asking(sqlite_database)
    with pytest.raises(InputError, match="more than 1000000 bytes"):
        ask("SELECT replace(hex('" + "x" * 2000 + "'), '7', '" + "y" * 2000 + "')")


def test_postgresql_without_a_reader_answers_nothing(postgres_database: Database):
    with pytest.raises(StoreError, match="vectorlab db reader"):
        queries.run_query(postgres_database, "SELECT 1")


def test_the_owners_login_is_not_taken_for_a_reader(postgres_database: Database):
    with pytest.raises(StoreError, match="can do more than read"):
        queries.run_query(postgres_database, "SELECT 1", reader_url=postgres_database.url)


def test_a_reader_that_was_given_a_right_is_refused(postgres_database: Database):
    role = f"reader_{time.monotonic_ns()}"
    url = queries.create_reader(postgres_database, role, actor="tester")
    execute_raw(postgres_database.url, f"GRANT SELECT ON public.models TO {role}")
    with pytest.raises(StoreError, match="can do more than read"):
        queries.run_query(postgres_database, "SELECT 1", reader_url=url)
    queries.drop_reader(postgres_database, role, actor="tester")


def test_a_reader_of_another_database_is_refused(
    postgres_database: Database, postgres_template: str
):
    role = f"reader_{time.monotonic_ns()}"
    url = queries.create_reader(postgres_database, role, actor="tester")
    other = sa.make_url(url).set(database=sa.make_url(postgres_template).database)
    try:
        with pytest.raises(StoreError, match="leads to database"):
            queries.run_query(
                postgres_database,
                "SELECT 1",
                reader_url=other.render_as_string(hide_password=False),
            )
    finally:
        queries.drop_reader(postgres_database, role, actor="tester")


def test_a_wrong_login_says_how_to_make_one_and_hides_its_password(postgres_database: Database):
    url = sa.make_url(postgres_database.url).set(username="nobody_here", password="secret")
    with pytest.raises(StoreError, match="vectorlab db reader") as refused:
        queries.run_query(
            postgres_database, "SELECT 1", reader_url=url.render_as_string(hide_password=False)
        )
    assert "secret" not in str(refused.value)


def test_a_reader_survives_views_that_are_made_anew(postgres_database: Database):
    role = f"reader_{time.monotonic_ns()}"
    url = queries.create_reader(postgres_database, role, actor="tester")
    with postgres_database.read() as tx:
        text = tx.scalar(sa.text("SELECT pg_get_viewdef('analysis.v_jobs'::regclass)"))
    execute_raw(
        postgres_database.url,
        "DROP VIEW analysis.v_jobs",
        f"CREATE VIEW analysis.v_jobs AS {text}",
    )
    assert queries.run_query(
        postgres_database, "SELECT count(*) FROM v_jobs", reader_url=url
    ).rows == [(0,)]
    queries.drop_reader(postgres_database, role, actor="tester")


def test_a_strong_role_is_never_made_into_a_reader(postgres_database: Database):
    owner = sa.make_url(postgres_database.url).username
    for action in (queries.create_reader, queries.drop_reader):
        with pytest.raises(StoreError, match="has rights of its own"):
            action(postgres_database, owner, actor="tester")


@pytest.mark.parametrize("name", ["", "a b", 'x"; DROP TABLE models; --', "pg_x", "Ä"])
def test_a_name_that_is_no_role_name_is_refused(postgres_database: Database, name: str):
    with pytest.raises(InputError, match="not usable"):
        queries.create_reader(postgres_database, name, actor="tester")


def test_sqlite_needs_no_reader(sqlite_database: Database):
    with pytest.raises(InputError, match="read-only there by themselves"):
        queries.create_reader(sqlite_database, actor="tester")


def test_a_store_that_somebody_else_holds_locked_can_still_be_queried(sqlite_database: Database):
    [ask] = asking(sqlite_database)
    path = sqlite_database.url.removeprefix("sqlite:///")
    holder = sqlite3.connect(path, isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        assert ask("SELECT count(*) FROM v_runs").rows == [(0,)]
    finally:
        holder.close()


def test_a_store_nobody_has_open_can_be_queried(tmp_path, sqlite_template):
    url = f"sqlite:///{tmp_path / 'my store %20?.db'}"
    migrate.upgrade(url)
    database = Database.open(url)
    database.dispose()
    assert queries.run_query(database, "SELECT 1").rows == [(1,)]
