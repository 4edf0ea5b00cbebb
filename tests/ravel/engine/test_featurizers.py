"""Laws that every featurizer obeys."""

import pytest
import torch

from tests.noise import nudged
from tests.ravel.engine.test_planted import request
from tests.ravel.planted import LAYER
from vectorlab.errors import InputError, ShapeError
from vectorlab.ravel.domain.specs import FEATURIZERS
from vectorlab.ravel.engine.featurizers import maker, pca, sae, selection
from vectorlab.ravel.engine.featurizers.dbm import Mask, SoftMask
from vectorlab.ravel.engine.featurizers.rlap import onto_fantope
from vectorlab.ravel.engine.featurizers.selection import informative
from vectorlab.ravel.engine.training import Unwatched
from vectorlab.ravel.engine.workbench import Workbench

pytestmark = pytest.mark.kernels

K = {name: 3 if item.takes_k else None for name, item in FEATURIZERS.items()}


@pytest.fixture(scope="module")
def made(bench: Workbench):
    return {
        name: bench.fit(
            request(
                name, "colour", k=K[name], **({"steps": 5} if "steps" in item.parameters else {})
            ),
            Unwatched(),
        )
        for name, item in FEATURIZERS.items()
    }


def states(bench: Workbench) -> tuple[torch.Tensor, torch.Tensor]:
    found = bench._known_states(LAYER, request("full", "colour").location).last()
    return found[:40], found[20:60]


@pytest.mark.parametrize("name", [name for name in FEATURIZERS if name != "sae"])
def test_where_source_and_base_agree_the_base_is_given_back(bench: Workbench, made, name: str):
    base, _ = states(bench)
    assert torch.allclose(made[name].featurizer.edit(base, base), base, atol=1e-5)
    strange = 30 * torch.randn(7, base.shape[1]) + 5
    assert torch.allclose(made[name].featurizer.edit(strange, strange), strange, atol=1e-4)


def test_an_autoencoder_gives_its_reconstruction_where_source_and_base_agree(
    bench: Workbench, made
):
    base, _ = states(bench)
    found = made["sae"].featurizer
    weights = {name: value for name, value in found.tensors().items() if name in sae.WEIGHTS}
    model = sae.Autoencoder(weights)
    with torch.no_grad():
        rebuilt = model.decode(model.encode(base))
        assert torch.allclose(found.edit(base, base), rebuilt, atol=1e-5)
        rest = (rebuilt - base).norm() / base.norm()
    assert rest > 0
    assert made["sae"].measures["unexplained"] > 0


def test_a_trained_autoencoder_explains_most_of_the_states(bench: Workbench):
    task = request("sae", "colour", k=4, steps=600, sparsity=0.01)
    found = bench.fit(task, Unwatched())
    assert found.measures["unexplained"] < 0.1
    assert found.curve[-1]["loss"] < found.curve[0]["loss"]
    assert found.featurizer.n_features == 4


@pytest.mark.parametrize("name", list(FEATURIZERS))
def test_stored_and_loaded_it_edits_the_same(bench: Workbench, made, name: str):
    base, source = states(bench)
    found = made[name].featurizer
    again = maker(name).load({key: item.clone() for key, item in found.tensors().items()})
    assert torch.equal(again.edit(base, source), found.edit(base, source))
    assert again.n_features == found.n_features


@pytest.mark.parametrize("name", ["das", "mdas", "rlap"])
def test_directions_are_orthonormal_and_as_many_as_asked(made, name: str):
    rows = made[name].featurizer.tensors()["rows"]
    assert torch.allclose(rows @ rows.T, torch.eye(3), atol=1e-5)


def test_the_corrected_inverse_of_pca_moves_only_the_chosen_components():
    scale = torch.tensor([1.0, 10.0, 0.1])
    rows = torch.eye(3)[:1]
    found = pca.PrincipalComponents(scale, rows)
    base, source = torch.tensor([[1.0, 20.0, 0.3]]), torch.tensor([[4.0, 50.0, 0.9]])
    assert torch.allclose(found.edit(base, source), torch.tensor([[4.0, 20.0, 0.3]]))


