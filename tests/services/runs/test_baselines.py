"""Random directions go by how a vector was asked for, never by the last bit of its numbers."""

from dataclasses import replace

import numpy as np
import pytest

from tests.noise import nudged
from tests.store.builders import WIDTH, add_model, add_vector, add_version, layers
from vectorlab.domain.vectors.methods import EQUALISED, RANDOM_DIRECTION
from vectorlab.domain.vectors.vectors import LayerVector, Origin, ParentWeight, SteeringVector
from vectorlab.errors import ConflictError
from vectorlab.services.runs.baselines import random_direction
from vectorlab.services.vectors import algebra
from vectorlab.services.vectors.vectors import combine, layer_vectors
from vectorlab.store import models
from vectorlab.store.database import Database
from vectorlab.store.vectors import vectors


def elsewhere(parts: list[LayerVector]) -> list[LayerVector]:
    """What another processor may make of the same request."""
    return [replace(part, values=nudged(part.values, seed=part.layer)) for part in parts]


@pytest.fixture
def twins(database: Database) -> Database:
    """Vectors ``here`` and ``there`` answer one request, on two processors; ``other`` is a file."""
    with database.write() as tx:
        model, version = add_model(tx), add_version(tx)
        add_vector(tx, model, version, "here")
        add_vector(tx, model, version, "there", layers=elsewhere(layers()))
        add_vector(tx, model, name="other", layers=layers(7))
    return database


def units(db: Database, vector: SteeringVector) -> np.ndarray:
    return np.stack([part.values / part.norm for part in layer_vectors(db, vector)])


def requests(db: Database, prefix: str) -> dict[str, str]:
    """Identity of the request of every vector of one processor, by what follows its name."""
    with db.read() as tx:
        made = [item for item in vectors.list_vectors(tx) if item.name.startswith(prefix)]
        return {item.name.removeprefix(prefix): vectors.request_sha256(tx, item) for item in made}


def derive(db: Database, name: str, measured: float) -> None:
    """A vector of every kind that is made of others."""
    combine(db, name=f"{name}-sum", terms=[(0.5, name), (1, "other")], actor="t")
    combine(db, name=f"{name}-sum2", terms=[(0.6, name), (1, "other")], actor="t")
    combine(db, name=f"{name}-sum3", terms=[(0.5, "other"), (1, name)], actor="t")
    algebra.project_out(db, name, ["other"], name=f"{name}-left", actor="t")
    algebra.normalise(db, name, name=f"{name}-unit", actor="t")
    algebra.normalise(db, f"{name}-sum", name=f"{name}-unit2", actor="t")
    algebra.orthogonalise(db, ["other", name], suffix="-square", actor="t")
    for kl in (0.1, 0.2):
        equalise(db, name, kl, measured)
    for seed in (0, 1):
        random_direction(db, name, seed=seed, actor="t")


def equalise(db: Database, name: str, kl: float, measured: float) -> None:
    """A vector as the job stores it, with what was measured on one processor."""
    about: dict[str, object] = {"kl": kl, "operator": "add", "scale": measured}
    about |= {"measured_kl": measured, "tried": [[1.0, measured]]}
    about |= {"natural_norms": {"0": measured}}
    store_derived(db, name, f"equal-{kl}", EQUALISED, about, weight=measured)


def store_derived(
    db: Database, of: str, suffix: str, method: str, about: dict[str, object], weight: float
) -> SteeringVector:
    with db.write() as tx:
        parent = vectors.get_vector(tx, of)
        return add_vector(
            tx,
            models.get_model(tx, parent.model_name),
            name=f"{of}-{suffix}",
            method=method,
            parameters={"of": of, **about},
            origin=Origin.DERIVED,
            layers=elsewhere(layers(5)),
            parents=[ParentWeight(vector_id=parent.id, weight=weight)],
        )


def test_one_step_in_every_number_leaves_every_random_direction(twins: Database):
    here = random_direction(twins, "here", seed=3, actor="t")
    there = random_direction(twins, "there", seed=3, actor="t")
    assert units(twins, there) == pytest.approx(units(twins, here), abs=1e-6)
    again = random_direction(twins, "here", seed=4, actor="t")
    assert np.abs((units(twins, here) * units(twins, again)).sum(axis=1)).max() < 0.99


def test_the_request_for_a_vector_hangs_on_no_computed_number(twins: Database):
    derive(twins, "here", measured=1.0)
    derive(twins, "there", measured=float(np.nextafter(1.0, 2)))
    here = requests(twins, "here")
    assert here == requests(twins, "there")
    assert len(here) == 12
    # Made orthogonal to one other vector, or that vector projected out: the same request.
    assert here["-left"] == here["-square"]
    assert len(set(here.values())) == 11


def test_a_random_direction_that_was_drawn_elsewhere_is_found(twins: Database):
    drawn = store_derived(twins, "here", "random-0", RANDOM_DIRECTION, {"seed": 0}, weight=0.0)
    assert random_direction(twins, "here", seed=0, actor="t") == drawn


def test_the_name_of_a_random_direction_is_not_taken_from_another_vector(twins: Database):
    combine(twins, name="here-random-0", terms=[(1, "here")], actor="t")
    with pytest.raises(ConflictError, match="taken by another vector"):
        random_direction(twins, "here", seed=0, actor="t")


def test_each_layer_has_a_direction_of_its_own_whatever_other_layers_there_are(
    database: Database,
):
    with database.write() as tx:
        model, version = add_model(tx), add_version(tx)
        add_vector(tx, model, version, "all")
        add_vector(tx, model, version, "last", layers=layers()[2:])
    whole = units(database, random_direction(database, "all", seed=0, actor="t"))
    part = units(database, random_direction(database, "last", seed=0, actor="t"))
    assert part[0] == pytest.approx(whole[2], abs=1e-6)
    assert np.abs(np.triu(whole @ whole.T, k=1)).max() < 0.99
    assert whole.shape == (3, WIDTH)
