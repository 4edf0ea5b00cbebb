"""Runs as lines of a list: what was asked first, the best arm and its verdict, when it was made."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TypeAlias

import pandas as pd

from ui import cached, markup
from ui.frame import lists
from vectorlab.domain.runs.comparison import Criterion
from vectorlab.domain.runs.lists import RunSummary
from vectorlab.services import frames
from vectorlab.services.runs import outcomes
from vectorlab.services.runs.outcomes import ArmScores, RunOutcome, Standing

TONES = {Standing.BETTER: "good", Standing.WORSE: "bad", Standing.NOT_TOLD_APART: ""}
AllScores: TypeAlias = Mapping[int, Mapping[Criterion, ArmScores]]
NOT_SCORED = "not scored"
MOST_OF_A_SCORER = 28  # characters of its label; a regular expression may have hundreds


class RunOrder(StrEnum):
    """How the runs of a page are sorted."""

    NEWEST = "newest"
    GAIN = "largest gain"


class RunGrouping(StrEnum):
    """What the runs of a page stand together by."""

    NONE = "nothing"
    VERDICT = "verdict"
    MODEL = "model"
    PROMPT = "first prompt"


def scored(runs: Sequence[RunSummary]) -> AllScores:
    """The scores of a page of runs, by scorer."""
    return outcomes.read(cached.store(), [run.id for run in runs])


def judged(scores: AllScores, key: str | None = None) -> dict[int, RunOutcome]:
    """The outcomes of runs by one scorer; without a key, of every run by the usual one."""
    found = {}
    for run_id, by_criterion in scores.items():
        known = {criterion.key: criterion for criterion in by_criterion}
        wanted = known.get(key or outcomes.usual(list(by_criterion)).key)
        if wanted is not None:
            outcome = cached.outcome(run_id, wanted, by_criterion[wanted])
            if outcome is not None:
                found[run_id] = outcome
    return found


def sort(
    runs: Sequence[RunSummary], found: Mapping[int, RunOutcome], order: RunOrder
) -> list[RunSummary]:
    """Runs in an order; without an outcome they come last."""
    if order is RunOrder.NEWEST:
        return list(runs)
    return sorted(
        runs, key=lambda run: (-found[run.id].gain if run.id in found else float("inf"), -run.id)
    )


def group_of(run: RunSummary, outcome: RunOutcome | None, grouping: RunGrouping) -> str:
    """The words over the group that a run stands in."""
    if grouping is RunGrouping.VERDICT:
        return NOT_SCORED if outcome is None else outcome.standing.value
    if grouping is RunGrouping.MODEL:
        return run.model_name
    return " ".join(run.first_prompt.split()) if grouping is RunGrouping.PROMPT else ""


def head(found: Mapping[int, RunOutcome]) -> list[str]:
    """Words over the columns of ``cells``; those of outcomes stand only where there are some."""
    judged = ["best arm", "change", "over strength"] if found else ["arms"]
    return ["run", "first prompt", *judged, "texts", "model", "made"]


def cells(run: RunSummary, found: Mapping[int, RunOutcome], page: str = "compare") -> list[str]:
    """The line of a run; its link opens ``page``."""
    outcome = found.get(run.id)
    judged = ["" if outcome is None else draw(outcome) for draw in (_change, _curve)]
    return [
        markup.opens(_called(run), page, run=run.id) + _about(run),
        markup.preview(run.first_prompt)
        + (markup.note(f"and {run.n_prompts - 1:,} more") if run.n_prompts > 1 else ""),
        _best(run, outcome),
        *(judged if found else []),
        f"{run.n_texts:,}",
        markup.escape(run.model_name),
        f'<span class="vl-moment">{markup.moment(run.created_at).removesuffix(" UTC")}</span>',
    ]


def show(runs: Sequence[RunSummary], *, name: str, page: str = "compare") -> None:
    """A short list of runs without any choice."""
    found = judged(scored(runs))
    lists.linked(
        head(found),
        {"": [cells(run, found, page) for run in runs]},
        frame=lambda: frame(runs, found),
        name=name,
    )


def frame(runs: Sequence[RunSummary], found: Mapping[int, RunOutcome]) -> pd.DataFrame:
    """What is downloaded of a list."""
    rows = [_outcome_row(run, found.get(run.id)) for run in runs]
    return pd.concat([frames.summaries_frame(runs), pd.DataFrame(rows)], axis=1)


def _outcome_row(run: RunSummary, outcome: RunOutcome | None) -> dict[str, object]:
    return {
        "first prompt": run.first_prompt,
        "judged by": None if outcome is None else outcome.measure.key,
        "best arm": None if outcome is None else outcome.arm.label,
        "change": None if outcome is None else outcome.change.difference.mean,
        "verdict": None if outcome is None else outcome.standing.value,
    }


def _called(run: RunSummary) -> str:
    return f"{run.id} · {run.name}" if run.name else f"run {run.id}"


def _about(run: RunSummary) -> str:
    facts = [] if run.replay_of is None else [f"replay of run {run.replay_of}"]
    if run.is_sampled:
        facts.append(f"sampled, {run.samples} each" if run.samples > 1 else "sampled")
    return markup.note(", ".join(facts)) if facts else ""


def _best(run: RunSummary, outcome: RunOutcome | None) -> str:
    if outcome is not None:
        rest = len(run.arms) - 1
        return markup.escape(outcome.arm.label) + markup.note(
            f"of {rest} arms" if rest > 1 else "the only arm"
        )
    return markup.quiet(", ".join(run.arms[:3]) + (" …" if len(run.arms) > 3 else ""))


def _change(outcome: RunOutcome) -> str:
    change = outcome.change.difference
    low, high = change.low, change.high
    interval = "" if low is None or high is None else f" [{low:+.3g}, {high:+.3g}]"
    words = outcome.standing.value
    return (
        f"{markup.preview(outcome.measure.name, MOST_OF_A_SCORER)} {change.mean:+.3g}"
        f"{markup.quiet(interval)} {markup.badge(words, TONES[outcome.standing])}"
    )


def _curve(outcome: RunOutcome) -> str:
    if len(outcome.curve) < 2:
        return ""
    words = ", ".join(f"{value:.3g} at {strength:g}" for strength, value in outcome.curve)
    return markup.sparkline(outcome.curve, words=f"mean {outcome.measure.name}: {words}")
