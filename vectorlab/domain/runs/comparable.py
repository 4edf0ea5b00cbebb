"""Whether the texts of two runs may stand in one curve, or one be held against the other's."""

from collections.abc import Sequence

from vectorlab.domain.description import Fact, describe
from vectorlab.domain.runs.comparison import Column, columns_of
from vectorlab.domain.runs.runs import GenerationRun

# In these, runs that compare may differ: in what is compared, in the draws, in what is measured
# besides. Whatever else a request says has to be the same, also what is added to requests later.
_FREE = ("arms", "seed", "samples", "decoding.kl")


def reasons_apart(run: GenerationRun, other: GenerationRun) -> tuple[str, ...]:
    """Why two runs do not compare, in words; empty where they do.

    Args:
        run: One run.
        other: What it would be held against.
    """
    reasons = []
    if run.spec.model_fingerprint != other.spec.model_fingerprint:
        reasons.append(f"model {run.model_name}, not {other.model_name}")
    if {prompt.text for prompt in run.spec.prompts} != {
        prompt.text for prompt in other.spec.prompts
    }:
        reasons.append("other prompts")
    mine, theirs = _facts(run), _facts(other)
    said = [
        f"{mine[name].name} {mine[name].value}, not {theirs[name].value}"
        for name in mine
        if name in theirs and mine[name] != theirs[name]
    ]
    # What is said of one alone does nothing in the other because of something that is said of both.
    alone = [
        fact.name for name, fact in (mine | theirs).items() if name not in mine.keys() & theirs
    ]
    return (*reasons, *(said or alone))


def comparable_runs(runs: Sequence[GenerationRun]) -> list[list[GenerationRun]]:
    """The runs in groups whose members compare with one another, in their order."""
    groups: list[list[GenerationRun]] = []
    for run in runs:
        for group in groups:
            if not reasons_apart(run, group[0]):
                group.append(run)
                break
        else:
            groups.append([run])
    return groups


def baselines_of(runs: Sequence[GenerationRun], chosen: Column | None) -> dict[int, Column | None]:
    """By run, the column that its arms are held against.

    That is the chosen one for the runs that compare with its run. The others have the first
    unsteered arm among those that compare with them, or nothing. No choice means nothing for all.
    """
    found: dict[int, Column | None] = {run.id: None for run in runs}
    if chosen is None:
        return found
    for group in comparable_runs(runs):
        own = [column for column in columns_of(group) if column.is_baseline]
        has_chosen = chosen.run_id in {run.id for run in group}
        for run in group:
            found[run.id] = chosen if has_chosen else next(iter(own), None)
    return found


def _facts(run: GenerationRun) -> dict[str, Fact]:
    without = (*_FREE, "model_fingerprint", "prompts")
    return {fact.field: fact for fact in describe(run.spec) if fact.field not in without}
