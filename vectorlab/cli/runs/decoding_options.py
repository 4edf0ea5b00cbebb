"""What the options of drawing mean together."""

from typing import TYPE_CHECKING

from vectorlab.errors import InputError

if TYPE_CHECKING:
    from vectorlab.domain.runs.runs import Decoding


_OF_DRAWS = ("temperature", "top_k", "top_p", "min_p")


def check_draws(decoding: "Decoding") -> "Decoding":
    """The same decoding, unless it names an option that would do nothing.

    Raises:
        InputError: If the most likely token is taken and an option says how to draw.
    """
    from vectorlab.domain.runs.runs import Decoding

    greedy = Decoding()
    for name in _OF_DRAWS:
        value = getattr(decoding, name)
        if not decoding.do_sample and value != getattr(greedy, name):
            option = f"--{name.replace('_', '-')}"
            raise InputError(
                f"{option} {value:g} does nothing where the most likely token is taken. Draw with "
                f"--sample, or leave {option} out."
            )
    return decoding
