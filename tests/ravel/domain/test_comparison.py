"""Arms held against one: values whose mean is the score, pairs that are independent."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.ravel.domain.test_measures import TABLE
from vectorlab.domain.scores.statistics import Verdict
from vectorlab.errors import InputError
from vectorlab.ravel.domain.comparison import Tried, compare, values_by_prompt
from vectorlab.ravel.domain.measures import (
    AttributeMeasure,
    Judged,
    copy_everything,
    do_nothing,
    score,
    summary,
)

pytestmark = pytest.mark.kernels
CAUSE, ISOLATE, DISENTANGLE = AttributeMeasure


def tried(outcomes: Sequence[Judged], *, per_prompt: int = 1) -> list[Tried]:
    """Outcomes as examples; of one template so many in a row share their base prompt."""
    counts: dict[int, int] = {}
    found = []
    for place, judged in enumerate(outcomes):
        number = counts.get(judged.template, 0)
        counts[judged.template] = number + 1
        prompt = (judged.template, number // per_prompt)
        found.append(Tried(example=place, prompt=prompt, judged=judged))
    return found


def outcomes(cause: float, isolate: float, *, seed: int, n: int = 24) -> list[Judged]:
    """Two targets on prompts of two templates each, with such shares of hits."""
    rng = np.random.default_rng(seed)
    rows: list[Judged] = []
    for target in "ab":
        for template, attribute in enumerate("aabb"):
            is_own = attribute == target
            for hit in rng.random(n) < (cause if is_own else isolate):
                changed = bool(hit) == is_own
                rows.append(
                    Judged(
                        target=target,
                        attribute=attribute,
                        template=template,
                        changed=changed,
                        kept=not changed,
                    )
                )
    return rows


@pytest.mark.parametrize("target", [None, "a", "b"])
@pytest.mark.parametrize("per_prompt", [1, 3])
def test_the_mean_of_the_values_is_the_score(target: str | None, per_prompt: int):
    for table in (TABLE, outcomes(0.3, 0.6, seed=1)):
        found = summary(score(table), target)
        values = values_by_prompt(tried(table, per_prompt=per_prompt), target)
        means = {measure: np.mean(list(values[measure].values())) for measure in AttributeMeasure}
        assert means[CAUSE] == pytest.approx(found.cause.value)
        assert means[ISOLATE] == pytest.approx(found.isolate.value)
        assert means[DISENTANGLE] == pytest.approx(found.disentangle.value)


def test_runs_of_one_prompt_are_one_pair():
    table = outcomes(0.3, 0.6, seed=1)
    apart = values_by_prompt(tried(table))
    together = values_by_prompt(tried(table, per_prompt=4))
    assert len(apart[DISENTANGLE]) == 2 * 4 * 24
    assert len(together[DISENTANGLE]) == len(apart[DISENTANGLE]) / 4


def test_a_difference_is_that_of_the_scores_and_is_told_apart_where_there_is_one():
    idle = tried(do_nothing(outcomes(0.5, 0.5, seed=0)))
    arms = {
        "idle": idle,
        "same": idle,
        "good": tried(outcomes(0.8, 0.8, seed=2)),
        "copy": tried(copy_everything(outcomes(0.5, 0.5, seed=0))),
    }
    found = compare(arms, "idle")
    good = found[DISENTANGLE]["good"]
    reached = summary(score([each.judged for each in arms["good"]]))
    assert good.difference.mean == pytest.approx(reached.disentangle.value - 0.5)
    assert good.verdict is Verdict.HIGHER
    assert found[CAUSE]["good"].verdict is Verdict.HIGHER
    assert found[ISOLATE]["good"].verdict is Verdict.LOWER
    assert found[DISENTANGLE]["same"].verdict is Verdict.NOT_TOLD_APART
    assert found[DISENTANGLE]["same"].p == 1
    # All of Isolate is lost and all of Cause won: the mean is where it was.
    assert found[DISENTANGLE]["copy"].difference.mean == pytest.approx(0)
    assert found[DISENTANGLE]["copy"].verdict is Verdict.NOT_TOLD_APART
    assert {each.comparisons for each in found[CAUSE].values()} == {3}


def test_arms_of_other_examples_are_refused():
    table = tried(TABLE)
    fewer = [each for each in table if each.example != 3]
    with pytest.raises(InputError, match="'short' was tried on other examples or targets than 'a'"):
        compare({"a": table, "short": fewer}, "a")
    other = [replace(each, judged=replace(each.judged, target="b")) for each in table]
    with pytest.raises(InputError, match="'other' was tried on other examples or targets"):
        compare({"a": table, "other": other}, "a")
