"""All vectors: filter, open one, compare several."""

import streamlit as st

from ui import cached, tables
from ui.frame import lists, navigation, notes
from vectorlab.domain.runs.lists import VectorFilter
from vectorlab.services import frames, models
from vectorlab.services.runs import lists as run_lists

PER_PAGE = 100
MOST_COMPARED = 8
COLUMNS = (
    "vector",
    "method",
    "model",
    "set",
    "read site",
    "write site",
    "layers",
    "origin",
    "made",
)


def show() -> None:
    """The filter in the address, a page of the table, and what to do with it."""
    notes.header("Steering vectors", "What a model made of a demonstration set, layer by layer.")
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
        if not is_filtered:
            navigation.page_link("New vector", "new_vector")
        return
    opened, chosen = lists.tick(
        frames.vectors_frame(vectors),
        [vector.name for vector in vectors],
        key="vectors.list",
        columns={"made": lists.TIME},
        order=COLUMNS,
    )
    if opened is not None:
        navigation.go("vectors", vector=opened)
    with st.container(horizontal=True, vertical_alignment="center"):
        fits = 2 <= len(chosen) <= MOST_COMPARED
        label = f"Compare {len(chosen)} vectors" if len(chosen) > 1 else "Compare"
        if st.button(label, type="primary", disabled=not fits):
            navigation.go("vectors", vector=chosen)
        navigation.page_link("New vector", "new_vector")
        lists.older_newer(number, more=more)
        tables.csv_button(
            lambda: frames.vectors_frame(
                run_lists.list_vectors(cached.store(), vector_filter, limit=tables.ALL)
            ),
            name="vectors",
            label="Download all that fit (CSV)",
        )
    st.caption(f"Click a row to open the vector. Tick 2 to {MOST_COMPARED} to compare them.")


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
