"""Scores of several arms held against one, prompt by prompt, by the rule of all verdicts.

A pair is a base prompt. Its value in a measure is the sum over its edited runs (sources, targets)
of what they add to the score: each weighs one over the runs of its template, the templates of its
attribute, the attributes of its target, the targets. So the mean of the values is the score itself,
and the mean difference is the difference of the scores. Runs of one base prompt are no independent
pairs, so they are turned round together.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from vectorlab.domain.scores.statistics import PairedComparison, compare_arms
from vectorlab.errors import InputError
from vectorlab.ravel.domain.measures import AttributeMeasure, Judged, check_targets

BasePrompt: TypeAlias = Hashable  # template and entity of a base
ByPrompt: TypeAlias = Mapping[BasePrompt, float]


@dataclass(frozen=True, kw_only=True)
class Tried:
    """An outcome with the example that it belongs to."""

    example: int  # position in the instance
    prompt: BasePrompt
    judged: Judged


def compare(
    arms: Mapping[str, Sequence[Tried]], baseline: str, *, target: str | None = None
) -> dict[AttributeMeasure, dict[str, PairedComparison]]:
    """Every arm against one in each measure, corrected for the number of arms.

    Args:
        arms: Outcomes by label, of the same examples for the same targets.
        baseline: Label of the arm that the others are held against.
        target: Only the scores of this attribute; None takes the mean over targets.

    Raises:
        InputError: If an arm was tried on other examples than the baseline, or a measure has no
            outcome.
    """
    used = _examples(arms[baseline])
    for label, tried in arms.items():
        if _examples(tried) != used:
            raise InputError(
                f"Arm {label!r} was tried on other examples or targets than {baseline!r}; only "
                "arms of the same ones can be compared."
            )
    by_arm = {label: values_by_prompt(tried, target) for label, tried in arms.items()}
    found = {}
    for measure in AttributeMeasure:
        prompts = list(by_arm[baseline][measure])
        rows = {
            label: [values[measure][prompt] for prompt in prompts]
            for label, values in by_arm.items()
        }
        others = {label: row for label, row in rows.items() if label != baseline}
        found[measure] = compare_arms(others, rows[baseline])
    return found


def values_by_prompt(
    tried: Sequence[Tried], target: str | None = None
) -> dict[AttributeMeasure, ByPrompt]:
    """Per measure one value for every base prompt that it takes; their mean is the score.

    Raises:
        InputError: If a target has no outcome on prompts of its own, or none on those of others.
    """
    counted = [each for each in tried if target in (None, each.judged.target)]
    check_targets([each.judged for each in counted])
    weights = _weights([each.judged for each in counted])
    sums: dict[AttributeMeasure, dict[BasePrompt, float]] = {
        AttributeMeasure.CAUSE: {},
        AttributeMeasure.ISOLATE: {},
    }
    for each, weight in zip(counted, weights, strict=True):
        judged = each.judged
        is_own = judged.attribute == judged.target
        hit = judged.changed if is_own else judged.kept
        of = sums[AttributeMeasure.CAUSE if is_own else AttributeMeasure.ISOLATE]
        of[each.prompt] = of.get(each.prompt, 0.0) + weight * hit
    cause, isolate = sums[AttributeMeasure.CAUSE], sums[AttributeMeasure.ISOLATE]
    sums[AttributeMeasure.DISENTANGLE] = {
        prompt: (cause.get(prompt, 0.0) + isolate.get(prompt, 0.0)) / 2
        for prompt in dict.fromkeys([*cause, *isolate])
    }
    # Sums add up to the score; values have it as their mean, so that each is a score too.
    return {
        measure: {prompt: value * len(values) for prompt, value in values.items()}
        for measure, values in sums.items()
    }


def _weights(outcomes: Sequence[Judged]) -> list[float]:
    """What each outcome weighs in the score that it adds to."""
    runs: dict[tuple[str, str, int], int] = {}
    for outcome in outcomes:
        key = (outcome.target, outcome.attribute, outcome.template)
        runs[key] = runs.get(key, 0) + 1
    templates: dict[tuple[str, str], int] = {}
    for target, attribute, _ in runs:
        templates[target, attribute] = templates.get((target, attribute), 0) + 1
    others: dict[str, int] = {target: 0 for target, _ in templates}
    for target, attribute in templates:
        others[target] += attribute != target
    return [
        1
        / runs[outcome.target, outcome.attribute, outcome.template]
        / templates[outcome.target, outcome.attribute]
        / (1 if outcome.attribute == outcome.target else others[outcome.target])
        / len(others)
        for outcome in outcomes
    ]


def _examples(tried: Sequence[Tried]) -> set[tuple[str, int]]:
    return {(each.judged.target, each.example) for each in tried}
