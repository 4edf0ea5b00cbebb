"""Where in a decoder block states are read and written."""

from enum import StrEnum


class Site(StrEnum):
    """A place in a decoder block where states are read or written."""

    BLOCK_OUTPUT = "block_output"  # residual stream after the block, before any final norm
    MLP_OUTPUT = "mlp_output"  # output of the MLP, before it is added to the residual stream
    ATTENTION_OUTPUT = "attention_output"  # output of the attention, before it is added
