"""A model's head apart from its blocks.

The head writes a number for every token of the vocabulary, many more than it reads. Who keeps few
of them catches what the head is given and lets it run over one piece after another.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from vectorlab.errors import ArchitectureError
from vectorlab.steering.model.architectures import architecture
from vectorlab.steering.model.loading import LoadedModel


@contextmanager
def head_sees_the_end(loaded: LoadedModel) -> Iterator[list[torch.Tensor]]:
    """Let the head of the model see the last position alone, as a tensor of its own.

    Some models would run it over the whole prompt; others hand it a view with gaps, for which the
    matrix product copies the head's weight once a row in bfloat16.

    Yields:
        What the head was given in each pass, (B, T or fewer, D); the last positions, if fewer.
    """
    head = loaded.model.get_output_embeddings()  # type: ignore[no-untyped-call]
    inputs: list[torch.Tensor] = []
    if not isinstance(head, nn.Module):
        yield inputs
        return

    def last(_module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        inputs.append(args[0])
        return (args[0][:, -1:].contiguous(), *args[1:])

    hook = head.register_forward_pre_hook(last)
    try:
        yield inputs
    finally:
        hook.remove()


def head_logits(loaded: LoadedModel, states: torch.Tensor) -> torch.Tensor:
    """Logits of states that ``head_sees_the_end`` caught, as the model's own forward makes them.

    Args:
        loaded: The model.
        states: (N, D).

    Returns:
        (N, V) float32.

    Raises:
        ArchitectureError: If the model has no head.
    """
    head = loaded.model.get_output_embeddings()  # type: ignore[no-untyped-call]
    if not isinstance(head, nn.Module):
        raise ArchitectureError(
            f"Model type {loaded.model.config.model_type!r} has no output embeddings, so it says "
            "nothing of how likely a text is."
        )
    logits: torch.Tensor = head(states)
    behind = architecture(loaded.model.config.model_type).behind_head
    return (logits if behind is None else behind(loaded.model.config, logits)).float()
