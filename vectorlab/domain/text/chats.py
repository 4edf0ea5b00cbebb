"""How the prompts of a run become turns of a conversation."""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from vectorlab.domain.codec import Coded, Stored
from vectorlab.domain.description import About


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What somebody said in a conversation."""

    role: str  # "system", "user" or "assistant"
    content: str


@dataclass(frozen=True, kw_only=True)
class Exchange(Coded):
    """What the user said, and what was answered."""

    AS_LIST: ClassVar[bool] = True

    user: str
    assistant: str

    @property
    def turns(self) -> tuple[Turn, Turn]:
        """The same as two turns."""
        return (
            Turn(role="user", content=self.user),
            Turn(role="assistant", content=self.assistant),
        )


def _spoken(exchanges: tuple[Exchange, ...]) -> str:
    turns = [turn for exchange in exchanges for turn in exchange.turns]
    return "; ".join(f"{turn.role} {turn.content!r}" for turn in turns)


@dataclass(frozen=True, kw_only=True)
class Chat(Coded):
    """Prompts are the user's turn of a conversation, as the model's chat template writes it."""

    template_sha256: Annotated[str, About(name="chat template")]  # of the model's template
    # A turn in front.
    system: Annotated[str | None, About(name="system prompt", words=repr)] = None
    # What was said before the prompt, behind the system prompt. Older requests have none.
    earlier: Annotated[
        tuple[Exchange, ...],
        About(name="earlier turns", quiet=True, words=_spoken),
        Stored(if_given=True),
    ] = ()

    @property
    def before(self) -> tuple[Turn, ...]:
        """Every turn in front of the prompt."""
        system = () if self.system is None else (Turn(role="system", content=self.system),)
        return (*system, *(turn for exchange in self.earlier for turn in exchange.turns))

    def turns(self, prompt: str) -> tuple[Turn, ...]:
        """The conversation up to a prompt, which the model is about to answer."""
        return (*self.before, Turn(role="user", content=prompt))

    def answered(self, prompt: str, answer: str) -> "Chat":
        """The conversation once a prompt was answered."""
        return replace(self, earlier=(*self.earlier, Exchange(user=prompt, assistant=answer)))


def as_asked(chat: Chat | None, prompt: str) -> str:
    """A prompt as its reader has to know it to judge what was answered.

    Behind earlier turns it is the whole conversation up to it, every turn named by its role. A
    prompt that begins the conversation, or is a text as it is, stands alone.
    """
    if chat is None or not chat.earlier:
        return prompt
    return "\n".join(f"{turn.role}: {turn.content}" for turn in chat.turns(prompt))
