"""Stored runs: trainings against descent, reference points, and the bridge to language models."""

import pandas as pd
import streamlit as st

from ui import cached, markup, tables
from ui.frame import job_panels, navigation, notes, verbs
from ui.icl import charts
from vectorlab.domain.description import describe
from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE
from vectorlab.domain.vectors.context_prompts import LAYOUTS
from vectorlab.icl.domain.features import LEARNED
from vectorlab.icl.domain.laws import SCOPES, BridgeRequest
from vectorlab.icl.domain.requests import IclTrainRequest
from vectorlab.icl.domain.runs import IclKind, IclRun
from vectorlab.icl.domain.training_spec import DAMPING, TrainingSpec, Variant
from vectorlab.icl.services import frames
from vectorlab.icl.services import runs as icl_runs
from vectorlab.services import jobs, models
from vectorlab.services.asking import Asked
from vectorlab.services.runs import lists

NEARNESS = "cosine or distance"  # axis of the curves beside the losses
LIVE_STEPS = 3_000
LOSSES = ("loss", "gradient descent", *LEARNED)  # curves of one scale


def show_trainings() -> None:
    """Curves of trained models beside gradient descent, live while they run."""
    _ask_for_a_training()
    show_running(IclTrainRequest.KIND)
    run = choose(IclKind.TRAIN, "No model was trained yet", "vectorlab icl train --batch 512")
    if run is None:
        return
    show_curves(icl_runs.curves(cached.store(), run), key=f"icl.curves.{run.id}")
    rows = [
        {
            "beside": name,
            "loss": run.result["loss"]["value"],
            "its loss": alignment["reference_loss"]["value"],
            "predictions differ by": alignment["prediction_l2"]["value"],
            "cosine of sensitivities": alignment["cosine"]["value"],
            "sensitivities differ by": alignment["sensitivity_l2"]["value"],
        }
        for name, alignment in frames.beside(run).items()
    ]
    if rows:
        beside = pd.DataFrame(rows)
        figures = {
            name: st.column_config.NumberColumn(format="%.4g") for name in beside.columns[1:]
        }
        st.dataframe(beside, hide_index=True, key="icl.alignment", column_config=figures)
    _show_followed(run)
    changed = pd.DataFrame(run.result.get("out_of_distribution", []))
    if len(changed):
        st.subheader("Away from the law of training", anchor=False)
        st.caption("Share of the untrained loss that is left.")
        order = ["change", "size", *changed.columns.drop(["change", "size"])]
        st.dataframe(
            changed, hide_index=True, key="icl.ood", placeholder="unbounded", column_order=order
        )


def show_checks() -> None:
    """Published reference points beside ours."""
    _ask_for_checks()
    run = choose(
        IclKind.REPRODUCE, "The reference points were not measured yet", "vectorlab icl reproduce"
    )
    if run is None:
        return
    frame = icl_runs.checks_frame(icl_runs.checks(cached.store(), run.id))
    st.html(markup.quiet(f"{run.result['ok']} of {run.result['of']} are ok."))
    st.dataframe(frame, hide_index=True, key="icl.checks")
    tables.csv_button(lambda: frame, name=f"icl-{run.id}")


def show_bridge() -> None:
    """What demonstrations do in a model's prompt, next to the in-context vector."""
    _ask_for_a_bridge()
    run = choose(
        IclKind.BRIDGE, "No model was looked into yet", "vectorlab icl bridge --set NAME@latest"
    )
    if run is None:
        return
    layers = icl_runs.layers_frame(cached.store(), run.id)
    left, right = st.columns(2)
    with left:
        st.subheader("Effect of the context beside the in-context vector", anchor=False)
        st.altair_chart(charts.lines(layers, "layer", "cosine", "condition"))
    with right:
        st.subheader("Size of the effect, relative to the state", anchor=False)
        st.altair_chart(charts.lines(layers, "layer", "relative_norm", "condition"))
    st.caption(
        "Controls: shuffled exchanges the targets of the same demonstrations, random puts other "
        "texts in their place. A cosine that a control reaches as well says nothing of the targets."
    )
    _show_heads(icl_runs.heads_frame(cached.store(), run.id))
    tables.csv_button(lambda: layers, name=f"bridge-{run.id}", label="Download the layers (CSV)")
    navigation.page_link(
        "Make the effect a vector: method context_shift", "new_vector", method="context_shift"
    )


def _show_followed(run: IclRun) -> None:
    followed = frames.followed_frame(run)
    if followed.empty:
        return
    st.subheader("The layer applied again and again", anchor=False)
    long = followed.melt("pass", var_name="of", value_name="loss")
    best = run.result["followed"].get("closed form")
    chart = charts.lines(long, "pass", "loss", "of", rule=best)
    st.altair_chart(chart, key="icl.followed")
    dotted = "" if best is None else " Dotted: the best predictor in closed form."
    st.caption(f"Every pass takes {DAMPING} of what the layer adds to the targets.{dotted}")


def _show_heads(heads: pd.DataFrame) -> None:
    if heads.empty:
        st.html(markup.quiet("Attention was not taken apart in this run."))
        return
    st.subheader("The update by head", anchor=False)
    figures = ["share", "effect cosine", "linear cosine", "attention"]
    figure = navigation.one_of("Figure", figures, key="head_figure", what="figure")
    st.altair_chart(charts.head_map(heads, figure.replace(" ", "_")))
    strongest = icl_runs.strongest_heads(heads)
    names = [f"layer {row.layer}, head {row.head}" for row in strongest.itertuples()]
    navigation.say_unknown("head", names)
    chosen = st.selectbox("Head", names, key="head", bind="query-params")
    st.caption("Which demonstrations carry this head's update, in the order of the prompt.")
    st.altair_chart(charts.shares(strongest.iloc[names.index(chosen)]))


