"""Generation runs: filter, then open one or compare several."""

import streamlit as st

from ui import cached, markup, tables
from ui.frame import lists, navigation, notes
from ui.runs import listing
from ui.runs.listing import AllScores, RunGrouping, RunOrder
from vectorlab.domain.runs.lists import RunFilter, RunKind, RunSummary
from vectorlab.services import frames, models
from vectorlab.services.runs import lists as run_lists
from vectorlab.services.vectors import vectors

PER_PAGE = 50
AT_FIRST = RunFilter(kind=RunKind.KEPT)


def _choose() -> RunFilter:
    """The filter in the address."""
    names = [model.name for model in models.list_models(cached.store())]
    navigation.say_unknown("on", names, what="model")
    left, middle, right = st.columns([1, 2, 2], vertical_alignment="bottom")
    model = left.selectbox(
        "Model", names, index=None, placeholder="any", key="on", bind="query-params"
    )
    with middle:
        kind = navigation.one_of("Kind", list(RunKind), key="kind", what="kind of run")
    words = right.text_input(
        "Arm, prompt or name holds", key="words", bind="query-params", placeholder="upbeat"
    )
    vector = st.query_params.get("with")
    if vector is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.html(markup.quiet(f"Only runs with vector {vector}."))
            navigation.page_link("All runs", "runs")
    return RunFilter(
        kind=kind,
        model=model,
        vector_id=None if vector is None else vectors.get(cached.store(), vector).id,
        words=(words or "").strip(),
    )


def _say_what_is_hidden(wanted: RunFilter) -> None:
    """Tries are folded away unless they are asked for: how many, and the way to them."""
    hidden = run_lists.count_tries(cached.store(), wanted) if wanted.kind is RunKind.KEPT else 0
    if hidden:
        count = f"{hidden:,}" if hidden < run_lists.MOST_COUNTED else f"{hidden:,} or more"
        chosen = {key: st.query_params.get_all(key) for key in st.query_params}
        link = markup.link("Show them", "runs", **{**chosen, "kind": RunKind.TRIES.value})
        st.html(
            markup.quiet(
                f"{count} {'try is' if hidden == 1 else 'tries are'} folded away: runs of one "
                "prompt without a name. "
            )
            + link
        )


def _show_list(runs: list[RunSummary], wanted: RunFilter) -> None:
    scores = listing.scored(runs)
    scorer, order, grouping = _choose_view(scores)
    found = listing.judged(scores, scorer)
    boxes = lists.TickBoxes("runs")
    rows = [
        (
            listing.group_of(run, found.get(run.id), grouping),
            [
                boxes.box(str(run.id), label=f"Compare run {run.id}"),
                *listing.cells(run, found),
            ],
        )
        for run in listing.sort(runs, found, order)
    ]
    lists.linked(
        ("", *listing.head(found)),
        lists.in_groups(rows),
        frame=lambda: frames.summaries_frame(
            run_lists.list_runs(cached.store(), wanted, limit=tables.ALL)
        ),
        name="runs",
        label="Download all that fit (CSV)",
    )


def _choose_view(scores: AllScores) -> tuple[str | None, RunOrder, RunGrouping]:
    """The scorer that runs are judged by, their order and their groups, of this page of them."""
    keys = sorted({criterion.key for of_run in scores.values() for criterion in of_run})
    if not keys:
        return None, RunOrder.NEWEST, RunGrouping.NONE
    navigation.say_unknown("figure", keys)
    one, two, three = st.columns([1, 2, 2], vertical_alignment="bottom")
    scorer = one.selectbox(
        "Judged by",
        keys,
        index=None,
        placeholder="each run's own",
        key="figure",
        bind="query-params",
    )
    with two:
        order = navigation.one_of("Sort", list(RunOrder), key="sort", what="order")
    with three:
        grouping = navigation.one_of("Group by", list(RunGrouping), key="group", what="grouping")
    return scorer, order, grouping


def _show_actions() -> None:
    chosen = lists.ticked()
    label = "Open run" if len(chosen) == 1 else f"Compare {len(chosen)} runs"
    if st.button(label if chosen else "Compare", type="primary", disabled=not chosen):
        navigation.go("compare", run=chosen)
    if st.button("Replay", disabled=len(chosen) != 1):
        navigation.go("replay", run=chosen[0])


notes.header("Generation runs", "Prompts under arms: what was asked, and every text that came.")
navigation.links_led_to("runs", "new_run", "replay")
wanted = _choose()
found, number, more = lists.one_page(
    lambda limit, offset: run_lists.list_runs(cached.store(), wanted, limit=limit, offset=offset),
    PER_PAGE,
)
_say_what_is_hidden(wanted)
if not found:
    is_filtered = wanted != AT_FIRST
    is_empty = not is_filtered and not run_lists.count_tries(cached.store(), wanted)
    notes.note(
        "No run yet" if is_empty else "No run fits",
        "Generate texts with and without a vector." if is_empty else "Loosen the filter above.",
    )
    st.stop()
_show_list(list(found), wanted)
with st.container(horizontal=True, vertical_alignment="center"):
    _show_actions()
    lists.older_newer(number, more=more)
st.caption(
    "Open a run by its row; tick one to replay it, several to compare them. Sorting and grouping "
    "are of the runs on this page."
)
