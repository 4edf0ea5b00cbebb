import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from scripts import cli_docs
from vectorlab.cli import arguments
from vectorlab.cli.main import app

ROOT = Path(__file__).parents[2]
# Programs that run until they are stopped print no result.
WITHOUT_RESULT = {"ui", "worker"}


def commands() -> Iterator[tuple[str, object]]:
    root = typer.main.get_command(app)
    for name, command in root.whole.items():
        if hasattr(command, "commands"):
            for verb, inner in command.commands.items():
                yield f"{name} {verb}", inner
        else:
            yield name, command


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_every_command_that_prints_a_result_has_json_and_a_help_text(name, command):
    assert command.help
    flags = {flag for item in command.params for flag in item.opts}
    assert ("--json" in flags) == (name not in WITHOUT_RESULT)


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_every_command_has_an_example_that_parses(name, command):
    examples = re.findall(r"^Example: (.*?)(?:\n\n|\Z)", command.help, re.M | re.S)
    assert examples
    for example in examples:
        typed = re.sub(r"^.*\$\((.*)\)\"$", r"\1", example)  # perhaps inside "$(...)"
        program, *words = arguments.normalise(shlex.split(typed))
        assert program == "vectorlab"
        assert words[: len(name.split())] == name.split()
        command.make_context(name, words[len(name.split()) :])  # raises on bad use


def every_parameter() -> Iterator[tuple[str, object]]:
    root = typer.main.get_command(app)
    nouns = [(name, command) for name, command in root.whole.items()]
    for name, command in [("vectorlab", root), *nouns, *commands()]:
        yield from ((f"{name} {item.name}", item) for item in command.params)


def test_every_option_and_argument_is_explained_in_a_sentence():
    telegrams = {
        name: item.help
        for name, item in every_parameter()
        if len((item.help or "").split()) < 4 or item.help.startswith(("Of ", "By "))
    }
    assert telegrams == {}


def test_the_command_line_page_is_what_the_commands_say():
    assert cli_docs.PAGE.read_text(encoding="utf-8") == cli_docs.page(), (
        "run: python -m scripts.cli_docs"
    )


def test_bad_use_is_exit_code_2(cli):
    assert "No such command" in cli("sets", "frobnicate", code=2).err
    cli("sets", "show", code=2)
    cli("runs", "generate", "--strength", "much", code=2)


def said_in_the_code() -> Iterator[tuple[str, str]]:
    """Where the code names a command, in an error, a hint or a docstring; and its words."""
    for folder in ("vectorlab", "ui"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for text in texts_of(path):
                for found in re.finditer(r"\bvectorlab ([a-z]+(?: [a-z][a-z-]*)?)", text):
                    yield f"{path.relative_to(ROOT)}: {found[0]}", found[1]


def texts_of(path: Path) -> Iterator[str]:
    """The strings of a file, those with values in them as well."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
            yield "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_every_command_that_the_code_names_exists():
    known = {name for name, _ in commands()}
    nouns = {name.split()[0] for name in known if " " in name}
    wrong = [
        where
        for where, words in said_in_the_code()
        if words.split()[0] in nouns - {words} and words not in known
    ]
    assert wrong == []
