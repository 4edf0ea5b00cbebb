"""A history as a picture of characters: a line per node, lanes for what runs side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

from vectorlab.domain.sets.versions import SetVersion


@dataclass(frozen=True, kw_only=True)
class Node:
    """A state and what it came from."""

    id: int
    parents: tuple[int, ...]  # the first is the line that it continues


@dataclass(frozen=True, kw_only=True)
class GraphLine:
    """A line of the picture."""

    lanes: str  # such as "* | " or "|/"
    node: int | None  # id of the node that stands on the line; None: only lanes


def nodes_of(versions: Sequence[SetVersion]) -> list[Node]:
    """Set versions as nodes, in their order."""
    return [
        Node(
            id=version.id,
            parents=tuple(
                parent for parent in (version.parent_id, version.merged_id) if parent is not None
            ),
        )
        for version in versions
    ]


def draw(nodes: Sequence[Node]) -> list[GraphLine]:
    """Lay out a history, newest node first; every node comes before its parents."""
    lines: list[GraphLine] = []
    lanes: list[int] = []  # id of the node that each lane leads down to
    known = {node.id for node in nodes}
    for node in nodes:
        if node.id not in lanes:
            lanes.append(node.id)
        place = lanes.index(node.id)
        # Lines that end in one node join it from the right.
        while lanes.count(node.id) > 1:
            twin = len(lanes) - 1 - lanes[::-1].index(node.id)
            lines.append(GraphLine(lanes=_joining(len(lanes), place, twin), node=None))
            del lanes[twin]
        marks = ["*" if lane == place else "|" for lane in range(len(lanes))]
        lines.append(GraphLine(lanes=" ".join(marks), node=node.id))
        parents = [parent for parent in node.parents if parent in known]
        for other in parents[1:]:
            lines.append(GraphLine(lanes=_leaving(len(lanes), place), node=None))
            lanes.insert(place + 1, other)
        lanes[place : place + 1] = parents[:1]
    return lines


def _leaving(count: int, place: int) -> str:
    """Lanes of a line that gets a neighbour to its right."""
    return " ".join(["|"] * place + ["|\\"] + ["\\"] * (count - place - 1))


def _joining(count: int, place: int, twin: int) -> str:
    """Lanes of a line that is joined by another from its right."""
    marks = ["|"] * count
    marks[twin] = "/"
    text = " ".join(marks)
    if twin == place + 1:
        return text[: 2 * place + 1] + "/" + text[2 * twin + 1 :].rstrip()
    return text[: 2 * twin - 1] + "/" + text[2 * twin + 1 :]
