"""What can be told apart: every arm of a run against one, prompt by prompt."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from vectorlab.errors import InputError
from vectorlab.ravel.domain.comparison import Tried, compare
from vectorlab.ravel.domain.instances import ExamplePart, Instance
from vectorlab.ravel.domain.measures import (
    COPY_EVERYTHING,
    DO_NOTHING,
    Judged,
    copy_everything,
    do_nothing,
)
from vectorlab.ravel.domain.remarks import remark_on
from vectorlab.ravel.domain.specs import Evaluation, RavelRun
from vectorlab.ravel.services import frames, runs
from vectorlab.ravel.services import instances as ravel_instances
from vectorlab.services.runs import scores
from vectorlab.store.database import Database

_Policy = Callable[[Iterable[Judged]], list[Judged]]
_POLICIES: Mapping[str, _Policy] = {DO_NOTHING: do_nothing, COPY_EVERYTHING: copy_everything}


def compare_runs(
    db: Database,
    references: Sequence[str],
    *,
    baseline: str = DO_NOTHING,
    target: str | None = None,
    parts: Sequence[ExamplePart] = (),
) -> pd.DataFrame:
    """Every arm of some runs against one of them: ``comparison_frame`` of all their evaluations.

    Args:
        db: The store.
        references: Runs of one instance, by name, id or hash prefix.
        baseline: Label of an arm, or a policy.
        target: Only the scores of this attribute; None takes the mean over targets.
        parts: Only these parts of the instance; none takes all that were scored.

    Raises:
        NotFoundError: If there is no such run.
        InputError: If the runs are of several instances, or nothing can be compared.
    """
    found = [runs.get_run(db, reference) for reference in references]
    instance = _instance_of(db, found)
    evaluations = {
        evaluation.id: evaluation
        for run in found
        for evaluation in runs.evaluations(db, run=run)
        if evaluation.part in (parts or tuple(ExamplePart))
    }
    if not evaluations:
        raise InputError(f"Nothing was scored in {', '.join(references)} on these parts.")
    return comparison_frame(
        db, list(evaluations.values()), instance, baseline=baseline, target=target
    )


def comparison_frame(
    db: Database,
    evaluations: Sequence[Evaluation],
    instance: Instance,
    *,
    baseline: str = DO_NOTHING,
    target: str | None = None,
) -> pd.DataFrame:
    """One row per part, measure and arm: the difference to the baseline, and the verdict.

    The arms of a part in one measure are one family: if none of them differs from the baseline,
    any is told apart in at most 5 of 100 such tables. Both policies are arms like the others.

    Args:
        db: The store.
        evaluations: Of one instance, on the same examples within each part.
        instance: That they belong to.
        baseline: Label of an arm, or a policy.
        target: Only the scores of this attribute; None takes the mean over targets.

    Raises:
        InputError: If there is no such arm or target, or arms were tried on different examples.
    """
    if target is not None and target not in instance.attributes:
        raise InputError(
            f"Instance {instance.name!r} has no attribute {target!r}. Use one of "
            f"{', '.join(instance.attributes)}."
        )
    tables = []
    for part in dict.fromkeys(evaluation.part for evaluation in evaluations):
        arms = labelled([each for each in evaluations if each.part is part])
        tried = {label: frames.tried(db, arm, instance) for label, arm in arms.items()}
        first = next(iter(tried.values()))
        tried |= {name: _under(policy, first) for name, policy in _POLICIES.items()}
        if baseline not in tried:
            raise InputError(
                f"There is no arm {baseline!r} on {part}. Use one of {', '.join(tried)}."
            )
        compared = compare(tried, baseline, target=target)
        frame = scores.comparison_frame(
            {measure.value: against for measure, against in compared.items()}
        ).rename(columns={"scorer": "measure"})
        frame.insert(0, "part", part.value)
        frame["remark"] = [
            remark_on(arms[label], target) if label in arms else "" for label in frame["arm"]
        ]
        tables.append(frame)
    return pd.concat(tables, ignore_index=True)


def labelled(evaluations: Sequence[Evaluation]) -> dict[str, Evaluation]:
    """Evaluations of one part by label; those that share a label say which they are."""
    labels = [evaluation.label for evaluation in evaluations]
    return {
        label if labels.count(label) == 1 else f"{label} (evaluation {evaluation.id})": evaluation
        for label, evaluation in zip(labels, evaluations, strict=True)
    }


def _under(policy: _Policy, outcomes: Sequence[Tried]) -> list[Tried]:
    """The same examples as the policy would have them."""
    judged = policy([each.judged for each in outcomes])
    return [replace(each, judged=new) for each, new in zip(outcomes, judged, strict=True)]


def _instance_of(db: Database, found: Sequence[RavelRun]) -> Instance:
    names = list(dict.fromkeys(run.instance_name for run in found))
    if len(names) != 1:
        raise InputError(
            f"Runs of {len(names)} instances are given ({', '.join(names) or 'none'}); only those "
            "of one can be compared."
        )
    return ravel_instances.get(db, str(found[0].instance_id))
