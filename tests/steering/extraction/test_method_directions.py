"""Every method on states whose answer is known, and against its definition written another way."""

import numpy as np
import pytest
import torch

from tests.noise import nudged
from vectorlab.domain.vectors.methods import METHODS
from vectorlab.errors import InputError
from vectorlab.steering.extraction.methods import aggregate, find_method, without_each
from vectorlab.steering.extraction.methods.icv import in_context_vector
from vectorlab.steering.extraction.methods.icv_paper import in_context_vector_of_the_paper
from vectorlab.steering.extraction.methods.logistic_pairs import pair_classifier
from vectorlab.steering.extraction.methods.logistic_regression import logistic_regression
from vectorlab.steering.extraction.methods.pca import principal_direction
from vectorlab.steering.extraction.methods.pca_centred import pair_centred_direction
from vectorlab.steering.extraction.methods.pca_diff import centred_direction
from vectorlab.steering.extraction.methods.single_pair import single_pair
from vectorlab.steering.extraction.methods.whitened_mean_difference import whitened_mean_difference
from vectorlab.steering.recording.activations import States

pytestmark = pytest.mark.kernels

ALL = sorted(METHODS)
# Methods that see sides and not pairs.
UNPAIRED = ["logistic_regression", "whitened_mean_difference"]
# Methods whose layer vectors are as long as the pairs' root mean square shift along them.
AS_LONG_AS_THE_SHIFT = ["logistic_regression", "pca", "whitened_mean_difference"]


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def pair(method: str, source: torch.Tensor, target: torch.Tensor) -> tuple[States, States]:
    """States (N, L, D) as a method wants them; embeddings, where needed, do not differ."""
    needed = find_method(method).needs_embeddings
    layers = tuple(range(source.shape[1]))

    def states(values: torch.Tensor) -> States:
        rows = torch.cat([torch.zeros_like(values[:, :1]), values], dim=1) if needed else values
        return States(values=rows, layers=layers, has_embeddings=needed)

    return states(source), states(target)


def planted(pairs: int, width: int = 24) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """States of 3 layers whose sides lie apart along one unit direction, (3, width)."""
    direction = torch.nn.functional.normalize(random(3, width, seed=1), dim=-1)
    texts = random(pairs, 3, width, seed=2)  # what a source and its target share
    shift = 4 + random(pairs, 1, 1, seed=3) / 2
    source = texts + random(pairs, 3, width, seed=4) / 10
    target = texts + shift * direction + random(pairs, 3, width, seed=5) / 10
    return source, target, direction


# Few states do not tell a method that sees sides only what is noise, and few differences not one
# that takes away what they share.
@pytest.mark.parametrize(
    ("method", "pairs"),
    [
        (name, pairs)
        for name in ALL
        for pairs in (1, 8, 200)
        if (name not in UNPAIRED or pairs != 8) and (name != "pca_diff" or pairs == 200)
    ],
)
def test_a_planted_direction_is_recovered_towards_the_targets(method, pairs):
    source, target, direction = planted(pairs)
    found = aggregate(method, *pair(method, source, target), {}).values
    cosines = torch.cosine_similarity(found, direction, dim=-1)
    assert cosines.min() > 0.95


@pytest.mark.parametrize("pairs", [2, 7, 150])
@pytest.mark.parametrize("method", ALL)
def test_equal_states_give_equal_bits(method, pairs):
    source, target, _ = planted(pairs)
    given = pair(method, source, target)
    first = aggregate(method, *given, {}).values
    again = aggregate(method, *pair(method, source.clone(), target.clone()), {}).values
    assert torch.equal(first, again)


@pytest.mark.parametrize("method", ALL)
def test_sides_that_do_not_differ_give_zeros(method):
    states = random(5, 2, 6)
    assert aggregate(method, *pair(method, states, states), {}).values.abs().max() < 1e-6


