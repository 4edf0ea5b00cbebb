"""Drafts of the dashboard, listed, shown and thrown away in a terminal and a notebook."""

import pytest

from vectorlab import Lab
from vectorlab.domain.sets.drafts import DraftStep
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.errors import NotFoundError
from vectorlab.services.sets import drafts


@pytest.fixture
def draft(cli, reviews):
    columns = ("--source-column", "negative", "--target-column", "positive")
    cli("sets", "import", str(reviews), "--set", "upbeat", *columns)
    step = DraftStep(
        removed={0: True}, added=(Demonstration(source="Fine tea.", target="Superb!!!"),)
    )
    kept = drafts.take_step(Lab().db, "upbeat", 1, step, author="ann")
    assert kept is not None
    return kept


def test_drafts_are_listed_shown_and_thrown_away(cli, draft):
    assert "upbeat@1" in cli("sets", "drafts").out
    (listed,) = cli("sets", "drafts", "--json").json
    assert (listed["id"], listed["label"], listed["author"]) == (draft.id, "upbeat@1", "ann")
    shown = cli("sets", "drafts", str(draft.id))
    assert "by ann: 1 removed, 1 added" in shown.out
    assert "Fine tea. -> Superb!!!" in shown.out
    thrown = cli("sets", "discard", str(draft.id), "--yes")
    assert thrown.out.startswith(f"Thrown away: draft {draft.id} of upbeat@1, by ann")
    assert cli("sets", "drafts", "--json").json == []
    missing = cli("sets", "discard", str(draft.id), "--yes", code=1)
    assert "vectorlab sets drafts" in missing.err


def test_a_draft_is_kept_without_a_yes(cli, draft):
    cli("sets", "discard", str(draft.id), code=1)
    assert len(cli("sets", "drafts", "--json").json) == 1


def test_a_notebook_has_the_same(cli, draft):
    lab = Lab()
    assert list(lab.sets.drafts()["of"]) == ["upbeat@1"]
    assert lab.sets.draft(draft.id) == lab.sets.discard(draft.id) == draft
    with pytest.raises(NotFoundError):
        lab.sets.draft(draft.id)
