"""The vocabulary tokens nearest to a vector, layer by layer."""

from collections.abc import Sequence

import streamlit as st

from ui import cached, markup, tables
from ui.frame import job_panels
from vectorlab.domain.tokens import NearestTokens, VocabularyToken
from vectorlab.domain.vectors import SteeringVector
from vectorlab.services import token_views
from vectorlab.services.asking import Asked


def show(vector: SteeringVector) -> None:
    """A line per layer, or a button that asks a worker for them."""
    st.subheader("Nearest vocabulary tokens", anchor=False)
    st.caption(
        "Each layer vector through the model's final norm and head: the tokens it favours and "
        "those it disfavours, with their logits."
    )
    found = token_views.nearest(cached.store(), vector.name)
    if not found:
        if st.button("Find the nearest tokens", key="vectors.nearest"):
            job_panels.ask(lambda: _ask(vector))
        return
    rows = [(str(item.layer), _tokens(item.toward), _tokens(item.away)) for item in _some(found)]
    tables.show(
        ["layer", "toward", "away"],
        rows,
        name=f"tokens-near-{vector.name}",
        frame=lambda: token_views.nearest_frame(found),
    )


def _some(found: Sequence[NearestTokens]) -> Sequence[NearestTokens]:
    if len(found) <= 12:
        return found
    everything = st.toggle("Every layer", key="every", bind="query-params")
    return found if everything else found[:: max(1, len(found) // 8)]


def _tokens(found: Sequence[VocabularyToken]) -> str:
    return " ".join(
        f'<bdi class="vl-token" title="{item.value:.2f}">'
        f"{markup.characters(item.piece, spaces=True)}</bdi>"
        for item in found
    )


def _ask(vector: SteeringVector) -> Asked[list[NearestTokens]]:
    return token_views.request_nearest(cached.store(), vector.name, actor=cached.user())
