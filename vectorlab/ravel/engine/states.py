"""States of prompts where they are swapped, at some layers.

A token's state depends on nothing behind it, so a prompt is read up to its last wanted token and
prompts that agree up to there are read once: the templates that ask different things about one
mention share it.

Letters: ``N`` prompts, ``K`` swapped tokens of a prompt, ``L`` layers, ``D`` width.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from vectorlab.domain.vectors.vectors import Site
from vectorlab.progress import OnProgress
from vectorlab.ravel.domain.specs import Location
from vectorlab.ravel.engine.prompts import EntityPrompt
from vectorlab.steering.model.loading import LoadedModel
from vectorlab.steering.recording.activations import record_states


@dataclass(frozen=True, kw_only=True)
class PromptStates:
    """States of prompts at one layer, the tokens of a prompt one after the other."""

    values: torch.Tensor  # (sum of K, D) float32 on the CPU
    starts: torch.Tensor  # (N,) row of every prompt's first token
    counts: torch.Tensor  # (N,) K of every prompt

    def last(self) -> torch.Tensor:
        """The state of every prompt's last swapped token, (N, D)."""
        return self.values[self.starts + self.counts - 1]

    def aligned(self, row: int, count: int) -> torch.Tensor:
        """States for ``count`` base tokens from prompt ``row``, aligned at the ends, (count, D).

        Base tokens in front of the source's first one get that one.

        Args:
            row: Number of the prompt.
            count: How many base tokens there are.
        """
        have = int(self.counts[row])
        back = torch.arange(count - 1, -1, -1).clamp(max=have - 1)
        return self.values[int(self.starts[row]) + have - 1 - back]


def record_prompts(
    loaded: LoadedModel,
    prompts: Sequence[EntityPrompt],
    *,
    layers: Sequence[int],
    location: Location,
    on_progress: OnProgress | None = None,
) -> dict[int, PromptStates]:
    """States of the block outputs at the location, by layer.

    Args:
        loaded: The model.
        prompts: N prompts.
        layers: Blocks whose outputs are read, from 0.
        location: Which tokens of every prompt are read.
        on_progress: Told how many of the texts are read.

    Returns:
        By layer the states of all prompts, (sum of K, D) float32.

    Raises:
        ShapeError: If the model has no such layer.
        ModelError: If states are not finite, or memory does not hold a single prompt.
    """
    places = [prompt.places(location) for prompt in prompts]
    beginnings = [
        prompt.token_ids[: place + 1]
        for prompt, several in zip(prompts, places, strict=True)
        for place in several
    ]
    # With several tokens of a mention, the beginning that ends at its first token is also the
    # beginning of the others. It is read again for each of them: mentions are short.
    recorded = record_states(
        loaded, beginnings, site=Site.BLOCK_OUTPUT, layers=layers, on_progress=on_progress
    )
    counts = torch.tensor([len(several) for several in places])
    starts = counts.cumsum(0) - counts
    return {
        layer: PromptStates(
            # Copied, because tensors made in inference mode cannot take part in a training.
            values=recorded.values[:, slot].clone(),
            starts=starts,
            counts=counts,
        )
        for slot, layer in enumerate(recorded.layers)
    }
