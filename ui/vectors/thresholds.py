"""Thresholds of conditions: searches along a vector, and a form that asks for another."""

import streamlit as st

from ui import cached, markup, tables
from ui.frame import job_panels, navigation
from ui.runs import form as run_form
from vectorlab.domain.interventions.conditions import ConditionSearch
from vectorlab.domain.interventions.measures import Measure
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE
from vectorlab.domain.vectors.vectors import Site, SteeringVector
from vectorlab.services import models
from vectorlab.services.asking import Asked
from vectorlab.services.runs import lists
from vectorlab.services.runs.text_options import ChatOptions
from vectorlab.services.vectors import thresholds

HEAD = ("condition", "meets", "does not", "accuracy", "F1", "model")


def show(vector: SteeringVector) -> None:
    """What was found along a vector, and a form."""
    searches = thresholds.list_searches(cached.store(), vector=vector.name)
    with st.expander("Thresholds", expanded="positive" in st.query_params):
        st.caption(
            "Layer and threshold that tell two sets of prompts apart. A run steers only prompts "
            "that meet it by the condition search:ID."
        )
        if searches:
            rows = [_row(search) for search in searches]
            tables.show(
                HEAD, rows, name="thresholds", frame=lambda: thresholds.searches_frame(searches)
            )
        _show_form(vector)


def _row(search: ConditionSearch) -> tuple[str, ...]:
    never = thresholds.never_crossed(search)
    return (
        markup.mono(f"search:{search.id}")
        + markup.note(thresholds.spell(search.condition, search.vector_name))
        + (markup.note(never) if never else ""),
        markup.escape(search.positive_label),
        markup.escape(search.negative_label),
        f"{search.accuracy:.3f}",
        f"{search.f1:.3f}",
        markup.escape(search.model_name),
    )


def _show_form(vector: SteeringVector) -> None:
    labels = lists.version_labels(cached.store())
    for name in ("positive", "negative"):
        navigation.say_unknown(name, labels, what="set version")
    left, right = st.columns(2)
    positive = left.selectbox(
        "Sources that should meet it", labels, index=None, key="positive", bind="query-params"
    )
    negative = right.selectbox(
        "Sources that should not", labels, index=None, key="negative", bind="query-params"
    )
    measure = left.selectbox("What is compared", list(Measure), key="measure", bind="query-params")
    window = right.text_input(
        "Tokens of the prompt whose mean is measured",
        value="prompt",
        key="window",
        bind="query-params",
        help="Such as prompt or prompt:last=1.",
    )
    site = left.selectbox(
        "Place in a block",
        list(Site),
        index=list(Site).index(Site.BLOCK_OUTPUT),
        key="read_at",
        bind="query-params",
    )
    chat = run_form.choose_chat("search_")
    if st.button("Search", disabled=not (positive and negative)):
        job_panels.ask(
            lambda: _request(
                vector,
                str(positive),
                str(negative),
                Measure(str(measure)),
                window or "",
                Site(str(site)),
                chat,
            )
        )


def _request(
    vector: SteeringVector,
    positive: str,
    negative: str,
    measure: Measure,
    window: str,
    site: Site,
    chat: ChatOptions,
) -> Asked[ConditionSearch]:
    model = models.get(cached.store(), vector.model_name)
    return thresholds.request_search(
        cached.store(),
        vector=vector.name,
        positive=positive,
        negative=negative,
        measure=measure,
        window=Positions.parse(window or "prompt"),
        site=site,
        chat=chat.turns(cached.store(), model),
        actor=cached.user(),
        priority=PRIORITY_INTERACTIVE,
    )
