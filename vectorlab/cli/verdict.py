"""A replay verdict in words."""

from rich.text import Text

from vectorlab.domain.runs import ReplayVerdict


def verdict_text(verdict: ReplayVerdict) -> Text:
    """One line when identical; else every first differing token and what changed around it."""
    text = Text()
    if verdict.identical:
        text.append("Identical", style="bold green")
        text.append(
            f": run {verdict.replay_id} repeats all {verdict.generations} texts of run "
            f"{verdict.original_id} token for token."
        )
    else:
        text.append("Different", style="bold red")
        text.append(
            f": {len(verdict.differences)} of {verdict.generations} texts of run "
            f"{verdict.replay_id} leave run {verdict.original_id}."
        )
        for item in verdict.differences:
            text.append(
                f"\n  prompt {item.key.prompt}, arm {item.key.arm}, sample {item.key.sample}: "
                f"token {item.position} is {_token(item.replay_id)}, was {_token(item.original_id)}"
            )
    for change in verdict.changes:
        text.append(f"\n  {change.name}: {change.replay}, was {change.original}")
    if not verdict.identical and not verdict.changes:
        text.append("\n  Nothing recorded of the environment changed.")
    return text


def _token(token_id: int | None) -> str:
    return "the end" if token_id is None else str(token_id)
