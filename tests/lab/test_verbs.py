"""Verbs of the notebook: real arguments, help for a misspelt one, and one for every command."""

import dataclasses
import inspect

import pytest
import typer

from scripts import api_docs
from vectorlab.cli.main import app
from vectorlab.errors import InputError
from vectorlab.lab.arguments import words_of
from vectorlab.lab.runs import RunVerbs
from vectorlab.lab.vectors import VectorVerbs
from vectorlab.services.vectors.requests import WantedVector

VERBS = {
    f"{place}.{name}": verb
    for place, kind in api_docs.VERBS.items()
    for name, verb in api_docs.verbs_of(kind)
}
TAKING = {name: verb for name, verb in VERBS.items() if hasattr(verb, "takes")}

# Commands whose verb has another name than they have.
CALLED = {
    "experiment show": "lab.experiment.get",
    "icl show": "lab.icl.get",
    "jobs show": "lab.jobs.get",
    "models show": "lab.models.get",
    "ravel import": "lab.ravel.add",
    "ravel list": "lab.ravel.runs",
    "ravel score": "lab.ravel.run",
    "ravel show": "lab.ravel.get_run",
    "ravel sweep": "lab.ravel.run",
    "ravel train": "lab.ravel.run",
    "runs export": "run.export",
    "runs score": "run.score",
    "runs show": "lab.runs.get",
    "sets import": "lab.sets.import_file",
    "sets show": "lab.sets.get",
    "sql": "lab.sql",
    "vectors import": "lab.vectors.import_file",
    "vectors show": "lab.vectors.details",
}
# Nouns that are about the machine: processes, and the file or server that keeps the store.
OF_THE_MACHINE = {"db", "demo", "doctor", "ui", "worker"}


def commands():
    for noun, command in typer.main.get_command(app).whole.items():
        if noun not in OF_THE_MACHINE:
            yield from [f"{noun} {verb}" for verb in getattr(command, "commands", ())] or [noun]


@pytest.mark.parametrize("command", list(commands()))
def test_every_command_has_a_verb(command):
    noun, _, verb = command.partition(" ")
    assert CALLED.get(command, f"lab.{noun}.{verb.replace('-', '_')}") in VERBS


@pytest.mark.parametrize("name", list(VERBS))
def test_every_argument_of_a_verb_has_a_name_and_a_type(name):
    for parameter in list(inspect.signature(VERBS[name]).parameters.values())[1:]:
        assert parameter.kind is not parameter.VAR_KEYWORD
        assert parameter.annotation is not parameter.empty


@pytest.mark.parametrize("name", list(TAKING))
def test_a_verb_takes_the_fields_of_its_request_and_says_what_they_mean(name):
    verb = TAKING[name]
    parameters = dict(list(inspect.signature(verb).parameters.items())[1:])
    made_of = inspect.signature(verb.takes).parameters
    assert set(parameters) == {field.name for field in dataclasses.fields(verb.takes)}
    assert {item.name: (item.kind, item.default) for item in parameters.values()} == {
        item.name: (item.kind, item.default) for item in made_of.values()
    }
    assert all(words_of(verb.takes).values()), words_of(verb.takes)
    assert all(f"    {field}: " in verb.__doc__ for field in parameters)


@pytest.mark.parametrize("name", list(VERBS))
def test_a_misspelt_argument_names_the_right_one(name):
    verb = VERBS[name]
    for argument, parameter in list(inspect.signature(verb).parameters.items())[1:]:
        if parameter.kind is not parameter.VAR_POSITIONAL:
            with pytest.raises(InputError, match=rf"{verb.__name__}\(\) has no argument"):
                verb(None, **{f"{argument}x": 1})


def test_the_message_of_a_misspelt_argument():
    with pytest.raises(InputError) as caught:
        VectorVerbs.extract(None, set="upbeat", metod="icv")
    assert str(caught.value) == ("extract() has no argument 'metod'; did you mean 'method'?")
    with pytest.raises(InputError, match=r"has no argument 'zzz'; it has older_than, states, "):
        VERBS["lab.jobs.prune"](None, zzz=1)
    with pytest.raises(InputError, match=r"extract\(\): missing a required argument: 'set'\."):
        VectorVerbs.extract(None)


def test_types_of_fields_are_shown_without_what_is_noted_on_them():
    shown = str(inspect.signature(VERBS["lab.icl.construct"]))
    assert "eta: float | None = None" in shown
    assert "About" not in shown


def test_a_request_shows_its_own_fields_before_those_that_many_have():
    names = list(words_of(WantedVector))
    assert names[:3] == ["set", "model", "name"]
    assert names[-3:] == ["force", "priority", "queue"]


def test_a_single_text_stands_for_a_list_of_one():
    asked = inspect.unwrap(RunVerbs.request, stop=lambda verb: hasattr(verb, "takes")).takes
    wanted = asked(prompts="One", vectors="upbeat", strengths=[1], arms="a:0.1")
    assert [prompt.text for prompt in wanted.prompts] == ["One"]
    assert (wanted.vectors, wanted.strengths, wanted.arms) == (("upbeat",), (1,), ("a:0.1",))


def test_the_page_is_what_docstrings_and_signatures_say():
    assert api_docs.PAGE.read_text(encoding="utf-8") == api_docs.page(), (
        "run: python -m scripts.api_docs"
    )