def _ask_for_a_training() -> None:
    with st.expander("Train a model"), st.form("icl.train", border=False):
        variant: Variant | None = st.selectbox(
            "Variant", list(Variant), format_func=str, key="ask.variant", bind="query-params"
        )
        layers = st.number_input("Layers", 1, 10, 1, key="ask.depth", bind="query-params")
        steps = st.number_input(
            "Steps", 1, 100_000, LIVE_STEPS, key="ask.steps", bind="query-params"
        )
        seed = st.number_input("Seed", 0, 10_000, 1, key="ask.seed", bind="query-params")
        if st.form_submit_button("Train") and variant is not None:
            job_panels.ask(lambda: _train(variant, int(layers), int(steps), int(seed)))


def _ask_for_checks() -> None:
    with st.expander("Measure the reference points"), st.form("icl.reproduce", border=False):
        scope = st.selectbox(
            "Scope",
            SCOPES,
            key="ask.scope",
            bind="query-params",
            help="full takes minutes; short takes seconds: one step, a small model.",
        )
        seed = st.number_input("Seed", 0, 10_000, 0, key="ask.points_seed", bind="query-params")
        if st.form_submit_button("Measure them"):
            job_panels.ask(lambda: _reproduce(scope, int(seed)))
    job_panels.follow_job(link=False)


def _reproduce(scope: str, seed: int) -> Asked[IclRun]:
    return icl_runs.request_reproduction(
        cached.store(), scope, seed=seed, actor=cached.user(), priority=PRIORITY_INTERACTIVE
    )


def _train(variant: Variant, layers: int, steps: int, seed: int) -> Asked[IclRun]:
    spec = TrainingSpec.published(variant, layers=layers, steps=steps, batch=512, seed=seed)
    return icl_runs.request_training(
        cached.store(), spec, actor=cached.user(), priority=PRIORITY_INTERACTIVE
    )


def show_running(kind: str) -> None:
    """Follow the job in the address, and draw its curves while it runs, if it is of a kind."""
    job = job_panels.follow_job(link=False, every=job_panels.BESIDE_A_JOB)
    if job is None or job.kind != kind or job.state.is_final:
        return

    @st.fragment(run_every=job_panels.BESIDE_A_JOB)
    def live() -> None:
        with notes.errors_as_panel():
            show_curves(jobs.curves(cached.store(), job.id), key="icl.live")

    live()


def show_curves(curves: dict[str, list[tuple[int, float]]], *, key: str) -> None:
    """Draw the curves of a training: losses, and below them the figures of another scale.

    Args:
        curves: Steps and values by name.
        key: Of the charts.
    """
    rows = [
        {"step": step, "loss": value, "of": series}
        for series, points in curves.items()
        for step, value in points
    ]
    if rows:
        frame = pd.DataFrame(rows)
        losses = frame[frame["of"].isin(LOSSES)]
        st.subheader("Loss on fresh tasks", anchor=False)
        st.altair_chart(charts.lines(losses, "step", "loss", "of"), key=f"{key}.loss")
        others = frame[~frame["of"].isin(LOSSES)].rename(columns={"loss": NEARNESS})
        if len(others):
            st.subheader("How near to gradient descent", anchor=False)
            st.altair_chart(charts.lines(others, "step", NEARNESS, "of"), key=f"{key}.others")


def _ask_for_a_bridge() -> None:
    labels = lists.version_labels(cached.store())
    known = [model.name for model in models.list_models(cached.store())]
    if not labels or not known:
        return
    with st.expander("Look into a model"), st.form("icl.bridge", border=False):
        model = st.selectbox("Model", known, key="model", bind="query-params")
        label = st.selectbox("Set version", labels, key="ask.set", bind="query-params")
        shots = st.number_input(
            "Demonstrations in the prompt", 1, 32, 4, key="ask.shots", bind="query-params"
        )
        layout = st.selectbox("Layout", list(LAYOUTS), key="ask.layout", bind="query-params")
        if st.form_submit_button("Measure"):
            job_panels.ask(lambda: _bridge(str(model), str(label), int(shots), str(layout)))
    job_panels.follow_job(link=False)


def _bridge(model: str, label: str, shots: int, layout: str) -> Asked[IclRun]:
    return icl_runs.request_bridge(
        cached.store(),
        BridgeRequest(set_reference=label, shots=shots, layout=layout),
        model=models.get(cached.store(), model),
        actor=cached.user(),
        priority=PRIORITY_INTERACTIVE,
    )


def choose(kind: IclKind, empty: str, command: str) -> IclRun | None:
    """Let a stored run of a kind be chosen, and say what it was asked for.

    Args:
        kind: Of the runs.
        empty: What is said where there is none.
        command: That makes one.
    """
    runs = icl_runs.list_runs(cached.store(), kind=kind)
    if not runs:
        notes.note(empty, "Ask for it here or in a terminal:", command=command)
        return None
    labels = {
        f"{run.id}: {icl_runs.asked_in_words(run)} {run.set_label or ''}".strip(): run
        for run in runs
    }
    navigation.say_unknown(str(kind), labels, what="run")
    chosen = st.selectbox("Run", list(labels), key=str(kind), bind="query-params")
    with st.expander("What was asked for"):
        st.html(markup.described(describe(labels[chosen].request)))
        verbs.purge(
            "in-context run",
            str(labels[chosen].id),
            what_goes=icl_runs.what_goes,
            remove=icl_runs.purge,
            page=None,
        )
    return labels[chosen]
