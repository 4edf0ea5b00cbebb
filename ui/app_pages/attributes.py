"""Attributes of entities: who changes one and leaves the others alone, and by how much."""

import pandas as pd
import streamlit as st

from ui import cached, markup, tables
from ui.frame import navigation, notes
from ui.ravel import asking, charts, data, evaluation, verdicts
from vectorlab.domain.description import describe
from vectorlab.ravel.domain.instances import ExamplePart, Instance
from vectorlab.ravel.domain.specs import Evaluation
from vectorlab.ravel.services import frames, runs
from vectorlab.ravel.services import instances as ravel_instances
from vectorlab.services import models

MEAN = "mean over targets"
MEASURES = ("disentangle", "cause", "isolate")


def _show_knowledge(instance: Instance) -> None:
    with st.expander("What the model knows, and how many pairs there are"):
        st.html(
            markup.facts(
                [
                    ("instance", markup.escape(instance.name)),
                    ("model", markup.escape(instance.model_name)),
                    ("data", markup.escape(instance.version_label)),
                    ("completions", str(instance.n_completions)),
                    (
                        "pairs",
                        ", ".join(f"{part} {count}" for part, count in instance.n_examples.items()),
                    ),
                    ("content hash", markup.mono(instance.content_sha256)),
                ]
            )
        )
        st.html(markup.described(describe(instance.spec)))
        st.dataframe(
            ravel_instances.accuracies_frame(instance), key="attributes.known", hide_index=True
        )


def _show(instance: Instance) -> None:
    db = cached.store()
    one, two, three, four = st.columns(4)
    part = ExamplePart(
        one.selectbox(
            "Part",
            [part.value for part in ExamplePart if part is not ExamplePart.TRAIN],
            index=1,
            key="part",
            bind="query-params",
        )
    )
    aim = two.selectbox("Target", [MEAN, *instance.attributes], key="target", bind="query-params")
    target = None if aim == MEAN else aim
    evaluations = [
        scored for scored in runs.evaluations(db, instance=instance) if scored.part is part
    ]
    layers = sorted({scored.layer for scored in evaluations if scored.layer is not None})
    layer = three.selectbox("Layer", ["all", *layers], key="at_layer", bind="query-params")
    methods = four.multiselect(
        "Methods",
        list(dict.fromkeys(scored.method for scored in evaluations)),
        placeholder="all",
        key="methods",
        bind="query-params",
    )
    _show_knowledge(instance)
    model = models.get(db, str(instance.model_id))
    asking.show_form(instance, n_layers=model.description.n_layers)
    asking.follow()
    chosen = [
        scored
        for scored in evaluations
        if layer in ("all", scored.layer) and (not methods or scored.method in methods)
    ]
    scores = frames.scores_frame(chosen, target=target)
    if scores.empty:
        notes.note(
            "No scores here yet",
            f"Nothing was scored on {part} for these choices. Ask above, or in a terminal:",
            command=f"vectorlab ravel score {instance.name} --method mdas --layer 3 --k 32",
        )
        return
    _show_scores(instance, scores, target)
    verdicts.show_remarks(scores)
    verdicts.show_verdicts(instance, [each for each in chosen if _has(each, target)], target)
    grid = frames.grid_frame(evaluations, part=part, target=target)
    if grid["layer"].nunique() > 1:
        st.subheader("Where the attribute lives", anchor=False)
        st.altair_chart(charts.by_layer(grid))
    arms = {
        f"{scored.label} (evaluation {scored.id})": scored
        for scored in chosen
        if _has(scored, target)
    }
    navigation.say_unknown("evaluation", arms)
    picked = st.selectbox(
        "Look at", list(arms), index=len(arms) - 1, key="evaluation", bind="query-params"
    )
    if picked is not None:
        evaluation.show(arms[picked], instance, target=target)


def _show_scores(instance: Instance, scores: pd.DataFrame, target: str | None) -> None:
    left, right = st.columns([3, 4])
    with left:
        st.subheader("Cause and Isolate", anchor=False)
        st.altair_chart(charts.plane(scores))
        st.caption(
            "The dashed line is Disentangle 0.5, where doing nothing and copying everything lie. "
            "Bars are 95 % intervals."
        )
        st.caption(frames.best_in_words(scores))
    with right:
        st.subheader("Scores", anchor=False)
        st.dataframe(
            scores.drop(columns=["evaluation"]),
            key="attributes.scores",
            hide_index=True,
            placeholder="–",
            # What a row comes to stands beside its name, the ends of intervals behind everything.
            column_order=["arm", *MEASURES, *_others(scores)],
            column_config={
                name: st.column_config.NumberColumn(format="%.3f")
                for measure in MEASURES
                for name in (measure, f"{measure} low", f"{measure} high")
            },
        )
        name = f"{instance.name}-{target or 'mean'}"
        tables.csv_button(lambda: scores, name=name)


def _others(scores: pd.DataFrame) -> list[str]:
    names = [str(name) for name in scores]
    ends = [name for name in names if name.endswith((" low", " high"))]
    first = {"evaluation", "part", "arm", *MEASURES, *ends}
    return [*(name for name in names if name not in first), *ends, "part"]  # which is chosen above


def _has(scored: Evaluation, target: str | None) -> bool:
    return any(share.target == target for share in scored.scores)


notes.header(
    "Attributes",
    "Change one attribute of an entity, leave the others alone, and see both.",
)
instances = ravel_instances.list_instances(cached.store())
if not instances:
    notes.note(
        "No instance yet",
        "A model has to answer prompts about entities first: import data and build an instance "
        "below, or in a terminal:",
        command="vectorlab ravel import cities && vectorlab ravel build cities --model tiny",
    )
    asking.follow()
else:
    names = [instance.name for instance in instances]
    navigation.say_unknown("instance", names)
    name = st.selectbox("Instance", names, key="instance", bind="query-params")
    _show(instances[names.index(name or names[0])])
    st.subheader("Data and instances", anchor=False)
data.show(is_open=not instances)
