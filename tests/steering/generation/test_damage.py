"""The damage of a vector and the scale that does a given one."""

import math
import os

import pytest
import torch

from tests.steering.builders import VECTOR, arm, intervention, vectors
from tests.tiny_models import tiny_model
from vectorlab.domain.interventions.operators import Operator
from vectorlab.errors import InputError
from vectorlab.steering.generation.damage import mean_kl, scale_for, scaled
from vectorlab.steering.interventions.arm_table import SteeringTable
from vectorlab.steering.interventions.hooks import steer

TEXTS = [[1, 70, 80, 90], [1, 75], [1, 99, 98, 97, 96]]


def test_the_damage_is_the_mean_over_the_tokens_of_all_texts() -> None:
    loaded = tiny_model("llama")
    one = arm(intervention(0.7, operator=Operator.ADD))
    table = SteeringTable.build(loaded, [arm(), one], vectors(loaded))
    found: list[float] = []
    for ids in TEXTS:
        rows = []
        for which in (1, 0):
            with torch.no_grad(), steer(loaded, table, [which]):
                logits = loaded.model(input_ids=torch.tensor([ids])).logits[0]
            rows.append(logits.double().log_softmax(dim=-1))
        found += (rows[0].exp() * (rows[0] - rows[1])).sum(dim=-1).tolist()
    expected = sum(found) / len(found)
    assert mean_kl(loaded, TEXTS, one, vectors(loaded)) == pytest.approx(expected, rel=1e-4)
    assert mean_kl(loaded, TEXTS, one, vectors(loaded), rows=1) == pytest.approx(expected, rel=1e-4)
    # MKL_CBWR=COMPATIBLE multiplies rows by fours, and the last two of these 30 in another order:
    # the damage is 2.3e-8 then.
    tolerance = 1e-6 if "MKL_CBWR" in os.environ else 0
    assert mean_kl(loaded, TEXTS, arm(), vectors(loaded)) == pytest.approx(0, rel=0, abs=tolerance)


@pytest.mark.parametrize("wanted", [0.02, 0.5])
def test_a_scaled_vector_does_the_wanted_damage_at_strength_one(wanted: float) -> None:
    loaded = tiny_model("llama")
    given = vectors(loaded)

    def damage(scale: float) -> float:
        return mean_kl(loaded, TEXTS, arm(intervention(scale, operator=Operator.ADD)), given)

    found = scale_for(damage, wanted)
    assert found.kl == pytest.approx(wanted, rel=0.01)
    assert found.tried[-1] == (found.scale, found.kl)
    made = {VECTOR: scaled(given[VECTOR], found.scale)}
    at_one = mean_kl(loaded, TEXTS, arm(intervention(1.0, operator=Operator.ADD)), made)
    assert at_one == pytest.approx(wanted, rel=0.011)


@pytest.mark.parametrize("first", [1e-3, 1.0, 1e3])
def test_the_scale_is_found_from_anywhere(first: float) -> None:
    found = scale_for(lambda scale: scale**2, 0.25, first=first)
    assert found.scale == pytest.approx(0.5, rel=0.01)


def test_a_damage_that_no_scale_does_is_an_error() -> None:
    with pytest.raises(InputError, match="No scale gives a mean KL of 5"):
        scale_for(math.tanh, 5.0)
    with pytest.raises(InputError, match=r"jumps over 0\.5"):
        scale_for(lambda scale: float(scale > 3), 0.5)
