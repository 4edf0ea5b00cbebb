"""The sessions in the documents print what they show."""

import pytest

from scripts import transcripts

SETS, EVALUATION = transcripts.DOCUMENTS


@pytest.mark.slow
def test_the_walk_through_sets_is_what_the_commands_print():
    document = SETS.read_text(encoding="utf-8")
    assert transcripts.render(document) == document, "run: python -m scripts.transcripts"


@pytest.mark.slow
def test_the_way_to_a_justified_strength_says_what_the_commands_say():
    document = EVALUATION.read_text(encoding="utf-8")
    shown = transcripts.said(transcripts.render(document))
    assert shown == transcripts.said(document), "run: python -m scripts.transcripts"
    assert {"higher", "upbeat-random-", "justified"} <= set.union(*shown)


def test_the_walk_through_sets_reaches_the_fifth_version_through_a_merge():
    document = SETS.read_text(encoding="utf-8")
    assert "$ vectorlab sets merge" in document
    assert "upbeat@5: " in document
