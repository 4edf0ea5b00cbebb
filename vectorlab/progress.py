"""How a computation tells how far it is."""

from collections.abc import Callable

OnProgress = Callable[[int, int], None]  # told how much is done, and how much there is in all
OnNamedProgress = Callable[[int, int, str], None]  # and of what
