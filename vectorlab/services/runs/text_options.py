"""How prompts are read and texts are written, by a run, a sweep or a calibration."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.models import Model, check_dtype
from vectorlab.domain.runs.runs import Decoding, Prompt, RunSpec
from vectorlab.domain.text.chats import Chat
from vectorlab.services.runs import runs


@dataclass(frozen=True, kw_only=True)
class TextOptions:
    """How prompts are read and texts are written."""

    decoding: Decoding = field(default_factory=Decoding)
    seed: int = 0  # of the per-row draws
    add_special_tokens: bool = True  # let the tokenizer add BOS where it would
    dtype: str = "float32"  # the model computes in this
    chat: bool = False  # prompts are the user's turn in the model's chat template
    system: str | None = None  # a system prompt in front of them; implies chat

    def turns(self, model: Model) -> Chat | None:
        """The chat that prompts are written in; None for texts as they are.

        Raises:
            InputError: If one is asked for and the model has no chat template.
        """
        is_chat = self.chat or self.system is not None
        return runs.chat_of(model, self.system) if is_chat else None

    def writing(self, model: Model) -> dict[str, Any]:
        """The fields of a run, or of a calibration, that say how prompts are read and answered.

        Raises:
            InputError: If the dtype is unknown, or the model has no chat template for a chat.
        """
        return {
            "decoding": self.decoding,
            "seed": int(self.seed),
            "add_special_tokens": self.add_special_tokens,
            "dtype": check_dtype(self.dtype),
            "chat": self.turns(model),
        }


def run_spec(
    options: TextOptions,
    model: Model,
    prompts: Sequence[Prompt],
    *,
    arms: Sequence[Arm],
    samples: int = 1,
) -> RunSpec:
    """The request for a run of arms that are known.

    Args:
        options: How prompts are read and texts are written.
        model: The model that generates.
        prompts: In their order.
        arms: In their order, which share the batches.
        samples: Texts per prompt and arm.
    """
    return RunSpec(
        model_fingerprint=model.fingerprint,
        prompts=tuple(prompts),
        arms=tuple(arms),
        samples=int(samples),
        **options.writing(model),
    )
