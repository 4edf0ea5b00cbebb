"""One or several runs side by side: texts, figures, settings, tokens, and blind votes."""

from collections.abc import Sequence

import streamlit as st

from ui import cached, markup
from ui.frame import lists, navigation, notes, verbs
from ui.playground import turns
from ui.runs import (
    blind,
    choices,
    conversation,
    figures,
    scoring,
    settings,
    side_by_side,
    token_view,
)
from vectorlab.domain.runs.comparison import columns_of
from vectorlab.domain.runs.runs import GenerationRun
from vectorlab.services.runs import runs

TEXTS, FIGURES, TOKENS, SETTINGS, BLIND = VIEWS = (
    "texts",
    "figures",
    "tokens",
    "settings",
    "blind vote",
)


def _show(compared: Sequence[GenerationRun]) -> None:
    notes.header(_title(compared), _sentence(compared))
    with st.container(horizontal=True, vertical_alignment="center"):
        for run in compared:
            navigation.page_link(f"Replay run {run.id}", "replay", run=run.id)
        if len(compared) == 1:
            lists.name_run(compared[0].id, compared[0].name)
            verbs.purge(
                "run",
                str(compared[0].id),
                what_goes=runs.what_goes,
                remove=runs.remove,
                page="runs",
            )
    for run in compared:
        conversation.show_before(run)
    if len(compared) == 1:
        scoring.show(compared[0])
    view = navigation.one_of("Look at", VIEWS, key="look", has_label=False)
    sides = choices.sides_of(compared)
    if view == FIGURES:
        figures.show(sides)
    elif view == SETTINGS:
        settings.show(compared)
    elif view == TOKENS:
        shown = compared[0]
        if len(compared) > 1:
            number = st.selectbox(
                "Run", [run.id for run in compared], key="read", bind="query-params"
            )
            shown = next(run for run in compared if run.id == number)
        token_view.show(shown, columns_of([shown]))
    elif view == BLIND:
        blind.show(sides)
    else:
        side_by_side.show(sides, turns.ways_on_as_made(compared))


def _title(compared: Sequence[GenerationRun]) -> str:
    """The names of the runs; one without goes by its number."""
    if len(compared) == 1:
        return compared[0].name or f"Run {compared[0].id}"
    return "Runs " + ", ".join(str(run.id) for run in compared)  # as the columns name them


def _sentence(compared: Sequence[GenerationRun]) -> str:
    run = compared[0]
    if len(compared) > 1:
        return "Rows are aligned by prompt; columns are named run/arm."
    kind = f", a replay of run {run.replay_of}" if run.replay_of else ""
    return f"Run {run.id}{kind}, on {run.model_name}, {markup.moment(run.created_at)}."


wanted = st.query_params.get_all("run")
if wanted:
    _show([runs.get(cached.store(), reference) for reference in dict.fromkeys(wanted)])
else:
    notes.header("Compare", "Texts of one or several runs side by side.")
    notes.note("No run chosen", "Tick one or several runs in the list, then press Compare.")
    navigation.page_link("Choose runs", "runs")
