"""What came from what, as things and edges between them."""

from dataclasses import dataclass

# Every relation of a child to its parent, read from the parent to the child.
FORWARDS = {
    "revises": "revised as",
    "forked_from": "forked as",
    "split_from": "split into",
    "merged_from": "merged into",
    "extracted_from": "extracted as",
    "belongs_to": "model of",
    "combined_from": "combined into",
    "derived_from": "derived as",
    "generated_by": "generated",
    "prompted_by": "prompts",
    "steered_by": "steers",
    "replays": "replayed as",
}


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

    @property
    def backwards(self) -> str:
        """What the child is to its parent, in words."""
        return self.relation.replace("_", " ")

    @property
    def forwards(self) -> str:
        """What the parent is to its child, in words."""
        return FORWARDS[self.relation]


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """What a thing came from and what came from it."""

    centre: Thing
    things: tuple[Thing, ...]
    edges: tuple[Edge, ...]
    scores: dict[int, dict[str, int]]  # by run id: how many scores of each scorer
    is_complete: bool  # False: there is more than fits into a picture
