"""Where tests and the servers they start keep their files."""

import shutil
import tempfile
from pathlib import Path


def scratch() -> Path:
    """A folder in memory, where there is plenty; else the system's own."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 4 * 2**30
    return memory if roomy else Path(tempfile.gettempdir())
