"""Every recipe runs as it stands on both databases, finds what is there, and says the same."""

import pandas as pd
import pytest
import sqlalchemy as sa

from scripts import sql_docs
from tests.services.analysis.test_read_only import asking
from tests.store.builders import new_score
from tests.store.full_store import fill_every_table
from vectorlab.errors import InputError
from vectorlab.services.analysis import queries
from vectorlab.store import schema
from vectorlab.store.database import Database, Transaction
from vectorlab.store.runs import scores

# Nothing in the filled store is wrong in these ways.
EMPTY = {"Replays that differ", "Demonstrations that pull against their vector"}


def test_every_recipe_runs_and_finds_something(database: Database):
    with database.write() as tx:
        fill_every_table(tx)
        score_everything(tx)
    for ask in asking(database):
        for recipe in queries.cookbook():
            result = ask(recipe.sql)
            assert bool(result.rows) == (recipe.title not in EMPTY), recipe.title
            assert len(set(result.columns)) == len(result.columns)


def test_recipes_answer_the_same_on_both_databases(
    sqlite_database: Database, postgres_database: Database
):
    answers = []
    for database in (sqlite_database, postgres_database):
        with database.write() as tx:
            fill_every_table(tx)
            score_everything(tx)
        for ask in asking(database):
            frames = [queries.frame(ask(recipe.sql)) for recipe in queries.cookbook()]
            answers.append([frame.drop(columns=_clock(frame)) for frame in frames])
    for recipe, first, second in zip(queries.cookbook(), *answers, strict=True):
        pd.testing.assert_frame_equal(
            first.astype(object).fillna("none"),
            second.astype(object).fillna("none"),
            check_exact=False,
            obj=recipe.title,
        )


def score_everything(tx: Transaction) -> None:
    texts = tx.execute(sa.select(schema.generations.c.id, schema.generations.c.arm)).all()
    scores.put_scores(tx, [new_score(row.id, 3.0 + row.arm, scorer="length") for row in texts])


def _clock(frame: pd.DataFrame) -> list[str]:
    return [name for name in frame.columns if name.endswith(("_at", "_s"))]


def test_there_are_at_least_twenty_and_each_says_what_it_answers():
    found = queries.cookbook()
    assert len(found) >= 20
    assert len({recipe.title for recipe in found}) == len(found)
    assert all(recipe.about and recipe.sql for recipe in found)


def test_a_recipe_is_found_by_number_or_title():
    first = queries.cookbook()[0]
    assert queries.find_recipe("1") == queries.find_recipe(first.title.upper()) == first
    with pytest.raises(InputError, match="--recipes"):
        queries.find_recipe("0")


def test_the_page_shows_the_recipes_as_they_are():
    assert sql_docs.PAGE.read_text(encoding="utf-8") == sql_docs.render(
        sql_docs.PAGE.read_text(encoding="utf-8")
    ), "Run: python -m scripts.sql_docs"
