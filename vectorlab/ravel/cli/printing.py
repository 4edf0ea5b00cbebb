"""Printing entity data, instances and scores."""

from collections.abc import Sequence

import pandas as pd
from rich.console import Group, RenderableType
from rich.text import Text

from vectorlab.cli.comparing import verdicts_table
from vectorlab.cli.output import facts_of, frame_table, pairs_table
from vectorlab.domain.runs.comparison import Setting
from vectorlab.ravel.domain.entities import EntityData, EntityVersion
from vectorlab.ravel.domain.instances import Instance
from vectorlab.ravel.domain.remarks import MEASURES
from vectorlab.ravel.domain.specs import RavelRun
from vectorlab.ravel.services import entities, instances

_MEASURES = ("cause", "isolate", "disentangle")


def data_view(version: EntityVersion, data: EntityData) -> RenderableType:
    """What a version holds, attribute by attribute."""
    splits = data.split_counts(data.entities)
    about = {
        "data": version.label,
        "content hash": version.content_sha256,
        "entities": f"{version.n_entities} ("
        + ", ".join(f"{name} {count}" for name, count in splits.items())
        + ")",
        "templates": f"{version.n_templates}, and {version.n_neutral} neutral prompts",
        "message": version.message,
        "made": version.created_at,
    }
    return Group(pairs_table(about), frame_table(entities.attributes_frame(data)))


def instance_view(instance: Instance, examples: pd.DataFrame | None) -> RenderableType:
    """What a model knows, and the pairs that were drawn."""
    about = {
        "instance": instance.name,
        "id": instance.id,
        "content hash": instance.content_sha256,
        "data": instance.version_label,
        "model": instance.model_name,
        **facts_of(instance.spec),
        "completions": instance.n_completions,
        "examples": ", ".join(f"{part} {count}" for part, count in instance.n_examples.items()),
        "made": instance.created_at,
    }
    parts = [pairs_table(about), frame_table(instances.accuracies_frame(instance))]
    if examples is not None:
        columns = ["part", "input", "label", "source_input", "inv_label", "kind"]
        parts.append(frame_table(examples[columns]))
    return Group(*parts)


def run_view(
    run: RavelRun, settings: Sequence[Setting] = (), labels: Sequence[str] = ()
) -> RenderableType:
    """A run, what all its arms were asked to do, and what each has of its own.

    Args:
        run: The run.
        settings: Of its arms, side by side.
        labels: Of the arms, in the same order.
    """
    lines = [line for line in settings if line.name != "instance"]  # which the run itself says
    about = pairs_table(
        {
            "run": run.name or run.id,
            "instance": run.instance_name,
            "evaluations": run.n_evaluations,
            "seconds": round(run.duration_s, 1),
            **{line.name: line.values[0] for line in lines if not line.differs},
        }
    )
    own = {line.name: line.values for line in lines if line.differs}
    return Group(about, frame_table(pd.DataFrame({"arm": labels, **own}))) if own else about


def featurizers_view(featurizers: pd.DataFrame) -> RenderableType:
    """What was asked for of each, what its making measured, and what has to be said of it."""
    measured = [each.name for each in MEASURES.values() if each.name in featurizers]
    parts: list[RenderableType] = [
        frame_table(featurizers, hide=["instance", "made", "remark", *measured])
    ]
    if measured:
        parts.append(frame_table(featurizers[["id", "method", "attribute", *measured]]))
    remarks = zip(featurizers["id"], featurizers["remark"], strict=True)
    said = [f"Featurizer {id_}: {remark}." for id_, remark in remarks if remark]
    return Group(*parts, *map(Text, said))


def scores_view(scores: pd.DataFrame, measures: pd.DataFrame, target: str | None) -> RenderableType:
    """Cause and Isolate side by side, each with its interval, and what else is to be known.

    Args:
        scores: As ``frames.scores_frame`` gives them.
        measures: As ``frames.measures_frame`` gives them.
        target: Whose scores they are; None for the mean over targets.
    """
    shown = pd.DataFrame(
        {
            "arm": scores["arm"],
            "features": scores["features"],
            "part": scores["part"],
            **{name: _with_interval(scores, name) for name in _MEASURES},
        }
    )
    title = "mean over targets" if target is None else f"target {target}"
    parts: list[RenderableType] = [frame_table(shown, title=title)]
    if not measures.empty:
        parts.append(frame_table(measures, title="what making the features measured"))
    return Group(*parts, *remarks(scores))


def verdicts_view(compared: pd.DataFrame, baseline: str) -> RenderableType:
    """A table of verdicts for every part and measure.

    Args:
        compared: As ``comparison.comparison_frame`` gives them.
        baseline: What the arms are held against.
    """
    tables = [
        verdicts_table(rows, f"{measure} on {part} against {baseline} by base prompt")
        for (part, measure), rows in compared.groupby(["part", "measure"], sort=False)
    ]
    return Group(*tables, *remarks(compared))


def remarks(rows: pd.DataFrame) -> list[Text]:
    """What has to be said of the arms of some rows, each once."""
    said = dict.fromkeys(zip(rows["arm"], rows["remark"], strict=True))
    return [Text(f"{arm}: {remark}.") for arm, remark in said if remark]


def _with_interval(scores: pd.DataFrame, name: str) -> list[str]:
    return [
        f"{value:.3f}" if pd.isna(low) else f"{value:.3f} [{low:.3f}, {high:.3f}]"
        for value, low, high in zip(
            scores[name], scores[f"{name} low"], scores[f"{name} high"], strict=True
        )
    ]
