"""``docs/schema.md`` is held to the schema: columns by generation, meanings by their presence."""

import re

from scripts import schema_docs
from tests.store.builders import fill
from vectorlab.store.database import Database
from vectorlab.store.schema import metadata


def test_the_document_is_as_the_script_writes_it():
    text = schema_docs.DOCUMENT.read_text("utf-8")
    assert schema_docs.render(text) == text, "run: python -m scripts.schema_docs"


def test_every_table_and_view_is_there_and_every_column_has_a_meaning():
    found = schema_docs.documented(schema_docs.DOCUMENT.read_text("utf-8"))
    assert set(found) == set(metadata.tables)
    for name, table in metadata.tables.items():
        assert list(found[name]) == list(table.c.keys())
        assert all(found[name].values()), f"a meaning is missing in {name}"


def test_a_new_column_appears_and_old_meanings_stay():
    text = schema_docs.DOCUMENT.read_text("utf-8")
    (line,) = [line for line in text.splitlines() if line.startswith("| `explained_variance`")]
    changed = text.replace(line + "\n", "").replace("what people type", "kept words")
    rendered = schema_docs.render(changed)
    assert "| `explained_variance` | double precision | yes |  |  |" in rendered
    assert "kept words" in rendered


def test_the_questions_to_paste_are_answered(sqlite_database: Database):
    (block,) = re.findall(r"```sql\n(.*?)```", schema_docs.DOCUMENT.read_text("utf-8"), re.DOTALL)
    with sqlite_database.write() as tx:
        fill(tx)
        answers = [len(tx.exec_driver_sql(query).all()) for query in block.split(";")[:-1]]
    assert answers == [8, 0, 0, 0, 0]
