"""Stored runs of what is constructed: steps beside closed forms, separate tokens, and m(x)."""

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from ui import cached, markup, tables
from ui.frame import job_panels
from ui.icl import charts
from ui.icl.runs import choose, show_curves, show_running
from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE
from vectorlab.icl.domain.features import FeatureOptions
from vectorlab.icl.domain.laws import ConstructOptions, RegressionLaw
from vectorlab.icl.domain.requests import IclFeaturesRequest
from vectorlab.icl.domain.runs import IclKind, IclRun
from vectorlab.icl.domain.training_spec import DAMPING
from vectorlab.icl.services import frames
from vectorlab.icl.services import runs as icl_runs
from vectorlab.services.asking import Asked

PASSES = 50  # that a damped layer is asked for with


def show_constructions() -> None:
    """Losses by step along every route beside the closed forms; separate tokens, if any."""
    _ask_for_a_construction()
    run = choose(
        IclKind.CONSTRUCT,
        "Nothing was constructed yet",
        f"vectorlab icl construct --steps {PASSES} --damping {DAMPING} --separate-tokens",
    )
    if run is None:
        return
    steps = frames.steps_frame(run)
    closed = frames.closed_forms(run)
    # Least squares on noisy targets may be far worse than no step at all, and off any chart.
    drawn = {name: loss for name, loss in closed.items() if loss <= steps["gd"].iloc[0]}
    long = steps.assign(**drawn).melt("step", var_name="route", value_name="loss")
    st.altair_chart(charts.lines(long, "step", "loss", "route"), key="icl.construction")
    said = ", ".join(f"{name} {loss:.4g}" for name, loss in closed.items()) or "not measured"
    damping = run.spec.get("damping", 1.0)
    taken = "" if damping == 1 else f", of which each pass takes {damping:g}"
    st.caption(
        f"eta {run.result['eta']:.4g}{taken}. Routes of the same steps differ by at most "
        f"{run.result['largest_difference']:.1e}: their lines cover each other. Loss in closed "
        f"form: {said}."
    )
    _show_copying(run)
    tables.csv_button(lambda: steps, name=f"construction-{run.id}")


def show_features() -> None:
    """Gradient steps on m(x) by layer and by kernel, and what each map says of one task."""
    _ask_for_features()
    show_running(IclFeaturesRequest.KIND)
    run = choose(IclKind.FEATURES, "No features were compared yet", "vectorlab icl features")
    if run is None:
        return
    maps = frames.maps_frame(run)
    st.subheader("Loss by m(x)", anchor=False)
    st.dataframe(
        maps,
        hide_index=True,
        key="icl.maps",
        placeholder=" ",
        column_config=_in_digits("differ by", "ridge"),
    )
    st.caption(
        "The kernel form adds up products of features and needs no weights; it is the same "
        "predictor as the layer. Ridge is regression on the same features in closed form, its "
        f"penalty chosen on other tasks. The prediction 0 has loss "
        f"{run.result['untrained']['value']:.4g}."
    )
    _show_example(run)
    show_curves(icl_runs.curves(cached.store(), run), key=f"icl.features.{run.id}")
    tables.csv_button(lambda: maps, name=f"features-{run.id}")


def _show_copying(run: IclRun) -> None:
    copying = run.result.get("copying")
    if copying is None:
        st.html(markup.quiet("Inputs and targets were joined in one token from the start."))
        return
    st.subheader("Separate tokens", anchor=False)
    st.caption(
        f"A layer of softmax attention at temperature {copying['temperature']:.4g} puts y beside "
        f"x: targets are copied to {copying['copied']:.1e}, predictions differ from those of "
        f"joined tokens by at most {copying['difference']:.1e}. Below, other temperatures."
    )
    st.dataframe(
        frames.copying_frame(run),
        hide_index=True,
        key="icl.copying",
        column_config=_in_digits("leak", "copied", "difference"),
    )


def _in_digits(*names: str) -> dict[str, ColumnConfig]:
    """Columns whose numbers lie many powers of ten apart, by name."""
    return {name: st.column_config.NumberColumn(format="%.3g") for name in names}


def _show_example(run: IclRun) -> None:
    st.subheader("One task, map by map", anchor=False)
    predictions = frames.predictions_frame(run)
    long = predictions.melt("x", var_name="map", value_name="prediction")
    seen = pd.DataFrame(run.result["example"]["demonstrations"])
    seen = seen.rename(columns={"y": "prediction"})
    chart = charts.lines(long, "x", "prediction", "map", points=seen)
    st.altair_chart(chart, key="icl.example")
    st.dataframe(predictions, hide_index=True, key="icl.predictions")


def _ask_for_a_construction() -> None:
    with st.expander("Construct"), st.form("icl.construct", border=False):
        steps = st.number_input(
            "Passes through the layer", 1, 200, PASSES, key="ask.passes", bind="query-params"
        )
        damping = st.number_input(
            "Damping", 0.05, 1.0, DAMPING, 0.05, key="ask.damping", bind="query-params"
        )
        noise = st.number_input(
            "Noise on the targets", 0.0, 10.0, 0.0, 0.1, key="ask.noise", bind="query-params"
        )
        separate = st.checkbox(
            "Separate tokens as well", value=True, key="ask.separate", bind="query-params"
        )
        if st.form_submit_button("Construct"):
            job_panels.ask(
                lambda: _construct(
                    ConstructOptions(
                        law=RegressionLaw(noise=float(noise)),
                        steps=int(steps),
                        damping=float(damping),
                        separate_tokens=bool(separate),
                    )
                )
            )
    job_panels.follow_job(link=False)


def _ask_for_features() -> None:
    with st.expander("Compare features"), st.form("icl.features", border=False):
        training = st.number_input(
            "Training steps (0 trains nothing)",
            0,
            100_000,
            FeatureOptions().training_steps,
            key="ask.training",
            bind="query-params",
        )
        steps = st.number_input(
            "Gradient steps on given features", 1, 200, 1, key="ask.descent", bind="query-params"
        )
        noise = st.number_input(
            "Noise on the targets", 0.0, 10.0, 0.0, 0.1, key="ask.noise", bind="query-params"
        )
        seed = st.number_input("Seed", 0, 10_000, 0, key="ask.seed", bind="query-params")
        if st.form_submit_button("Compare"):
            job_panels.ask(
                lambda: _compare(
                    FeatureOptions(
                        training_steps=int(training),
                        steps=int(steps),
                        noise=float(noise),
                        seed=int(seed),
                    )
                )
            )


def _construct(options: ConstructOptions) -> Asked[IclRun]:
    return icl_runs.request_construction(
        cached.store(), options, actor=cached.user(), priority=PRIORITY_INTERACTIVE
    )


def _compare(options: FeatureOptions) -> Asked[IclRun]:
    return icl_runs.request_features(
        cached.store(), options, actor=cached.user(), priority=PRIORITY_INTERACTIVE
    )