def test_all_components_together_are_the_whole_state():
    rows = torch.linalg.qr(torch.randn(6, 6)).Q
    found = pca.PrincipalComponents(torch.rand(6) + 0.5, rows)
    base, source = torch.randn(2, 4, 6)
    assert torch.allclose(found.edit(base, source), source, atol=1e-5)


@pytest.mark.parametrize("seed", range(8))
def test_of_features_that_weigh_the_same_the_first_are_picked(monkeypatch, seed):
    class Weighed:
        coef_ = nudged([[0.2, 0.5, 0.3, 0.5, 0.5]], seed)

        def __init__(self, **given: object) -> None:
            pass

        def fit(self, features: object, values: object) -> None:
            pass

    monkeypatch.setattr(selection, "LinearSVC", Weighed)
    found = informative(torch.ones(3, 5), torch.arange(3), inverse_penalty=1.0, k=2, seed=0)
    assert found.tolist() == [1, 3]


def test_an_untrained_mask_swaps_nothing_and_a_full_one_everything():
    base, source = torch.randn(2, 3, 8)
    untrained = SoftMask(8, 1.0, 0.0).hard()
    assert torch.equal(untrained.edit(base, source), base)
    assert torch.equal(Mask(torch.ones(8)).edit(base, source), source)


def test_a_mask_grows_hard_over_the_training():
    mask = SoftMask(4, 1.0, 0.0)
    with torch.no_grad():
        mask.logits.copy_(torch.tensor([1.0, -1.0, 1.0, -1.0]))
    base, source = torch.zeros(1, 4), torch.ones(1, 4)
    mask.anneal(0.0)
    soft = mask(base, source)
    mask.anneal(1.0)
    hard = mask(base, source)
    assert soft[0, 0].item() == pytest.approx(0.731, abs=1e-3)
    assert hard[0].tolist() == pytest.approx([1, 0, 1, 0], abs=1e-3)


def test_the_nearest_matrix_of_the_fantope_is_one_and_nearest():
    matrix = torch.randn(6, 6, generator=torch.Generator().manual_seed(1))
    matrix = (matrix + matrix.T) / 2
    found = onto_fantope(matrix, 2)
    sizes = torch.linalg.eigvalsh(found)
    assert sizes.sum() == pytest.approx(2, abs=1e-4)
    assert sizes.min() > -1e-5
    assert sizes.max() < 1 + 1e-5
    assert torch.allclose(onto_fantope(found, 2), found, atol=1e-4)


def test_the_classifier_picks_the_feature_that_tells_the_values():
    generator = torch.Generator().manual_seed(0)
    values = torch.arange(120) % 3
    features = torch.randn(120, 8, generator=generator)
    features[:, 5] = values.float() - 1
    features[:, 2] = (values == 0).float()
    found = informative(features, values, inverse_penalty=1.0, k=2, seed=0)
    assert found.tolist() == [2, 5]
    with pytest.raises(InputError, match="picks no feature with inverse_penalty"):
        informative(features, values, inverse_penalty=1e-6, k=None, seed=0)


def test_weights_of_another_width_are_refused():
    weights = {
        "W_enc": torch.zeros(8, 16), "b_enc": torch.zeros(16), "W_dec": torch.zeros(16, 8),
        "b_dec": torch.zeros(8),
    }  # fmt: skip
    assert sae.check_weights(weights, 8) == weights
    with pytest.raises(ShapeError, match=r"'W_enc'.*\(8, 16\); expected \(32, 16\)"):
        sae.check_weights(weights, 32)
    with pytest.raises(ShapeError, match="no array 'b_dec'"):
        sae.check_weights({k: v for k, v in weights.items() if k != "b_dec"}, 8)


def test_given_weights_are_used_and_not_trained(bench: Workbench):
    generator = torch.Generator().manual_seed(3)
    weights = {
        "W_enc": torch.randn(32, 48, generator=generator), "b_enc": torch.zeros(48),
        "W_dec": torch.randn(48, 32, generator=generator), "b_dec": torch.zeros(32),
    }  # fmt: skip
    found = bench.fit(request("sae", "colour", k=5), Unwatched(), weights=weights)
    assert torch.equal(found.featurizer.tensors()["W_enc"], weights["W_enc"])
    assert found.curve == []
