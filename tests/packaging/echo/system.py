"""What echoes add to VectorLab."""

from vectorlab.systems import Link, System

SYSTEM = System(
    name="echo",
    about="Echoes of texts, and how long they are.",
    frozen={"echoes": ()},
    sealed={"echoes": ()},
    purged={"echo": "echoes"},
    pages={"echoes": "Echoes"},
    links={"echo_id": Link(page="echoes", label="Open the echoes")},
)
