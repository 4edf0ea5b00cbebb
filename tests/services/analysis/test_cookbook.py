"""Every recipe runs as it stands on both databases, finds what is there, and says the same."""

from dataclasses import replace

import pandas as pd
import pytest
import sqlalchemy as sa

from scripts import sql_docs
from tests.services.analysis.test_read_only import asking
from tests.store.builders import new_score
from tests.store.full_store import fill_every_table
from tests.ui.filled_store import add_run, fill, run_spec
from tests.ui.runs.test_side_by_side import score_arms, sweep
from vectorlab.domain.interventions.arms import Arm
from vectorlab.errors import InputError
from vectorlab.services import models
from vectorlab.services.analysis import queries
from vectorlab.services.vectors import vectors
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


def test_effect_over_strength_averages_no_vector_with_its_controls(database):
    fill(database)
    runs = [sweep(database, prompts=7), sweep(database, prompts=7)]
    score_arms(database, runs[1], "sentiment", [1.0] + [5.0] * 8)  # another run says otherwise
    for ask in asking(database):
        found = queries.frame(ask(queries.find_recipe("Effect over strength").sql))
        line = f"run {runs[0].id}, upbeat-icv, sentiment"
        own = found[found["line"] == line]
        # By hand: what the arms score, and 0.03 that the prompts add in the mean.
        assert own["strength"].tolist() == [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]
        assert own["mean"].tolist() == pytest.approx([0.0, 0.13, 0.23, 0.33, 0.53, 0.48, 0.23])
        control = found[found["line"] == f"run {runs[0].id}, upbeat-icv-random-0, sentiment"]
        assert control["strength"].tolist() == [0.0, 0.2]
        assert control["mean"].tolist() == pytest.approx([0.0, 0.05])
        other = found[found["line"] == f"run {runs[1].id}, upbeat-icv, sentiment"]
        assert other["mean"].tolist()[0] == 1.0


def test_texts_behind_demonstrations_are_no_strength(database):
    fill(database)
    model, vector = models.get(database, "tiny"), vectors.get(database, "upbeat-icv")
    spec = run_spec(model, vector)
    prompted = Arm(label="demonstrations", prefix="a -> b")
    run = add_run(database, model, replace(spec, arms=(*spec.arms, prompted)))
    score_arms(database, run, "sentiment", [0.0, 0.5, 0.6, 9.0])
    for ask in asking(database):
        found = queries.frame(ask(queries.find_recipe("Effect over strength").sql))
        assert found["mean"].max() < 1
        assert found["strength"].tolist() == [0.0, 0.1, 0.2]
        surest = queries.frame(ask(queries.find_recipe("Confidence over strength").sql))
        assert (surest["line"] == f"run {run.id}, upbeat-icv").sum() == 2
        longest = queries.frame(ask(queries.find_recipe("Length over strength").sql))
        assert longest[longest["run_id"] == run.id]["strength"].tolist() == [0.0, 0.1, 0.2]
