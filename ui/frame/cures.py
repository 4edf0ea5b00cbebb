"""How what went wrong is cured, as a page says it.

Errors and notes of the services say the cure as it is spelt in a terminal, ``--delimiter ';'`` or
``vectorlab runs list``, and what a job failed of is kept so. A page has fields and other pages
instead: here stands what each is called, and the rest of a sentence stays as it is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import streamlit as st

from ui import markup

PAGE = "frame.page"  # session key: the page under way

_RUN = ("new_run", "playground")
# Option -> label of the field that says the same, and the pages that have it.
FIELDS: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "delimiter": (("Delimiter", ("sets",)),),
    "encoding": (("Encoding", ("sets",)),),
    "format": (("Format", ("sets",)),),
    "source-column": (("Source columns", ("sets",)),),
    "target-column": (("Target columns", ("sets",)),),
    "metadata-column": (("Kept as metadata", ("sets",)),),
    "no-metadata": (("Kept as metadata", ("sets",)),),
    "bare-prompts": (("Target columns", ("sets",)),),
    "strict": (("Refuse what the checks find", ("sets",)),),
    "unrelated": (("Also where they have no version in common", ("sets",)),),
    "set": (("Set version", ("new_vector",)), ("Name of the set", ("sets",))),
    "name": (("Name of the run", ("new_run",)), ("Name", ("new_vector",))),
    "max-new-tokens": (("New tokens at most", _RUN),),
    "model": (("Model", (*_RUN, "new_vector")),),
    "vector": (("Vectors", _RUN),),
    "strength": (("Strengths", _RUN),),
    "prompt": (("Prompts", ("new_run",)), ("Prompt", ("playground",))),
    "prompts": (("Sources of a set version", _RUN),),
    "layers": (("Layers", _RUN),),
    "tokens": (("Tokens", ("new_vector",)),),
    "write-site": (("Write site", ("new_vector",)),),
    "template": (("Template", ("new_vector",)),),
    "chat": (("Chat template", ("new_vector",)),),
}


@dataclass(frozen=True)
class Place:
    """Where in the dashboard a command has its place."""

    words: str  # of the link
    page: str
    subject: str = ""  # in the address: what the command's first word names
    more: Mapping[str, str] = field(default_factory=dict)


COMMANDS = {
    "sets list": Place("the list of sets", "sets"),
    "sets show": Place("the set", "sets", "set"),
    "sets log": Place("its history", "sets", "set", {"view": "history"}),
    "sets fork": Place("its page, under Fork", "sets", "set"),
    "sets import": Place("the page of sets", "sets"),
    "sets drafts": Place("the page of sets", "sets"),
    "vectors list": Place("the list of vectors", "vectors"),
    "vectors show": Place("the vector", "vectors", "vector"),
    "vectors explain": Place("its page", "vectors", "vector"),
    "vectors extract": Place("New vector", "new_vector"),
    "runs list": Place("the list of runs", "runs"),
    "runs show": Place("the run", "compare", "run"),
    "runs rename": Place("its page", "compare", "run"),
    "runs replay": Place("its replay", "replay", "run"),
    "models list": Place("the models in Settings", "settings"),
    "models show": Place("the models in Settings", "settings"),
    "models add": Place("Settings", "settings"),
    "jobs list": Place("the list of jobs", "jobs"),
    "jobs show": Place("the job", "jobs", "job"),
    "jobs wait": Place("the job", "jobs", "job"),
    "jobs retry": Place("the job", "jobs", "job"),
    "jobs cancel": Place("the job", "jobs", "job"),
    "worker status": Place("Jobs and workers", "jobs"),
}

_PARTS = re.compile(
    r"(?P<quoted>(?<!\w)'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"  # what a person wrote
    r"|(?P<command>\bvectorlab (?P<verb>[a-z]+(?: [a-z]+)?)"
    r"(?P<words>(?: (?!or\b|and\b|then\b)(?:'[^']*'|[^\s,;()]*[^\s,;().]))*))"
    r"|(?<![\w-])--(?P<option>[a-z][a-z0-9-]*)"
)


def said(text: str) -> str:
    """A sentence with its cure as HTML for the page under way; every other character is kept."""
    done, at = [], 0
    for part in _PARTS.finditer(text):
        done.append(markup.escape(text[at : part.start()]))
        done.append(_part(part))
        at = part.end()
    return "".join([*done, markup.escape(text[at:])])


def _part(part: re.Match[str]) -> str:
    if part["quoted"] is not None:
        return markup.escape(part["quoted"])
    if part["option"] is not None:
        return _field(part["option"])
    return _command(part["verb"], part["words"].split()) or _as_typed(part.group())


def _field(option: str) -> str:
    """The field by its label, with the page where it is another one."""
    fields = FIELDS.get(option)
    if fields is None:
        return _as_typed(f"--{option}") + " (in a terminal)"
    page = st.session_state.get(PAGE)
    for label, pages in fields:
        if page in pages:
            return _label(label)
    label, pages = fields[0]
    return f"{_label(label)} ({markup.link(_title(pages[0]), pages[0])})"


def _command(verb: str, words: list[str]) -> str | None:
    place = COMMANDS.get(verb)
    if place is None:
        return None
    name = next((word for word in words if not word.startswith("-")), "")
    chosen: dict[str, str] = dict(place.more)
    if place.subject and name:
        name, _, version = name.strip("'").partition("@")
        chosen[place.subject] = name
        if version.isdigit():
            chosen["version"] = version
    return markup.link(place.words, place.page, **chosen)


def _title(page: str) -> str:
    from ui.frame import navigation  # which shows errors itself

    return navigation.page_titles()[page]


def _label(label: str) -> str:
    return f"“{markup.escape(label)}”"


def _as_typed(text: str) -> str:
    return f'<code class="vl-mono">{markup.escape(text)}</code>'
