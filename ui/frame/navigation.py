"""The pages, the ways between them, and what their addresses say."""

import time
from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from ui import cached, markup
from ui.frame import notes
from vectorlab.errors import InputError, VectorLabError
from vectorlab.services import database
from vectorlab.services.database import StoreUnavailable
from vectorlab.systems import systems

V = TypeVar("V")

# Heading in the sidebar -> address of each page (and name of its file) -> title. A noun has one
# entry: what makes, compares or repeats one is reached from its page.
NAVIGATION = {
    "": {"overview": "Overview", "playground": "Playground", "experiment": "Experiment"},
    "Record": {
        "sets": "Sets",
        "vectors": "Vectors",
        "runs": "Runs",
        **{name: title for system in systems() for name, title in system.pages.items()},
    },
    "Store": {"jobs": "Jobs and workers", "sql": "SQL", "settings": "Settings"},
}
ICONS = {  # Material symbols, which come with Streamlit
    "overview": "home",
    "playground": "tune",
    "experiment": "science",
    "sets": "list_alt",
    "vectors": "north_east",
    "runs": "notes",
    "attributes": "category",
    "in_context_learning": "school",
    "jobs": "pending_actions",
    "sql": "database",
    "settings": "settings",
}
OTHER_ICON = "extension"
# Pages that another leads to, by that one.
LED_TO = {
    "vectors": {"new_vector": "New vector"},
    "runs": {"new_run": "New run", "compare": "Compare", "replay": "Replay"},
}
# What a page shows one of: another one is looked at anew.
SUBJECTS = {
    "sets": "set",
    "vectors": "vector",
    "compare": "run",
    "experiment": "run",
    "replay": "run",
    "jobs": "job",
}
# What stands within a subject.
WITHIN = {"sets": ("version", "@")}
_SAID = "frame.said"  # session key: names whose values the page under way has checked itself
_AT = "frame.at"  # session key: page and subject that choices in the session belong to
TRY_AGAIN_EVERY = "3s"  # of a page whose store is not there
MOST_NUMBER = 10**12  # of an address; what is larger names nothing either, and no store counts it


def page_titles() -> dict[str, str]:
    """Every page, by its address."""
    return {
        name: title
        for pages in (*NAVIGATION.values(), *LED_TO.values())
        for name, title in pages.items()
    }


def icon(name: str) -> str:
    """Of a page's entry in the sidebar."""
    return f":material/{ICONS.get(name, OTHER_ICON)}:"


def page_file(name: str) -> str:
    """Where the page of that address is, relative to the router."""
    return f"app_pages/{name}.py"


def run_page(page: StreamlitPage) -> None:
    """Run a page; an error that ends it stands under a title, with a way back."""
    st.session_state[notes.TITLED] = False
    name = page.url_path or "overview"
    asked = _forget_what_was_chosen_elsewhere(name)
    lost = st.empty() if asked else None
    trail = _trail(name)
    if len(trail) > 1:
        st.html(markup.crumbs(trail))
    try:
        database.check_there(cached.store())  # also of pages that read nothing of it
        page.run()
        if lost is not None:
            with lost.container():
                _say_what_was_dropped(asked)
    except VectorLabError as error:
        if not st.session_state[notes.TITLED]:
            is_gone = isinstance(error, StoreUnavailable)
            what = "The store" if is_gone else "What the address names"
            notes.header(page.title, f"{what} cannot be shown.")
        notes.show_error(error)
        name = _list_of(name)
        page_link(f"Back to {page_titles()[name]}", name)
        if isinstance(error, StoreUnavailable):
            _try_again_by_itself()


def _try_again_by_itself() -> None:
    """Draw the page anew every few seconds, until its store is there again."""
    began = time.monotonic()

    @st.fragment(run_every=TRY_AGAIN_EVERY)
    def look() -> None:
        st.html(markup.quiet("The page tries again by itself."))
        if time.monotonic() - began > 1:  # and not while it is drawn first
            st.rerun()

    look()


def _list_of(name: str) -> str:
    """The page with an entry in the sidebar that leads to a page; mostly itself."""
    return next((place for place, pages in LED_TO.items() if name in pages), name)


def _trail(name: str) -> list[tuple[str, str]]:
    """The way from a list to what the page shows one of: words, and the address they lead to."""
    listed, titles = _list_of(name), page_titles()
    subject = SUBJECTS.get(name, "")
    trail = [(titles[listed], listed)]
    if name not in (listed, "compare"):  # that page is what one run or several are shown on
        trail.append((titles[name], name))
    chosen = st.query_params.get_all(subject)
    if chosen:
        trail.append((", ".join(chosen), markup.address(name, **{subject: chosen})))
        part, sign = WITHIN.get(name, ("", ""))
        if part in st.query_params:
            trail.append((sign + st.query_params[part], ""))
    return trail


