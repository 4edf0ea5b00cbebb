"""Pages of a comparison say what all texts of the runs say, on both databases."""

import math
from dataclasses import replace

import pytest

from tests.store.builders import new_score
from tests.ui.filled_store import add_run, fill, run_spec
from vectorlab.domain.runs.comparison import (
    LENGTH,
    Criterion,
    Order,
    Question,
    Shown,
    columns_of,
    settings_of,
)
from vectorlab.domain.runs.runs import Decoding
from vectorlab.domain.runs.votes import Choice, Match
from vectorlab.domain.scores.shares import share_interval
from vectorlab.domain.scores.statistics import Verdict
from vectorlab.errors import InputError
from vectorlab.services import frames, models
from vectorlab.services.runs import comparison, runs, votes
from vectorlab.services.vectors import vectors
from vectorlab.store import schema
from vectorlab.store.runs import scores


@pytest.fixture
def store(database):
    fill(database)
    return database


def two_runs(store):
    """A second run that shares prompts with the first, in another order and one of them twice."""
    model, vector = models.get(store, "tiny"), vectors.get(store, "upbeat-icv")
    first = runs.get(store, "1")
    prompts = [item.text for item in first.spec.prompts]
    other = run_spec(model, vector, ["only here", prompts[2], prompts[0], prompts[0]])
    return [first, add_run(store, model, replace(other, decoding=Decoding(max_new_tokens=9)))]


def texts_of(rows, columns):
    return [
        [None if column not in row.cells else row.cells[column].text for column in columns]
        for row in rows
    ]


@pytest.mark.parametrize("several", [False, True])
def test_the_pages_together_are_the_whole_comparison(store, several):
    found = two_runs(store) if several else [runs.get(store, "1")]
    columns = columns_of(found)
    whole = frames.comparison_frame(store, [str(run.id) for run in found])
    pages, offset = [], 0
    while rows := comparison.page(store, Question(columns=columns, offset=offset, limit=2))[0]:
        pages += rows
        offset += 2
    assert len(pages) == len(whole) == comparison.page(store, Question(columns=columns))[1]
    assert [row.prompt for row in pages] == whole["prompt"].tolist()
    expected = whole.drop(columns=["prompt", "sample"])
    expected = expected.astype(object).where(expected.notna(), None)
    assert texts_of(pages, columns) == expected.to_numpy().tolist()


def scored(store, values, scorer="cheer"):
    """Give the texts of run 1 a score each, by prompt and arm; None is missing with a reason."""
    g = schema.generations
    with store.write() as tx:
        rows = tx.execute(g.select().where(g.c.run_id == 1)).all()
        new = [
            new_score(row.id, values[row.arm][row.prompt], scorer=scorer, version="2")
            for row in rows
        ]
        scores.put_scores(tx, new)


def test_rows_are_filtered_and_sorted_by_a_score(store):
    scored(store, [[1.0, 1.0, 1.0], [3.0, 0.0, None], [2.0, 2.0, 2.0]])
    columns = columns_of([runs.get(store, "1")])
    cheer = next(item for item in comparison.measures(store, [1]) if item.name == "cheer")
    assert cheer.key == "cheer@2"

    def places(judged=1, measure=cheer, **wanted):
        question = Question(
            columns=columns,
            baseline=columns[0],
            judged=columns[judged],
            measure=measure,
            **wanted,
        )
        rows, count = comparison.page(store, question)
        assert len(rows) == count
        return [row.places[1] for row in rows]

    assert places(shown=Shown.BETTER) == [0]
    assert places(shown=Shown.WORSE) == [1]
    less = Criterion(name="cheer", version="2", lower_is_better=True)
    assert places(shown=Shown.BETTER, measure=less) == [1]
    assert places(shown=Shown.CHANGED) == [0, 1]
    assert places(order=Order.WORST)[:2] == [1, 0]
    assert places(order=Order.BEST)[0] == 0
    assert places(order=Order.LARGEST)[0] == 0
    assert places(shown=Shown.BETTER, measure=LENGTH) == []


@pytest.mark.parametrize(
    ("scorer", "less"),
    [
        ("perplexity", True),
        ("perplexity:baseline:model=steered", True),
        ("reverse_kl", True),
        ("repetition:2", True),
        ("distinct:2", False),
        ("contains:perplexity", False),
    ],
)
def test_less_of_a_figure_is_better_where_its_scorer_says_so(store, scorer, less):
    scored(store, [[1.0] * 3] * 3, scorer)
    [found] = [item for item in comparison.measures(store, [1]) if item.name == scorer]
    assert found.lower_is_better is less


