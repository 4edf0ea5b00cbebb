"""The table of all featurizers on the bundled model and the built-in cities: docs/ravel_report.md.

``python -m scripts.ravel_report`` (``make ravel-report``) builds the instance, trains every
featurizer, scores them and ordinary steering vectors on the entity and context tests, and writes
the page. It takes at most 20 minutes on two quiet cores. ``--store FILE`` keeps the store, so that
an interrupted report goes on and the dashboard can show it.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from vectorlab.lab import Lab
from vectorlab.ravel.domain.instances import TESTS, ExamplePart, Instance
from vectorlab.ravel.domain.specs import Evaluation, Location
from vectorlab.ravel.services import frames, instances, runs
from vectorlab.ravel.services.runs import Grid, VectorTrial
from vectorlab.services.database import upgrade

PAGE = Path(__file__).resolve().parent.parent / "docs" / "ravel_report.md"
LAYER, K = 2, 32
N_TRAIN, N_TEST = 512, 96
# Method, k, parameters; what is not said is the method's default.
METHODS: tuple[tuple[str, int | None, dict[str, float]], ...] = (
    ("full", None, {}),
    ("pca", K, {}),
    ("rlap", K, {}),
    ("sae", 64, {}),
    ("dbm", None, {"steps": 150}),
    ("das", K, {"steps": 150}),
    ("mdbm", None, {}),
    ("mdas", K, {}),
)
ATTRIBUTE, BEFORE, AFTER = "continent", "Europe", "Asia"
VECTORS = {"icv": (0.2, 0.3, 0.4), "mean_difference": (0.05, 0.1, 0.2)}
MEASURES = ("cause", "isolate", "disentangle")


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
    for method, k, parameters in METHODS:
        grid = Grid(methods=(method,), layers=(LAYER,), ks=(k,), parameters=parameters)
        lab.ravel.run(instance.name, grid=grid)
    found = [
        item
        for item in runs.evaluations(lab.db, instance=instance)
        if item.layer == LAYER and item.location == Location.ENTITY_LAST
    ]
    about = (
        f"Model `tiny` ({instance.spec.model_fingerprint[:12]}), data `{version.label}` "
        f"({version.content_sha256[:12]}), block output of layer {LAYER}, last token of the "
        f"entity. {N_TEST} examples per attribute and part, intervals of 95 % by bootstrap "
        "within templates. Every score is the mean over the four attributes as targets."
    )
    steered = vectors(lab, version.label, instance)
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
            *targets_table(found),
            *margin(found),
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
    return [f"## {part}", "", table(shown(frame)), ""]


def targets_table(found: Sequence[Evaluation]) -> list[str]:
    rows = []
    for part in TESTS:
        for item in found:
            if item.method == "mdas" and item.part is part:
                for target in dict.fromkeys(score.target for score in item.scores if score.target):
                    frame = frames.scores_frame([item], target=target, policies=False)
                    rows.append(shown(frame).assign(arm=f"mdas, {target}", part=part.value))
    return ["## mdas, target by target", "", table(pd.concat(rows)), ""]


def margin(found: Sequence[Evaluation]) -> list[str]:
    """Whether mdas is above pca and the trivial policies with intervals apart."""
    lines = []
    for part in TESTS:
        frame = frames.scores_frame(
            [item for item in found if item.part is part], policies=False
        ).set_index("method")
        ours, pca = frame.loc["mdas"], frame.loc["pca"]
        apart = ours["disentangle low"] > max(0.5, pca["disentangle high"])
        lines.append(
            f"- {part}: Disentangle of mdas {ours['disentangle']:.3f}, lower end "
            f"{ours['disentangle low']:.3f}; of pca {pca['disentangle']:.3f}, upper end "
            f"{pca['disentangle high']:.3f}; of both trivial policies 0.500. Intervals "
            f"{'are apart' if apart else '**are not apart**'}."
        )
    return ["## The margin", "", *lines, ""]


def vectors(lab: Lab, data: str, instance: Instance) -> list[str]:
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
    for item in runs.evaluations(lab.db, instance=instance):
        here = item.layer == LAYER and item.location == Location.ENTITY_LAST
        if here and item.part is part and item.method in ("full", "pca", "das", "mdas"):
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
        for name in MEASURES
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