def _forget_what_was_chosen_elsewhere(name: str) -> dict[str, list[str]]:
    """Begin with what the address says wherever another page, or another subject, was before.

    Widgets that stand in the address have a word as their key, the same on many pages, and
    Streamlit would keep their values from one page to the next. Keys with a dot belong to a part
    of the dashboard and stay.

    Returns:
        What the address says, where the page begins with it.
    """
    subject = SUBJECTS.get(name)
    at = (name, st.query_params.get_all(subject) if subject else [])
    if st.session_state.get(_AT, at) != at:
        for key in [key for key in st.session_state if "." not in str(key)]:
            del st.session_state[key]
    begins = st.session_state.get(_AT) != at
    st.session_state[_AT] = at
    st.session_state[_SAID] = set()
    return {key: st.query_params.get_all(key) for key in st.query_params} if begins else {}


def _say_what_was_dropped(asked: Mapping[str, Sequence[str]]) -> None:
    """Say what a widget has dropped of the address, unless the page has said it.

    Streamlit drops what a widget cannot be, and what it is at first, which is all the same.

    Args:
        asked: What the address said when the page began.
    """
    for name, values in asked.items():
        kept = st.query_params.get_all(name)
        is_shown = name in st.session_state and name not in st.session_state[_SAID]
        if is_shown and len(kept) < len(set(values)):
            now = st.session_state[name]
            shown = [*kept, *map(_as_in_address, now if isinstance(now, list) else [now])]
            _say_lost(name, [value for value in values if _as_in_address(value) not in shown])


def _as_in_address(value: object) -> str:
    text = str(value)
    try:
        return f"{float(text):g}"
    except ValueError:
        return text.lower() if text in ("True", "False") else text.strip()


def _say_lost(what: str, values: Sequence[str], *, instead: str = "") -> None:
    """Say which values of the address are none that the page has."""
    if values:
        notes.note(
            f"There is no {what} called {', '.join(values)} here",
            f"The address names it; {instead or 'the page shows the rest'}.",
        )


def go(page: str, **selection: object) -> None:
    """Open a page with a selection."""
    st.switch_page(page_file(page), query_params=_query(selection))


def turn_to(page: str, subject: str, **chosen: object) -> None:
    """Show another subject of the page under way; called by a widget, before the page is drawn.

    Widgets that stand in the address have values that ``go`` may not change.

    Args:
        page: The page.
        subject: What it is to show one of.
        chosen: Values of widgets, by their name in the address.
    """
    st.query_params[SUBJECTS[page]] = subject
    for name, value in chosen.items():
        st.session_state[name] = value
    st.session_state[_AT] = (page, [subject])


def page_link(label: str, page: str, **selection: object) -> None:
    """A link to a page; ``label`` is Markdown of our own words and checked names."""
    st.page_link(page_file(page), label=label, query_params=_query(selection))


def links_led_to(listed: str, *names: str) -> None:
    """Links from the page of a list to some that it leads to, under its title."""
    with st.container(horizontal=True):
        for name in names:
            page_link(LED_TO[listed][name], name)


def chosen_number(name: str) -> int | None:
    """A number in the address, or None if it is not there.

    Raises:
        InputError: If something else than a number is there.
    """
    text = st.query_params.get(name)
    if text is None or (text.isascii() and text.isdigit()):
        return None if text is None else min(int(text), MOST_NUMBER)
    raise InputError(f"The address has {name}={text!r}; a number is expected.")


def say_unknown(
    name: str, known: Collection[str], *, what: str | None = None, instead: str = ""
) -> None:
    """Say which values of a bound widget in the address name nothing here; it drops them.

    Args:
        name: Of the value in the address.
        known: What it may be.
        what: Such a thing is called; None: as the address calls it.
        instead: What the page does instead.
    """
    st.session_state[_SAID].add(name)
    lost = [text for text in st.query_params.get_all(name) if text not in known]
    _say_lost(what or name, lost, instead=instead)


def _query(selection: Mapping[str, object]) -> dict[str, str | list[str]]:
    return {
        name: [str(member) for member in value] if isinstance(value, (list, tuple)) else str(value)
        for name, value in selection.items()
        if value is not None
    }


def one_of(
    label: str,
    options: Sequence[V],
    *,
    key: str,
    default: V | None = None,
    what: str = "view",
    has_label: bool = True,
) -> V:
    """One of a few that stand side by side, always one of them; kept in the address.

    Args:
        label: What is chosen.
        options: Words, or members of an enumeration of words.
        key: Its name in the address.
        default: What is chosen at first; None: the first.
        what: Such a thing is called.
        has_label: Whether the label is seen.
    """
    first = options[0] if default is None else default
    say_unknown(key, [str(option) for option in options], what=what, instead=f"this is {first}")
    return st.segmented_control(
        label,
        options,
        default=first,
        format_func=str,
        key=key,
        bind="query-params",
        required=True,
        label_visibility="visible" if has_label else "collapsed",
    )
