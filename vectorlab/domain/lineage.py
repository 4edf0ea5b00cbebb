"""What came from what, as things and edges between them."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Thing:
    """A set version, vector, model or run."""

    kind: str  # "set_version", "vector", "model" or "run"
    id: int  # of its row
    name: str  # label of a version, name of the rest


@dataclass(frozen=True, kw_only=True)
class Edge:
    """One thing that came from another."""

    child: Thing
    relation: str  # "revises", "extracted_from", "steered_by" ...
    parent: Thing


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """What a thing came from and what came from it."""

    centre: Thing
    things: tuple[Thing, ...]
    edges: tuple[Edge, ...]
    scores: dict[int, dict[str, int]]  # by run id: how many scores of each scorer
    is_complete: bool  # False: there is more than fits into a picture
