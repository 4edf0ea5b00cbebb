"""One vector, from its numbers to the runs that used it."""

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st

from ui import cached, charts, markup, tables
from ui.frame import job_panels, navigation, notes, verbs
from ui.runs import listing
from ui.vectors import calibration, making, thresholds, tokens
from vectorlab.domain.description import describe
from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE
from vectorlab.domain.runs.lists import RunFilter, RunKind
from vectorlab.domain.vectors.explanations import Explanation
from vectorlab.domain.vectors.formats import VECTOR_FORMATS, VectorFormat
from vectorlab.domain.vectors.lists import CHANCE, MostSeparable
from vectorlab.domain.vectors.vectors import LayerVectorInfo
from vectorlab.services import frames
from vectorlab.services.asking import Asked
from vectorlab.services.runs import lists as run_lists
from vectorlab.services.vectors import explanations, files, vectors
from vectorlab.services.vectors.vectors import VectorDetails

LATEST = 20


def show(reference: str) -> None:
    """Everything that is on record; its numbers are read for the cosines alone."""
    details = vectors.details(cached.store(), reference)
    vector = details.vector
    notes.header(vector.name, f"A steering vector by method {vector.method}.")
    calibration.show_strength(vector)
    _show_provenance(details)
    with st.container(horizontal=True, vertical_alignment="center"):
        navigation.page_link("Try it in the playground", "playground", vector=vector.name)
        navigation.page_link(
            "New run with this vector", "new_run", model=vector.model_name, vector=vector.name
        )
        for entry in VECTOR_FORMATS.values():
            st.download_button(
                f"Download ({entry.name})",
                partial(_file, details, entry),
                file_name=f"{vector.name}.{entry.endings[0]}",
                on_click="ignore",
                help=f"The file holds {entry.holds}.",
            )
        verbs.rename("vector", vector.name, vectors.rename, page="vectors")
        verbs.purge(
            "vector",
            vector.name,
            what_goes=vectors.what_goes,
            remove=vectors.remove,
            page="vectors",
        )
    under_way = st.container()  # what is asked for beneath is watched here
    calibration.show(vector)
    thresholds.show(vector)
    making.of_one(vector)
    _show_layers(details)
    tokens.show(vector)
    _show_demonstrations(details)
    _show_runs(details)
    with under_way:
        calibration.show_live(job_panels.follow_job(every=job_panels.BESIDE_A_JOB))


def _show_layers(details: VectorDetails) -> None:
    frame = frames.layers_frame(details)
    left, right = st.columns(2)
    with left:
        st.subheader("Norm per layer", anchor=False)
        st.altair_chart(charts.layer_bars(frame, "norm", title="norm (activation units)"))
    with right:
        st.subheader("Explained variance", anchor=False)
        if frame["explained variance"].notna().any():
            st.altair_chart(
                charts.layer_bars(
                    frame, "explained variance", title="share along the vector", share=True
                )
            )
        else:
            st.html(markup.quiet("This method records none."))
    with left:
        st.subheader("Separability", anchor=False)
        if frame["separability"].notna().any():
            _show_separability(frame, details.layers)
        else:
            st.html(markup.quiet("None is recorded for this vector."))
    cosines = cached.layer_cosines(details.vector)
    with right:
        st.subheader("Cosine with the layer before", anchor=False)
        neighbours = frames.neighbour_cosines(cosines)
        if neighbours.empty:
            st.html(markup.quiet("It has one layer."))
        else:
            st.altair_chart(charts.neighbour_line(neighbours))
    with left:
        st.subheader("Cosine between layers", anchor=False)
        st.altair_chart(charts.cosine_map(cosines))
    with right:
        st.subheader("Layers", anchor=False)
        st.dataframe(frame, key="vectors.layers", hide_index=True, placeholder="–")


def _show_separability(frame: pd.DataFrame, layers: Sequence[LayerVectorInfo]) -> None:
    title = "held-out accuracy"
    st.altair_chart(charts.accuracy_bars(frame, "separability", title=title, guess=CHANCE))
    found = [
        MostSeparable(layer=each.layer, accuracy=each.separability)
        for each in layers
        if each.separability is not None
    ]
    best = max(found, key=lambda each: each.accuracy)
    near = "near a guess" if best.is_near_chance else f"a guess has {CHANCE:.0%}"
    st.html(markup.quiet(f"Best at layer {best.layer}: {best.accuracy:.0%}, {near}."))


