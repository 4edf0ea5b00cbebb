"""What verbs take: the fields of a request class, listed there alone, and help for a misspelt one.

A verb that asks for something that is computed is written with its request and is called with the
request's fields:

    @takes(WantedVector)
    def extract(self, wanted: WantedVector) -> SteeringVector: ...

    lab.vectors.extract(set="upbeat@latest", method="icv")

Editors, type checkers and ``help`` see the fields as its parameters.
"""

import functools
import inspect
import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar, cast, get_args, get_origin

from vectorlab.errors import InputError

_Self = TypeVar("_Self")
_Request = TypeVar("_Request")
_Answer = TypeVar("_Answer")
_P = ParamSpec("_P")
_FIELD = re.compile(r"^ {4}(\w+): (.+(?:\n {8}.+)*)", re.MULTILINE)


class Verbs:
    """A class whose public methods are verbs: what cannot be an argument is an ``InputError``."""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        for name, verb in list(vars(cls).items()):
            if inspect.isfunction(verb) and (not name.startswith("_") or name == "__call__"):
                setattr(cls, name, _checked(verb))


def takes(
    request: Callable[_P, _Request],
) -> Callable[[Callable[[_Self, _Request], _Answer]], Callable[Concatenate[_Self, _P], _Answer]]:
    """A verb is called with the fields of a request, and gets the request.

    Args:
        request: Its class, a dataclass whose docstring says what every field means.
    """

    def decorate(
        verb: Callable[[_Self, _Request], _Answer],
    ) -> Callable[Concatenate[_Self, _P], _Answer]:
        @functools.wraps(verb)
        def called(self: _Self, /, *args: _P.args, **named: _P.kwargs) -> _Answer:
            return verb(self, request(*args, **named))

        own = inspect.signature(verb)
        parameters = [next(iter(own.parameters.values())), *_parameters(cast(type, request))]
        vars(called)["takes"] = request
        vars(called)["__signature__"] = own.replace(parameters=parameters)
        called.__doc__ = _with_arguments(verb.__doc__ or "", cast(type, request))
        return called

    return decorate


def words_of(request: type) -> dict[str, str]:
    """What the fields of a dataclass mean: ``Attributes`` of its docstring and of its bases'."""
    words: dict[str, str] = {}
    for base in reversed(request.__mro__):
        section = inspect.cleandoc(base.__doc__ or "").partition("Attributes:\n")[2]
        words |= {name: " ".join(text.split()) for name, text in _FIELD.findall(section)}
    return {item.name: words.get(item.name, "") for item in _parameters(request)}


def _parameters(request: type) -> list[inspect.Parameter]:
    """What makes the request: its own fields first, those that many have last."""
    known = inspect.signature(request).parameters
    names = dict.fromkeys(
        name for base in request.__mro__ for name in inspect.get_annotations(base) if name in known
    )
    parameters = [_plain(known[name]) for name in names]
    return sorted(parameters, key=lambda parameter: parameter.kind)


def _plain(parameter: inspect.Parameter) -> inspect.Parameter:
    """Without what describes the field to others than its reader."""
    kind = parameter.annotation
    return parameter.replace(
        annotation=get_args(kind)[0] if get_origin(kind) is Annotated else kind
    )


def _with_arguments(about: str, request: type) -> str:
    lines = [f"    {name}: {words}" for name, words in words_of(request).items()]
    return "\n".join([inspect.cleandoc(about), "", "Args:", *lines])


def _checked(verb: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(verb)
    def checked(*args: Any, **named: Any) -> Any:
        signature = inspect.signature(verb)
        for name in named:
            if name not in signature.parameters:
                raise InputError(_unknown(verb.__name__, name, list(signature.parameters)[1:]))
        try:
            signature.bind(*args, **named)
        except TypeError as exc:
            raise InputError(f"{verb.__name__}(): {exc}.") from exc
        return verb(*args, **named)

    return checked


def _unknown(verb: str, name: str, known: list[str]) -> str:
    meant = get_close_matches(name, known, n=1)
    cure = f"did you mean {meant[0]!r}?" if meant else f"it has {', '.join(known) or 'none'}."
    return f"{verb}() has no argument {name!r}; {cure}"
