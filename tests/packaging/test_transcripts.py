"""The sessions in the documents print what they show."""

import pytest

from scripts import transcripts


@pytest.mark.slow
@pytest.mark.parametrize("path", transcripts.DOCUMENTS, ids=lambda path: path.name)
def test_the_sessions_of_a_document_are_what_the_commands_print(path):
    document = path.read_text(encoding="utf-8")
    assert transcripts.render(document) == document, "run: python -m scripts.transcripts"


def test_the_walk_through_sets_reaches_the_fifth_version_through_a_merge():
    [path] = [item for item in transcripts.DOCUMENTS if item.name == "sets.md"]
    document = path.read_text(encoding="utf-8")
    assert "$ vectorlab sets merge" in document
    assert "upbeat@5: " in document
