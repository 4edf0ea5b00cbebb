"""What the steering tests share: the bundled model, and a real one by path."""

import os
from pathlib import Path

import pytest

from vectorlab.steering.model.loading import LoadedModel, describe_model, load_model


@pytest.fixture(scope="session")
def bundled_tiny() -> LoadedModel:
    """The bundled model, loaded from the package."""
    return load_model(describe_model("bundled:tiny"), device="cpu")


@pytest.fixture(scope="session")
def real_model() -> LoadedModel:
    """A real model by path, for acceptance tests."""
    path = os.environ.get("VECTORLAB_REAL_MODEL")
    if not path or not Path(path).is_dir():
        pytest.skip("VECTORLAB_REAL_MODEL does not name a model directory")
    return load_model(describe_model(path), device="cpu")
