"""Pages of a comparison say what all texts of the runs say, on both databases."""

import math
from dataclasses import replace

import pytest

from tests.store.builders import calibration, new_score
from tests.ui.filled_store import RIGHT_TO_LEFT, add_run, fill, run_spec
from vectorlab.domain.interventions.arms import Arm
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
from vectorlab.domain.text.documents import Table
from vectorlab.errors import InputError
from vectorlab.services import frames, models
from vectorlab.services.runs import arm_kinds, baselines, comparison, report, runs, votes
from vectorlab.services.vectors import vectors
from vectorlab.store import schema
from vectorlab.store.runs import comparison as comparison_store
from vectorlab.store.runs import scores
from vectorlab.store.vectors import calibrations


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
    assert {item.change.n for item in again if item.change} == {3}


def test_a_run_of_other_decoding_is_held_against_its_own_baseline(store):
    found = two_runs(store)
    columns = columns_of(found)
    figures = comparison.figures(store, columns, LENGTH, columns[0])
    own = {item.column.run_id: item.baseline for item in figures}
    assert own == {1: columns[0], found[1].id: columns[3]}
    assert [item.change is None for item in figures] == [True, False, False] * 2
    assert {item.apart for item in figures[:3]} == {()}
    assert {item.apart for item in figures[3:]} == {
        ("other prompts", "new tokens at most 9, not 8")
    }
    # A baseline of the second run: now the first has its own.
    turned = comparison.figures(store, columns, LENGTH, columns[3])
    assert [item.baseline for item in turned] == [columns[0]] * 3 + [columns[3]] * 3
    assert turned[0].apart == ("other prompts", "new tokens at most 8, not 9")


def test_another_seed_is_the_same_experiment(store):
    first = runs.get(store, "1")
    again = add_run(store, models.get(store, "tiny"), replace(first.spec, seed=8))
    columns = columns_of([first, again])
    figures = comparison.figures(store, columns, LENGTH, columns[0])
    assert {item.baseline for item in figures} == {columns[0]}
    assert [item.change is None for item in figures] == [True] + [False] * 5


def controlled(store, controls=("upbeat-icv-random-0",), n_prompts=12):
    """A run whose vector stands beside random directions at one of its two strengths."""
    model, vector = models.get(store, "tiny"), vectors.get(store, "upbeat-icv")
    spec = run_spec(model, vector, [f"Prompt {number}" for number in range(n_prompts)])
    arms = list(spec.arms)
    for seed, label in enumerate(controls):
        control = baselines.random_direction(store, "upbeat-icv", seed=seed, actor="ada")
        [item] = arms[1].interventions
        other = replace(item, vector_id=control.id, vector_sha256=control.content_sha256)
        arms.append(Arm(label=label, interventions=(other,)))
    return add_run(store, model, replace(spec, arms=tuple(arms)))


def scored_by_arm(store, run, values, scorer="sentiment"):
    """Give every text the value of its arm, and a little of its prompt."""
    g = schema.generations
    with store.write() as tx:
        rows = tx.execute(g.select().where(g.c.run_id == run.id)).all()
        new = [
            new_score(row.id, values[row.arm] + row.prompt / 1000, scorer=scorer, version="1")
            for row in rows
        ]
        scores.put_scores(tx, new)
    return Criterion(name=scorer, version="1")


def test_an_arm_is_held_against_the_same_in_random_directions(store):
    run = controlled(store, ["one", "two"])
    columns = columns_of([run])
    cheer = scored_by_arm(store, run, [0.0, 0.5, 0.6, 0.1, 0.3])
    base, weak, strong, *random = comparison.figures(store, columns, cheer, columns[0])
    assert [item.info.kind.value for item in (base, weak, strong, *random)] == [
        "baseline",
        "steered",
        "steered",
        "random direction",
        "random direction",
    ]
    # Two random directions count as their mean.
    assert weak.against_random.difference.mean == pytest.approx(0.5 - (0.1 + 0.3) / 2)
    assert weak.beats_random(cheer)
    # At 0.2 no random direction was asked for; nothing is claimed.
    assert strong.against_random is None
    assert strong.beats_random(cheer) is None
    assert {item.against_random for item in (base, *random)} == {None}


