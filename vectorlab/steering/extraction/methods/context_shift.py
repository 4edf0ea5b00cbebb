"""What demonstrations in the prompt do to the state of a query, averaged over queries.

    direction_l = mean_i (h_l(demonstrations, query_i)[-1] - h_l(query_i)[-1])

Every source of the set is a query once, behind other demonstrations of the set, never behind its
own. The vector does without a prompt what the prompt did.

What it is not: the in-context vector, which is a difference of targets and sources that no prompt
joins. Leaving out demonstration i leaves out the query i; the prompts of the others keep it.

Source: the update that demonstrations make in von Oswald et al. 2023,
https://arxiv.org/abs/2212.07677, read off a language model; compare task vectors, Hendel et al.
2023, https://arxiv.org/abs/2310.15916
"""

import torch

from vectorlab.domain.vectors.context_prompts import DEFAULT_LAYOUT, DEFAULT_SHOTS, context_texts
from vectorlab.steering.extraction.methods.base import Method
from vectorlab.steering.extraction.methods.directions import mean_of


def context_shift(
    source: torch.Tensor,
    target: torch.Tensor,
    *,
    shots: int = DEFAULT_SHOTS,
    layout: str = DEFAULT_LAYOUT,
    seed: int = 0,
) -> torch.Tensor:
    """Mean shift of a query by demonstrations in front of it.

    Args:
        source: States of the queries alone, (N, L, D) float32.
        target: States of the same queries behind demonstrations.
        shots: Demonstrations per prompt; decides the texts.
        layout: How they are written; decides the texts.
        seed: Which demonstrations; decides the texts.

    Returns:
        (L, D) float32, not normalised (activation units).
    """
    del shots, layout, seed
    return mean_of(target - source).float()


METHOD = Method(aggregator=context_shift, texts=context_texts)
