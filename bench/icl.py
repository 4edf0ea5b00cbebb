"""A gradient step by the constructed attention layer against the explicit step, over many tasks.

``python -m bench.icl`` times both on the same tasks, in turns, and takes the best of each: the
prediction for the query after one step. The peer is the gradient written as einsums. Limit: the
layer takes at most 1.3 times as long. The same for five steps is reported beside it.
"""

import argparse
import sys
import time
from collections.abc import Callable

import torch

from bench._report import report
from vectorlab.icl.domain.laws import RegressionLaw
from vectorlab.icl.engine.construction import construct, read_out, tokens
from vectorlab.icl.engine.tasks import Tasks, draw_tasks

LIMIT = 1.3
ETA = 6.0
STEPS = 5


def main() -> int:
    """Measure, print, and say by the exit code whether the limit held."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few tasks; keeps nothing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    batch, rounds = (1_000, 5) if options.quick else (20_000, 40)
    law = RegressionLaw()
    tasks = draw_tasks(law, batch, torch.Generator().manual_seed(0))
    one, several = _compare(tasks, 1, rounds), _compare(tasks, STEPS, rounds)
    figures = {
        "tasks": batch,
        "law": law.to_json(),
        "one_step": one,
        "five_steps": several,
        "ratio": one["ratio"],
        "limit": LIMIT,
        "held": one["ratio"] <= LIMIT,
    }
    report("icl", figures, packages=["torch"], keep=not options.quick)
    return 0 if figures["held"] else 1


def _compare(tasks: Tasks, steps: int, rounds: int) -> dict[str, float]:
    """Best times of both, in seconds, and their ratio."""
    weights = torch.zeros(tasks.dy, tasks.dx)
    layer = construct(weights, eta=ETA, n=tasks.n)
    context, queries = tokens(tasks, weights)

    def explicit() -> torch.Tensor:
        current = weights.expand(len(tasks.x), -1, -1)
        for _ in range(steps):
            residuals = torch.einsum("boi,bni->bno", current, tasks.x) - tasks.y
            gradient = torch.einsum("bno,bni->boi", residuals, tasks.x)
            current = current - ETA / tasks.n * gradient
        return torch.einsum("boi,bqi->bqo", current, tasks.queries)

    def by_layer() -> torch.Tensor:
        seen, asked = context, queries
        for _ in range(steps - 1):
            seen, asked = layer(seen, asked)
        return read_out(layer.attend(seen, asked), tasks.dx)

    torch.testing.assert_close(explicit(), by_layer(), rtol=1e-3, atol=1e-3)
    best = {"explicit_s": float("inf"), "layer_s": float("inf")}
    for _ in range(rounds):
        best["explicit_s"] = min(best["explicit_s"], _time(explicit))
        best["layer_s"] = min(best["layer_s"], _time(by_layer))
    return {**best, "ratio": best["layer_s"] / best["explicit_s"]}


def _time(act: Callable[[], torch.Tensor]) -> float:
    began = time.process_time()
    act()
    return time.process_time() - began


if __name__ == "__main__":
    sys.exit(main())
