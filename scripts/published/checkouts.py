"""The authors' code, given by path: which commit it is, and how its modules are imported."""

import importlib
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType


def commit_of(checkout: Path) -> str:
    """The commit that is checked out.

    Raises:
        SystemExit: If it is no checkout, or a file of it was changed: what is compared with is
            what its authors wrote.
    """
    changed = _git(checkout, "status", "--porcelain", "--untracked-files=no")
    if changed:
        raise SystemExit(f"{checkout} differs from its commit:\n{changed}")
    return _git(checkout, "rev-parse", "HEAD")


@contextmanager
def modules_of(
    folder: Path, names: Sequence[str], *, stand_ins: Mapping[str, ModuleType] | None = None
) -> Iterator[dict[str, ModuleType]]:
    """Import modules of a folder by their names, and forget those names behind the block.

    The folders of two authors both have a package ``utils``: what one of them imported must not
    be found by the other.

    Args:
        folder: What is put before everything else that Python imports from.
        names: Modules such as ``utils.pca``.
        stand_ins: Modules that are found instead of what is not there, by name.
    """
    stand_ins = stand_ins or {}
    own = {name.split(".")[0] for name in (*names, *stand_ins)}

    def take_away() -> dict[str, ModuleType]:
        return {name: sys.modules.pop(name) for name in list(sys.modules) if _root(name) in own}

    before = take_away()
    sys.path.insert(0, str(folder.resolve()))
    try:
        sys.modules.update(stand_ins)
        yield {name: importlib.import_module(name) for name in names}
    finally:
        sys.path.remove(str(folder.resolve()))
        take_away()
        sys.modules.update(before)


def _root(name: str) -> str:
    return name.split(".")[0]


def _git(checkout: Path, *words: str) -> str:
    asked = ["git", "-C", str(checkout), *words]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=True)
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{checkout}: {error.stderr.strip()}") from error
    return done.stdout.strip()
