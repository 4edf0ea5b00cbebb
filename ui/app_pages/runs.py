"""Generation runs: filter, then open one or compare several."""

import streamlit as st

from ui import cached, markup, tables
from ui.frame import lists, navigation, notes
from vectorlab.domain.runs.lists import RunFilter, RunKind
from vectorlab.services import frames, models
from vectorlab.services.runs import lists as run_lists
from vectorlab.services.vectors import vectors

PER_PAGE = 100


def _choose() -> tuple[RunFilter, bool]:
    """The filter in the address, and whether it leaves anything out."""
    names = [model.name for model in models.list_models(cached.store())]
    navigation.say_unknown("on", names, what="model")
    left, middle, right = st.columns([1, 2, 2], vertical_alignment="bottom")
    model = left.selectbox(
        "Model", names, index=None, placeholder="any", key="on", bind="query-params"
    )
    with middle:
        kind = navigation.one_of("Kind", list(RunKind), key="kind")
    words = right.text_input(
        "Arm, prompt or name holds", key="words", bind="query-params", placeholder="upbeat"
    )
    vector = st.query_params.get("with")
    if vector is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.html(markup.quiet(f"Only runs with vector {vector}."))
            navigation.page_link("All runs", "runs")
    run_filter = RunFilter(
        kind=kind,
        model=model,
        vector_id=None if vector is None else vectors.get(cached.store(), vector).id,
        words=(words or "").strip(),
    )
    return run_filter, run_filter != RunFilter()


notes.header("Generation runs", "Prompts under arms: what was asked, and every text that came.")
wanted, is_filtered = _choose()
found, number, more = lists.one_page(
    lambda limit, offset: run_lists.list_runs(cached.store(), wanted, limit=limit, offset=offset),
    PER_PAGE,
)
if not found:
    notes.note(
        "No run fits" if is_filtered else "No run yet",
        "Loosen the filter above." if is_filtered else "Generate texts with and without a vector.",
    )
    if not is_filtered:
        navigation.page_link("New run", "new_run")
    st.stop()

opened, chosen = lists.tick(
    frames.summaries_frame(found).drop(columns="seconds"),
    [str(run.id) for run in found],
    key="runs.table",
    columns=lists.RUN_COLUMNS,
)
if opened is not None:
    navigation.go("compare", run=opened)
bar = st.container(horizontal=True, vertical_alignment="center")
label = "Open run" if len(chosen) == 1 else f"Compare {len(chosen)} runs"
if bar.button(label if chosen else "Compare", type="primary", disabled=not chosen):
    navigation.go("compare", run=chosen)
if bar.button("Replay", disabled=len(chosen) != 1):
    navigation.go("replay", run=chosen[0])
with bar:
    navigation.page_link("New run", "new_run")
    navigation.page_link("Replays", "replay")
    lists.older_newer(number, more=more)
    tables.csv_button(
        lambda: frames.summaries_frame(
            run_lists.list_runs(cached.store(), wanted, limit=tables.ALL)
        ),
        name="runs",
        label="Download all that fit (CSV)",
    )
st.caption("Click a run to open it. Tick one to replay it, several to compare them.")
