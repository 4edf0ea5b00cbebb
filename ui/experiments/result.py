"""What an experiment ended in: the verdict first, then effect against damage, then the texts."""

import streamlit as st

from ui import cached, charts, colours, markup, tables
from ui.frame import navigation, notes
from ui.runs import choices, side_by_side
from vectorlab.domain.scores.verdicts import Grade
from vectorlab.services import documents
from vectorlab.services.runs import report, verdicts
from vectorlab.services.runs.verdicts import ExperimentResult, FrontierPoint

TONES = {Grade.SHOWN: "good", Grade.OTHER_WAY: "bad", Grade.NO_BETTER_THAN_CONTROL: "bad"}


def show(experiment: ExperimentResult) -> None:
    """Everything there is to say of an experiment."""
    run = experiment.run
    named = f" named {run.name}" if run.name else ""
    notes.header(
        f"Experiment: run {run.id}",
        f"A run{named} on {run.model_name}, {markup.moment(run.created_at)}.",
    )
    for found in experiment.verdicts:
        notes.note(found.headline, " ".join(found.sentences), tone=TONES.get(found.grade, ""))
    with st.container(horizontal=True, vertical_alignment="center"):
        _offer_report(experiment)
        for calibration in experiment.calibrations:
            name = calibration.vector_name
            navigation.page_link(f"Vector `{name}`", "vectors", vector=name)
        navigation.page_link("Figures of the run", "compare", run=run.id, look="figures")
        navigation.page_link("Replay", "replay", run=run.id)
        navigation.page_link("New experiment", "experiment")
    _show_frontier(experiment)
    notes.heading("Texts")
    side_by_side.show(choices.sides_of([run]))


def _offer_report(experiment: ExperimentResult) -> None:
    run_id = experiment.run.id
    st.download_button(
        "Download the report",
        data=lambda: documents.to_html(report.run_report(cached.store(), [str(run_id)])),
        file_name=f"experiment-{run_id}.html",
        mime="text/html",
        on_click="ignore",
    )


def _show_frontier(experiment: ExperimentResult) -> None:
    frame = verdicts.frontier_frame(experiment)
    first = experiment.calibrations[0]
    notes.heading("Effect against damage")
    drawn = frame.dropna(subset=["effect", "damage"])
    if not drawn.empty:
        st.altair_chart(
            charts.frontier(
                drawn,
                colours_of(experiment),
                effect=f"change of {experiment.effect}",
                damage=experiment.damage,
                budget=first.spec.budget,
            )
        )
        st.caption(
            "A ring is the calibrated strength, the dashed line the budget of damage. Bars are "
            "intervals: of the change as it was judged, of the damage at 95 %. Damage is drawn by "
            "its square root."
        )
    head = ["arm", "what it is", f"change of {experiment.effect}", "interval", experiment.damage]
    rows = [
        _row(point, markup.dot(colours_of(experiment)[point.series]))
        for point in experiment.frontier
    ]
    tables.show(head, rows, name="frontier", frame=lambda: frame)


def _row(point: FrontierPoint, dot: str) -> tuple[str, ...]:
    effect, damage = point.effect, point.damage
    interval = "too few moved"
    if effect.low is not None and effect.high is not None:
        interval = f"{effect.low:+.4g} to {effect.high:+.4g}"
    return (
        dot + markup.escape(point.arm),
        point.role.value + (", calibrated" if point.is_chosen else ""),
        "–" if effect.mean is None else f"{effect.mean:+.4g}",
        interval,
        "–" if damage is None or damage.mean is None else f"{damage.mean:.4g}",
    )


def colours_of(experiment: ExperimentResult) -> dict[str, str]:
    """Grey for controls; a colour of their own for vectors and ways of prompting."""
    roles = {point.series: point.role for point in experiment.frontier}
    ids = cached.vector_ids()
    return colours.of_arms(
        {name: ids.get(name) for name in roles},
        [name for name, role in roles.items() if role.is_control],
    )
