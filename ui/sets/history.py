"""The versions of a set and where each demonstration came in."""

import pandas as pd
import streamlit as st

from ui import cached, markup, tables
from vectorlab.domain.sets.history_graph import draw, nodes_of
from vectorlab.domain.sets.versions import SetVersion
from vectorlab.services import frames
from vectorlab.services.sets import history

MOST_BLAMED = 5000  # demonstrations; beyond it the origin is looked up on demand


def show(version: SetVersion) -> None:
    """The history as a graph, then the origin of what the chosen version holds."""
    versions = history.history(cached.store(), version.set_name)
    by_id = {version.id: version for version in versions}
    rows = []
    for line in draw(nodes_of(versions)):
        lanes = f'<span class="vl-lanes">{markup.escape(line.lanes)}</span>'
        if line.node is None:
            rows.append((lanes, *[""] * 6))
        else:
            rows.append((lanes, *_cells(by_id[line.node])))
    head = ["", "version", "message", "demonstrations", "by", "frozen", "content"]
    of_versions = [row[1:] for row in rows if row[1]]
    tables.show(
        head,
        rows,
        name=f"history-of-{version.set_name}",
        frame=lambda: tables.words_of(head[1:], of_versions),
        kind="vl-history",
    )
    st.subheader("Where each demonstration came in", anchor=False)
    if version.count > MOST_BLAMED and not st.toggle(f"Look up all {version.count}"):
        return
    frame = tables.numbered(_blame(version))
    st.dataframe(
        frame,
        key="sets.blame",
        hide_index=True,
        placeholder="–",
        column_config=tables.number_column(),
    )


def _cells(version: SetVersion) -> tuple[str, ...]:
    return (
        markup.link(version.label, "sets", set=version.set_name, version=version.number)
        + " "
        + "".join(markup.badge(tag, "good") for tag in version.tags),
        markup.literal(version.message or "–"),
        str(version.count),
        markup.escape(version.author),
        markup.moment(version.created_at),
        markup.mono(version.content_sha256[:12]),
    )


def _blame(version: SetVersion) -> pd.DataFrame:
    return frames.blame_frame(history.blame(cached.store(), version.label))
