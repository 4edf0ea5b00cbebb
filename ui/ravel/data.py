"""Entity data, instances and what is made of them: bring in, build, and purge."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ui import cached
from ui.frame import job_panels, navigation, notes, uploads, verbs
from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE
from vectorlab.domain.models import DTYPES
from vectorlab.ravel.domain.entities import EntityData, EntityVersion
from vectorlab.ravel.domain.instances import Instance, InstanceOptions
from vectorlab.ravel.services import entities, export, instances, runs
from vectorlab.services import models
from vectorlab.services.asking import Asked

BUILT_IN = "cities"
SET, INSTANCE = "Name of the set", "Name of the instance"
USUAL = InstanceOptions()


def show(*, is_open: bool) -> None:
    """Forms for data and instances, folded away unless there is nothing to look at yet."""
    versions = entities.list_versions(cached.store())
    _import(is_open=is_open and not versions)
    if versions:
        _build(versions, is_open=is_open)
        _demonstrations(versions)
        _purge(versions)


def _import(*, is_open: bool) -> None:
    with st.expander("Import entity data", expanded=is_open):
        if st.button(f"Import the built-in {BUILT_IN}"):
            with notes.errors_as_panel():
                _store(entities.read(BUILT_IN), name=None)
        files = st.file_uploader(
            "Or files: the published ones of entity types, a CSV file of entities, or a JSON file",
            accept_multiple_files=True,
            key="ravel.files",
        )
        if files:
            _offer_files(files)


def _offer_files(files: list[UploadedFile]) -> None:
    is_table = len(files) == 1 and Path(files[0].name).suffix.lower() == ".csv"
    templates = st.file_uploader("Its templates", key="ravel.templates") if is_table else None
    left, right = st.columns(2)
    name = left.text_input("Name of the entity type", key="ravel.name", placeholder="as the file")
    seed = 0
    if is_table:
        seed = right.number_input(
            "Seed", 0, 2**31 - 1, 0, key="ravel.seed", help="Draws the splits that no column says."
        )
    given = [*files, *([templates] if templates else [])]
    fields = {"--name": "Name of the entity type"}
    with uploads.in_folder(given, fields=fields) as paths:
        found = entities.read(
            str(paths[0] if len(files) == 1 else paths[0].parent),
            templates=str(paths[-1]) if templates else None,
            seed=seed,
        )
        kinds = list(found)
        if len(kinds) > 1:
            with right:
                only = st.selectbox("Only this type", kinds, index=None, placeholder="all")
            kinds = kinds if only is None else [only]
        if st.button(f"Import {', '.join(kinds)}", type="primary"):
            _store({kind: found[kind] for kind in kinds}, name=name.strip() or None)


def _store(found: dict[str, EntityData], *, name: str | None) -> None:
    made = entities.add_all(cached.store(), found, name=name, actor=cached.user())
    said = ", ".join(version.label for version, _ in made)
    st.toast(f"{said} is there.")
    st.rerun()


def _build(versions: list[EntityVersion], *, is_open: bool) -> None:
    with (
        st.expander("Build an instance", expanded=is_open),
        st.form("ravel.build", border=False),
    ):
        navigation.say_unknown("build.data", _labels(versions), what="entity data")
        one, two, three = st.columns(3)
        data = one.selectbox("Data", _labels(versions), key="build.data", bind="query-params")
        names = [model.name for model in models.list_models(cached.store())]
        model = two.selectbox("Model", names, key="build.model", bind="query-params")
        name = three.text_input(INSTANCE, key="build.name", placeholder="of data and model")
        options = _choose_options()
        if st.form_submit_button("Build", type="primary"):
            st.query_params.pop("job", None)
            job_panels.ask(
                lambda: _request(data, model, name.strip() or None, options),
                fields={"--name": INSTANCE},
            )
            if "job" in st.query_params:  # it is followed further up
                st.rerun()


def _choose_options() -> InstanceOptions:
    one, two, three = st.columns(3)
    train = one.number_input(
        "Training pairs",
        1,
        100_000,
        USUAL.n_train,
        key="build.train",
        bind="query-params",
        help="Per attribute.",
    )
    test = two.number_input(
        "Test pairs",
        1,
        100_000,
        USUAL.n_test,
        key="build.test",
        bind="query-params",
        help="Per attribute and part.",
    )
    tokens = three.number_input(
        "New tokens at most",
        1,
        4096,
        USUAL.max_new_tokens,
        key="build.tokens",
        bind="query-params",
        help="Of every completion.",
    )
    one, two, three = st.columns(3)
    below = "What has a smaller share of right answers is left out."
    template = one.number_input(
        "Least accuracy of a template",
        0.0,
        1.0,
        USUAL.min_template_accuracy,
        0.05,
        key="build.template",
        bind="query-params",
        help=below,
    )
    entity = two.number_input(
        "Least accuracy of an entity",
        0.0,
        1.0,
        USUAL.min_entity_accuracy,
        0.05,
        key="build.entity",
        bind="query-params",
        help=below,
    )
    seed = three.number_input(
        "Seed",
        0,
        2**31 - 1,
        USUAL.seed,
        key="build.seed",
        bind="query-params",
        help="Of the pairs.",
    )
    dtype = st.selectbox(
        "Numbers that the model computes in", DTYPES, key="build.dtype", bind="query-params"
    )
    return InstanceOptions(
        n_train=train,
        n_test=test,
        max_new_tokens=tokens,
        min_template_accuracy=template,
        min_entity_accuracy=entity,
        seed=seed,
        dtype=dtype,
    )


def _request(
    data: str, model: str | None, name: str | None, options: InstanceOptions
) -> Asked[Instance]:
    return instances.request_instance(
        cached.store(),
        reference=data,
        model=models.get(cached.store(), model or ""),
        options=options,
        name=name,
        actor=cached.user(),
        priority=PRIORITY_INTERACTIVE,
    )


def _demonstrations(versions: list[EntityVersion]) -> None:
    place = st.expander("Demonstrations from data", key="ravel.pairs", on_change="rerun")
    if not place.open:
        return
    with place, notes.errors_as_panel():
        one, two = st.columns(2)
        label = one.selectbox("Data", _labels(versions), key="ravel.pairs.data")
        data = entities.data_of(cached.store(), entities.get(cached.store(), label))
        attribute = two.selectbox("Attribute", data.attributes, key=f"ravel.pairs.of.{label}")
        values = sorted(data.values_of(attribute))
        one, two = st.columns(2)  # a phone shows what stands beside each other in this order
        key = f"ravel.pairs.{label}.{attribute}"
        before = one.selectbox("From", values, key=f"{key}.from", help="Its value in the sources.")
        after = two.selectbox("To", values, 1, key=f"{key}.to", help="Its value in the targets.")
        name = st.text_input(SET, key=f"{key}.set", placeholder="to-asia")
        if st.button("Make the demonstrations", type="primary"):
            made = entities.demonstrations(
                cached.store(),
                reference=label,
                attribute=attribute,
                before=before,
                after=after,
                set_name=name.strip(),
                actor=cached.user(),
            )
            navigation.go("sets", set=made.version.set_name, version=made.version.number)


def _purge(versions: list[EntityVersion]) -> None:
    place = st.expander(
        "Purge data, instances, runs or featurizers", key="ravel.purge", on_change="rerun"
    )
    if not place.open:
        return
    offered: dict[str, Callable[[], dict[str, str]]] = {
        "entity data": lambda: {label: label for label in _labels(versions)},
        "instance": lambda: {
            made.name: made.name for made in instances.list_instances(cached.store())
        },
        "run": _runs,
        "featurizer": _featurizers,
    }
    with place:
        left, right = st.columns(2)
        kind = left.selectbox("What", list(offered), key="ravel.purge.kind")
        there = offered[kind]()
        chosen = right.selectbox("Which", list(there), key=f"ravel.purge.{kind}")
        if chosen is not None:
            verbs.purge(
                kind,
                there[chosen],
                what_goes=export.what_goes,
                remove=export.remove,
                page=None,
            )


def _runs() -> dict[str, str]:
    """References of runs, by what they are called here."""
    return {
        f"{run.id}: {run.name or 'without a name'}, of {run.instance_name}": str(run.id)
        for run in runs.list_runs(cached.store())
    }


def _featurizers() -> dict[str, str]:
    return {
        f"{found.id}: {found.spec.method} of {found.spec.attribute}": export.FEATURIZER
        + str(found.id)
        for run in runs.list_runs(cached.store())
        for found in runs.featurizers_of_run(cached.store(), run)
    }


def _labels(versions: list[EntityVersion]) -> list[str]:
    return [version.label for version in versions]