@pytest.mark.parametrize("method", AS_LONG_AS_THE_SHIFT)
def test_the_length_is_the_typical_shift_along_the_direction(method):
    source, target, _ = planted(30)
    found = aggregate(method, *pair(method, source, target), {}).values.double()
    units = torch.nn.functional.normalize(found, dim=-1)
    along = torch.einsum("nld,ld->nl", (target - source).double(), units)
    torch.testing.assert_close(found.norm(dim=-1), along.square().mean(0).sqrt())


@pytest.mark.parametrize("pairs", [3, 40])
def test_icv_of_the_paper_maximises_the_squared_projections(pairs):
    source, target, _ = planted(pairs)
    differences = (target - source).flatten(1).double()
    right = torch.linalg.svd(differences, full_matrices=False)[2][0]
    expected = right * (differences @ right).sum().sign()
    found = in_context_vector_of_the_paper(source, target)
    torch.testing.assert_close(found.flatten().double(), expected, atol=1e-6, rtol=1e-5)
    assert found.norm().item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("pairs", [3, 40])  # fewer and more than the states are wide
def test_pca_is_the_first_right_singular_vector_of_each_layer(pairs):
    source, target, _ = planted(pairs)
    found = principal_direction(source, target).double()
    for layer in range(3):
        differences = (target - source)[:, layer].double()
        _, sizes, right = torch.linalg.svd(differences, full_matrices=False)
        expected = right[0] * (differences @ right[0]).sum().sign() * sizes[0] / pairs**0.5
        torch.testing.assert_close(found[layer], expected, atol=1e-5, rtol=1e-5)


def test_pca_keeps_the_shift_that_centring_would_lose():
    source, target, direction = planted(60)
    other = torch.nn.functional.normalize(random(24, seed=9), dim=0)
    target = target + random(60, 1, 1, seed=8) * other  # what the pairs do not share
    differences = (target - source)[:, 0]
    centred = torch.linalg.svd(differences - differences.mean(0))[2][0]
    assert (centred @ direction[0]).abs() < 0.6
    found = principal_direction(source, target)[0]
    assert torch.cosine_similarity(found, direction[0], dim=0) > 0.95


@pytest.mark.parametrize("pairs", [4, 40])  # fewer and more than the states are wide
def test_centred_components_are_singular_vectors_of_what_the_pairs_do_not_share(pairs):
    source, target, _ = planted(pairs)
    found = centred_direction(source, target).double()
    for layer in range(3):
        differences = (target - source)[:, layer].double()
        line = torch.linalg.svd(differences - differences.mean(0), full_matrices=False)[2][0]
        expected = line * (differences @ line).sign().sum().sign()
        torch.testing.assert_close(found[layer], expected, atol=1e-5, rtol=1e-5)


def test_most_pairs_decide_the_sign_however_far_one_reaches():
    differences = torch.tensor([[[1.0, 0.0]], [[1.5, 0.0]], [[-9.0, 0.0]]])
    zero = torch.zeros_like(differences)
    assert centred_direction(zero, differences).tolist() == [[1.0, 0.0]]
    assert centred_direction(differences, zero).tolist() == [[-1.0, 0.0]]
    assert principal_direction(zero, differences)[0, 0] < 0  # in sum they point the other way


def test_as_many_votes_for_as_against_leave_the_largest_entry_positive():
    differences = torch.tensor([[[3.0, -4.0]], [[-3.0, 4.0]]])
    for side in (differences, -differences):
        found = centred_direction(torch.zeros_like(side), side)
        torch.testing.assert_close(found, torch.tensor([[-0.6, 0.8]]))


