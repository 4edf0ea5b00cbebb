"""Options that belong together, listed once for all commands that have them.

A group is a dataclass whose fields are options. A command that takes one,

    @app.command()
    @grouped
    def generate(context: typer.Context, *, acting: VectorGroup, ...) -> None:

has each of its fields as an option of its own, in its place, and is called with the group.
"""

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any


@dataclass(frozen=True, kw_only=True)
class OptionGroup:
    """Options of several commands; fields are annotated as parameters of a command are."""

    def given(self) -> dict[str, Any]:
        """What they say, by the names that the request has for it."""
        return dict(vars(self))


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of its groups in their place."""
    signature = inspect.signature(command)
    groups = {
        name: parameter.annotation
        for name, parameter in signature.parameters.items()
        if isinstance(parameter.annotation, type) and issubclass(parameter.annotation, OptionGroup)
    }

    @functools.wraps(command)
    def run(**values: Any) -> None:
        taken = {
            name: group(**{field.name: values.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**values, **taken)

    parameters = [
        option
        for name, parameter in signature.parameters.items()
        for option in (
            _options(groups[name])
            if name in groups
            else [parameter.replace(kind=parameter.KEYWORD_ONLY)]
        )
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _options(group: type[OptionGroup]) -> list[inspect.Parameter]:
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=field.type,
        )
        for field in fields(group)
    ]
