"""Writes what steering adds to a step into docs/engine.md: `python -m scripts.engine_counts`."""

import math
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

from tests.steering.builders import OTHER, VECTOR, arm, intervention
from tests.steering.counting import Counts, added, peak_at_a_layer, without_values
from tests.steering.interventions.test_response_conditions import condition
from tests.tiny_models import D_MODEL, tiny_model
from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.interventions.schedules import Schedule

PAGE = Path(__file__).resolve().parent.parent / "docs" / "engine.md"
_BLOCK = re.compile(r"<!-- counts -->\n.*?<!-- end -->", re.DOTALL)
_DTYPES = ("float32", "bfloat16")
_TOKENS = 64  # of a row, whose states are written when memory is measured

_HEAD = [
    "steered, beside a baseline",
    "a layer, float32",
    "bfloat16",
    "a step besides",
    "waits",
    "memory, float32",
    "bfloat16",
]

Runs = Callable[[tuple[int, ...]], list[list[Arm]]]  # layers -> arms of every run of a batch


def _beside_a_baseline(
    operator: Operator, *, vectors: Sequence[str] = (VECTOR,), runs: int = 1, **more: Any
) -> Runs:
    def arms(layers: tuple[int, ...]) -> list[Arm]:
        options = {"operator": operator, "layers": layers, **more}
        return [arm(), arm(*[intervention(0.3, vector=item, **options) for item in vectors])]

    return lambda layers: [arms(layers)] * runs


_TWO = (VECTOR, OTHER)
ROWS: dict[str, Runs] = {
    "`add`": _beside_a_baseline(Operator.ADD),
    "`rotate`": _beside_a_baseline(Operator.ROTATE),
    "`rotate`, two vectors": _beside_a_baseline(Operator.ROTATE, vectors=_TWO),
    "`add_norm_preserving`": _beside_a_baseline(Operator.ADD_NORM_PRESERVING),
    "`project_to`": _beside_a_baseline(Operator.PROJECT_TO),
    "`ablate`": _beside_a_baseline(Operator.ABLATE),
    "`ablate`, two vectors": _beside_a_baseline(Operator.ABLATE, vectors=_TWO),
    **{
        f"`{operator}`, {what}": _beside_a_baseline(operator, **more)
        for operator in (Operator.ADD, Operator.ROTATE)
        for what, more in {
            "in a window": {"positions": Positions.parse("response:first=3")},
            "at token ids": {"positions": Positions.parse("response+tokens=70,80")},
            "by a schedule": {
                "positions": Positions.RESPONSE,
                "schedule": Schedule.parse("linear:1:0:8"),
            },
            "under a condition": {"positions": Positions.RESPONSE, "condition": condition(0.02)},
        }.items()
    },
    "`add`, two runs in the batch": _beside_a_baseline(Operator.ADD, runs=2),
    "`rotate`, two runs in the batch": _beside_a_baseline(Operator.ROTATE, runs=2),
}


def render(page: str) -> str:
    """The page with the table written anew."""
    lines = [_line(_HEAD), _line(["---"] * len(_HEAD)), *map(row, ROWS)]
    return _BLOCK.sub(lambda _: "\n".join(["<!-- counts -->", *lines, "<!-- end -->"]), page)


def row(name: str) -> str:
    """A line of the table: what is counted of one kind of runs."""
    return _line([name, *_counted(ROWS[name])])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _counted(runs: Runs) -> list[str]:
    layers, besides = zip(*[_operators(dtype, runs) for dtype in _DTYPES], strict=True)
    waits = added(without_values("llama"), *runs((1, 2)), max_new_tokens=4).waits.total()
    peaks = [_peak(dtype, runs) if len(runs((1,))) == 1 else "" for dtype in _DTYPES]
    return [*map(_spelled, layers), _spelled(besides[0]), str(waits), *peaks]


def _operators(dtype: str, runs: Runs) -> tuple[Counts, Counts]:
    """What a layer adds, and what a step adds however many layers are steered."""
    loaded = tiny_model("llama", dtype=dtype)
    one, two = (added(loaded, *runs(layers), max_new_tokens=4) for layers in ((1,), (1, 2)))
    return two - one, one - (two - one)


def _spelled(counts: Counts) -> str:
    views = counts.views.total()
    return f"{counts.operators.total()}{f' ({views} views)' if views else ''}"


def _peak(dtype: str, runs: Runs) -> str:
    """Most that is held at once, as states of D floats and single floats beside them."""
    [arms] = runs((1,))
    peak = peak_at_a_layer(tiny_model("llama", dtype=dtype), arms, _TOKENS)
    floats = peak / 4 / (_TOKENS * len(arms))
    states = floats * 2 // D_MODEL / 2
    rest = math.ceil(floats - states * D_MODEL)
    return f"{states:g} D{f' + {rest}' if rest else ''}"


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
