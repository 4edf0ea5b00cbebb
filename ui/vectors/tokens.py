"""The vocabulary tokens nearest to a vector, layer by layer."""

from collections.abc import Sequence

import streamlit as st

from ui import cached, markup, tables
from ui.frame import job_panels
from vectorlab.domain.runs.tokens import NearestTokens, VocabularyToken
from vectorlab.domain.vectors.vectors import SteeringVector
from vectorlab.services.asking import Asked
from vectorlab.services.runs import token_views


def show(vector: SteeringVector) -> None:
    """A line per layer, or a button that asks a worker for them."""
    st.subheader("Nearest vocabulary tokens", anchor=False)
    st.caption(
        "Each layer vector through the model's final norm and head: the tokens it favours and "
        "those it disfavours, with their logits."
    )
    by_layer = token_views.nearest(cached.store(), vector.name)
    if not by_layer:
        if st.button("Find the nearest tokens", key="vectors.nearest"):
            job_panels.ask(lambda: _ask(vector))
        return
    rows = [
        (str(nearest.layer), _tokens(nearest.toward), _tokens(nearest.away))
        for nearest in _some(by_layer)
    ]
    tables.show(
        ["layer", "toward", "away"],
        rows,
        name=f"tokens-near-{vector.name}",
        frame=lambda: token_views.nearest_frame(by_layer),
    )


def _some(by_layer: Sequence[NearestTokens]) -> Sequence[NearestTokens]:
    if len(by_layer) <= 12:
        return by_layer
    everything = st.toggle("Every layer", key="every", bind="query-params")
    return by_layer if everything else by_layer[:: max(1, len(by_layer) // 8)]


def _tokens(tokens: Sequence[VocabularyToken]) -> str:
    return " ".join(
        f'<bdi class="vl-token" title="{token.value:.2f}">'
        f"{markup.characters(token.piece, spaces=True)}</bdi>"
        for token in tokens
    )


def _ask(vector: SteeringVector) -> Asked[list[NearestTokens]]:
    return token_views.request_nearest(cached.store(), vector.name, actor=cached.user())
