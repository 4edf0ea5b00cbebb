"""What is said of a set without one pair is what the set without that pair gives."""

from typing import Any

import pytest
import torch

from tests.steering.extraction.test_extraction import PAIRS, extraction, stack
from tests.steering.extraction.test_methods import paired_states
from tests.tiny_models import tiny_model
from vectorlab.domain.vectors.methods import METHODS
from vectorlab.domain.vectors.vectors import ExtractionSpec, Site
from vectorlab.errors import InputError, ShapeError
from vectorlab.steering.extraction.leave_one_out import leave_one_out
from vectorlab.steering.extraction.methods import aggregate, find_method, icv, without_each
from vectorlab.steering.recording.activations import States
from vectorlab.steering.recording.paired_states import paired_states as recorded

CASES: list[tuple[str, dict[str, Any]]] = [
    *((method, {}) for method in sorted(METHODS)),
    ("icv", {"rank": 0}),
    ("icv", {"rank": 2}),
]


def given(method: str, source: torch.Tensor, target: torch.Tensor) -> tuple[States, States]:
    layers = tuple(range(source.shape[1] - 1))
    pair = [States(values=item, layers=layers, has_embeddings=True) for item in (source, target)]
    if not find_method(method).needs_embeddings:
        pair = [item.without_embeddings() for item in pair]
    return pair[0], pair[1]


def aggregated_without(
    method: str, source: States, target: States, parameters: dict[str, Any]
) -> torch.Tensor:
    """The slow way: one aggregation per pair that is left out."""
    found = []
    for pair in range(len(source.values)):
        others = [row for row in range(len(source.values)) if row != pair]
        reduced = (
            States(
                values=item.values[others], layers=item.layers, has_embeddings=item.has_embeddings
            )
            for item in (source, target)
        )
        found.append(aggregate(method, *reduced, parameters).values)
    return torch.stack(found)


@pytest.mark.parametrize("pairs", [2, 3, 7, 40])
@pytest.mark.parametrize(("method", "parameters"), CASES)
def test_without_each_is_aggregation_of_the_others(method, parameters, pairs):
    source, target = given(method, *(item.values for item in paired_states(pairs)))
    found = torch.cat(list(without_each(method, source, target, parameters)))
    expected = aggregated_without(method, source, target, parameters)
    torch.testing.assert_close(found.float(), expected, atol=1e-5, rtol=1e-5)


def test_the_components_of_many_pairs_come_out_of_one_decomposition(monkeypatch):
    source, target = given("icv", *(item.values for item in paired_states(150)))
    expected = aggregated_without("icv", source, target, {})
    monkeypatch.setattr(icv, "omit", None)  # aggregating without a pair would be an error now
    found = torch.cat(list(without_each("icv", source, target, {})))
    torch.testing.assert_close(found.float(), expected, atol=1e-5, rtol=1e-5)


def odd(kind: str) -> torch.Tensor:
    """Six differences that leave a component nothing, or too much, to choose from."""
    source, target = (item.values for item in paired_states(6))
    differences = target - source
    if kind == "all alike":
        differences[:] = differences[0].clone()
    if kind == "all but one alike":
        differences[1:] = differences[1].clone()
    if kind == "two kinds":
        differences[::2], differences[1::2] = differences[0].clone(), differences[1].clone()
    if kind == "one line":
        differences = differences[:1] * torch.arange(1.0, 7.0)[:, None, None]
    if kind == "an outlier":
        differences[3] *= 1e3
    if kind == "a zero":
        differences[2] = 0
    return differences


@pytest.mark.parametrize(
    "kind", ["all alike", "all but one alike", "two kinds", "one line", "an outlier", "a zero"]
)
@pytest.mark.parametrize("method", sorted(METHODS))
def test_odd_differences_are_no_exception(method, kind):
    differences = odd(kind)
    pair = given(method, torch.zeros_like(differences), differences)
    found = torch.cat(list(without_each(method, *pair, {})))
    expected = aggregated_without(method, *pair, {})
    torch.testing.assert_close(found.float(), expected, atol=1e-5, rtol=1e-5)


# The prompts of a context shift keep the demonstration that is left out as a query.
@pytest.mark.parametrize("method", sorted(set(METHODS) - {"context_shift"}))
def test_a_study_is_extraction_without_each_demonstration(method):
    loaded = tiny_model("llama")
    spec = ExtractionSpec(
        model_fingerprint=loaded.description.fingerprint,
        set_sha256="f" * 64,
        method=method,
        read_site=Site.BLOCK_OUTPUT,
        write_site=Site.MLP_OUTPUT,
    )
    paired = recorded(loaded, PAIRS, spec)
    full = aggregate(method, paired.source, paired.target, {})
    study = leave_one_out(method, paired.source, paired.target, {}, full)
    whole = torch.from_numpy(stack(extraction(loaded, PAIRS, method))).double()
    assert [item.position for item in study] == [0, 1, 2, 3]
    for item in study:
        others = [pair for place, pair in enumerate(PAIRS) if place != item.position]
        without = torch.from_numpy(stack(extraction(loaded, others, method))).double()
        assert item.norm_change == pytest.approx(float(without.norm() / whole.norm() - 1), abs=1e-5)
        cosine = torch.cosine_similarity(without.flatten(), whole.flatten(), dim=0)
        assert item.cosine == pytest.approx(float(cosine), abs=1e-5)
        assert item.shift == pytest.approx(float((without - whole).norm() / whole.norm()), abs=1e-4)
        norms = without.norm(dim=1) / whole.norm(dim=1) - 1
        assert item.norm_changes == pytest.approx(norms.tolist(), abs=1e-5)
        cosines = torch.cosine_similarity(without, whole, dim=1)
        assert item.cosines == pytest.approx(cosines.tolist(), abs=1e-5)


def test_progress_is_told_and_a_single_pair_is_refused():
    source, target = given("mean_difference", *(item.values for item in paired_states(3)))
    full = aggregate("mean_difference", source, target, {})
    steps: list[tuple[int, int]] = []
    leave_one_out(
        "mean_difference",
        source,
        target,
        {},
        full,
        on_progress=lambda done, total: steps.append((done, total)),
    )
    assert steps[-1] == (3, 3)
    with pytest.raises(InputError, match="one demonstration only"):
        leave_one_out("mean_difference", source[:1], target[:1], {}, full)


def test_a_vector_of_zeros_has_not_changed():
    source, _ = given("mean_difference", *(item.values for item in paired_states(3)))
    full = aggregate("mean_difference", source, source, {})
    for item in leave_one_out("mean_difference", source, source, {}, full):
        assert (item.norm_change, item.cosine) == (0.0, 0.0)


def test_unpaired_states_are_refused():
    source, target = given("icv", *(item.values for item in paired_states(3)))
    with pytest.raises(ShapeError, match="must be pairs"):
        list(without_each("icv", source, target[:2], {}))
