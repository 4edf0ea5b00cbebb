"""What an entry of a catalogue does is in the file of its name, and found there.

Catalogues are in ``vectorlab.domain``, so that edges know every name without loading anything. No
list names the files; a file is imported when its entry is first used.
"""

from importlib import import_module
from typing import TypeVar

from vectorlab.errors import CatalogueError

_Kind = TypeVar("_Kind")


def in_file_of(module: str, name: str, kind: type[_Kind]) -> _Kind:
    """The object of a kind that a module exposes under a name.

    Args:
        module: Such as ``"vectorlab.steering.extraction.methods.icv"``.
        name: Of the object, such as ``"METHOD"``.
        kind: What it has to be.

    Raises:
        CatalogueError: If there is no such file, or it lacks the object.
    """
    path = f"{module.replace('.', '/')}.py"
    try:
        exposed = getattr(import_module(module), name, None)
    except ModuleNotFoundError as exc:
        if exc.name != module:
            raise  # something that the file itself needs
        raise CatalogueError(
            f"The catalogue has an entry for {path}, but there is no such file. "
            f"It has to hold {name} = {kind.__name__}(...)."
        ) from exc
    if not isinstance(exposed, kind):
        held = "it has none" if exposed is None else f"it is of type {type(exposed).__name__}"
        raise CatalogueError(f"{path} has to hold {name} = {kind.__name__}(...), but {held}.")
    return exposed
