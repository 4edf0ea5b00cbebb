"""How prompts are read and texts are written, by a run, a sweep or a calibration."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.models import Model, check_dtype
from vectorlab.domain.runs.runs import Decoding, Prompt, RunSpec
from vectorlab.domain.text.chats import Chat
from vectorlab.services.runs import conversations, runs
from vectorlab.store.database import Database


@dataclass(frozen=True, kw_only=True)
class ChatOptions:
    """Whether prompts are turns of a conversation, and of which.

    Attributes:
        chat: Prompts are the user's turn in the model's chat template, perhaps in a chat that is
            written out.
        system: A system prompt in front of them; implies ``chat``.
        after: A text of a run in a chat, ``"12:1"`` for arm 1 of run 12, with which the prompts go
            on: all that was said up to it stands in front of them, its system prompt unless there
            is another. ``"12:1:3:2"`` is the second sample on its third prompt, and
            ``"12:before"`` what was said before the prompts of run 12. Implies ``chat``.
    """

    chat: bool | Chat = False
    system: str | None = None
    after: str | None = None

    def turns(self, db: Database, model: Model) -> Chat | None:
        """The chat that prompts are written in; None for texts as they are.

        Raises:
            NotFoundError: If there is no run to go on from.
            InputError: If a chat is asked for and the model has no chat template, or there is no
                such text to go on from.
        """
        begun = self.chat if isinstance(self.chat, Chat) else None
        if self.after is not None:
            begun = conversations.up_to(db, self.after)
        if begun is None:
            is_chat = self.chat or self.system is not None
            return runs.chat_of(model, self.system) if is_chat else None
        system = begun.system if self.system is None else self.system
        return replace(runs.chat_of(model, system), earlier=begun.earlier)


@dataclass(frozen=True, kw_only=True)
class TextOptions(ChatOptions):
    """How prompts are read and texts are written.

    Attributes:
        decoding: Greedy, 32 new tokens by default.
        seed: Of the per-row draws.
        add_special_tokens: Let the tokenizer add BOS where it would.
        dtype: The model computes in this.
    """

    decoding: Decoding = field(default_factory=Decoding)
    seed: int = 0
    add_special_tokens: bool = True
    dtype: str = "float32"

    def writing(self, db: Database, model: Model) -> dict[str, Any]:
        """The fields of a run, or of a calibration, that say how prompts are read and answered.

        Raises:
            NotFoundError: As ``turns``.
            InputError: As ``turns``, or if the dtype is unknown.
        """
        return {
            "decoding": self.decoding,
            "seed": int(self.seed),
            "add_special_tokens": self.add_special_tokens,
            "dtype": check_dtype(self.dtype),
            "chat": self.turns(db, model),
        }


def run_spec(
    db: Database,
    options: TextOptions,
    model: Model,
    prompts: Sequence[Prompt],
    *,
    arms: Sequence[Arm],
    samples: int = 1,
) -> RunSpec:
    """The request for a run of arms that are known.

    Args:
        db: The store.
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
        **options.writing(db, model),
    )