def test_what_a_random_direction_does_as_well_is_not_better_than_it(store):
    run = controlled(store)
    columns = columns_of([run])
    cheer = scored_by_arm(store, run, [0.0, 0.5, 0.5, 0.5])
    weak = comparison.figures(store, columns, cheer, columns[0])[1]
    assert weak.change.verdict is Verdict.HIGHER
    assert weak.beats_random(cheer) is False
    # Where less is wanted, more than a random direction is not better.
    damage = scored_by_arm(store, run, [0.0, 0.9, 0.5, 0.5], "kl")
    assert comparison.measures(store, [run.id])[2].lower_is_better
    less = replace(damage, lower_is_better=True)
    weak = comparison.figures(store, columns, less, columns[0])[1]
    assert weak.against_random.verdict is Verdict.HIGHER
    assert weak.beats_random(less) is False


def test_chance_level_is_held_against_the_interval(store):
    run = controlled(store, [])
    columns = columns_of([run])
    votes_ = scored_by_arm(store, run, [0.4945, 0.8, 0.2], "votes")
    found = comparison.figures(store, columns, votes_, columns[0])
    assert [item.is_at_chance for item in found] == [True, False, False]
    plain = scored_by_arm(store, run, [0.5, 0.5, 0.5], "sentiment")
    found = comparison.figures(store, columns, plain, columns[0])
    assert {item.is_at_chance for item in found} == {None}


def test_degenerate_texts_of_a_column_are_counted_by_how(store):
    columns = columns_of([runs.get(store, "1")])
    assert comparison.degenerate_texts(store, columns) == {column: {} for column in columns}
    with store.read() as tx:
        assert set(comparison_store.texts(tx, columns[0])) == {"the soup was cold.", RIGHT_TO_LEFT}
    model, vector = models.get(store, "tiny"), vectors.get(store, "upbeat-icv")
    said = {0: "ok " * 20, 1: "!!!", 2: "fine"}
    run = add_run(store, model, run_spec(model, vector), said=said)
    found = comparison.degenerate_texts(store, columns_of([run]))
    assert list(found.values()) == [{"repeats itself": 2}, {"no words": 2}, {}]


def test_a_calibrated_arm_is_known_by_its_vector_and_strength(store):
    vector, run = vectors.get(store, "upbeat-icv"), runs.get(store, "1")
    columns = columns_of([run])
    assert not any(info.is_calibrated for info in arm_kinds.infos(store, [run]).values())
    with store.write() as tx:
        found = calibration(vector)
        spec = replace(found.spec, model_fingerprint=run.spec.model_fingerprint, layers=None)
        calibrations.add_calibration(tx, replace(found, spec=spec, strength=0.2005), "ada")
    found = arm_kinds.infos(store, [run])
    assert [found[column].is_calibrated for column in columns] == [False, False, True]


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


def test_the_report_says_what_random_directions_do_as_the_page_does(store):
    run = controlled(store, ["drawn"])
    scored_by_arm(store, run, [0.0, 0.5, 0.6, 0.1])
    scored_by_arm(store, run, [0.0, 0.9, 0.5, 0.5], "kl")
    blocks = report.run_report(store, [str(run.id)])
    tables = [block for block in blocks if isinstance(block, Table)]
    against = [
        [(row[0], row[1], row[-1]) for row in table.rows]
        for table in tables
        if list(table.columns) == ["arm", "difference", "low", "high", "p", "verdict"]
    ]
    assert against == [
        [("upbeat-icv +0.1", "0.4", "not better than random")],  # kl, of which less is wanted
        [("upbeat-icv +0.1", "0.4", "better than random")],
    ]
    [arms] = [table for table in tables if "degenerate texts" in table.columns]
    assert [row[1] for row in arms.rows] == ["baseline", "steered", "steered", "random direction"]
    assert [row[-1] for row in arms.rows] == ["0"] * 4
