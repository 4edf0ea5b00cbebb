"""Texts side by side: a row per prompt, a column per arm, the prompts' template said once."""

from collections.abc import Collection, Mapping, Sequence
from os.path import commonprefix

import pandas as pd
from rich.table import Table
from rich.text import Text

SHORTEST_TEMPLATE = 12  # characters; less than that is no template worth leaving out
MOST_COLUMNS = 5  # arms side by side; more of them stand below each other


def comparison_table(
    texts: pd.DataFrame,
    *,
    title: str | None = None,
    headers: Mapping[str, str] | None = None,
    bold: Collection[str] = (),
    note: str = "",
) -> Table:
    """What ``services.frames.comparison_frame`` made, for a terminal; texts are never markup.

    Args:
        texts: Columns prompt, sample and one per arm.
        title: Above the table.
        headers: Other names for columns.
        bold: Columns to stand out.
        note: Below the table.
    """
    template, slots = _template(list(texts["prompt"]))
    notes = [f"Prompt: {template}" if template else "", note]
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        caption="\n".join(line for line in notes if line) or None,
        caption_justify="left",
        show_lines=True,
    )
    arms = [name for name in texts.columns if name not in ("prompt", "sample")]
    names = {name: (headers or {}).get(name, name) for name in arms}
    labels = [
        Text(slot if sample == 0 else f"{slot} (sample {sample})")
        for slot, sample in zip(slots, texts["sample"], strict=True)
    ]
    fill = _fill_long if len(arms) > MOST_COLUMNS else _fill_wide
    fill(table, labels, texts, names, bold, "…" if template else "prompt")
    return table


def _fill_wide(
    table: Table,
    labels: Sequence[Text],
    texts: pd.DataFrame,
    names: Mapping[str, str],
    bold: Collection[str],
    first: str,
) -> None:
    table.add_column(first, ratio=2, overflow="fold")
    for name, header in names.items():
        style = "bold" if name in bold else ""
        table.add_column(header, ratio=3, overflow="fold", style=style)
    for label, record in zip(labels, texts.to_dict("records"), strict=True):
        table.add_row(label, *(_text(record[name]) for name in names))


def _fill_long(
    table: Table,
    labels: Sequence[Text],
    texts: pd.DataFrame,
    names: Mapping[str, str],
    bold: Collection[str],
    first: str,
) -> None:
    table.show_lines = False
    table.add_column("arm", overflow="fold")
    table.add_column("text", ratio=1, overflow="fold")
    for label, record in zip(labels, texts.to_dict("records"), strict=True):
        table.add_row(Text(first, style="dim"), label, style="bold")
        for name, header in names.items():
            if isinstance(record[name], str):
                table.add_row(header, _text(record[name]), style="bold" if name in bold else "")
        table.add_section()


def _text(value: object) -> Text:
    return Text(value.strip() if isinstance(value, str) else "")


def _template(prompts: Sequence[str]) -> tuple[str, list[str]]:
    """What different prompts share, with "…" for the rest, and the rest of each."""
    # Character by character is what is wanted here; these are no paths.
    start = len(commonprefix(prompts))  # noqa: RUF071
    rests = [prompt[start:] for prompt in prompts]
    end = len(commonprefix([rest[::-1] for rest in rests]))  # noqa: RUF071
    if len(set(prompts)) < 2 or start + end < SHORTEST_TEMPLATE:
        return "", list(prompts)
    slots = [rest[: len(rest) - end] for rest in rests]
    return f"{prompts[0][:start]}…{prompts[0][len(prompts[0]) - end :]}", slots
