"""Frames written to files by their ending."""

from pathlib import Path

import pandas as pd

from vectorlab.errors import InputError

ENDINGS = (".csv", ".json", ".jsonl", ".parquet")


def write_frame(frame: pd.DataFrame, path: Path) -> Path:
    """Write a frame to .csv, .json, .jsonl or .parquet.

    Raises:
        InputError: If the ending is another, or the folder is not there.
    """
    if path.suffix not in ENDINGS:
        raise InputError(f"Ending {path.suffix!r} is not known. Use one of {', '.join(ENDINGS)}.")
    if not path.parent.is_dir():
        raise InputError(f"There is no folder {path.parent}. Make it first.")
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        _one_type_each(frame).to_parquet(path, index=False)
    else:
        frame.to_json(
            path,
            orient="records",
            lines=path.suffix == ".jsonl",
            date_format="iso",
            force_ascii=False,
        )
    return path


def _one_type_each(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns of mixed types as texts: SQLite lets a column hold both, Parquet does not."""
    mixed = [
        name
        for name in frame.columns
        if frame[name].dtype == object and frame[name].dropna().map(type).nunique() > 1
    ]
    return frame.astype(dict.fromkeys(mixed, "string")) if mixed else frame
