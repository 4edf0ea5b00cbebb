"""Write docs/cli.md from the commands themselves: `python -m scripts.cli_docs`.

A test compares the committed page with what this makes.
"""

import inspect
from pathlib import Path
from typing import Any

import typer

from vectorlab.cli.main import app

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"

HEAD = """\
# Command line

`vectorlab NOUN VERB`. Every command that prints a result takes `--json`; progress goes to stderr.
`--db URL` (or `VECTORLAB_DATABASE_URL`) names the store and may stand anywhere on the line. Exit
codes: 0 done, 1 an error (one line says what failed and what helps; `--debug` shows the
traceback), 2 bad use, 130 interrupted. This page is written by `python -m scripts.cli_docs`.
"""


def page() -> str:
    """The whole page."""
    root = typer.main.get_command(app)
    parts = [HEAD]
    for name, command in sorted(root.whole.items()):  # type: ignore[attr-defined]
        verbs = getattr(command, "commands", None)
        if verbs is None:
            parts.append(_command(f"vectorlab {name}", command, level=2))
        else:
            alone = command.invoke_without_command
            head = f"## vectorlab {name}\n\n{command.help}\n"
            parts.append(_command(f"vectorlab {name}", command, level=2) if alone else head)
            parts += [_command(f"vectorlab {name} {verb}", verbs[verb], level=3) for verb in verbs]
    return "\n".join(parts)


def _command(name: str, command: Any, *, level: int) -> str:
    arguments = [item for item in command.params if item.param_type_name == "argument"]
    options = [item for item in command.params if item.param_type_name == "option"]
    usage = " ".join([name, *(_argument(item) for item in arguments), "[OPTIONS]" * bool(options)])
    text = inspect.cleandoc(command.help or "")
    rows = [f"| `{item.name}` | {_cell(item.help)} |" for item in arguments]
    rows += [f"| `{_flags(item)}` | {_cell(item.help)}{_default(item)} |" for item in options]
    table = "\n".join(["| | |", "|---|---|", *rows])
    return f"{'#' * level} {name}\n\n```\n{usage.strip()}\n```\n\n{text}\n\n{table}\n"


def _argument(item: Any) -> str:
    name = item.metavar or item.name.upper()
    dots = "..." if item.nargs == -1 and not name.endswith("...") else ""
    return f"{name}{dots}"


def _flags(item: Any) -> str:
    names = [*item.opts, *item.secondary_opts]
    return ", ".join(names) if item.is_flag else f"{', '.join(names)} VALUE"


def _default(item: Any) -> str:
    default = item.default
    if item.is_flag and default is None:
        return ""
    if item.is_flag:
        names = item.opts if default else item.secondary_opts
        return f" Default: `{names[0]}`." if item.secondary_opts else ""
    if default in (None, "", []) or callable(default):
        return ""
    return f" Default: `{default}`."


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
