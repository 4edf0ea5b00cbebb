"""One evaluation: what moved, single templates, examples with their completions, curves."""

import streamlit as st

from ui import cached, markup, tables
from ui.frame import navigation
from ui.ravel import charts
from vectorlab.ravel.domain.instances import Instance
from vectorlab.ravel.domain.specs import Evaluation
from vectorlab.ravel.services import frames, instances, runs

SHOWN = 200  # outcomes; all of them are in the file


def show(evaluation: Evaluation, instance: Instance, *, target: str | None) -> None:
    """Everything about an evaluation below its scores."""
    db = cached.store()
    with st.expander("What was asked for"):
        st.html(markup.described(frames.facts(db, evaluation.arm)))
    left, right = st.columns(2)
    with left:
        st.subheader("What moved when each target was moved", anchor=False)
        effects = frames.effects_frame(db, evaluation, instance)
        st.altair_chart(charts.effect_map(effects))
        st.caption(
            "Share of edited runs that say the source entity's value. A perfect featurizer has 1 "
            "on the diagonal and 0 elsewhere."
        )
    with right:
        st.subheader("Training", anchor=False)
        points = frames.curves_frame(runs.featurizers_of(db, evaluation))
        if points.empty:
            st.caption("Nothing was trained step by step.")
        else:
            st.altair_chart(charts.curves(points))
        measured = frames.measures_frame([evaluation], target=target)
        if not measured.empty:
            st.dataframe(measured.drop(columns=["arm"]), key="attributes.measured", hide_index=True)
    with st.expander("Single templates"):
        frame = frames.templates_frame(evaluation, instances.data_of(db, instance))
        st.dataframe(frame, key="attributes.templates", hide_index=True, placeholder="–")
    st.subheader("Examples", anchor=False)
    outcomes = frames.outcomes_frame(db, evaluation, instance)
    if target is not None:
        outcomes = outcomes[outcomes["target"] == target]
    which = navigation.one_of(
        "Which", ["all", "changed", "kept", "neither"], key="which", what="choice of examples"
    )
    if which == "neither":
        outcomes = outcomes[~outcomes["changed"] & ~outcomes["kept"]]
    elif which in ("changed", "kept"):
        outcomes = outcomes[outcomes[which]]
    st.dataframe(outcomes.head(SHOWN), key="attributes.outcomes", hide_index=True, placeholder="–")
    tables.csv_button(
        lambda: outcomes, name=f"evaluation-{evaluation.id}", label="Download all outcomes (CSV)"
    )
