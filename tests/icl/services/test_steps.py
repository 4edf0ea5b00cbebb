"""The steps behind the dashboard's sliders are those of the library."""

import numpy as np
import pytest
import torch

from vectorlab.errors import InputError
from vectorlab.icl.domain.laws import Inputs, RegressionLaw
from vectorlab.icl.engine import descent
from vectorlab.icl.engine.construction import construct
from vectorlab.icl.engine.losses import losses
from vectorlab.icl.engine.tasks import Tasks
from vectorlab.icl.services import steps as icl_steps
from vectorlab.icl.services.steps import ROUTES, matrices, walk

pytestmark = pytest.mark.kernels

LAW = RegressionLaw(dx=3, n=5, noise=0.2, scale=1.0)


@pytest.mark.parametrize("inputs", [Inputs.UNIFORM, Inputs.NORMAL, Inputs.LAPLACE])
def test_every_route_is_the_library_s(inputs: Inputs):
    law = RegressionLaw(dx=3, n=5, noise=0.2, scale=1.0, inputs=inputs)
    found = walk(law, eta=0.4, gamma=0.02, steps=4, tasks=7, seed=2)
    x, y, query, target = (torch.from_numpy(item) for item in icl_steps._draw(law, 7, 2))
    tasks = Tasks(x=x, y=y[..., None], queries=query[:, None], targets=target[:, None, None])
    origin = torch.zeros(1, 3, dtype=torch.float64)
    plain = descent.descend(tasks, origin, 0.4, 4)
    corrected = descent.descend_corrected(tasks, 0.4, 0.02, 4)
    for route, weights in (
        ("gd", plain),
        ("layer", plain),
        ("gd++", corrected),
        ("layer++", corrected),
    ):
        predictions = descent.predict(weights, tasks.queries)
        of_route = found.losses[found.losses["route"] == ROUTES[route]]
        wanted = losses(predictions, tasks.targets).mean(-1)
        assert of_route["loss"].tolist() == pytest.approx(wanted.tolist(), rel=1e-9)
        own = found.predictions[found.predictions["route"] == ROUTES[route]]
        assert own["prediction"].tolist() == pytest.approx(
            predictions[:, 0, 0, 0].tolist(), rel=1e-9, abs=1e-12
        )
    limit = float(descent.largest_eta(tasks.x).min())
    assert found.limit == pytest.approx(limit)
    assert found.gamma_limit == pytest.approx(limit / law.n)


@pytest.mark.parametrize("gamma", [None, 0.25])
def test_the_matrices_shown_are_those_of_the_construction(gamma: float | None):
    shown = matrices(LAW, eta=0.5, gamma=gamma)
    layer = construct(torch.zeros(1, 3, dtype=torch.float64), eta=0.5, n=5, gamma=gamma)
    for name, tensor in zip(
        ("W_K", "W_Q", "W_V", "P"),
        (layer.key, layer.query, layer.value, layer.projection),
        strict=True,
    ):
        np.testing.assert_allclose(shown[name], tensor.numpy())


def test_what_grows_beyond_all_bounds_is_left_out():
    found = walk(LAW, eta=1e4, gamma=0.0, steps=20)
    assert found.losses["loss"].abs().max() < icl_steps.BOUND
    assert len(found.losses) < 4 * 21


@pytest.mark.parametrize("steps", [0, 51])
def test_depths_out_of_range_are_refused(steps: int):
    with pytest.raises(InputError, match=f"{steps} steps"):
        walk(LAW, eta=0.1, gamma=0.0, steps=steps)
