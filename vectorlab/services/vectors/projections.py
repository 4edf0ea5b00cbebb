"""The differences of all demonstrations of some vectors in one plane, from kept states."""

import string
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.vectors.geometry import plane
from vectorlab.domain.vectors.states import StateSpec
from vectorlab.domain.vectors.vectors import ExtractionSpec, FloatArray, SteeringVector, passages_of
from vectorlab.store.database import Database, Transaction
from vectorlab.store.sets import items as set_items
from vectorlab.store.vectors import states, vectors

MOST_PAIRS = 400  # of one vector; the first of its set version

_BARE = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, kw_only=True)
class Projection:
    """Points of demonstrations, and how much of what there is they show."""

    points: pd.DataFrame  # vector, set, position, source, target, x, y
    shares: tuple[float, float]  # of the variance along either axis
    missing: dict[str, str]  # vector -> why none of its demonstrations is here


def differences(db: Database, chosen: Sequence[SteeringVector], layer: int) -> Projection:
    """Where target minus source of every demonstration lies at a layer, in one plane.

    Only kept states are used: no model is loaded. Vectors of other widths, or whose states were
    evicted, are left out and named.

    Args:
        db: The store.
        chosen: Extracted vectors.
        layer: Whose states are compared.
    """
    frames: list[pd.DataFrame] = []
    rows: list[FloatArray] = []
    missing: dict[str, str] = {}
    with db.read() as tx:
        for vector in chosen:
            try:
                frame, values = _differences(tx, vector, layer)
            except LookupError as reason:
                missing[vector.name] = str(reason.args[0])
                continue
            if rows and values.shape[1] != rows[0].shape[1]:
                missing[vector.name] = "it has another width"
                continue
            frames.append(frame)
            rows.append(values)
    if not rows or sum(map(len, rows)) < 2:
        empty = pd.DataFrame(columns=["vector", "set", "position", "source", "target", "x", "y"])
        return Projection(points=empty, shares=(0.0, 0.0), missing=missing)
    coordinates, shares = plane(np.concatenate(rows))
    points = pd.concat(frames, ignore_index=True)
    points["x"], points["y"] = coordinates[:, 0], coordinates[:, 1]
    return Projection(points=points, shares=shares, missing=missing)


def _differences(
    tx: Transaction, vector: SteeringVector, layer: int
) -> tuple[pd.DataFrame, FloatArray]:
    request = vectors.extraction_spec(tx, vector.id)
    sha256 = vectors.environment(tx, vector.id).get("states_sha256")
    of = None if sha256 is None else states.get_spec(tx, str(sha256))
    if request is None or vector.set_version_id is None:
        raise LookupError("it was not extracted from demonstrations")
    if of is None:
        raise LookupError("its states are not kept")
    if layer not in of.layers:
        raise LookupError(f"it has no layer {layer}")
    items = set_items.at_positions(
        tx, vector.set_version_id, list(range(min(vector.n_demonstrations or 0, MOST_PAIRS)))
    )
    pairs = {
        place: demonstration
        for place, demonstration in items.items()
        if demonstration.target is not None
    }
    ordered = sorted(pairs.items())
    names = _names([demonstration for _, demonstration in ordered], request)
    known = _states(tx, of, names, layer)
    rows, values = [], []
    for number, (place, demonstration) in enumerate(ordered):
        source, target = names[number], names[number + len(ordered)]
        if source in known and target in known:
            rows.append(
                {
                    "vector": vector.name,
                    "set": vector.set_label,
                    "position": place,
                    "source": demonstration.source,
                    "target": demonstration.target,
                }
            )
            values.append(known[target] - known[source])
    if not values:
        raise LookupError("its states are not kept any more")
    return pd.DataFrame(rows), np.stack(values)


def _states(
    tx: Transaction, of: StateSpec, names: Sequence[str], layer: int
) -> dict[str, FloatArray]:
    """Kept states at a layer, (d_model,) each, by the name of what was read."""
    place = 1 + of.layers.index(layer)
    by_name: dict[str, FloatArray] = {}
    for blob in states.find_states(tx, of, sorted(set(names))):
        if blob.block is not None:
            for name, value in zip(blob.block.text_sha256s, blob.block.values, strict=True):
                by_name[name] = value[place]
    return by_name


def _names(items: Sequence[Demonstration], request: ExtractionSpec) -> list[str]:
    """What every source, then every target, is called among kept states.

    Punctuation is deleted by ``steering.model.tokens.prepared``, which this layer cannot see.
    """
    texts = [demonstration.source for demonstration in items] + [
        demonstration.target or "" for demonstration in items
    ]
    if request.strip_punctuation:
        texts = [text.translate(_BARE).strip() for text in texts]
    return [passage.sha256 for passage in passages_of(items, request, texts)]
