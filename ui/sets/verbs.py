"""What can be done with a set as a whole: fork, divide, tag, describe, rename and purge it."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui import cached, markup
from ui.frame import navigation, notes
from ui.frame import verbs as all_verbs
from vectorlab.domain.sets.versions import DemonstrationSet, SetVersion
from vectorlab.services.sets import sets, splits

FEW = 12  # things that are named before they go; the others are counted


def show(about: DemonstrationSet, version: SetVersion | None) -> None:
    """A row of buttons, each with the form that it needs."""
    with st.container(horizontal=True):
        if version is not None:
            _fork(version)
            _split(version)
            _folds(version)
            _tag(version)
        _describe(about)
        all_verbs.rename("set", about.name, sets.rename, page="sets")
        _purge(about.name)


def _fork(version: SetVersion) -> None:
    key = f"sets.verb.fork.{version.id}"
    with (
        st.popover("Fork", icon=":material/call_split:", key=key),
        st.form(f"{key}.form", border=False),
    ):
        name = st.text_input(
            "Name of the new set",
            key=f"{key}.name",
            help=f"A set that goes its own way from {version.label}.",
        )
        if st.form_submit_button(f"Fork {version.label}"):
            with notes.errors_as_panel():
                made = sets.fork(
                    cached.store(), reference=version.label, name=name.strip(), actor=cached.user()
                )
                navigation.go("sets", set=made.set_name)


def _split(version: SetVersion) -> None:
    key = f"sets.verb.split.{version.id}"
    with (
        st.popover("Split", icon=":material/splitscreen:", key=key),
        st.form(f"{key}.form", border=False),
    ):
        first = st.text_input(
            "Name of the first set", key=f"{key}.first", placeholder=f"{version.set_name}-pool"
        )
        second = st.text_input(
            "Name of the second set", key=f"{key}.second", placeholder=f"{version.set_name}-test"
        )
        left, right = st.columns(2)
        share = left.number_input(
            "Share of the first",
            0.0,
            1.0,
            0.5,
            0.05,
            key=f"{key}.share",
            help="Of the demonstrations; those with the same source stay together.",
        )
        seed = _seed(right, key)
        if st.form_submit_button(f"Split {version.label}"):
            with notes.errors_as_panel():
                made, _ = splits.split(
                    cached.store(),
                    reference=version.label,
                    names=(first.strip(), second.strip()),
                    share=share,
                    seed=seed,
                    actor=cached.user(),
                )
                navigation.go("sets", set=made.set_name)


def _folds(version: SetVersion) -> None:
    key = f"sets.verb.folds.{version.id}"
    with (
        st.popover("Folds", icon=":material/view_week:", key=key),
        st.form(f"{key}.form", border=False),
    ):
        prefix = st.text_input(
            "Beginning of the names",
            key=f"{key}.prefix",
            placeholder=f"{version.set_name}-cv",
            help="For cross-validation: a pool and a test set for each fold, called NAME-1-pool, "
            "NAME-1-test and so on. The test sets are disjoint and together the version.",
        )
        left, right = st.columns(2)
        count = left.number_input("Folds", 2, 1000, 5, key=f"{key}.count")
        seed = _seed(right, key)
        if st.form_submit_button("Make the folds"):
            with notes.errors_as_panel():
                splits.folds(
                    cached.store(),
                    reference=version.label,
                    prefix=prefix.strip(),
                    count=count,
                    seed=seed,
                    actor=cached.user(),
                )
                navigation.go("sets", words=f"{prefix.strip()}-")


def _seed(place: DeltaGenerator, key: str) -> int:
    return place.number_input("Seed", 0, 2**31 - 1, 0, key=f"{key}.seed", help="Of the draw.")


def _tag(version: SetVersion) -> None:
    key = f"sets.verb.tag.{version.id}.{'.'.join(version.tags)}"
    with st.popover("Tag", icon=":material/sell:", key=key), st.form(f"{key}.form", border=False):
        tags = st.multiselect(
            f"Tags of {version.label}",
            version.tags,
            default=version.tags,
            accept_new_options=True,
            key=f"{key}.tags",
            placeholder="published",
            help=f"{version.set_name}@TAG means this version then. A tag that stands at another "
            "version moves here.",
        )
        if st.form_submit_button("Keep these tags"):
            with notes.errors_as_panel():
                _keep_tags(version, tags)
                st.rerun()


def _keep_tags(version: SetVersion, tags: list[str]) -> None:
    store, actor = cached.store(), cached.user()
    if new := [tag for tag in tags if tag not in version.tags]:
        sets.tag(store, reference=version.label, tags=new, actor=actor)
    if gone := [tag for tag in version.tags if tag not in tags]:
        sets.untag(store, name=version.set_name, tags=gone, actor=actor)


def _describe(about: DemonstrationSet) -> None:
    key = f"sets.verb.describe.{about.id}"
    with (
        st.popover("Describe", icon=":material/notes:", key=key),
        st.form(f"{key}.form", border=False),
    ):
        description = st.text_input(
            "What it is for", value=about.description, key=f"{key}.description"
        )
        task = st.text_input(
            "Task",
            value=about.task,
            key=f"{key}.task",
            placeholder="sentiment",
            help="What its demonstrations are about.",
        )
        labels = st.multiselect(
            "Labels",
            about.labels,
            default=about.labels,
            accept_new_options=True,
            key=f"{key}.labels",
            placeholder="reviews",
            help="Words to find the set by.",
        )
        if st.form_submit_button("Keep this description"):
            with notes.errors_as_panel():
                sets.describe(
                    cached.store(),
                    about.name,
                    actor=cached.user(),
                    description=description.strip(),
                    task=task.strip(),
                    labels=labels,
                )
                st.rerun()


def _purge(set_name: str) -> None:
    key = f"sets.verb.purge.{set_name}"
    with st.popover("Purge", icon=":material/delete:", key=key):
        going = sets.what_goes(cached.store(), set_name)
        others = going[1:]
        st.html(
            f"<p>The set {markup.escape(set_name)} goes for good, with all its versions and drafts"
            + (
                f", and {len(others)} other thing{'' if len(others) == 1 else 's'} with it:</p>"
                if others
                else ". Nothing else depends on it.</p>"
            )
        )
        if others:
            more = f"<li>and {len(others) - FEW} more</li>" if len(others) > FEW else ""
            items = "".join(f"<li>{markup.escape(line)}</li>" for line in others[:FEW])
            st.html(f"<ul>{items}{more}</ul>")
        label = f"Purge {len(going)} things" if others else "Purge it"
        if st.button(label, key=f"{key}.yes", type="primary"):
            with notes.errors_as_panel():
                sets.remove(cached.store(), set_name, cascade=bool(others), actor=cached.user())
                navigation.go("sets")
