"""What a set version came from and led to, down to scores: a picture whose nodes are links."""

import streamlit as st

from ui import cached, colours, markup, tables
from ui.frame import notes
from vectorlab.domain.lineage import Lineage, Thing
from vectorlab.domain.sets.versions import SetVersion
from vectorlab.services import lineage

_SHAPES = {"set_version": "folder", "vector": "box", "run": "note", "model": "ellipse"}
_SCORES = "hexagon"
FEW = 6  # things that fit beside each other at their own size


def show(version: SetVersion) -> None:
    """The lineage of a version in both directions."""
    centre = Thing(kind="set_version", id=version.id, name=version.label)
    graph = lineage.around(cached.store(), centre)
    if len(graph.things) == 1:
        notes.note("On its own", "This version came from no other, and nothing was made from it.")
        return
    # A few nodes stretched over the page would have letters larger than its title.
    st.graphviz_chart(_dot(graph), width="content" if len(graph.things) <= FEW else "stretch")
    if not graph.is_complete:
        st.caption("More than fits into a picture; v_lineage in SQL has all of it.")
    rows = [
        (
            _link(edge.child),
            markup.escape(edge.backwards),
            _link(edge.parent),
            markup.escape(_scores(graph, edge.child)),
        )
        for edge in graph.edges
    ]
    tables.show(["this", "", "that", "scores"], rows, name="lineage")


def _head() -> str:
    """Colours of the visitor's theme."""
    fill, line = "#262d2e" if colours.is_dark() else "#f4f6f5", colours.ink()
    return (
        'digraph { rankdir=LR; pad=0.1; bgcolor="transparent"; '
        f'node [fontname="sans-serif", fontsize=11, style=filled, fillcolor="{fill}", '
        f'fontcolor="{colours.words()}", color="{line}"]; '
        f'edge [fontname="sans-serif", fontsize=9, color="{line}", fontcolor="{line}"];'
    )


def _dot(graph: Lineage) -> str:
    accent = colours.palette()[1]
    lines = [_head()]
    for thing in graph.things:
        name = f"{thing.kind}{thing.id}"
        bold = f', penwidth=2, color="{accent}"' if thing == graph.centre else ""
        words = [_kind(thing), thing.name]
        lines.append(_node(name, words, _SHAPES[thing.kind], _address(thing), bold))
        if scored := _score_words(graph, thing):
            figures = markup.address("compare", run=thing.id, look="figures")
            lines.append(_node(f"scores{thing.id}", scored, _SCORES, figures))
            lines.append(f'"{name}" -> "scores{thing.id}" [label="scored"];')
    lines += [
        f'"{edge.parent.kind}{edge.parent.id}" -> "{edge.child.kind}{edge.child.id}" '
        f'[label="{edge.forwards}"];'
        for edge in graph.edges
    ]
    return "\n".join([*lines, "}"])


def _node(name: str, words: list[str], shape: str, address: str, more: str = "") -> str:
    label = "\\n".join(map(_quoted, words))
    return f'"{name}" [label="{label}", shape={shape}, URL="{address}", target="_self"{more}];'


def _address(thing: Thing) -> str:
    if thing.kind == "set_version":
        name, _, number = thing.name.partition("@")
        return markup.address("sets", set=name, version=number)
    if thing.kind == "vector":
        return markup.address("vectors", vector=thing.name)
    return markup.address("compare", run=thing.id) if thing.kind == "run" else "settings"


def _kind(thing: Thing) -> str:
    return thing.kind.replace("_", " ")


def _link(thing: Thing) -> str:
    kind = markup.quiet(_kind(thing))
    return f'{kind} <a href="{markup.escape(_address(thing))}">{markup.escape(thing.name)}</a>'


def _score_words(graph: Lineage, thing: Thing) -> list[str]:
    counts = graph.scores.get(thing.id, {}) if thing.kind == "run" else {}
    return [f"{count} x {scorer}" for scorer, count in counts.items()]


def _scores(graph: Lineage, thing: Thing) -> str:
    return ", ".join(_score_words(graph, thing)) or "–"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
