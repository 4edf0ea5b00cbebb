"""What an echo is."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Echo:
    """A call and what came back."""

    id: int
    called: str
    heard: str
