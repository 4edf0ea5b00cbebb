"""Asking ``vectorlab ui``, which started this dashboard, for a worker beside it."""

import os
from pathlib import Path

from vectorlab.config import ANOTHER, WISH_VARIABLE


def is_possible() -> bool:
    """Whether somebody is there who starts workers."""
    return WISH_VARIABLE in os.environ and Path(os.environ[WISH_VARIABLE]).parent.is_dir()


def start_worker(*, another: bool = False) -> None:
    """Leave the wish where the launcher looks for it a few times a second.

    Args:
        another: Also where one of its workers is there.
    """
    Path(os.environ[WISH_VARIABLE]).write_text(ANOTHER if another else "", encoding="utf-8")
