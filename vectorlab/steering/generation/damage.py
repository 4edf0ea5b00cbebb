"""How much a vector disturbs the model: mean KL over texts, and the scale that gives a wanted one.

The damage of an intervention is the mean, over the tokens of some texts, of one of the two KL
divergences between the steered next-token distribution and the baseline's, both reading the same
text. Vectors of equal damage can be compared at equal strength, whatever lengths their methods gave
them.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.scores.divergence import KL
from vectorlab.domain.vectors.vectors import LayerVector
from vectorlab.errors import InputError, ModelError
from vectorlab.steering.generation.baseline_divergence import kl_divergence
from vectorlab.steering.interventions.arm_table import SteeringTable
from vectorlab.steering.interventions.hooks import steer
from vectorlab.steering.model.batching import forward_arguments, pad
from vectorlab.steering.model.loading import LoadedModel

TOLERANCE = 0.01  # relative, of the KL
_MOST_TRIES = 40
_FARTHEST = 2.0**20  # times the first scale, in either direction


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The scale that was found, and every one that was tried."""

    scale: float
    kl: float
    tried: tuple[tuple[float, float], ...]  # (scale, KL)


@torch.inference_mode()
def mean_kl(
    loaded: LoadedModel,
    token_ids: Sequence[Sequence[int]],
    arm: Arm,
    vectors: Mapping[str, Sequence[LayerVector]],
    *,
    direction: KL = KL.REVERSE,
    rows: int = 8,
) -> float:
    """Mean KL per token between steered and baseline over texts, in nats.

    Both rows of a text share a pass, so they round alike, but for the last tokens of a pass where
    a library multiplies what is left over in another order: 2e-6 of a logit.

    Args:
        loaded: The model.
        token_ids: The texts.
        arm: What steers, at all positions.
        vectors: Layer vectors by content hash.
        direction: Which of the two divergences.
        rows: Texts per pass, at most.

    Raises:
        ModelError: If the model returns numbers that are not finite.
    """
    table = SteeringTable.build(loaded, [Arm(label="no steering"), arm], vectors)
    total, count = 0.0, 0
    ordered = sorted(token_ids, key=len)
    for start in range(0, len(ordered), rows):
        some = ordered[start : start + rows]
        batch = pad([*some, *some], side="right", device=loaded.device)
        arguments = forward_arguments(loaded, batch.input_ids, None, batch.starts)
        with steer(loaded, table, [0] * len(some) + [1] * len(some)):
            logits = loaded.model(**(arguments | {"logits_to_keep": 0})).logits
        baseline, steered = logits.float().log_softmax(dim=-1).chunk(2)
        real = batch.attention_mask[: len(some)].bool()
        ends = (steered, baseline) if direction is KL.REVERSE else (baseline, steered)
        divergences = kl_divergence(*ends)[real]
        total, count = total + float(divergences.sum()), count + len(divergences)
    if not math.isfinite(total):
        raise ModelError(
            "The steered model's output is not finite. Use a smaller KL, or dtype float32."
        )
    return total / count


def scale_for(damage: Callable[[float], float], target: float, *, first: float = 1.0) -> Scale:
    """The scale at which a damage that grows with it has the wanted value, to 1 percent.

    The range is widened from the first scale by doubling or halving, then halved geometrically.

    Args:
        damage: KL at a scale above 0.
        target: KL, above 0.
        first: Where to begin.

    Raises:
        InputError: If no scale comes near the value.
    """
    tried: list[tuple[float, float]] = []

    def at(scale: float) -> float:
        tried.append((scale, damage(scale)))
        return tried[-1][1]

    low = high = first
    kl = at(first)
    step = 0.5 if kl > target else 2.0
    while (kl > target) == (step < 1):
        low, high = (low * step, low) if step < 1 else (high, high * step)
        if not first / _FARTHEST <= low <= high <= first * _FARTHEST:
            raise InputError(
                f"No scale gives a mean KL of {target:g}: {kl:.4g} at scale {tried[-1][0]:.4g}. "
                "Ask for another KL, or other texts."
            )
        kl = at(low if step < 1 else high)
    while abs(kl - target) > TOLERANCE * target:
        if len(tried) > _MOST_TRIES:
            raise InputError(
                f"The mean KL jumps over {target:g}: {kl:.4g} at scale {tried[-1][0]:.6g}. Ask "
                "for another KL."
            )
        middle = math.sqrt(low * high)
        kl = at(middle)
        low, high = (low, middle) if kl > target else (middle, high)
    return Scale(scale=tried[-1][0], kl=kl, tried=tuple(tried))


def scaled(parts: Sequence[LayerVector], scale: float) -> list[LayerVector]:
    """The layer vectors times a number; what was known of the layers holds for them, too."""
    return [
        replace(part, values=(part.values.astype("float64") * scale).astype("float32"))
        for part in parts
    ]
