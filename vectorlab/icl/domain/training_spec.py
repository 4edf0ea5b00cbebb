"""What is trained on in-context regression, and how: the published defaults."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

from vectorlab.domain.codec import Coded
from vectorlab.domain.description import About
from vectorlab.domain.fields import Seed
from vectorlab.errors import InputError
from vectorlab.icl.domain.laws import RegressionLaw

BETAS = (0.9, 0.98)  # of AdamW; weight decay is 0
SINE_LEARNING_RATE = 1e-3
FIXED_ETA = 0.1  # of the gradient step behind the meta-trained MLP
DAMPING = 0.75  # of one trained layer that is applied again and again
MLP_WIDTHS = (40, 160)  # embedding and hidden layer of the MLP variants


class Variant(StrEnum):
    """What is trained on in-context regression."""

    LINEAR = "linear"  # linear self-attention, all matrices free
    SOFTMAX = "softmax"  # softmax self-attention
    GD = "gd"  # the constructed layer with its learning rates learned
    GD_PLUS_PLUS = "gd++"  # the same with the curvature correction
    MLP = "mlp"  # sine tasks: embedding, MLP and one linear layer
    MLP_GD = "mlp_gd"  # sine tasks: embedding and MLP in front of one fixed gradient step

    @property
    def on_sines(self) -> bool:
        """Whether the tasks are sines instead of linear maps."""
        return self in (Variant.MLP, Variant.MLP_GD)


@dataclass(frozen=True, kw_only=True)
class TrainingSpec(Coded):
    """One training from scratch on fresh tasks.

    Raises:
        InputError: If a number is out of its range, or does not belong to the variant.
    """

    variant: Annotated[Variant, About(name="variant")] = Variant.LINEAR
    # For sines only n and noise count.
    law: Annotated[RegressionLaw, About(name="tasks", inline=True)] = field(
        default_factory=RegressionLaw
    )
    layers: Annotated[int, About(name="layers")] = 1
    # One set of weights for all layers.
    shared: Annotated[bool, About(name="weights shared by layers", quiet=True)] = True
    heads: Annotated[int, About(name="heads", quiet=True)] = 1
    steps: Annotated[int, About(name="steps")]
    batch: Annotated[int, About(name="batch", unit="tasks", quiet=True)] = 2048
    learning_rate: Annotated[float, About(name="learning rate")]
    # Most norm of the whole gradient.
    clip: Annotated[float, About(name="gradient clipped at")]
    # Variance of an entry times the width it reads.
    init_scale: Annotated[float, About(name="scale of the first weights")]
    # Largest entry of a token between layers.
    activation_clip: Annotated[
        float | None, About(name="activations clipped at", none="nothing", quiet=True)
    ] = None
    seed: Seed = 0

    def __post_init__(self) -> None:
        for name in ("layers", "heads", "steps", "batch"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} = {getattr(self, name)}; it must be at least 1.")
        for name in ("learning_rate", "clip", "init_scale"):
            if not 0 < getattr(self, name) < float("inf"):
                raise InputError(f"{name} = {getattr(self, name)}; it must be a positive number.")
        if self.heads > 1 and self.variant not in (Variant.LINEAR, Variant.SOFTMAX):
            raise InputError(f"Variant {self.variant} has one head, not {self.heads}.")
        if self.layers > 1 and self.variant.on_sines:
            raise InputError(f"Variant {self.variant} has one layer, not {self.layers}.")

    @classmethod
    def published(cls, variant: Variant = Variant.LINEAR, **changes: Any) -> "TrainingSpec":
        """The defaults of the paper's code for a variant and depth, with changes.

        Source: `src/config.py` and the notebooks of
        google-research/self-organising-systems/transformers_learn_icl_by_gd
        """
        layers = int(changes.get("layers", 1))
        shared = bool(changes.get("shared", True))
        defaults: dict[str, Any] = {
            "variant": variant,
            "heads": 2 if variant is Variant.SOFTMAX else 1,
            "steps": 20_000 if variant.on_sines else 5_000 if shared else 50_000,
            "learning_rate": 5e-4 if layers > 3 else SINE_LEARNING_RATE,
            "clip": 10.0 if layers > 2 or variant.on_sines else 0.001,
            "init_scale": 0.002 / max(1, layers),
            "activation_clip": 10.0 if layers > 3 else None,
        }
        return cls(**(defaults | {k: v for k, v in changes.items() if v is not None}))
