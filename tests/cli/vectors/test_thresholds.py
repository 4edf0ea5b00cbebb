"""``vectorlab vectors thresholds``: what was searched, and one search with its evidence."""

from tests.store.full_store import fill_every_table
from vectorlab.config import Settings
from vectorlab.services.database import Database
from vectorlab.services.vectors import thresholds


def test_searches_are_listed_and_one_is_shown_with_its_evidence(cli):
    db = Database.open(Settings.from_environment().database_url)
    with db.write() as tx:
        fill_every_table(tx)
    [search] = thresholds.list_searches(db)
    db.dispose()
    [row] = cli("vectors", "thresholds", "--json").json
    assert (row["id"], row["vector"]) == (search.id, search.vector_name)
    assert cli("vectors", "thresholds", "--vector", search.vector_name, "--json").json == [row]
    shown = cli("vectors", "thresholds", str(search.id), "--json").json
    spelt = thresholds.spell(search.condition, search.vector_name)
    assert (shown["condition"], shown["evidence"]["positive"]) == (spelt, [1.0, 2.0])
    said = cli("vectors", "thresholds", str(search.id)).out
    assert "2 prompts from 1 to 2" in said
    assert "1 prompt from 0 to 0" in said
    assert f"search:{search.id}" in said
    assert "nowhere" in cli("vectors", "thresholds", "--vector", "nowhere", code=1).err