def _file(details: VectorDetails, format: VectorFormat) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"vector.{format.endings[0]}"
        files.export_vector(cached.store(), details.vector, path, format=format.name)
        return path.read_bytes()


def _show_provenance(details: VectorDetails) -> None:
    vector = details.vector
    name, _, number = (vector.set_label or "").partition("@")
    names = cached.vector_names() if details.parents else {}
    terms = [
        f"{term.weight:g} × "
        + markup.link(names[term.vector_id], "vectors", vector=names[term.vector_id])
        for term in details.parents
    ]
    parameters = ", ".join(f"{key}={value}" for key, value in vector.parameters.items())
    facts = [
        ("made", f"{vector.origin.value}, {markup.moment(vector.created_at)}"),
        (
            "from",
            (
                f"{markup.link(f'{name}@{number}', 'sets', set=name, version=number)}, "
                + markup.count(vector.n_demonstrations or 0, "demonstration")
            )
            if name
            else "–",
        ),
        ("model", markup.escape(vector.model_name)),
        ("method", markup.escape(vector.method + (f" ({parameters})" if parameters else ""))),
        ("operator", f"{vector.operator.value}, unless you choose another"),
        ("read site", vector.read_site.value),
        ("tokens", markup.escape(vector.token_rule)),
        ("write site", vector.write_site.value),
        ("shape", f"{vector.n_layers} layers × {vector.d_model}"),
        ("content hash", markup.mono(vector.content_sha256)),
    ]
    if terms:
        facts[1] = ("parents", " + ".join(terms))
    if details.spec is not None:
        shown = {name for name, _ in facts}
        facts += [
            (fact.name, markup.escape(f"{fact.value} {fact.unit}"))
            for fact in describe(details.spec)
            if fact.name not in shown
        ]
    st.html(markup.facts(facts))


def _show_demonstrations(details: VectorDetails) -> None:
    st.subheader("Demonstrations by alignment", anchor=False)
    if not details.alignments:
        st.html(markup.quiet("No alignments are stored for this vector."))
        return
    st.caption(
        "Mean cosine of each demonstration's own difference with the vector. "
        "Low or negative ones pull elsewhere."
    )
    frame = explanations.frame(cached.store(), details.vector.name)
    st.dataframe(
        tables.numbered(frame.sort_values("alignment", kind="stable")),
        key="vectors.alignments",
        hide_index=True,
        column_config=tables.number_column(50)
        | {
            "alignment": st.column_config.NumberColumn(format="%.3f", width=90),
            "norm_change": st.column_config.NumberColumn("norm without it", format="percent"),
            "cosine": st.column_config.NumberColumn("cosine without it", format="%.5f"),
            "shift": st.column_config.NumberColumn("shift without it", format="percent"),
        },
    )
    _show_leave_one_out(details, studied="shift" in frame)


def _show_leave_one_out(details: VectorDetails, *, studied: bool) -> None:
    """What the vector would be without each demonstration, or a button that asks for it."""
    db, reference = cached.store(), details.vector.name
    if studied:
        explanation = explanations.explain(db, reference).explanation
        assert explanation is not None
        st.caption(
            "Without it: how the norm changes, the cosine between the vectors with and without "
            "it, and how far the vector moves relative to its norm. "
            + explanations.states_note(explanation)
        )
        return
    if st.button("Compute the vector without each demonstration", key="vectors.leave_one_out"):
        job_panels.ask(lambda: _ask_leave_one_out(reference))


def _ask_leave_one_out(reference: str) -> Asked[Explanation]:
    return explanations.request_leave_one_out(
        cached.store(), reference, actor=cached.user(), priority=PRIORITY_INTERACTIVE
    )


def _show_runs(details: VectorDetails) -> None:
    st.subheader("Runs that used it", anchor=False)
    run_filter = RunFilter(vector_id=details.vector.id)
    used = run_lists.list_runs(cached.store(), run_filter, limit=LATEST + 1)
    if not used:
        st.html(markup.quiet("None yet."))
        return
    listing.show(used[:LATEST], name="runs-that-used-it")
    if len(used) > LATEST:
        navigation.page_link(
            "All runs that used it", "runs", **{"with": details.vector.name, "kind": RunKind.ALL}
        )
