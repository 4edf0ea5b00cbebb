"""What went wrong while generating, said so that one can do something about it."""

from collections.abc import Sequence

import torch

from vectorlab.domain.vectors.vectors import Site
from vectorlab.steering.interventions.arm_table import SteeringTable
from vectorlab.steering.interventions.hooks import steer
from vectorlab.steering.model.architectures import as_rows, hidden_of
from vectorlab.steering.model.batching import forward_arguments
from vectorlab.steering.model.loading import LoadedModel


@torch.inference_mode()
def first_infinite_layer(
    loaded: LoadedModel,
    table: SteeringTable,
    arm: int,
    prompt: Sequence[int],
    answer: Sequence[int],
) -> int | None:
    """The decoder block whose output first holds a number that is not finite.

    The text is read once more in one pass, steered as it was; None if every block is finite then.

    Args:
        loaded: The model.
        table: Of the run.
        arm: Of the row, in the table.
        prompt: Its token ids.
        answer: What was generated, up to where it went wrong.
    """
    ids = torch.tensor([[*prompt, *answer]], device=loaded.device)
    finite: list[torch.Tensor] = []

    def look(_module: object, _args: object, output: object) -> None:
        finite.append(as_rows(hidden_of(output), 1).isfinite().all())

    with steer(loaded, table, [arm]) as steering:
        # A module steers before its hooks, so they see what leaves the block.
        hooks = [block.register_forward_hook(look) for block in loaded.layers.at(Site.BLOCK_OUTPUT)]
        try:
            columns = torch.arange(ids.shape[1], device=loaded.device)
            steering.set_response((columns >= len(prompt))[None])
            starts = torch.zeros(1, dtype=torch.long, device=loaded.device)
            loaded.model(**forward_arguments(loaded, ids, None, starts))
        finally:
            for hook in hooks:
                hook.remove()
    return next((layer for layer, is_finite in enumerate(finite) if not bool(is_finite)), None)


def too_large_for_memory(loaded: LoadedModel, tokens: int, fitted: int) -> str:
    """What to say when a batch of one row does not fit.

    Args:
        loaded: The model.
        tokens: Of the row, prompt and new ones.
        fitted: Of the longest row that did fit, 0 if none.
    """
    weights = sum(
        parameter.numel() * parameter.element_size() for parameter in loaded.model.parameters()
    )
    known = f"a text of {fitted} tokens did fit" if fitted else "none fitted before"
    cure = "Ask for fewer new tokens (--max-new-tokens) or a shorter prompt"
    if loaded.dtype == torch.float32:
        cure += f", or compute in bfloat16 (weights of {weights / 2**31:.1f} GiB, half of now)"
    return (
        f"Device {loaded.device} is out of memory with a single text of {tokens} tokens, prompt "
        f"and new ones; {known}. {cure}, or use a smaller model or a device with more memory."
    )
