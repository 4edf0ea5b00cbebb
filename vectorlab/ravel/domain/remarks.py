"""What the making of a featurizer measured, in words, and what has to be said beside its scores.

A row of scores looks the same whether a method did its work or not. Where a measure shows that it
did not, whatever shows the row says so: commands, pages, frames and reports ask ``remark``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from vectorlab.ravel.domain.specs import FEATURIZERS, Evaluation, Measures

LEFT = 0.25  # of what is told beyond the most frequent value; more of it left is not erased
SPARSE = 0.2  # of the latents in a state; more of them active are not sparse


@dataclass(frozen=True, kw_only=True)
class FeaturizerMeasure:
    """What a measure is called and says."""

    name: str
    about: str
    digits: int = 3  # behind the point; none for a count


MEASURES: Mapping[str, FeaturizerMeasure] = {
    "accuracy": FeaturizerMeasure(
        name="linear accuracy",
        about="share of the training states whose value a linear classifier fitted to them tells",
    ),
    "accuracy_after_removal": FeaturizerMeasure(
        name="after removal",
        about="the same, once the features are removed from the states",
    ),
    "majority": FeaturizerMeasure(
        name="majority", about="share of the most frequent value, told without any state"
    ),
    "latents": FeaturizerMeasure(name="latents", about="features of the autoencoder", digits=0),
    "active_latents": FeaturizerMeasure(
        name="active latents",
        about="latents above zero in a training state, on average",
        digits=0,
    ),
    "live_latents": FeaturizerMeasure(
        name="live latents",
        about="latents that are not the same in all training states",
        digits=0,
    ),
    "unexplained": FeaturizerMeasure(
        name="unexplained",
        about="share of the variance of the training states that the reconstruction lacks",
    ),
}


def remark(method: str, measures: Measures) -> str:
    """What has to be said of a featurizer beside its scores; nothing where all is well.

    Args:
        method: Its name; a steering vector has none to speak of.
        measures: Of its making.
    """
    said = (_not_measured(method, measures), _not_erased(measures), _not_sparse(measures))
    return "; ".join(each for each in said if each)


def remark_on(evaluation: Evaluation, target: str | None = None) -> str:
    """The same of the featurizers that an evaluation used, those of equal remarks together.

    Args:
        evaluation: Whose scores it stands beside.
        target: Only the featurizer of this attribute; None takes all of them.
    """
    targets: dict[str, list[str]] = {}
    for name, measures in evaluation.measures.items():
        if target in (None, name):
            targets.setdefault(remark(evaluation.method, measures), []).append(name)
    return "; ".join(
        said if len(targets) == 1 else f"{', '.join(names)}: {said}"
        for said, names in targets.items()
        if said
    )


def is_erased(measures: Measures) -> bool:
    """Whether a linear classifier tells little more than the most frequent value after removal."""
    told = measures["accuracy"] - measures["majority"]
    return measures["accuracy_after_removal"] - measures["majority"] <= LEFT * told


def is_sparse(measures: Measures) -> bool:
    """Whether few latents are active in a state."""
    return measures["active_latents"] <= SPARSE * measures["latents"]


def _not_measured(method: str, measures: Measures) -> str:
    known = FEATURIZERS.get(method)
    if known is None or not known.judged_by or known.judged_by in measures:
        return ""
    return (
        f"made by an earlier recipe, which did not measure {MEASURES[known.judged_by].name!r}: "
        "nobody knows whether it did its work"
    )


def _not_erased(measures: Measures) -> str:
    if "accuracy_after_removal" not in measures or is_erased(measures):
        return ""
    return (
        f"not erased: a linear classifier still tells {measures['accuracy_after_removal']:.3f} of "
        f"the states after removal ({measures['accuracy']:.3f} before, most frequent value "
        f"{measures['majority']:.3f})"
    )


def _not_sparse(measures: Measures) -> str:
    if "latents" not in measures or is_sparse(measures):
        return ""
    return (
        f"latents not sparse: {measures['active_latents']:.0f} of {measures['latents']:.0f} are "
        "active in a state"
    )
