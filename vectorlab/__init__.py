"""VectorLab: a laboratory that keeps steering vectors, what made them and what they made.

``from vectorlab import Lab`` gives a notebook the verbs of the command line.
"""

from typing import TYPE_CHECKING, Any

from vectorlab.version import __version__

if TYPE_CHECKING:
    from vectorlab.lab import Lab

__all__ = ["Lab", "__version__"]


def __getattr__(name: str) -> Any:
    # Lazy, so that importing one module of the package does not import all of them.
    if name == "Lab":
        from vectorlab.lab import Lab

        return Lab
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
