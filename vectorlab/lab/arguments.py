"""What verbs take in more than one form."""

from collections.abc import Sequence
from typing import Any

from vectorlab.domain.runs.runs import Prompt
from vectorlab.services.database import Database
from vectorlab.services.runs import runs


def several(values: str | Sequence[Any]) -> Sequence[Any]:
    """A single text stands for a list of one, not for its letters."""
    return [values] if isinstance(values, str) else values


def prompts_of(
    db: Database, prompts: str | Sequence[str | Prompt], prompt_set: str | None
) -> tuple[list[Prompt], int | None]:
    """Texts and the sources of a set as prompts, and the id of the set's version.

    Args:
        db: The store.
        prompts: Texts, used as they are.
        prompt_set: ``name@version`` whose sources come behind them.
    """
    texts = [
        prompt if isinstance(prompt, Prompt) else Prompt(text=prompt) for prompt in several(prompts)
    ]
    if prompt_set is None:
        return texts, None
    from_set, version_id = runs.prompts_of_set(db, prompt_set)
    return [*texts, *from_set], version_id
