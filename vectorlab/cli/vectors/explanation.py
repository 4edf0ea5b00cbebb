"""Printing which demonstrations of a vector matter."""

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from vectorlab.cli.output import frame_table, plain, show
from vectorlab.domain.vectors.explanations import DemonstrationPull
from vectorlab.services.vectors import explanations
from vectorlab.services.vectors.explanations import Figure, VectorExplanation

_TITLES = {
    "strongest": "Strongest",
    "weakest": "Weakest",
    "contrary": "Contrary",
    "largest_shift": "Leaving out moves the vector most",
}
# What --layers shows below each table.
_FIGURES: dict[str, tuple[Figure, ...]] = {
    "strongest": ("alignment",),
    "weakest": ("alignment",),
    "contrary": ("alignment",),
    "largest_shift": ("norm_change", "cosine"),
}


def show_explanation(explained: VectorExplanation, *, layers: bool, as_json: bool) -> None:
    """Print the demonstrations that stand out."""
    show(
        _data(explained, layers=layers),
        as_json=as_json,
        human=lambda: _tables(explained, layers=layers),
    )


def _data(explained: VectorExplanation, *, layers: bool) -> dict[str, Any]:
    study = explained.explanation
    return {
        "vector": explained.vector.name,
        "set_label": explained.vector.set_label,
        "n_demonstrations": explained.vector.n_demonstrations,
        "n_contrary": explained.n_contrary,
        "layers": explained.layers,
        **{name: _rows(getattr(explained, name), layers=layers) for name in _TITLES},
        "leave_one_out": None
        if study is None
        else {**plain(study), "states": explanations.states_note(study)},
    }


def _rows(pulls: Sequence[DemonstrationPull], *, layers: bool) -> list[dict[str, Any]]:
    rows = []
    for pull in pulls:
        row = plain(pull)
        if pull.left_out is not None:
            row["left_out"]["shift"] = pull.left_out.shift
        if not layers:
            del row["cosines"]
            if pull.left_out is not None:
                del row["left_out"]["cosines"], row["left_out"]["norm_changes"]
        rows.append(row)
    return rows


def _tables(explained: VectorExplanation, *, layers: bool) -> RenderableType:
    parts: list[RenderableType] = [
        Text(
            f"{explained.vector.name}: {explained.vector.n_demonstrations} demonstrations of "
            f"{explained.vector.set_label}, {explained.n_contrary} of them contrary"
        )
    ]
    for name, title in _TITLES.items():
        pulls = getattr(explained, name)
        if pulls:
            parts.append(frame_table(explanations.pulls_frame(pulls), title=title))
        if pulls and layers:
            parts += [
                frame_table(
                    explanations.layers_frame(pulls, explained.layers, figure), title=figure
                )
                for figure in _FIGURES[name]
            ]
    if explained.explanation is not None:
        parts.append(Text(explanations.states_note(explained.explanation)))
    return Group(*parts)
