"""The two KL divergences between a steered model's next token and the unsteered model's.

They part as steering grows: the first is large where steering takes away what the unsteered model
would say, the second where it adds what that model would not say. Whatever shows one of them names
it as here.

Source: Kullback & Leibler 1951, On information and sufficiency
"""

from enum import StrEnum


class KL(StrEnum):
    """Which of the two is looked from; the value is the name of its scorer."""

    FORWARD = "kl"
    REVERSE = "reverse_kl"

    @property
    def formula(self) -> str:
        """In full, such as ``KL(unsteered || steered)``."""
        seen_from, other = ("unsteered", "steered")[:: 1 if self is KL.FORWARD else -1]
        return f"KL({seen_from} || {other})"

    @property
    def unit(self) -> str:
        """What a mean of it is measured in."""
        return f"{self.formula}, nats per token"
