"""What echoes add to VectorLab."""

from vectorlab.systems import Link, System

SYSTEM = System(
    name="echo",
    about="Echoes: what is called comes back.",
    frozen={"echoes": ()},
    sealed={"echoes": ()},
    purged={"echo": "echoes"},
    pages={"echoes": "Echoes"},
    links={"echo_id": Link(page="echoes", label="Open the echoes")},
)
