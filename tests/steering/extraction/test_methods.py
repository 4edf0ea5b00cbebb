from pathlib import Path

import pytest
import torch

from vectorlab.domain.vectors.methods import METHODS
from vectorlab.errors import InputError, ShapeError
from vectorlab.steering.extraction.alignment import alignments
from vectorlab.steering.extraction.methods import Method, aggregate, find_method
from vectorlab.steering.extraction.methods.icv import in_context_vector
from vectorlab.steering.extraction.methods.mean_difference import mean_difference
from vectorlab.steering.recording.activations import States

pytestmark = pytest.mark.kernels


def paired_states(pairs: int, *, layers: int = 3, width: int = 8) -> tuple[States, States]:
    """Random states with embeddings whose differences share a direction."""
    generator = torch.Generator().manual_seed(pairs)
    source = torch.randn(pairs, layers + 1, width, generator=generator)
    shift = torch.randn(layers + 1, width, generator=generator) * 4
    target = source + shift + torch.randn(source.shape, generator=generator)
    return states(source), states(target)


def states(values: torch.Tensor) -> States:
    layers = tuple(range(values.shape[1] - 1))
    return States(values=values, layers=layers, has_embeddings=True)


def published(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The published recipe step by step, with a full SVD."""
    differences = (target - source).flatten(1).double()
    mean = differences.mean(0)
    left, _, right = torch.linalg.svd(differences - mean, full_matrices=False)
    sign = left[left[:, 0].abs().argmax(), 0].sign()
    return (right[0] * sign + mean).reshape(source.shape[1:])[1:].float()


@pytest.mark.parametrize("pairs", [3, 5, 10, 40])
def test_icv_is_the_published_recipe(pairs: int) -> None:
    source, target = paired_states(pairs)
    ours = in_context_vector(source.values, target.values)
    torch.testing.assert_close(ours, published(source.values, target.values))


def test_icv_of_one_pair_is_its_difference() -> None:
    source, target = paired_states(1)
    expected = (target.values - source.values)[0, 1:]
    torch.testing.assert_close(in_context_vector(source.values, target.values), expected)


def test_icv_adds_a_component_of_length_one_over_the_whole_stack() -> None:
    source, target = (item.values.double() for item in paired_states(6))
    target[:, 0] = source[:, 0]  # nothing of the component lies in the row that is dropped
    component = in_context_vector(source, target) - (target - source).mean(0)[1:]
    assert component.norm().item() == pytest.approx(1.0, abs=1e-5)


# Two pairs give `pca_diff` a vote for each sign, which swapping does not turn.
@pytest.mark.parametrize(
    ("method", "pairs"),
    [
        (method, pairs)
        for method in sorted(METHODS)
        for pairs in (1, 2, 5)
        if (method, pairs) != ("pca_diff", 2)
    ],
)
def test_swapping_source_and_target_negates_the_vector(method: str, pairs: int) -> None:
    source, target = paired_states(pairs)
    if not find_method(method).needs_embeddings:
        source, target = (_without_embeddings(item) for item in (source, target))
    there = aggregate(method, source, target, {}).values
    back = aggregate(method, target, source, {}).values
    torch.testing.assert_close(there, -back)


def test_mean_difference_points_from_source_to_target() -> None:
    source, target = torch.zeros(2, 1, 2), torch.tensor([[[1.0, 0.0]], [[3.0, 2.0]]])
    assert mean_difference(source, target).tolist() == [[2.0, 1.0]]


def test_explained_variance_is_the_share_of_energy_along_the_vector() -> None:
    differences = torch.tensor([[[3.0, 4.0]], [[3.0, -4.0]]])
    source = States(values=torch.zeros(2, 1, 2), layers=(0,), has_embeddings=False)
    target = States(values=differences, layers=(0,), has_embeddings=False)
    result = aggregate("mean_difference", source, target, {})
    assert result.explained_variance is not None
    assert result.explained_variance.tolist() == pytest.approx([9 / 25])


def test_a_pair_that_differs_in_nothing_explains_nothing() -> None:
    source, _ = paired_states(2)
    result = aggregate("icv", source, source, {})
    assert result.values.abs().max() == 0
    assert result.explained_variance is not None
    assert result.explained_variance.tolist() == [0.0] * 3
    assert alignments(result)[0].mean == 0


def test_alignment_shows_the_demonstration_that_pulls_the_other_way() -> None:
    shift = torch.ones(1, 2, 4)
    source = states(torch.zeros(4, 2, 4))
    target = states(torch.cat([shift, shift, shift, -shift]))
    found = alignments(aggregate("icv", source, target, {}))
    assert [item.position for item in found] == [0, 1, 2, 3]
    assert [round(item.mean, 4) for item in found] == [1.0, 1.0, 1.0, -1.0]
    assert len(found[0].cosines) == 1


def test_every_method_has_a_file_of_its_name_and_is_documented() -> None:
    root = Path(__file__).parents[3]
    document = (root / "docs" / "steering.md").read_text("utf-8")
    for name in METHODS:
        assert isinstance(find_method(name), Method)
        assert f"`{name}`" in document, name


def test_an_unknown_parameter_is_an_error_that_lists_the_known() -> None:
    source, target = paired_states(2)
    with pytest.raises(InputError, match=r"no parameter ranks\. It has: rank"):
        aggregate("icv", source, target, {"ranks": 2})


def test_a_rank_that_is_no_count_is_an_error() -> None:
    source, target = paired_states(2)
    with pytest.raises(InputError, match="rank is -1"):
        aggregate("icv", source, target, {"rank": -1})


def test_states_that_are_no_pairs_are_an_error() -> None:
    source, _ = paired_states(2)
    _, target = paired_states(3)
    with pytest.raises(ShapeError, match="must be pairs"):
        aggregate("icv", source, target, {})


def test_an_unknown_method_is_an_error_that_lists_the_known() -> None:
    source, target = paired_states(2)
    with pytest.raises(InputError, match=r"'mean'\. Known methods: context_shift, icv"):
        aggregate("mean", source, target, {})


def _without_embeddings(item: States) -> States:
    return States(values=item.per_layer(), layers=item.layers, has_embeddings=False)
