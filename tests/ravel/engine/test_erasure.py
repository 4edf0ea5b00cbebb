"""What the adversarial projection and the autoencoder do to real states of the bundled model."""

import pytest
import torch

from tests.ravel.engine.test_planted import request
from vectorlab.ravel.domain.entities import Split
from vectorlab.ravel.domain.instances import Completion, InstanceSpec
from vectorlab.ravel.domain.remarks import is_erased, is_sparse, remark
from vectorlab.ravel.engine import probe
from vectorlab.ravel.engine.featurizers import rlap
from vectorlab.ravel.engine.featurizers.base import Labelled
from vectorlab.ravel.engine.featurizers.rlap import Game
from vectorlab.ravel.engine.prompts import PromptBook
from vectorlab.ravel.engine.training import Unwatched
from vectorlab.ravel.engine.workbench import Workbench
from vectorlab.ravel.services import files
from vectorlab.steering.model.loading import LoadedModel

LAYER = 2  # as in docs/ravel_report.md


@pytest.fixture(scope="module")
def cities(bundled_tiny: LoadedModel) -> Workbench:
    """All training prompts about all training cities, as if the model answered each of them."""
    data = files.built_in("cities")
    completions = [
        Completion(template=template, entity=entity, text="", token_ids=(), correct=True)
        for template, asked in enumerate(data.templates)
        if asked.attribute is not None and asked.split is Split.TRAIN
        for entity, item in enumerate(data.entities)
        if item.split is Split.TRAIN
    ]
    spec = InstanceSpec(data_sha256=data.sha256, model_fingerprint="tiny", max_new_tokens=8)
    book = PromptBook(bundled_tiny, data, add_special_tokens=True, new_tokens=8)
    return Workbench(book, spec, completions, {}, [LAYER])


@pytest.fixture
def few_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A game is looked at four times, not twenty: that is what takes long on so many states."""
    monkeypatch.setattr(rlap, "CHECKS", 4)


@pytest.mark.slow
@pytest.mark.usefixtures("few_checks")
@pytest.mark.parametrize(("attribute", "k"), [("continent", 16), ("country", 45)])
def test_what_a_linear_classifier_tells_is_erased(cities: Workbench, attribute: str, k: int):
    # 46 countries span 45 directions; 6 continents span 5.
    found = cities.fit(request("rlap", attribute, layer=LAYER, k=k, steps=200), Unwatched())
    measures = found.measures
    assert measures["accuracy"] > 0.99
    assert measures["accuracy_after_removal"] < measures["majority"] + 0.12
    assert is_erased(measures)
    assert remark("rlap", measures) == ""


@pytest.mark.slow
@pytest.mark.usefixtures("few_checks")
def test_fewer_directions_than_the_values_span_do_not_erase_and_it_is_said(cities: Workbench):
    found = cities.fit(request("rlap", "country", layer=LAYER, k=32, steps=100), Unwatched())
    assert found.measures["accuracy_after_removal"] > 0.9
    assert "not erased" in remark("rlap", found.measures)


@pytest.mark.slow
def test_latents_are_sparse_by_default_and_what_is_not_is_said(cities: Workbench):
    found = cities.fit(request("sae", "continent", layer=LAYER, k=64), Unwatched()).measures
    assert 20 < found["active_latents"] < 80
    assert found["latents"] == 512
    assert is_sparse(found)
    assert remark("sae", found) == ""
    dense = cities.fit(
        request("sae", "continent", layer=LAYER, k=64, sparsity=0.05, steps=200), Unwatched()
    ).measures
    assert "latents not sparse" in remark("sae", dense)


def test_the_projection_of_highest_loss_is_kept_not_the_last():
    values = torch.arange(60) % 3
    noise = torch.randn(60, 8, generator=torch.Generator().manual_seed(0))
    states = noise + 10 * torch.nn.functional.one_hot(values, 8)
    game = Game(Labelled(states=probe.scaled(states), values=values, count=3), 3)
    told, others = torch.eye(8)[:3], torch.eye(8)[5:]
    losses = []
    for rows in (others, told, others):
        game.hidden.copy_(rows.T @ rows)
        game.check()
        losses.append(float(game.best_loss))
    assert losses[0] < 0.1 < losses[1] == losses[2]
    assert torch.allclose(game.best.T @ game.best, told.T @ told, atol=1e-5)
