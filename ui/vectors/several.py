"""Up to eight vectors side by side: norms, cosines layer by layer, and their demonstrations."""

from collections.abc import Sequence
from itertools import combinations

import pandas as pd
import streamlit as st

from ui import cached, charts, colours, markup, tables
from ui.frame import navigation, notes
from ui.vectors import making
from ui.vectors.listing import MOST_COMPARED
from vectorlab.domain.vectors.geometry import shared_cosines
from vectorlab.domain.vectors.vectors import SteeringVector
from vectorlab.errors import InputError
from vectorlab.services.vectors import projections, vectors


def show(references: Sequence[str]) -> None:
    """Pictures of those vectors; their numbers are read for it.

    Raises:
        InputError: If more vectors are named than are compared at once.
    """
    if len(references) > MOST_COMPARED:
        raise InputError(
            f"{len(references)} vectors are named in the address; at most {MOST_COMPARED} are "
            "compared at once."
        )
    chosen = [vectors.get(cached.store(), reference) for reference in references]
    notes.header("Vectors side by side", "How far they agree, layer by layer.")
    colour = colours.of_vectors({vector.name: vector.id for vector in chosen})
    tables.show(
        ["vector", "method", "from", "model", "write site", "layers"],
        [_line(vector, colour[vector.name]) for vector in chosen],
        name="vectors",
    )
    names = [vector.name for vector in chosen]
    if len({vector.model_name for vector in chosen}) == 1:
        navigation.page_link("Try them in the playground", "playground", vector=names)
    making.of_several(chosen)
    st.subheader("Norm per layer", anchor=False)
    st.altair_chart(charts.norm_lines(_norms(chosen), colour))
    st.subheader("Cosine between vectors, layer by layer", anchor=False)
    frame = _cosines(chosen)
    if frame.empty:
        st.html(markup.quiet("No two of them share a layer and a width."))
    else:
        st.altair_chart(charts.pair_map(frame))
        tables.csv_button(lambda: frame, name="cosines", label="Download cosines (CSV)")
    _show_plane(chosen)


def _line(vector: SteeringVector, colour: str) -> tuple[str, ...]:
    name, _, number = (vector.set_label or "").partition("@")
    return (
        markup.dot(colour) + markup.link(vector.name, "vectors", vector=vector.name),
        markup.escape(vector.method),
        markup.link(vector.set_label, "sets", set=name, version=number) if name else "–",
        markup.escape(vector.model_name),
        vector.write_site.value,
        str(vector.n_layers),
    )


def _norms(chosen: Sequence[SteeringVector]) -> pd.DataFrame:
    rows = [
        {"vector": vector.name, "layer": layer.layer, "norm": layer.norm}
        for vector in chosen
        for layer in vectors.details(cached.store(), vector.name).layers
    ]
    return pd.DataFrame(rows)


def _cosines(chosen: Sequence[SteeringVector]) -> pd.DataFrame:
    numbers = {vector.name: cached.layer_vectors(vector) for vector in chosen}
    rows = [
        {"pair": f"{one.name} · {other.name}", "layer": layer, "cosine": value}
        for one, other in combinations(chosen, 2)
        if one.d_model == other.d_model
        for layer, value in shared_cosines(numbers[one.name], numbers[other.name]).items()
    ]
    return pd.DataFrame(rows, columns=["pair", "layer", "cosine"])


def _colours_of_sets(labels: Sequence[str], chosen: Sequence[SteeringVector]) -> dict[str, str]:
    """A colour for every set version: that of the first vector that was made of it."""
    made = {vector.set_label: vector for vector in reversed(chosen)}
    by_vector = colours.of_vectors({vector.name: vector.id for vector in chosen})
    return {label: by_vector[made[label].name] for label in labels}


def _show_plane(chosen: Sequence[SteeringVector]) -> None:
    st.subheader("All demonstrations in one plane", anchor=False)
    layers = sorted({layer for vector in chosen for layer in range(vector.n_layers)})
    layer = (
        st.select_slider(
            "Layer", layers, value=layers[len(layers) // 2], key="layer", bind="query-params"
        )
        if len(layers) > 1
        else layers[0]
    )
    plane = projections.differences(cached.store(), chosen, layer)
    for name, reason in plane.missing.items():
        st.html(markup.quiet(f"{name} is left out: {reason}."))
    if plane.points.empty:
        return
    labels = sorted(plane.points["set"].unique())
    by_set = _colours_of_sets(labels, chosen)
    st.altair_chart(charts.plane(tables.numbered(plane.points), by_set, plane.shares))
    st.caption(
        "Target minus source of every demonstration (at most "
        f"{projections.MOST_PAIRS} of a set), from kept states, along the two directions in which "
        "they vary most."
    )