def test_figures_that_rounding_alone_tells_apart_are_equal(store):
    up = math.nextafter(37.5, math.inf)
    scored(store, [[37.5, 37.5, 0.5], [up, 37.5, 0.75], [37.5 * (1 - 1e-7), 37.5, 0.25]])
    columns = columns_of([runs.get(store, "1")])

    def places(judged, **wanted):
        cheer = Criterion(name="cheer", version="2")
        asked = {"baseline": columns[0], "judged": columns[judged], "measure": cheer}
        rows, _ = comparison.page(store, Question(columns=columns, **asked, **wanted))
        return [row.places[1] for row in rows]

    assert places(1, shown=Shown.BETTER) == places(2, shown=Shown.WORSE) == [2]
    assert places(1, shown=Shown.WORSE) == places(2, shown=Shown.BETTER) == []
    assert places(1, order=Order.WORST) == [0, 1, 2]
    assert places(2, order=Order.LARGEST) == [2, 0, 1]


def test_figures_are_paired_and_leave_out_what_has_no_score(store):
    scored(store, [[1.0, 1.0, 1.0], [3.0, 0.0, None], [2.0, 2.0, 2.0]])
    columns = columns_of([runs.get(store, "1")])
    cheer = Criterion(name="cheer", version="2")
    base, mixed, better = comparison.figures(store, columns, cheer, columns[0])
    assert (base.level.mean, base.change) == (1.0, None)
    assert (mixed.count, mixed.change.difference.mean, mixed.change.n) == (2, 0.5, 2)
    assert mixed.change.verdict is Verdict.NOT_TOLD_APART
    assert (better.change.difference.mean, better.change.difference.low) == (1.0, None)
    assert better.change.verdict is Verdict.NOT_TOLD_APART  # three pairs are too few


def test_copies_of_a_prompt_are_one_piece_of_evidence(store):
    found = two_runs(store)
    columns = columns_of(found)
    figures = comparison.figures(store, columns, LENGTH, columns[0])
    again = [item for item in figures if item.column.run_id == found[1].id]
    assert {item.count for item in again} == {4}  # texts
    assert {item.level.n for item in again} == {3}  # prompts
    assert {item.change.n for item in again} == {2}  # that both runs have


def test_settings_name_what_differs_between_runs(store):
    differing = {item.name for item in settings_of(two_runs(store)) if item.differs}
    assert differing == {"name", "prompts", "new tokens at most", "batches"}


def test_an_interval_of_a_share_stays_inside_and_is_symmetric():
    assert share_interval(0, 5)[0] == 0
    low, high = share_interval(3, 10)
    other_low, other_high = share_interval(7, 10)
    assert (low, high) == pytest.approx((1 - other_high, 1 - other_low))
    assert low == pytest.approx(0.0667, abs=1e-4)  # as tabulated by Clopper and Pearson


def test_every_pair_is_asked_once_per_voter_and_votes_find_their_side(store):
    columns = columns_of([runs.get(store, "1")])
    match = Match(first=columns[0], second=columns[2], question="Which?")
    for voter in ("ada", "ben"):
        asked = []
        while pair := votes.next_pair(store, match, voter=voter):
            asked.append({pair.left_id, pair.right_id})
            # Both always prefer the steered text.
            is_left = pair.left_text != "the soup was cold."
            choice = Choice.LEFT if is_left else Choice.RIGHT
            assert votes.vote(store, pair, choice, question="Which?", voter=voter)
            assert not votes.vote(store, pair, choice, question="Which?", voter=voter)
        assert len(asked) == 2  # the third prompt has the same text on both sides
        assert asked[0] != asked[1]
    found = votes.tally(store, match)
    assert (found.first, found.second, found.equal, found.share) == (0, 4, 1, 1.0)
    assert found.p_value == pytest.approx(2 / 2**4)
    turned = votes.tally(store, replace(match, first=columns[2], second=columns[0]))
    assert (turned.first, turned.second) == (4, 0)
    assert votes.tally(store, replace(match, question="Other?")).votes == 0
    with pytest.raises(InputError, match="same column"):
        votes.tally(store, replace(match, second=columns[0]))


def test_both_sides_are_shown_left_about_equally_often():
    from vectorlab.store.runs.votes import _is_turned

    turned = sum(_is_turned(number, number + 1 + number % 3) for number in range(2000))
    assert 850 < turned < 1150
