"""How the prompts of a run become turns of a conversation."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Chat:
    """Prompts are the user's turn of a conversation, as the model's chat template writes it."""

    template_sha256: str  # of the model's template
    system: str | None = None  # a turn in front

    def to_json(self) -> dict[str, Any]:
        """The hashed form."""
        return {"template_sha256": self.template_sha256, "system": self.system}
