"""What is trained on in-context regression, and how: the published defaults."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from vectorlab.domain.icl import RegressionLaw
from vectorlab.errors import InputError

BETAS = (0.9, 0.98)  # of AdamW; weight decay is 0
SINE_LEARNING_RATE = 1e-3
FIXED_ETA = 0.1  # of the gradient step behind the meta-trained MLP
MLP_WIDTHS = (40, 160)  # embedding and hidden layer of the MLP variants


class Variant(StrEnum):
    """What is trained."""

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
class TrainingSpec:
    """One training from scratch on fresh tasks.

    Raises:
        InputError: If a number is out of its range, or does not belong to the variant.
    """

    variant: Variant = Variant.LINEAR
    law: RegressionLaw = field(default_factory=RegressionLaw)  # for sines only n counts
    layers: int = 1
    shared: bool = True  # one set of weights for all layers
    heads: int = 1
    steps: int
    batch: int = 2048
    learning_rate: float
    clip: float  # most norm of the whole gradient
    init_scale: float  # variance of an entry times the width it reads
    activation_clip: float | None = None  # largest entry of a token between layers
    seed: int = 0

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

    def with_seed(self, seed: int) -> "TrainingSpec":
        """The same training with another seed."""
        return replace(self, seed=seed)

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "variant": self.variant.value,
            "law": self.law.to_json(),
            "layers": self.layers,
            "shared": self.shared,
            "heads": self.heads,
            "steps": self.steps,
            "batch": self.batch,
            "learning_rate": self.learning_rate,
            "clip": self.clip,
            "init_scale": self.init_scale,
            "activation_clip": self.activation_clip,
            "seed": self.seed,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "TrainingSpec":
        """Back from ``to_json``."""
        changes = {
            "variant": Variant(data["variant"]),
            "law": RegressionLaw.from_json(data["law"]),
        }
        return cls(**(data | changes))
