"""Settings from the environment; read only by the CLI, the worker, the dashboard and Alembic.

Everything below those edges receives plain arguments.
"""

import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from vectorlab.domain.defaults import DEFAULT_STATE_CACHE_BYTES
from vectorlab.errors import InputError

# Names the file by which the dashboard asks ``vectorlab ui``, which started it, for a worker.
WISH_VARIABLE = "VECTORLAB_UI_WISH"
ANOTHER = "another"  # worker, although one is there: what such a wish says


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the store is and how work is done."""

    database_url: str
    device: str  # "auto", "cpu", "cuda:0", "mps"
    user: str  # recorded as author of what is written
    state_cache_bytes: int  # most bytes of recorded states that the store keeps; 0 keeps none
    reader_url: str | None = None  # login on PostgreSQL that can only read the analysis views
    judge_url: str | None = None  # OpenAI-compatible endpoint of the scorer judge; None: off
    judge_key: str | None = field(default=None, repr=False)  # sent to it; never stored

    @classmethod
    def from_environment(
        cls,
        *,
        database_url: str | None = None,
        device: str | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> "Settings":
        """Explicit values first, then ``VECTORLAB_*`` variables, then defaults.

        ``VECTORLAB_DATABASE_URL``, ``VECTORLAB_DEVICE``, ``VECTORLAB_USER``,
        ``VECTORLAB_STATE_CACHE_BYTES``, ``VECTORLAB_READER_URL``, ``VECTORLAB_JUDGE_URL`` and
        ``VECTORLAB_JUDGE_KEY`` name the fields;
        ``VECTORLAB_HOME`` moves the folder of the default SQLite file.

        Raises:
            InputError: If the size is not a whole number.
        """
        home = environment.get("VECTORLAB_HOME") or platformdirs.user_data_dir("vectorlab")
        default_url = f"sqlite:///{Path(home).expanduser().absolute() / 'vectorlab.db'}"
        return cls(
            database_url=database_url or environment.get("VECTORLAB_DATABASE_URL") or default_url,
            device=device or environment.get("VECTORLAB_DEVICE") or "auto",
            user=environment.get("VECTORLAB_USER") or _login_name(),
            state_cache_bytes=_state_cache_bytes(environment.get("VECTORLAB_STATE_CACHE_BYTES")),
            reader_url=environment.get("VECTORLAB_READER_URL") or None,
            judge_url=environment.get("VECTORLAB_JUDGE_URL") or None,
            judge_key=environment.get("VECTORLAB_JUDGE_KEY") or None,
        )


def _state_cache_bytes(text: str | None) -> int:
    if not text:
        return DEFAULT_STATE_CACHE_BYTES
    if not (text.isascii() and text.isdigit()):
        raise InputError(
            f"VECTORLAB_STATE_CACHE_BYTES is {text!r}; it must be a whole number of bytes, 0 to "
            "keep no states."
        )
    return int(text)


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no user entry, as in some containers
        return "unknown"
