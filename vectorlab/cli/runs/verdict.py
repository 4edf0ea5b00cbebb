"""A replay verdict, printed."""

from rich.text import Text

from vectorlab.domain.runs.replays import ReplayVerdict


def verdict_text(verdict: ReplayVerdict) -> Text:
    """One line when identical; else why, every first differing token, and all that changed."""
    text = Text()
    style = "bold green" if verdict.identical else "bold red"
    text.append(verdict.title, style=style)
    text.append(f": {verdict.explanation}.")
    for departure in verdict.departures:
        key = departure.key
        text.append(
            f"\n  prompt {key.prompt}, arm {key.arm}, sample {key.sample}: "
            f"token {departure.position} is {_token(departure.replay_id)}, "
            f"was {_token(departure.original_id)} ({verdict.apart(departure)})"
        )
    for change in verdict.changes:
        text.append(f"\n  {change.name}: {change.replay}, was {change.original}")
    if not verdict.identical and not verdict.changes:
        text.append("\n  Nothing recorded of the environment changed.")
    return text


def _token(token_id: int | None) -> str:
    return "the end" if token_id is None else str(token_id)
