"""How the prompts of a run become turns of a conversation."""

from dataclasses import dataclass
from typing import Annotated

from vectorlab.domain.codec import Coded
from vectorlab.domain.description import About


@dataclass(frozen=True, kw_only=True)
class Chat(Coded):
    """Prompts are the user's turn of a conversation, as the model's chat template writes it."""

    template_sha256: Annotated[str, About(name="chat template")]  # of the model's template
    # A turn in front.
    system: Annotated[str | None, About(name="system prompt", words=repr)] = None
