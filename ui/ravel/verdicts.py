"""Which arms can be told from one of them, and what has to be said beside scores."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from ui import cached, tables
from ui.frame import notes
from vectorlab.ravel.domain.instances import Instance
from vectorlab.ravel.domain.measures import COPY_EVERYTHING, DO_NOTHING
from vectorlab.ravel.domain.specs import Evaluation
from vectorlab.ravel.services import comparison

_SHOWN = [
    "measure", "arm", "mean", "baseline", "difference", "low", "high", "p", "verdict", "win",
    "tie", "loss", "sign p",
]  # fmt: skip


def show_remarks(scores: pd.DataFrame) -> None:
    """A note for every arm whose features did not do their work."""
    for arm, remark in dict.fromkeys(zip(scores["arm"], scores["remark"], strict=True)):
        if remark:
            notes.note(arm, f"{remark}.", tone="bad")


def show_verdicts(
    instance: Instance, evaluations: Sequence[Evaluation], target: str | None
) -> None:
    """Every arm against one that is chosen, once somebody asks."""
    if not st.toggle("Say which arms can be told apart", key="verdicts", bind="query-params"):
        return
    arms = [DO_NOTHING, COPY_EVERYTHING, *comparison.labelled(evaluations)]
    baseline = st.selectbox("Against", arms, key="against", bind="query-params") or DO_NOTHING
    with notes.errors_as_panel("These arms cannot be compared"):
        compared = comparison.comparison_frame(
            cached.store(), evaluations, instance, baseline=baseline, target=target
        )
        st.dataframe(
            compared[_SHOWN],
            key="attributes.verdicts",
            hide_index=True,
            placeholder="–",
            column_config={
                name: st.column_config.NumberColumn(format="%.3f")
                for name in ("mean", "baseline", "difference", "low", "high")
            }
            | {name: st.column_config.NumberColumn(format="%.2g") for name in ("p", "sign p")},
        )
        st.caption(
            "Sign flips by base prompt, corrected by Holm's method: of the verdicts of a measure "
            "that find a difference where there is none, 5 % in all. Intervals of the scores "
            "above say how well each is known, not which is higher."
        )
        tables.csv_button(lambda: compared, name=f"{instance.name}-verdicts")
