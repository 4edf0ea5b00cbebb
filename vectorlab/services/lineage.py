"""The lineage of a set version, a vector or a run in both directions."""

from vectorlab.domain.lineage import Edge, Lineage, Thing
from vectorlab.store import lineage
from vectorlab.store.database import Database

MOST_THINGS = 60  # more make no picture


def around(db: Database, centre: Thing, *, most: int = MOST_THINGS) -> Lineage:
    """Everything that the thing came from, and everything that came from it.

    Ancestors are followed upwards only and descendants downwards only, so that a much used model
    or a sibling version does not drag in all that was ever made with it.

    Args:
        db: The store.
        centre: Where to begin; its name is taken as it is.
        most: Things after which the search ends.
    """
    things = {(centre.kind, centre.id): centre}
    edges: dict[tuple[str, int, str, str, int], Edge] = {}
    with db.read() as tx:
        for upwards in (True, False):
            frontier = [centre]
            while frontier and len(things) < most:
                next_edges = lineage.edges_of(tx, frontier)
                here = {(thing.kind, thing.id) for thing in frontier}
                frontier = []
                for edge in next_edges:
                    near, far = (edge.child, edge.parent) if upwards else (edge.parent, edge.child)
                    if (near.kind, near.id) not in here:
                        continue
                    edges[_key(edge)] = edge
                    if (far.kind, far.id) not in things:
                        things[far.kind, far.id] = far
                        frontier.append(far)
        runs = [thing.id for thing in things.values() if thing.kind == "run"]
        scores = lineage.score_counts(tx, runs)
    return Lineage(
        centre=centre,
        things=tuple(things.values()),
        edges=tuple(edges.values()),
        scores=scores,
        is_complete=len(things) < most,
    )


def _key(edge: Edge) -> tuple[str, int, str, str, int]:
    return (edge.child.kind, edge.child.id, edge.relation, edge.parent.kind, edge.parent.id)