@pytest.mark.parametrize("penalty", [0.1, 1.0])
@pytest.mark.parametrize("width", [4, 80])  # fewer and more than there are states
def test_a_classifier_of_pairs_has_no_gradient_left(width, penalty):
    source, target = random(12, 2, width, seed=3), random(12, 2, width, seed=4) + 0.5
    found = pair_classifier(source, target, penalty=penalty).double()
    torch.testing.assert_close(found.norm(dim=-1), torch.ones(2, dtype=torch.float64))
    for layer in range(2):
        halves = (target - source)[:, layer].double() / 2
        # Along the line that was found, the length at which the loss is least; there the gradient
        # of the whole loss has to vanish.
        length = torch.tensor(1.0, dtype=torch.float64)
        for _ in range(100):
            doubts = torch.sigmoid(-halves @ found[layer] * length)
            along = halves @ found[layer]
            slope = penalty * length - 2 * (doubts * along).sum()
            length = length - slope / (penalty + 2 * (doubts * (1 - doubts) * along.square()).sum())
        weights = found[layer] * length
        gradient = penalty * weights - 2 * torch.sigmoid(-halves @ weights) @ halves
        assert gradient.norm() < 1e-5 * (penalty * weights).norm()


@pytest.mark.parametrize("pairs", [1, 5, 60])
def test_pair_centred_states_have_the_line_of_pca_and_half_its_length(pairs):
    source, target = random(pairs, 3, 24, seed=1), random(pairs, 3, 24, seed=2) + 1
    found = pair_centred_direction(source, target)
    torch.testing.assert_close(found, principal_direction(source, target) / 2)


def test_pairs_that_cancel_still_have_a_sign_that_swapping_turns():
    differences = torch.tensor([[[3.0, 0.0]], [[-3.0, 0.0]]])
    zero = torch.zeros_like(differences)
    assert principal_direction(zero, differences).tolist() == [[3.0, 0.0]]
    assert principal_direction(differences, zero).tolist() == [[-3.0, 0.0]]


@pytest.mark.parametrize("seed", range(8))
def test_rounding_decides_no_sign(seed):
    cancel = nudged(np.float32([[[3, 0]], [[-3, 0]], [[3, 0]], [[-3, 0]]]), seed)
    found = principal_direction(torch.zeros(4, 1, 2), torch.from_numpy(cancel))
    torch.testing.assert_close(found, torch.tensor([[3.0, 0.0]]))
    stack = np.float32([[[0, 1], [3, 0]], [[0, 1], [-3, 0]]])  # embeddings, then one layer
    pairs = torch.from_numpy(nudged(stack, seed))
    found = in_context_vector(torch.zeros(2, 2, 2), pairs)
    torch.testing.assert_close(found, torch.tensor([[1.0, 0.0]]))  # mean 0 and the unit component


