"""A request as people would type it: the command, and the lines of a notebook."""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from vectorlab.domain.codec import fields_of
from vectorlab.domain.interventions.layer_ranges import spell_choice
from vectorlab.domain.runs.runs import Decoding, Prompt
from vectorlab.services.asking import QueueOptions
from vectorlab.services.runs.arms import SweepOptions, Term, spell_arm
from vectorlab.services.runs.experiments import WantedExperiment
from vectorlab.services.runs.requests import GenerationRequest
from vectorlab.services.runs.sweeps import Sweep

RecipeRequest = GenerationRequest | WantedExperiment

_SWITCHES = {  # options that have no value, by field
    "do_sample": "--sample",
    "kl": "--kl",
    "chat": "--chat",
    "together": "--together",
    "calibrated": "--calibrated",
    "add_special_tokens": "--no-special-tokens",
    "other_model": "--other-model",
    "lower_is_better": "--lower",
    "demonstrations": "--no-demonstrations",
}
_NAMED = {  # options that are repeated, by field
    "prompts": "--prompt",
    "arms": "--arm",
    "vectors": "--vector",
    "strengths": "--strength",
    "scorers": "--scorer",
}
_CALLED = {"pairs": "--set", "prompt_set": "--prompts"}  # options with another name
_ASIDE = {field.name for field in fields(QueueOptions)}


def command(
    request: RecipeRequest, prompt_set: str | None = None, scorers: Sequence[str] = ()
) -> str:
    """The command that asks for the same run or experiment, an option a line.

    Args:
        request: What is asked for.
        prompt_set: ``name@version`` whose sources are prompts beside those of the request.
        scorers: Of the texts of a run, which another command asks for.
    """
    options = _options(request)
    if prompt_set is not None:
        options.insert(request.model is not None, ("--prompts", prompt_set))
    lines = [" ".join(map(shlex.quote, words)) for words in options]
    asks = "experiment run" if isinstance(request, WantedExperiment) else "runs generate"
    asks = "runs sweep" if isinstance(request, Sweep) else asks
    asked = " \\\n    ".join([f"vectorlab {asks}", *lines])
    if not scorers:
        return asked
    named = " ".join(f"--scorer {shlex.quote(scorer)}" for scorer in scorers)
    return f"{asked}\nvectorlab runs score RUN {named}  # the number that was printed"


def code(request: RecipeRequest, prompt_set: str | None = None, scorers: Sequence[str] = ()) -> str:
    """Python that asks for the same; arguments as for ``command``."""
    types: set[type] = set()
    values = _given(request)
    arguments = [f"    {name}={_listed(values[name], types)}," for name in _order(request, values)]
    if prompt_set is not None:
        arguments.insert(request.model is not None, f"    prompt_set={prompt_set!r},")
    imports = ["from vectorlab import Lab"]
    for module in sorted({kind.__module__ for kind in types}):
        names = sorted(kind.__name__ for kind in types if kind.__module__ == module)
        imports.append(f"from {module} import {', '.join(names)}")
    if isinstance(request, WantedExperiment):
        call = ["found = lab.experiment(", *arguments, ")", "print(found)", "found.to_frame()"]
    else:
        verb = "sweep" if isinstance(request, Sweep) else "generate"
        call = [f"run = lab.runs.{verb}(", *arguments, ")"]
        call.append(f"run.score({', '.join(map(repr, scorers))})" if scorers else "run.to_frame()")
    return "\n".join([*imports, "", "lab = Lab()", *call])


def _given(options: Any) -> dict[str, Any]:
    """The fields that say something else than their default."""
    values = {field.name: getattr(options, field.name) for field in fields_of(type(options))}
    usual = {field.name: field.default for field in fields_of(type(options))}
    return {
        name: value
        for name, value in values.items()
        if value not in (usual[name], ()) and name not in _ASIDE
    }


def _order(request: RecipeRequest, names: Iterable[str]) -> list[str]:
    """What it is about first, then how texts are written."""
    own = [field.name for field in fields(request)]
    first = "vectors" if isinstance(request, WantedExperiment) else "model"
    shared = len(fields(request)) - own.index(first)
    return [name for name in (*own[-shared:], *own[:-shared]) if name in names]


def _options(request: RecipeRequest) -> list[tuple[str, ...]]:
    words: list[tuple[str, ...]] = []
    values = _given(request)
    for name in _order(request, values):
        value = values[name]
        if isinstance(value, SweepOptions | Decoding):
            words += [_option(*option) for option in _given(value).items()]
        elif name == "layers":  # of a sweep: choices of them
            words += [_option(name, choice) for choice in value]
        elif name == "samples" and isinstance(request, Sweep):
            words.append(("--seeds", _word(value)))
        elif name in _NAMED:
            words += [(_NAMED[name], _word(part)) for part in value]
        else:
            words.append(_option(name, value))
    return words


def _option(name: str, value: Any) -> tuple[str, ...]:
    if name in _SWITCHES:
        return (_SWITCHES[name],)
    flag = _CALLED.get(name, "--" + name.replace("_", "-"))
    if name in ("template", "instruction"):
        return flag, value.replace("\n", "\\n")
    if name == "stop":
        return tuple(word for text in value for word in (flag, text.replace("\n", "\\n")))
    return flag, spell_choice(value) if name == "layers" else _word(value)


def _word(value: Any) -> str:
    if isinstance(value, Prompt):
        return value.text
    if isinstance(value, tuple):
        return spell_arm(value)
    return repr(value) if isinstance(value, float) else str(value)


def _listed(value: Any, types: set[type]) -> str:
    """As ``_literal``, several things as a list."""
    if not isinstance(value, tuple):
        return _literal(value, types)
    return f"[{', '.join(_literal(part, types) for part in value)}]"


def _literal(value: Any, types: set[type]) -> str:
    """A value as Python writes it; classes that it needs are added to the types."""
    if isinstance(value, Prompt) and value.reference is None:
        return repr(value.text)
    if isinstance(value, tuple) and value and isinstance(value[0], Term):
        return repr(spell_arm(value))
    if isinstance(value, tuple):
        return f"({', '.join(_literal(part, types) for part in value)},)"
    kind = type(value)
    if not (isinstance(value, Enum) or is_dataclass(value)):
        return repr(value)
    types.add(kind)
    if isinstance(value, Enum):
        return f"{kind.__name__}({value.value!r})"
    if hasattr(value, "parse"):
        return f"{kind.__name__}.parse({str(value)!r})"
    arguments = ", ".join(f"{name}={_literal(part, types)}" for name, part in _given(value).items())
    return f"{kind.__name__}({arguments})"
