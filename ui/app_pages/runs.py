"""Generation runs: filter, then open one or compare several."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui import data, parts
from vectorlab.services import models, reports, runs

FIRST = 100
ALL, ORIGINALS, REPLAYS = "all", "originals", "replays"


def _offer_older(place: DeltaGenerator) -> None:
    if more and place.button("Show older runs"):
        st.query_params["limit"] = str(limit + FIRST)
        st.rerun()


parts.header("Generation runs", "Prompts under arms: what was asked, and every text that came.")

# Keys of bound widgets are words of the address; each is used with one meaning in all pages.
names = [item.name for item in models.list_models(data.store())]
limit = parts.chosen_number("limit") or FIRST

left, middle, right = st.columns([1, 1, 2], vertical_alignment="bottom")
model = left.selectbox("Model", names, index=None, placeholder="any", key="on", bind="query-params")
kind = middle.segmented_control(
    "Kind", [ALL, ORIGINALS, REPLAYS], default=ALL, key="kind", bind="query-params"
)
words = right.text_input(
    "Arm, prompt or name holds", key="words", bind="query-params", placeholder="upbeat"
)

found = runs.list_runs(data.store(), model=model, limit=limit)
more = len(found) == limit
if kind in (ORIGINALS, REPLAYS):
    found = [run for run in found if (run.replay_of is None) == (kind == ORIGINALS)]
if words:
    wanted = words.casefold()
    found = [
        run
        for run in found
        if any(
            wanted in text.casefold()
            for text in (
                run.name or "",
                *(arm.label for arm in run.spec.arms),
                *(prompt.text for prompt in run.spec.prompts),
            )
        )
    ]

if not found:
    filtered = bool(model or words or kind != ALL)
    parts.note(
        "No run fits" if filtered else "No run yet",
        "Loosen the filter above." if filtered else "Generate texts with and without a vector.",
    )
    if not filtered:
        parts.page_link("New run", "new_run")
    _offer_older(st.container())
    st.stop()

event = st.dataframe(
    reports.runs_frame(found).drop(columns="seconds"),
    key="runs.table",
    hide_index=True,
    placeholder="–",
    column_config=parts.RUN_COLUMNS,
    on_select="rerun",
    selection_mode=["multi-row", "single-cell"],
)
if event["selection"]["cells"]:
    parts.go("compare", run=found[event["selection"]["cells"][0][0]].id)
chosen = [found[row].id for row in event["selection"]["rows"]]
bar = st.container(horizontal=True)
label = "Open run" if len(chosen) == 1 else f"Compare {len(chosen)} runs"
if bar.button(label if chosen else "Compare", type="primary", disabled=not chosen):
    parts.go("compare", run=chosen)
if bar.button("Replay", disabled=len(chosen) != 1):
    parts.go("replay", run=chosen[0])
_offer_older(bar)
st.caption("Click a run to open it. Tick one to replay it, several to compare them.")