@pytest.mark.parametrize("width", [4, 80])  # fewer and more than there are states
def test_logistic_regression_is_where_the_gradient_vanishes(width):
    source, target = random(12, 1, width, seed=1), random(12, 1, width, seed=2) + 0.5
    found = logistic_regression(source, target, penalty=0.01)[0].double()
    states = torch.cat([source, target])[:, 0].double()
    states = states - states.mean(0)
    states = states / states.square().sum(1).mean().sqrt()
    labels = torch.cat([torch.zeros(12), torch.ones(12)]).double()
    # An independent solver from another start; its weights are those up to their length.
    weights = torch.ones(width, dtype=torch.float64, requires_grad=True)
    intercept = torch.zeros((), dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS(
        [weights, intercept],
        max_iter=2000,
        tolerance_grad=1e-12,
        tolerance_change=1e-16,
        line_search_fn="strong_wolfe",
    )

    def loss() -> torch.Tensor:
        solver.zero_grad()
        fit = torch.nn.functional.binary_cross_entropy_with_logits(
            states @ weights + intercept, labels
        )
        value = fit + 0.005 * weights.square().sum()
        value.backward()
        return value

    solver.step(loss)
    cosine = torch.cosine_similarity(found, weights.detach(), dim=0)
    assert cosine.item() == pytest.approx(1, abs=1e-9)


def test_much_penalty_turns_the_classifier_towards_the_mean_difference():
    source, target = random(20, 2, 6, seed=1), random(20, 2, 6, seed=2) + 1
    mean = (target - source).mean(0)
    cosines = [
        torch.cosine_similarity(logistic_regression(source, target, penalty=item), mean).min()
        for item in (1e-4, 1e3)
    ]
    assert cosines[0] < 0.99
    assert cosines[1] > 0.99999


@pytest.mark.parametrize("width", [5, 90])  # fewer and more than there are states
@pytest.mark.parametrize("shrinkage", [0.2, 1.0])
def test_whitening_is_the_inverse_shrunk_covariance(width, shrinkage):
    source, target = random(15, 1, width, seed=1), random(15, 1, width, seed=2) * 2 + 0.5
    found = whitened_mean_difference(source, target, shrinkage=shrinkage)[0].double().numpy()
    sides = [item[:, 0].double().numpy() for item in (source, target)]
    within = np.concatenate([side - side.mean(0) for side in sides])
    covariance = within.T @ within / len(within)
    sphere = np.trace(covariance) / width * np.eye(width)
    shrunk = (1 - shrinkage) * covariance + shrinkage * sphere
    expected = np.linalg.solve(shrunk, sides[1].mean(0) - sides[0].mean(0))
    cosine = found @ expected / np.linalg.norm(found) / np.linalg.norm(expected)
    assert cosine == pytest.approx(1, abs=1e-9)


def test_the_share_of_the_sphere_is_that_of_ledoit_and_wolf():
    from vectorlab.steering.extraction.methods.whitened_mean_difference import _ledoit_wolf

    for count, width in ((8, 30), (60, 5)):
        rows = random(count, width, seed=count).double() * torch.linspace(1, 4, width)
        covariance = rows.T @ rows / count
        size = covariance.trace() / width
        apart = (covariance - size * torch.eye(width)).square().sum()
        spread = sum((torch.outer(row, row) - covariance).square().sum() for row in rows)
        expected = min(float(spread / count**2 / apart), 1.0)
        gram = rows @ rows.T if count <= width else rows.T @ rows
        assert _ledoit_wolf(rows, gram, size) == pytest.approx(expected)


def test_whitening_counts_less_what_texts_differ_in_anyway():
    noise = torch.tensor([10.0, 1.0])
    source = random(400, 1, 2, seed=1) * noise
    target = random(400, 1, 2, seed=2) * noise + torch.tensor([2.0, 2.0])
    found = whitened_mean_difference(source, target)[0]
    assert found[1] > 5 * found[0].abs()


def test_a_single_pair_is_the_pair_that_was_asked_for():
    source, target = random(3, 2, 4, seed=1), random(3, 2, 4, seed=2)
    assert torch.equal(single_pair(source, target), target[0] - source[0])
    assert torch.equal(single_pair(source, target, position=2), target[2] - source[2])
    without = torch.cat(list(without_each("single_pair", *pair("single_pair", source, target), {})))
    expected = torch.stack([target[1] - source[1], *[target[0] - source[0]] * 2])
    torch.testing.assert_close(without, expected)


@pytest.mark.parametrize(
    ("method", "parameters", "message"),
    [
        ("single_pair", {"position": 3}, "position is 3; it must be the number of a pair, 0 to 2"),
        ("single_pair", {"position": -1}, "position is -1"),
        ("logistic_regression", {"penalty": 0}, "penalty is 0"),
        ("whitened_mean_difference", {"shrinkage": 0}, "shrinkage is 0"),
        ("whitened_mean_difference", {"shrinkage": 1.5}, "shrinkage is 1.5"),
    ],
)
def test_parameters_out_of_range_are_errors_that_say_the_range(method, parameters, message):
    states = pair(method, random(3, 2, 4, seed=1), random(3, 2, 4, seed=2))
    with pytest.raises(InputError, match=message):
        aggregate(method, *states, parameters)
