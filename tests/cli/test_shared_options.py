"""Commands that ask for texts say the same by the same options."""

from dataclasses import dataclass, fields
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from vectorlab.cli.groups import OptionGroup, grouped
from vectorlab.cli.main import app
from vectorlab.domain.runs.runs import Decoding
from vectorlab.services.runs.arms import SweepOptions
from vectorlab.services.runs.requests import GenerationRequest
from vectorlab.services.runs.text_options import TextOptions
from vectorlab.services.vectors.options import VectorOptions

COMMANDS = {"generate": "runs", "sweep": "runs", "calibrate": "vectors"}
SPELT = {  # fields whose option has another name
    "do_sample": "greedy",
    "add_special_tokens": "special_tokens",
    "vectors": "vector",
    "strengths": "strength",
    "prompts": "prompt",
    "arms": "arm",
}
PARTS = {"decoding", "sweep"}  # fields whose fields have options
BY_COMMAND = {
    # A calibration keeps no texts to measure.
    "calibrate": {"kl"},
    # Each text of a sweep is a seed; it tries its vectors one by one.
    "sweep": {"samples", "together"},
    "generate": set(),
}


def options_of(name):
    noun = typer.main.get_command(app).whole[COMMANDS[name]]
    return {item.name: item for item in noun.commands[name].params}


def names_of(*kinds):
    named = {field.name for kind in kinds for field in fields(kind)} - PARTS
    return {SPELT.get(name, name) for name in named}


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_field_that_commands_share_is_an_option_of_each(name):
    shared = names_of(VectorOptions, TextOptions, Decoding) - BY_COMMAND[name]
    assert shared <= set(options_of(name))


@pytest.mark.parametrize("name", ["generate", "sweep"])
def test_every_field_of_a_request_is_an_option(name):
    whole = names_of(GenerationRequest, SweepOptions, Decoding) - BY_COMMAND[name]
    assert whole <= set(options_of(name))


@pytest.mark.parametrize("name", list(COMMANDS))
def test_a_shared_option_says_and_defaults_to_the_same_everywhere(name):
    mine, theirs = options_of(name), options_of("generate")
    for option in names_of(VectorOptions, TextOptions, Decoding) & set(mine):
        assert (mine[option].help, mine[option].default) == (
            theirs[option].help,
            theirs[option].default,
        ), option


def test_the_options_of_a_group_stand_in_its_place_and_reach_the_command_together():
    @dataclass(frozen=True, kw_only=True)
    class Pair(OptionGroup):
        one: Annotated[int, typer.Option(help="First.")]
        two: Annotated[str, typer.Option(help="Second.")] = "b"

    said = []
    small = typer.Typer()

    @small.command()
    @grouped
    def say(
        name: Annotated[str, typer.Argument()],
        *,
        before: Annotated[int, typer.Option()] = 0,
        pair: Pair,
        after: Annotated[bool, typer.Option("--after")] = False,
    ) -> None:
        """Say it."""
        said.append((name, before, pair, after))

    done = CliRunner().invoke(small, ["x", "--one", "3", "--after"])
    assert done.exit_code == 0, done.output
    assert said == [("x", 0, Pair(one=3), True)]
    assert said[0][2].given() == {"one": 3, "two": "b"}
    params = typer.main.get_command(small).params
    assert [item.name for item in params][:5] == ["name", "before", "one", "two", "after"]
    assert "Missing option '--one'" in CliRunner().invoke(small, ["x"]).output
