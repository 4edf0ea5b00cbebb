"""Verdicts on arms, printed."""

from typing import TYPE_CHECKING

from rich.table import Table

from vectorlab.cli.output import frame_table

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = ["arm", "change", "low", "high", "p", "verdict", "up/same/down", "sign p"]


def verdicts_table(compared: "pd.DataFrame", of: str) -> Table:
    """One family of verdicts.

    Args:
        compared: As ``services.runs.scores.comparison_frame`` gives them, of one scorer.
        of: What is compared with what.
    """
    shown = compared.rename(columns={"difference": "change"})
    shown["up/same/down"] = shown[["win", "tie", "loss"]].astype(str).agg("/".join, axis=1)
    for p in ("p", "sign p"):
        shown[p] = [float(f"{value:.2g}") for value in shown[p]]
    return frame_table(shown[_SHOWN], title=f"{of}; {len(shown)} verdicts, 5 % error in all")
