"""Results of in-context runs as tables; what an older run does not have is left out."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from vectorlab.icl.domain.runs import IclRun

ROUTES = ("gd", "targets", "layer", "separate", "gd++", "layer++")
LEAST_SQUARES, RIDGE = "least squares", "ridge"


def closed_form_name(penalty: float) -> str:
    """What regression in closed form is called: without a penalty it is least squares."""
    return RIDGE if penalty else LEAST_SQUARES


def steps_frame(run: IclRun) -> pd.DataFrame:
    """Losses of a construction, one row per step."""
    frame = pd.DataFrame(run.result["steps"])
    return frame[["step", *(name for name in ROUTES if name in frame)]]


def closed_forms(run: IclRun) -> dict[str, float]:
    """Losses that a construction is held against, by name; ridge where targets are noisy."""
    found = run.result.get("closed_forms", {})
    if found.get("penalty") == 0 and found[RIDGE] == found[LEAST_SQUARES]:
        return {LEAST_SQUARES: found[LEAST_SQUARES]}
    return {name: found[name] for name in (LEAST_SQUARES, RIDGE) if name in found}


def copying_frame(run: IclRun) -> pd.DataFrame:
    """Temperatures of the layer that joins separate tokens, one row each."""
    columns = ["temperature", "leak", "copied", "difference", "loss"]
    return pd.DataFrame(run.result.get("copying", {}).get("temperatures", []), columns=columns)


def maps_frame(run: IclRun) -> pd.DataFrame:
    """Maps m(x) of a comparison, one row each; losses also as shares of the untrained loss."""
    untrained = run.result["untrained"]["value"]
    rows = [
        {
            "m(x)": item["map"],
            "width": item["width"],
            "eta": item["eta"],
            "loss": item["loss"]["value"],
            "low": item["loss"]["low"],
            "high": item["loss"]["high"],
            "share left": item["loss"]["value"] / untrained,
            "kernel form": item["kernel"],
            "differ by": item["difference"],
            "ridge": item["ridge"],
            "from the trained layer": item["from_trained"],
        }
        for item in run.result["maps"]
    ]
    return pd.DataFrame(rows)


def predictions_frame(run: IclRun) -> pd.DataFrame:
    """One task of a comparison: x, its target, and what every map says, a row per query."""
    example = run.result["example"]
    said = {item["map"]: example["predictions"][item["map"]] for item in run.result["maps"]}
    return pd.DataFrame({"x": example["x"], "target": example["target"], **said})


def beside(run: IclRun) -> dict[str, Mapping[str, Any]]:
    """What a trained model was compared with, by name: the alignment with each."""
    found = {name: run.result[name]["alignment"] for name in ("gd", "gd++") if name in run.result}
    best = run.result.get("closed form")
    if best is not None:
        found[closed_form_name(best["penalty"])] = best["alignment"]
    return found


def followed_frame(run: IclRun) -> pd.DataFrame:
    """Losses of a trained layer applied again and again, damped, beside descent; may be empty."""
    followed = run.result.get("followed")
    if followed is None:
        return pd.DataFrame(columns=["pass", "trained layer", "gradient descent"])
    return pd.DataFrame(
        {
            "pass": range(len(followed["trained"])),
            "trained layer": followed["trained"],
            "gradient descent": followed["gd"],
        }
    )
