"""The short form of the reproduction, and verdicts that can fail."""

import pytest
import torch

from vectorlab.icl.domain.reference_points import (
    TABLE,
    Agreement,
    ReferenceCheck,
    ReferencePoint,
    ReproductionVerdict,
)
from vectorlab.icl.engine import reproduction
from vectorlab.icl.engine.reproduction import FULL, SHORT, stages


def test_the_short_reproduction_agrees_with_what_was_published():
    checks = [
        check for stage in stages(SHORT) for check in stage.run(lambda _done, _total, _note: None)
    ]
    assert {check.verdict for check in checks} == {ReproductionVerdict.OK}
    names = {check.point.name for check in checks}
    assert {
        "U(-0.5, 0.5): one step, best eta",
        "U(-1, 1): one step, best eta",
        "trained one layer, dx = 2: cosine of sensitivities",
    } <= names


def test_a_step_of_the_wrong_size_would_not_agree(monkeypatch: pytest.MonkeyPatch):
    original = reproduction.construct

    def divided_by_n_plus_one(weights: torch.Tensor, *, n: int, **how):
        return original(weights, n=n + 3, **how)

    monkeypatch.setattr(reproduction, "construct", divided_by_n_plus_one)
    scope = reproduction.Scope(tasks=100_000, searched=False, trainings=(), alignment_tasks=1)
    (first, *_) = stages(scope)
    checks = first.run(lambda _done, _total, _note: None)
    differ = {check.point.name for check in checks if check.verdict is ReproductionVerdict.DIFFERS}
    assert {"U(-0.5, 0.5): one step, best eta", "U(-0.5, 0.5): one step, closed form"} <= differ


@pytest.mark.parametrize(
    ("comparison", "low", "high", "verdict"),
    [
        (Agreement.EQUAL, 0.9, 0.95, ReproductionVerdict.OK),
        (Agreement.EQUAL, 0.8, 0.89, ReproductionVerdict.DIFFERS),
        (Agreement.EQUAL, 1.11, 1.2, ReproductionVerdict.DIFFERS),
        (Agreement.AT_MOST, 0.1, 0.2, ReproductionVerdict.OK),
        (Agreement.AT_MOST, 1.11, 1.2, ReproductionVerdict.DIFFERS),
        (Agreement.AT_LEAST, 5.0, 6.0, ReproductionVerdict.OK),
        (Agreement.AT_LEAST, 0.1, 0.89, ReproductionVerdict.DIFFERS),
    ],
)
def test_a_verdict_compares_the_interval_with_the_reference(
    comparison: Agreement, low: float, high: float, verdict: ReproductionVerdict
):
    point = ReferencePoint(
        name="", about="", source="", value=1.0, tolerance=0.1, comparison=comparison
    )
    assert ReferenceCheck(point=point, ours=(low + high) / 2, low=low, high=high).verdict is verdict


def test_the_full_reproduction_covers_the_whole_table_and_the_trained_models():
    labels = [stage.label for stage in stages(FULL)]
    assert labels[: len(TABLE)] == [f"losses for {row.label}" for row in TABLE]
    assert FULL.searched
    assert {spec.variant.value for spec in FULL.trainings} == {"linear", "mlp"}
    assert {spec.layers for spec in FULL.trainings} == {1, 2}
