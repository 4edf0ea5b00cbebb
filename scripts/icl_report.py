"""The runs, plots and numbers of ``docs/icl.md``.

``python -m scripts.icl_report --reproduce`` measures the published reference points and writes
``docs/icl/reproduction.json`` (``make reproduce-icl``). Without it every run that the page speaks
of is made as well (found, where the store of ``--db`` has it), the plots go to ``docs/images/`` and
the marked blocks of the page are written anew from ``docs/icl/runs.json``.
"""

import argparse
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import altair as alt
import pandas as pd

from vectorlab.cli.output import plain
from vectorlab.domain.ties import in_order
from vectorlab.icl.domain.features import FeatureOptions
from vectorlab.icl.domain.laws import BridgeRequest, ConstructOptions, RegressionLaw
from vectorlab.icl.domain.runs import IclRun
from vectorlab.icl.domain.training_spec import DAMPING, TrainingSpec, Variant
from vectorlab.icl.services import runs as icl_runs
from vectorlab.lab import Lab
from vectorlab.services.analysis.plots import COLOURS, svg

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "icl.md"
NUMBERS = ROOT / "docs" / "icl"
IMAGES = ROOT / "docs" / "images"
SEEDS = range(10)
SEED_STEPS = 400
NOISES = (0.25, 0.5, 1.0)  # standard deviations on the targets
SMALL = 1e-4  # below it a loss is written with its power of ten
_SIGNS = {"at_most": "≤ ", "at_least": "≥ "}
_SHOWN = ("one layer", "two layers", "softmax, 1 head", "softmax, 2 heads", "gd++, two layers")
_BLOCK = re.compile(r"<!-- runs: (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def main() -> None:
    """Make what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--db", help="a store to make the runs in, and find them again")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--reproduce", action="store_true", help="only the reference points")
    only.add_argument("--bridge", action="store_true", help="only what the bundled model decides")
    only.add_argument("--constructed", action="store_true", help="only constructions and features")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vectorlab-icl-") as folder:
        lab = Lab(options.db or f"sqlite:///{folder}/icl.db", device="cpu")
        if options.bridge:
            _write("runs", _numbers("runs") | {"bridge": _bridge_run(lab)})
        elif options.constructed:
            _write("runs", _numbers("runs") | _constructed(lab))
        else:
            _reproduce(lab)
            if not options.reproduce:
                _write("runs", _runs(lab))
        if not options.reproduce:
            render()
        lab.db.dispose()


def _reproduce(lab: Lab) -> None:
    reproduction = lab.result(icl_runs.request_reproduction(lab.db, actor="report"))
    checks = icl_runs.checks_frame(icl_runs.checks(lab.db, reproduction.id))
    _write("reproduction", _about(reproduction) | {"checks": plain(checks)})
    print(checks[["name", "published", "ours", "low", "high", "verdict"]].to_string())
    print(f"{reproduction.result['ok']} of {reproduction.result['of']} are ok.")


def render() -> None:
    """Write plots and the page's blocks from the kept numbers."""
    numbers = {name: _numbers(name) for name in ("reproduction", "runs")}
    for name, chart in _charts(numbers["runs"]).items():
        (IMAGES / f"icl-{name}.svg").write_text(svg(chart), encoding="utf-8")
    PAGE.write_text(rendered(PAGE.read_text(encoding="utf-8"), numbers), encoding="utf-8")


def _numbers(name: str) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads((NUMBERS / f"{name}.json").read_text(encoding="utf-8"))
    return kept


def rendered(page: str, numbers: Mapping[str, Any]) -> str:
    """The page with every marked block written anew."""
    tables = _tables(numbers)

    def block(match: re.Match[str]) -> str:
        name = match.group(1)
        return f"<!-- runs: {name} -->\n{tables[name]}\n<!-- end -->"

    return _BLOCK.sub(block, page)


def _runs(lab: Lab) -> dict[str, Any]:
    found = _constructed(lab)
    trainings = {
        "one layer": {"batch": 512, "steps": 3_000, "seed": 1},
        "two layers": {"layers": 2, "batch": 512, "steps": 4_000, "seed": 1},
        "softmax, 1 head": {"variant": Variant.SOFTMAX, "heads": 1, "batch": 512, "steps": 3_000},
        "softmax, 2 heads": {"variant": Variant.SOFTMAX, "batch": 512, "steps": 3_000},
        "gd++, two layers": {
            "variant": Variant.GD_PLUS_PLUS,
            "layers": 2,
            "batch": 512,
            "steps": 3_000,
        },
    }
    for name, changes in trainings.items():
        found[name] = _training(lab, **changes)
    found["noise, trained"] = [
        _training(lab, law=RegressionLaw(noise=noise), batch=512, steps=3_000, seed=1, curves=False)
        for noise in NOISES
    ]
    found["seeds"] = [
        _training(lab, batch=512, steps=SEED_STEPS, seed=seed, curves=False) for seed in SEEDS
    ]
    found["bridge"] = _bridge_run(lab)
    return found


def _constructed(lab: Lab) -> dict[str, Any]:
    """What needs no long training: constructions, and steps on features."""

    def construct(**changes: Any) -> dict[str, Any]:
        options = ConstructOptions(**changes)
        request = icl_runs.request_construction(lab.db, options, actor="report")
        return _about(lab.result(request))

    features = icl_runs.request_features(lab.db, FeatureOptions(), actor="report")
    return {
        "construction": construct(steps=20),
        "separate": construct(steps=5, separate_tokens=True),
        "damped": construct(steps=50, damping=DAMPING),
        "noise": [
            construct(law=RegressionLaw(noise=noise), tasks=10_000) for noise in (0.0, *NOISES)
        ],
        "features": _about(lab.result(features)),
    }


def _bridge_run(lab: Lab) -> dict[str, Any]:
    lab.sets.import_file(
        str(ROOT / "examples" / "reviews.csv"),
        set="reviews",
        source_column="negative",
        target_column="positive",
    )
    request = BridgeRequest(set_reference="reviews@1", shots=4, queries=8)
    tiny = lab.models.get("tiny")
    bridge = lab.result(icl_runs.request_bridge(lab.db, request, model=tiny, actor="report"))
    return _about(bridge) | {
        "layers": plain(icl_runs.layers_frame(lab.db, bridge.id)),
        "heads": plain(icl_runs.heads_frame(lab.db, bridge.id)),
    }


def _training(lab: Lab, *, curves: bool = True, **changes: Any) -> dict[str, Any]:
    spec = TrainingSpec.published(**changes)
    run = lab.result(icl_runs.request_training(lab.db, spec, actor="report"))
    about = _about(run)
    return about | ({"curves": plain(icl_runs.curves(lab.db, run))} if curves else {})


def _about(run: IclRun) -> dict[str, Any]:
    """What of a run goes into the repository: no times of day, no users."""
    return {
        "kind": run.kind.value,
        "spec": plain(run.spec),
        "spec_sha256": run.spec_sha256,
        "result": plain(run.result),
        "environment": plain(run.environment),
        "duration_s": round(run.duration_s, 1),
    }


def _write(name: str, data: Mapping[str, Any]) -> None:
    NUMBERS.mkdir(exist_ok=True)
    text = json.dumps(_rounded(data), indent=1, ensure_ascii=False) + "\n"
    (NUMBERS / f"{name}.json").write_text(text, encoding="utf-8")


def _rounded(value: Any) -> Any:
    """Six digits say all that the page says, and keep the file small."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {name: _rounded(item) for name, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value


# Tables


def _tables(numbers: Mapping[str, Any]) -> dict[str, str]:
    runs = numbers["runs"]
    return {
        "reproduction": _reproduction(numbers["reproduction"]),
        "construction": _construction(runs["construction"]),
        "separate": _separate(runs["separate"]),
        "damped": _damped(runs),
        "noise": _noise(runs),
        "features": _features(runs["features"]),
        "trained": _trained(runs),
        "interpolation": _interpolation(runs),
        "distribution": _distribution(runs),
        "seeds": _seeds(runs["seeds"]),
        "claim": _claim(runs["bridge"]),
        "bridge": _bridge(runs["bridge"]),
        "heads": _heads(runs["bridge"]),
    }


def _reproduction(data: Mapping[str, Any]) -> str:
    rows = [
        [
            item["name"],
            {"at_most": "≤ ", "at_least": "≥ "}.get(item["comparison"], "")
            + _number(item["published"]),
            _number(item["ours"]),
            ""
            if item["low"] == item["high"]
            else f"{_number(item['low'])} to {_number(item['high'])}",
            item["verdict"],
        ]
        for item in data["checks"]
    ]
    result = data["result"]
    return (
        _table(["reference point", "published", "ours", "99 % interval", "verdict"], rows)
        + f"\n\n{result['ok']} of {result['of']} are ok, in {result['cpu_s'] / 60:.1f} minutes of "
        f"CPU time with {data['environment']['threads']} thread(s)."
    )


def _construction(data: Mapping[str, Any]) -> str:
    result = data["result"]
    rows = [
        [str(item["step"]), *(_number(item[name]) for name in ("gd", "layer", "gd++", "layer++"))]
        for item in result["steps"]
        if item["step"] in (0, 1, 2, 5, 10, 20)
    ]
    return (
        _table(["step", "gradient descent", "layer", "GD++", "layer of GD++"], rows)
        + f"\n\neta = {_number(result['eta'])}, gamma = {_number(result['gamma'])}; the routes "
        f"differ by at most {result['largest_difference']:.1e}. With eta above "
        f"{_number(result['limit'])} many steps would diverge on one of these tasks."
    )


def _separate(data: Mapping[str, Any]) -> str:
    copying = data["result"]["copying"]
    rows = [
        [
            _number(item["temperature"]),
            *(f"{item[name]:.0e}" for name in ("leak", "copied", "difference")),
            _number(item["loss"]),
        ]
        for item in copying["temperatures"]
    ]
    head = ["temperature", "leak", "targets copied to", "predictions differ by", "loss"]
    steps = data["spec"]["steps"]
    return (
        _table(head, rows)
        + f"\n\n{steps} steps, N = {data['spec']['law']['n']}; the largest errors over 500 tasks. "
        f"At the default temperature, {_number(copying['temperature'])}, predictions for all "
        f"{data['spec']['tasks']} tasks differ from those of joined tokens by at most "
        f"{copying['difference']:.1e}."
    )


def _damped(runs: Mapping[str, Any]) -> str:
    built, trained = runs["damped"]["result"], runs["one layer"]["result"]["followed"]
    rows = [
        [
            str(step),
            *(_number(built["steps"][step][name]) for name in ("gd", "layer")),
            *(_number(trained[name][step]) for name in ("gd", "trained")),
        ]
        for step in (0, 1, 2, 5, 10, 20, 50)
    ]
    head = [
        "pass",
        "descent",
        "constructed layer",
        "descent, other tasks",
        "trained layer, the same",
    ]
    return (
        _table(head, rows)
        + f"\n\neta = {_number(built['eta'])}, of which each pass takes {DAMPING}; all of it would "
        f"pass the limit of these tasks, {_number(built['limit'])}. In closed form, least squares "
        f"has the loss {_closed(built['closed_forms']['least squares'])} on the tasks of the "
        f"construction and {_closed(trained['closed form'])} on those of the training."
    )


def _noise(runs: Mapping[str, Any]) -> str:
    trained = [runs["one layer"], *runs["noise, trained"]]
    rows = []
    for built, learned in zip(runs["noise"], trained, strict=True):
        alignment = learned["result"]["gd"]["alignment"]
        closed = built["result"]["closed_forms"]
        rows.append(
            [
                _number(built["spec"]["law"]["noise"]),
                _number(built["result"]["eta"]),
                _number(built["result"]["best_one_step"]["loss"]),
                _number(built["result"]["steps"][1]["layer"]),
                _number(learned["result"]["loss"]["value"]),
                _number(alignment["reference_loss"]["value"]),
                _number(alignment["cosine"]["value"]),
                _closed(closed["ridge"]),
                _closed(closed["least squares"]),
            ]
        )
    head = [
        "noise",
        "best eta",
        "one step, in closed form",
        "constructed layer",
        "trained layer, its tasks",
        "one step, its tasks",
        "cosine of the two",
        "ridge",
        "least squares",
    ]
    return _table(head, rows)


def _closed(loss: float) -> str:
    """A loss in closed form, which without noise is zero up to rounding."""
    return f"{loss:.0e}" if loss < SMALL else _number(loss)


def _features(data: Mapping[str, Any]) -> str:
    result = data["result"]
    untrained = result["untrained"]["value"]
    rows = [
        [
            item["map"],
            str(item["width"]),
            "learned" if item["eta"] is None else _number(item["eta"]),
            _number(item["loss"]["value"]),
            _number(item["loss"]["value"] / untrained),
            _number(item["kernel"]),
            f"{item['difference']:.0e}",
            "" if item["ridge"] is None else _closed(item["ridge"]),
            _number(item["from_trained"]),
        ]
        for item in result["maps"]
    ]
    head = [
        "m(x)",
        "width",
        "eta",
        "loss of the layer",
        "share left",
        "kernel form",
        "the two differ by",
        "ridge on m(x)",
        "predictions from mlp + layer",
    ]
    return _table(head, rows)


def _trained(runs: Mapping[str, Any]) -> str:
    rows = []
    for name in (
        "one layer",
        "two layers",
        "softmax, 1 head",
        "softmax, 2 heads",
        "gd++, two layers",
    ):
        result = runs[name]["result"]
        near = result.get("gd++", result["gd"])["alignment"]
        rows.append(
            [
                name,
                _number(result["loss"]["value"]),
                _number(result["gd"]["alignment"]["reference_loss"]["value"]),
                _number(near["reference_loss"]["value"]) if "gd++" in result else "",
                _number(near["prediction_l2"]["value"]),
                _number(near["cosine"]["value"]),
                _number(near["sensitivity_l2"]["value"]),
            ]
        )
    head = [
        "trained",
        "loss",
        "GD",
        "GD++",
        "predictions differ by",
        "cosine",
        "sensitivities differ by",
    ]
    return _table(head, rows)


def _interpolation(runs: Mapping[str, Any]) -> str:
    names = ("one layer", "two layers")
    shares = list(runs[names[0]]["result"]["interpolated"])
    rows = [
        [name, *(_number(runs[name]["result"]["interpolated"][share]["value"]) for share in shares)]
        for name in names
    ]
    return _table(["loss at share of the construction", *shares], rows)


def _distribution(runs: Mapping[str, Any]) -> str:
    rows = [
        [
            item["change"]
            + ("" if item["change"].endswith("inputs") else f" {_number(item['size'])}"),
            _number(item["trained"]),
            _number(item["gd"]),
        ]
        for item in runs["one layer"]["result"]["out_of_distribution"]
    ]
    return _table(["change", "trained layer", "one gradient step"], rows)


def _size_of(item: Mapping[str, Any]) -> list[str]:
    return [] if item["change"].endswith("inputs") else [_number(item["size"])]


def _seeds(found: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [
            str(item["spec"]["seed"]),
            _number(item["result"]["loss"]["value"]),
            _number(item["result"]["gd"]["alignment"]["cosine"]["value"]),
        ]
        for item in found
    ]
    stuck = sum(item["result"]["gd"]["alignment"]["cosine"]["value"] < 0.5 for item in found)
    return (
        _table(["seed", f"loss after {SEED_STEPS} steps", "cosine with one step"], rows)
        + f"\n\n{stuck} of {len(found)} seeds are in the other basin."
    )


def _claim(data: Mapping[str, Any]) -> str:
    """What the bridge says of the idea that an in-context vector keeps the context's effect."""
    beside = [item["cosine"] for item in data["layers"] if item["condition"] == "demonstrations"]
    alike = [item["agreement"] for item in data["layers"] if item["condition"] == "shuffled"]
    said = (
        "Is that step also what an in-context vector keeps, the update without the prompt? "
        "[The bridge](#the-bridge-to-language-models) does not show it. In `tiny` the effect of "
        "demonstrations in a prompt and the in-context vector of the same demonstrations have "
        f"cosines from {min(beside):.2f} to {max(beside):.2f}, layer by layer; and with their "
        "targets exchanged, which is another update, demonstrations have nearly the same effect, "
        f"cosines from {min(alike):.2f} to {max(alike):.2f}."
    )
    return fill(said, 120, break_on_hyphens=False, break_long_words=False)


def _bridge(data: Mapping[str, Any]) -> str:
    by_layer: dict[int, dict[str, Mapping[str, float]]] = {}
    for item in data["layers"]:
        by_layer.setdefault(item["layer"], {})[item["condition"]] = item
    rows = [
        [
            str(layer),
            *(_number(found[name]["cosine"]) for name in ("demonstrations", "shuffled", "random")),
            _number(found["shuffled"]["agreement"]),
            _number(found["random"]["agreement"]),
            _number(found["demonstrations"]["relative_norm"]),
        ]
        for layer, found in sorted(by_layer.items())
    ]
    head = [
        "layer",
        "as they are",
        "targets exchanged",
        "random tokens",
        "exchanged beside as they are",
        "random beside as they are",
        "size of the effect",
    ]
    return _table(head, rows)


def _heads(data: Mapping[str, Any]) -> str:
    order = in_order([abs(item["share"]) for item in data["heads"]])
    rows = [
        [
            f"{item['layer']}.{item['head']}",
            _number(item["share"]),
            _number(item["effect_cosine"]),
            _number(item["linear_cosine"]),
            _number(item["attention"]),
            ", ".join(_number(share) for share in item["by_demonstration"]),
        ]
        for item in (data["heads"][place] for place in order[:8])
    ]
    head = [
        "layer.head",
        "share",
        "cosine with effect",
        "without softmax",
        "attention",
        "by demonstration",
    ]
    return _table(head, rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _span(low: float, high: float) -> str:
    return f"{_number(low)} to {_number(high)}"


def _number(value: float | None) -> str:
    return "unbounded" if value is None else f"{value:.4g}"


# Plots


def _charts(runs: Mapping[str, Any]) -> dict[str, alt.Chart]:
    return {
        "steps": _steps_chart(runs["construction"]),
        "damped": _damped_chart(runs),
        "features": _features_chart(runs["features"]),
        "training": _training_chart(runs),
        "distribution": _distribution_chart(runs["one layer"]),
        "bridge": _bridge_chart(runs["bridge"]),
        "heads": _heads_chart(runs["bridge"]),
    }


def _steps_chart(data: Mapping[str, Any]) -> alt.Chart:
    frame = pd.DataFrame(data["result"]["steps"]).melt("step", var_name="route", value_name="loss")
    shown = {"gd": "gradient descent", "layer": "layer", "gd++": "GD++", "layer++": "layer of GD++"}
    frame = frame[frame["route"].isin(shown)].assign(route=lambda f: f["route"].map(shown))
    return _lines(frame, "step", "loss", "route", points=True)


def _damped_chart(runs: Mapping[str, Any]) -> alt.Chart:
    followed = runs["one layer"]["result"]["followed"]
    frame = pd.DataFrame(
        {
            "pass": range(len(followed["trained"])),
            "trained layer": followed["trained"],
            "gradient descent": followed["gd"],
        }
    )
    long = frame.melt("pass", var_name="of", value_name="loss")
    return _lines(long, "pass", "loss", "of", points=True)


def _features_chart(data: Mapping[str, Any]) -> alt.Chart:
    example = data["result"]["example"]
    maps = [item["map"] for item in data["result"]["maps"]]
    frame = pd.DataFrame(
        {
            "x": example["x"],
            "target": example["target"],
            **{name: example["predictions"][name] for name in maps},
        }
    )
    long = frame.melt("x", var_name="map", value_name="prediction")
    return _lines(long, "x", "prediction", "map")


def _training_chart(runs: Mapping[str, Any]) -> alt.Chart:
    rows = []
    for name in ("one layer", "two layers"):
        curves = runs[name]["curves"]
        for series, label in (("loss", name), ("gradient descent", f"descent, {name}")):
            rows += [{"step": step, "loss": value, "of": label} for step, value in curves[series]]
    return _lines(pd.DataFrame(rows), "step", "loss", "of")


def _distribution_chart(data: Mapping[str, Any]) -> alt.Chart:
    frame = pd.DataFrame(data["result"]["out_of_distribution"])
    frame = frame[frame["change"] == "input scale"]
    long = frame.melt(["change", "size"], var_name="of", value_name="share of the loss left")
    long = long.assign(of=long["of"].map({"trained": "trained layer", "gd": "one gradient step"}))
    return _lines(long, "size", "share of the loss left", "of", points=True)


def _bridge_chart(data: Mapping[str, Any]) -> alt.Chart:
    return _lines(pd.DataFrame(data["layers"]), "layer", "cosine", "condition", points=True)


def _heads_chart(data: Mapping[str, Any]) -> alt.Chart:
    frame = pd.DataFrame(data["heads"])
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_rect()
        .encode(
            x=alt.X("layer:O", axis=alt.Axis(labelAngle=0)),
            y="head:O",
            color=alt.Color(
                "share:Q", scale=alt.Scale(domainMid=0, range=[COLOURS[1], "#f7f7f7", COLOURS[0]])
            ),
        )
        .properties(width=480, height=120)
    )
    return chart


def _lines(
    frame: pd.DataFrame, across: str, up: str, by: str, *, points: bool = False
) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_line(point=points)
        .encode(
            x=alt.X(f"{across}:Q"),
            y=alt.Y(f"{up}:Q"),
            color=alt.Color(f"{by}:N", title=None, scale=alt.Scale(range=list(COLOURS))),
            strokeDash=alt.StrokeDash(f"{by}:N", title=None),
        )
        .properties(width=480, height=260)
    )
    return chart


if __name__ == "__main__":
    main()
