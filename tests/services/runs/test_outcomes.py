"""What a list says of a run is what its page says, and costs the same for one run or many."""

from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from tests.ui.filled_store import add_run, fill, run_spec
from vectorlab.domain.hashing import bytes_sha256
from vectorlab.domain.runs.comparison import columns_of
from vectorlab.domain.runs.lists import RunFilter, RunKind
from vectorlab.domain.scores.scores import NewScore, Score
from vectorlab.services import models
from vectorlab.services.runs import comparison, lists, outcomes, runs
from vectorlab.services.runs.outcomes import Standing
from vectorlab.services.vectors import merits, vectors
from vectorlab.store import schema
from vectorlab.store.runs import scores

PROMPTS = [f"Prompt {number}." for number in range(12)]
GAINS = {"cheer": (0.0, 0.2, 0.5), "kl": (0.0, 0.05, 0.4)}  # of the arms, on top of the prompt


@pytest.fixture
def scored(database):
    """A run of twelve prompts, one of them twice, whose second strength does the most."""
    fill(database)
    model, vector = models.get(database, "tiny"), vectors.get(database, "upbeat-icv")
    run = add_run(database, model, run_spec(model, vector, [*PROMPTS, PROMPTS[0]]), name="scored")
    score(database, run, GAINS)
    return run


def score(db, run, gains, version="1"):
    with db.write() as tx:
        g = schema.generations.c
        rows = tx.execute(sa.select(g.id, g.arm, g.prompt).where(g.run_id == run.id)).all()
        scores.put_scores(
            tx,
            [
                NewScore(
                    generation_id=row.id,
                    scorer=name,
                    scorer_version=version,
                    score=Score.of(row.prompt / 100 + of_arms[row.arm] * (1 + row.prompt / 50)),
                    content_sha256=bytes_sha256(f"{name} {version} {row.id} {of_arms}".encode()),
                )
                for name, of_arms in gains.items()
                for row in rows
            ],
        )


@contextmanager
def statements():
    found = []
    note = lambda _c, _cursor, statement, *_: found.append(statement)  # noqa: E731
    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)


def test_the_best_arm_of_a_list_is_that_of_the_figures_with_the_same_verdict(database, scored):
    of_run = outcomes.read(database, [scored.id, 1])[scored.id]
    assert sorted(criterion.key for criterion in of_run) == ["cheer@1", "kl@1"]
    cheer = outcomes.usual(list(of_run))
    assert cheer.key == "cheer@1"
    outcome = outcomes.judge(of_run[cheer], cheer)
    columns = columns_of([scored])
    shown = comparison.figures(database, columns, cheer, columns[0])
    assert outcome.arm.label == "upbeat-icv +0.2"
    assert outcome.change == shown[2].change
    assert outcome.standing is Standing.BETTER
    assert outcome.curve == tuple(
        (strength, pytest.approx(figures.level.mean))
        for strength, figures in zip((0.0, 0.1, 0.2), shown, strict=True)
    )


def test_of_a_damage_the_least_is_best_and_more_of_it_is_worse(database, scored):
    of_run = outcomes.read(database, [scored.id])[scored.id]
    kl = next(criterion for criterion in of_run if criterion.name == "kl")
    outcome = outcomes.judge(of_run[kl], kl)
    assert outcome.arm.label == "upbeat-icv +0.1"
    assert outcome.gain < 0
    assert outcome.standing is Standing.WORSE


def test_scores_that_were_superseded_or_are_of_an_older_version_say_nothing(database, scored):
    score(database, scored, {"cheer": (0.0, 0.0, 0.0)}, version="2")
    score(database, scored, {"kl": (0.0, 0.0, 0.0)})
    of_run = outcomes.read(database, [scored.id])[scored.id]
    assert sorted(criterion.key for criterion in of_run) == ["cheer@2", "kl@1"]
    for criterion, found in of_run.items():
        outcome = outcomes.judge(found, criterion)
        assert outcome.standing is Standing.NOT_TOLD_APART
        assert outcome.gain == 0


def test_a_run_without_scores_or_without_a_baseline_has_no_outcome(database, scored):
    assert set(outcomes.read(database, [1, 2, scored.id])) == {scored.id}
    assert outcomes.read(database, []) == {}
    of_run = outcomes.read(database, [scored.id])[scored.id]
    found = of_run[outcomes.usual(list(of_run))]
    steered = outcomes.ArmScores(arms=found.arms[1:], means={0: found.means[1], 1: found.means[2]})
    assert outcomes.judge(steered, outcomes.usual(list(of_run))) is None


def test_many_runs_and_vectors_are_read_in_as_many_statements_as_one(database, scored):
    model, vector = models.get(database, "tiny"), vectors.get(database, "upbeat-icv")
    for _ in range(20):
        score(database, add_run(database, model, run_spec(model, vector, PROMPTS)), GAINS)
    combined = [
        vectors.combine(database, name=f"v{n}", terms=[(2.0 + n, "upbeat-icv")], actor="ada").id
        for n in range(5)
    ]
    counted = {}
    for number in (1, 20):
        with statements() as asked:
            listed = lists.list_runs(database, RunFilter(kind=RunKind.KEPT), limit=number)
            assert len(outcomes.read(database, [run.id for run in listed])) == number
            merits.of_vectors(database, [vector.id, *combined][: min(number, 6)])
        counted[number] = len(asked)
    assert counted[1] == counted[20]


def test_a_try_is_one_prompt_without_a_name(database, scored):
    model, vector = models.get(database, "tiny"), vectors.get(database, "upbeat-icv")
    one = add_run(database, model, run_spec(model, vector, ["Say it: "]))
    named = add_run(database, model, run_spec(model, vector, ["Say it: "]), name="kept")

    def ids(kind):
        return {run.id for run in lists.list_runs(database, RunFilter(kind=kind))}

    assert ids(RunKind.TRIES) == {one.id}
    assert ids(RunKind.KEPT) == ids(RunKind.ALL) - {one.id}
    assert named.id in ids(RunKind.KEPT)
    assert lists.count_tries(database, RunFilter()) == 1
    assert lists.count_tries(database, RunFilter(words="no such words")) == 0
    runs.rename(database, str(one.id), "kept-too", actor="ada")
    assert lists.count_tries(database, RunFilter()) == 0
    preview = lists.list_runs(database, RunFilter(words="kept-too"))[0].first_prompt
    assert preview == "Say it: "
