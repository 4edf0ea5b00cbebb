"""All vectors: filter, open one, compare several."""

from collections.abc import Mapping
from enum import StrEnum

import streamlit as st

from ui import cached, markup, tables
from ui.frame import lists, navigation, notes
from ui.vectors import importing
from vectorlab.domain.runs.lists import RunKind, VectorFilter
from vectorlab.domain.vectors.lists import CHANCE, Merits
from vectorlab.domain.vectors.vectors import SteeringVector
from vectorlab.services import frames, models
from vectorlab.services.runs import lists as run_lists
from vectorlab.services.vectors import merits

PER_PAGE = 25
MOST_COMPARED = 8
HEAD = (
    "vector",
    "method",
    "model",
    "set",
    "tells apart",
    "calibrated strength",
    "runs",
    "made",
)


class VectorOrder(StrEnum):
    """How the vectors of a page are sorted."""

    NEWEST = "newest"
    APART = "tells apart best"
    USED = "most used"


class VectorGrouping(StrEnum):
    """What the vectors of a page stand together by."""

    NONE = "nothing"
    SET = "set"
    METHOD = "method"
    CALIBRATED = "calibration"


def show() -> None:
    """The filter in the address, a page of the table, and what to do with it."""
    notes.header("Steering vectors", "What a model made of a demonstration set, layer by layer.")
    navigation.links_led_to("vectors", "new_vector")
    importing.show()
    vector_filter = _choose()
    vectors, number, more = lists.one_page(
        lambda limit, offset: run_lists.list_vectors(
            cached.store(), vector_filter, limit=limit, offset=offset
        ),
        PER_PAGE,
    )
    if not vectors:
        is_filtered = vector_filter != VectorFilter()
        notes.note(
            "No vector fits" if is_filtered else "No vector yet",
            "Loosen the filter above." if is_filtered else "Extract one from a set version.",
        )
        return
    _show_list(list(vectors), vector_filter)
    with st.container(horizontal=True, vertical_alignment="center"):
        chosen = lists.ticked()
        fits = 2 <= len(chosen) <= MOST_COMPARED
        label = f"Compare {len(chosen)} vectors" if len(chosen) > 1 else "Compare"
        if st.button(label, type="primary", disabled=not fits):
            navigation.go("vectors", vector=chosen)
        lists.older_newer(number, more=more)
    st.caption(
        f"Open a vector by its row; tick 2 to {MOST_COMPARED} to compare them. *Tells apart* is "
        "the share of unseen sources and targets that the best layer puts on their side; a guess "
        f"has {CHANCE:g}. Sorting and grouping are of the vectors on this page."
    )


def cells(vector: SteeringVector, known: Merits) -> list[str]:
    """The line of a vector; its link opens it."""
    return [
        markup.opens(vector.name, "vectors", vector=vector.name),
        markup.escape(vector.method),
        markup.escape(vector.model_name),
        _set(vector),
        _apart(known),
        _strength(known),
        markup.link(known.n_runs, "runs", **{"with": vector.name, "kind": RunKind.ALL.value})
        if known.n_runs
        else markup.quiet("none"),
        f'<span class="vl-moment">{markup.moment(vector.created_at).removesuffix(" UTC")}</span>',
    ]


def _show_list(vectors: list[SteeringVector], vector_filter: VectorFilter) -> None:
    known = merits.of_vectors(cached.store(), [vector.id for vector in vectors])
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        order = navigation.one_of("Sort", list(VectorOrder), key="sort", what="order")
    with right:
        grouping = navigation.one_of("Group by", list(VectorGrouping), key="group", what="grouping")
    boxes = lists.TickBoxes("vectors")
    rows = [
        (
            _group_of(vector, known[vector.id], grouping),
            [
                boxes.box(vector.name, label=f"Compare vector {vector.name}"),
                *cells(vector, known[vector.id]),
            ],
        )
        for vector in _sorted(vectors, known, order)
    ]
    lists.linked(
        ("", *HEAD),
        lists.in_groups(rows),
        frame=lambda: frames.vectors_frame(
            run_lists.list_vectors(cached.store(), vector_filter, limit=tables.ALL)
        ),
        name="vectors",
        label="Download all that fit (CSV)",
    )


def _sorted(
    vectors: list[SteeringVector], known: Mapping[int, Merits], order: VectorOrder
) -> list[SteeringVector]:
    if order is VectorOrder.APART:
        return sorted(vectors, key=lambda vector: -_accuracy(known[vector.id]))
    if order is VectorOrder.USED:
        return sorted(vectors, key=lambda vector: -known[vector.id].n_runs)
    return vectors


def _group_of(vector: SteeringVector, known: Merits, grouping: VectorGrouping) -> str:
    if grouping is VectorGrouping.SET:
        return vector.set_label or "of no set"
    if grouping is VectorGrouping.METHOD:
        return vector.method
    if grouping is VectorGrouping.CALIBRATED:
        if known.calibrated is None:
            return "not calibrated"
        return "within its budget" if known.calibrated.is_met else "budget not met"
    return ""


def _accuracy(known: Merits) -> float:
    return -1.0 if known.separable is None else known.separable.accuracy


def _set(vector: SteeringVector) -> str:
    if vector.set_label is None:
        return markup.quiet("–")
    name, _, number = vector.set_label.rpartition("@")
    return markup.link(vector.set_label, "sets", set=name, version=number)


def _apart(known: Merits) -> str:
    if known.separable is None:
        return markup.quiet("not measured")
    found = f"{known.separable.accuracy:.0%} at layer\N{NO-BREAK SPACE}{known.separable.layer}"
    note = markup.note("near a guess") if known.separable.is_near_chance else ""
    return markup.escape(found) + note


def _strength(known: Merits) -> str:
    if known.calibrated is None:
        return markup.quiet("not calibrated")
    found = known.calibrated
    budget = markup.note(
        f"{found.effect} within {found.damage} {found.budget:g}"
        if found.is_met
        else f"no strength stays within {found.damage} {found.budget:g}"
    )
    return (f"{found.strength:+.3g}" if found.is_met else "none") + budget


def _choose() -> VectorFilter:
    names = [model.name for model in models.list_models(cached.store())]
    navigation.say_unknown("on", names, what="model")
    one, two, three = st.columns([1, 1, 2])
    model = one.selectbox(
        "Model", names, index=None, placeholder="any", key="on", bind="query-params"
    )
    method = two.selectbox(
        "Method",
        run_lists.methods(cached.store()),
        index=None,
        placeholder="any",
        key="by",
        bind="query-params",
    )
    words = three.text_input("Name holds", key="words", bind="query-params", placeholder="upbeat")
    return VectorFilter(model=model, method=method, words=(words or "").strip())
