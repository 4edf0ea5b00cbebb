"""The table of all featurizers on the bundled model and the built-in cities: docs/ravel_report.md.

``python -m scripts.ravel_report`` (``make ravel-report``) builds the instance, trains every
featurizer, scores them and ordinary steering vectors on the entity and context tests, and writes
the page. It took 35 minutes on two cores that did other work too. ``--store FILE`` keeps the
store, so that an interrupted report goes on and the dashboard can show it.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from vectorlab.lab import Lab
from vectorlab.ravel.domain.instances import TESTS, ExamplePart, Instance
from vectorlab.ravel.domain.measures import DO_NOTHING, AttributeMeasure
from vectorlab.ravel.domain.remarks import MEASURES
from vectorlab.ravel.domain.specs import Evaluation, Location
from vectorlab.ravel.services import comparison, frames, instances, runs
from vectorlab.ravel.services.runs import Grid, VectorTrial
from vectorlab.services.database import upgrade

PAGE = Path(__file__).resolve().parent.parent / "docs" / "ravel_report.md"
LAYER, K = 2, 32
ALL_VALUES = 49  # directions that the values of an attribute can span: 50 time zones, less one
N_TRAIN, N_TEST = 512, 96
# Method, k, parameters; what is not said is the method's default.
METHODS: tuple[tuple[str, int | None, dict[str, float]], ...] = (
    ("full", None, {}),
    ("pca", K, {}),
    ("rlap", K, {}),
    ("rlap", ALL_VALUES, {}),
    ("sae", 64, {}),
    ("dbm", None, {"steps": 150}),
    ("das", K, {"steps": 150}),
    ("mdbm", None, {}),
    ("mdas", K, {}),
)
ATTRIBUTE, BEFORE, AFTER = "continent", "Europe", "Asia"
VECTORS = {"icv": (0.2, 0.3, 0.4), "mean_difference": (0.05, 0.1, 0.2)}
SCORES = tuple(measure.value for measure in AttributeMeasure)
# Against doing nothing Cause cannot fall and Isolate cannot rise, so only their mean says much.
AGAINST = (
    (DO_NOTHING, (AttributeMeasure.DISENTANGLE.value,)),
    (f"mdas L{LAYER} k{K}", SCORES),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, help="SQLite file to keep")
    arguments = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vectorlab-ravel-") as folder:
        url = f"sqlite:///{arguments.store or Path(folder) / 'report.db'}"
        upgrade(url)
        page = report(Lab(url, device="cpu", listener=tell))
    PAGE.write_text(page, encoding="utf-8")
    print(f"\n{PAGE} written in {(time.monotonic() - began) / 60:.1f} minutes.")


def report(lab: Lab) -> str:
    """Everything that the page says."""
    [(version, _)] = lab.ravel.add("cities")
    instance = lab.ravel.build(version.label, model="tiny", n_train=N_TRAIN, n_test=N_TEST)
    found: list[Evaluation] = []
    for method, k, parameters in METHODS:
        grid = Grid(methods=(method,), layers=(LAYER,), ks=(k,), parameters=parameters)
        found += runs.evaluations(lab.db, run=lab.ravel.run(instance.name, grid=grid))
    about = (
        f"Model `tiny` ({instance.spec.model_fingerprint[:12]}), data `{version.label}` "
        f"({version.content_sha256[:12]}), block output of layer {LAYER}, last token of the "
        f"entity. {N_TEST} examples per attribute and part, intervals of 95 % by bootstrap "
        "within templates: they say how well a score is known. Which arms can be told apart is "
        "said below, by the rule of all verdicts. Every score is the mean over the four attributes "
        "as targets."
    )
    steered = vectors(lab, version.label, instance, found)
    places = sweep(lab, instance)
    return "\n".join(
        [
            "# RAVEL on the bundled model",
            "",
            "Written by `make ravel-report`; [ravel.md](ravel.md) says what the words mean.",
            "",
            about,
            "",
            "## What the model knows",
            "",
            knowledge(instance),
            "",
            *[line for part in TESTS for line in part_table(found, part)],
            *made(found),
            *targets_table(found),
            *verdicts(lab, instance, found),
            "## An ordinary steering vector on the same axes",
            "",
            *steered,
            "## Where the attributes can be swapped",
            "",
            "The whole state is swapped at one layer; Cause on the `entity_val` part.",
            "",
            table(places),
            "",
        ]
    )


def knowledge(instance: Instance) -> str:
    frame = instances.accuracies_frame(instance)
    frame["correct"] = [f"{share:.3f}" for share in frame["correct"]]
    return table(frame)


def part_table(found: Sequence[Evaluation], part: ExamplePart) -> list[str]:
    frame = frames.scores_frame([item for item in found if item.part is part])
    said = [f"- {row.arm}: {row.remark}." for row in frame.itertuples() if row.remark]
    return [f"## {part}", "", table(shown(frame)), "", *said, *([""] if said else [])]


def made(found: Sequence[Evaluation]) -> list[str]:
    """What the making of the features measured, where it measured anything."""
    lines = ["## What the features are", ""]
    frame = frames.measures_frame(found)
    measured = [each for each in MEASURES.values() if each.name in frame]
    for _, rows in frame.groupby("arm", sort=False):
        own = [each for each in measured if rows[each.name].notna().all()]
        if not own:
            continue
        cells = rows[["arm", "target"]].copy()
        for each in own:
            cells[each.name] = [f"{value:.{each.digits}f}" for value in rows[each.name]]
        lines += [table(cells), ""]
    return [*lines, *(f"- {each.name}: {each.about}." for each in measured), ""]


def targets_table(found: Sequence[Evaluation]) -> list[str]:
    rows = []
    for part in TESTS:
        for item in found:
            if item.method == "mdas" and item.part is part:
                for target in dict.fromkeys(score.target for score in item.scores if score.target):
                    frame = frames.scores_frame([item], target=target, policies=False)
                    rows.append(shown(frame).assign(arm=f"mdas, {target}", part=part.value))
    return ["## mdas, target by target", "", table(pd.concat(rows)), ""]


def verdicts(lab: Lab, instance: Instance, found: Sequence[Evaluation]) -> list[str]:
    """What can be told apart and what cannot."""
    about = (
        "By [the rule of all verdicts](evaluation.md#what-a-verdict-promises): sign flips of the "
        "differences by base prompt, corrected by Holm's method within each table and measure. "
        "The change is that of the score, arm less baseline, with the interval of the test."
    )
    lines = ["## What can be told apart", "", about, ""]
    for baseline, measures in AGAINST:
        compared = comparison.comparison_frame(lab.db, found, instance, baseline=baseline)
        for part in TESTS:
            here = compared[compared["part"] == part.value]
            rows = here[here["measure"].isin(measures)]
            lines += [f"### {part}, against {baseline}", "", table(judged(rows)), ""]
            lines += [*(sentence(here, measure, baseline) for measure in measures), ""]
    return lines


def judged(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "measure": rows["measure"],
            "arm": rows["arm"],
            "score": [f"{value:.3f}" for value in rows["mean"]],
            "change": [
                f"{row.difference:+.3f}"
                + ("" if pd.isna(row.low) else f" [{row.low:+.3f}, {row.high:+.3f}]")
                for row in rows.itertuples()
            ],
            "p": [f"{value:.2g}" for value in rows["p"]],
            "verdict": rows["verdict"],
        }
    )


def sentence(here: pd.DataFrame, measure: str, baseline: str) -> str:
    """The verdicts of one family in a line."""
    by_verdict = here[here["measure"] == measure].groupby("verdict", sort=True)["arm"]
    said = "; ".join(f"{verdict} {', '.join(arms)}" for verdict, arms in by_verdict)
    return f"- {measure} against {baseline}: {said}."


def vectors(
    lab: Lab, data: str, instance: Instance, featurizers: Sequence[Evaluation]
) -> list[str]:
    """Steering vectors made of entity demonstrations, beside featurizers on the same examples."""
    committed = lab.ravel.demonstrations(
        data, attribute=ATTRIBUTE, before=BEFORE, after=AFTER, set="to-asia"
    )
    rows = []
    part = ExamplePart.CONTEXT_TEST
    for method, strengths in VECTORS.items():
        name = f"to-asia-{method}"
        lab.vectors.extract(set=committed.version.label, method=method, name=name)
        trial = VectorTrial(
            reference=name,
            attribute=ATTRIBUTE,
            before=BEFORE,
            after=AFTER,
            strengths=strengths,
        )
        run = lab.ravel.run(instance.name, vector=trial, parts=(part,))
        rows += [row_of(item) for item in runs.evaluations(lab.db, run=run)]
        [first, *_] = runs.evaluations(lab.db, run=run)
    for item in featurizers:
        if item.part is part and item.method in ("full", "pca", "rlap", "das", "mdas"):
            found = frames.on_same_examples(lab.db, item, first, instance, target=ATTRIBUTE)
            rows.append({"arm": item.label} | summary_cells(found))
    about = (
        f"Vectors from {committed.version.count} demonstrations such as `Paris is in the continent "
        f"of` -> `Tokyo is in the continent of`: {ATTRIBUTE} {BEFORE} -> {AFTER}, on the examples "
        f"of `{part}` whose base entity is in {BEFORE} (and, for Cause, whose source is in "
        f"{AFTER}). The featurizers stand beside them on the very same examples, for the target "
        f"{ATTRIBUTE}."
    )
    return [about, "", table(pd.DataFrame(rows)), ""]


def row_of(item: Evaluation) -> dict[str, object]:
    frame = frames.scores_frame([item], target=ATTRIBUTE, policies=False)
    return shown(frame).drop(columns=["features", "examples"]).iloc[0].to_dict()


def summary_cells(found: frames.Summary) -> dict[str, str]:
    scores = {"cause": found.cause, "isolate": found.isolate, "disentangle": found.disentangle}
    return {name: cell(item.value, item.low, item.high) for name, item in scores.items()}


def sweep(lab: Lab, instance: Instance) -> pd.DataFrame:
    depth = lab.models.get(instance.model_name).description.n_layers
    columns: dict[str, list[object]] = {"layer": list(range(depth))}
    for location in (Location.ENTITY_LAST, Location.PROMPT_LAST):
        grid = Grid(methods=("full",), layers=tuple(range(depth)), location=location)
        run = lab.ravel.run(instance.name, grid=grid, parts=(ExamplePart.ENTITY_VALIDATION,))
        frame = frames.scores_frame(runs.evaluations(lab.db, run=run), policies=False)
        columns[location.value] = [f"{value:.2f}" for value in frame["cause"]]
    return pd.DataFrame(columns)


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    cells = {
        name: [
            cell(value, low, high)
            for value, low, high in zip(
                frame[name], frame[f"{name} low"], frame[f"{name} high"], strict=True
            )
        ]
        for name in SCORES
    }
    return pd.DataFrame(
        {
            "arm": frame["arm"],
            "features": ["" if pd.isna(item) else f"{item:g}" for item in frame["features"]],
            "examples": ["" if pd.isna(item) else f"{item:g}" for item in frame["examples"]],
            **cells,
        }
    )


def cell(value: float, low: float | None, high: float | None) -> str:
    interval = "" if pd.isna(low) else f" [{low:.3f}, {high:.3f}]"
    return f"{value:.3f}{interval}"


def table(frame: pd.DataFrame) -> str:
    head = [str(name) for name in frame.columns]
    rows = [[str(item) for item in row] for row in frame.itertuples(index=False)]
    return "\n".join(
        "| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)
    )


def tell(done: int, total: int | None, note: str) -> None:
    if done == total:
        print(f"{note}: {done}", flush=True)


if __name__ == "__main__":
    main()
