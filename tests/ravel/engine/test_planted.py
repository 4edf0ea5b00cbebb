"""Featurizers on a model whose attributes live in known orthogonal subspaces."""

import pytest
import torch

from tests.ravel.planted import LAYER, planted_subspace
from vectorlab.ravel.domain.instances import TESTS, ExamplePart
from vectorlab.ravel.domain.measures import Judged, Summary, score, summary
from vectorlab.ravel.domain.remarks import is_erased
from vectorlab.ravel.domain.specs import FEATURIZERS, FeaturizerSpec, Location, check_parameters
from vectorlab.ravel.engine.featurizers.base import Featurizer
from vectorlab.ravel.engine.featurizers.subspace import Subspace
from vectorlab.ravel.engine.probe import without
from vectorlab.ravel.engine.scoring import outcomes
from vectorlab.ravel.engine.training import Unwatched
from vectorlab.ravel.engine.workbench import Workbench


def request(method: str, attribute: str, *, layer: int = LAYER, k=None, **given) -> FeaturizerSpec:
    location = given.pop("location", Location.ENTITY_LAST)
    return FeaturizerSpec(
        instance_sha256="planted",
        method=method,
        attribute=attribute,
        layer=layer,
        location=location,
        k=k,
        parameters=check_parameters(FEATURIZERS[method], given),
    )


def fitted(bench: Workbench, method: str, *, k=None, **given) -> dict[str, Featurizer]:
    return {
        name: bench.fit(request(method, name, k=k, **given), Unwatched()).featurizer
        for name in bench.book.data.attributes
    }


def scores(
    bench: Workbench,
    featurizers: dict[str, Featurizer],
    part: ExamplePart,
    *,
    layer: int = LAYER,
    location: Location = Location.ENTITY_LAST,
) -> Summary:
    trial = bench.trial(part, layer, location)
    templates = bench.book.data.templates
    judged = [
        Judged(
            target=item.target,
            attribute=str(templates[trial.examples[item.example].template].attribute),
            template=trial.examples[item.example].template,
            changed=item.changed,
            kept=item.kept,
        )
        for item in outcomes(bench.book, bench.spec, trial, featurizers)
    ]
    return summary(score(judged))


def overlap(featurizer: Featurizer, attribute: str) -> float:
    """How much of the featurizer's directions lies in the planted subspace, 0 to 1."""
    rows = featurizer.tensors()["rows"]
    return float((rows @ planted_subspace(attribute).T).square().sum() / len(rows))


def test_the_planted_model_knows_everything(bench: Workbench):
    assert all(item.correct for item in bench._completions)
    assert len(bench._completions) == 2 * 16 * 6


@pytest.mark.slow
@pytest.mark.parametrize("method", ["das", "mdas"])
def test_alignment_search_finds_the_planted_subspaces(bench: Workbench, method: str):
    # Differences of four values span three directions.
    found = fitted(bench, method, k=3, steps=150, learning_rate=0.05)
    for part in TESTS:
        reached = scores(bench, found, part)
        assert reached.cause.value >= 0.99
        assert reached.isolate.value >= 0.99
    assert all(overlap(item, name) > 0.85 for name, item in found.items())


def test_the_planted_subspace_itself_is_perfect(bench: Workbench):
    found = {name: Subspace(planted_subspace(name)) for name in ("colour", "shape")}
    reached = scores(bench, found, ExamplePart.CONTEXT_TEST)
    assert (reached.cause.value, reached.isolate.value) == (1, 1)


def test_the_whole_state_changes_everything(bench: Workbench):
    reached = scores(bench, fitted(bench, "full"), ExamplePart.ENTITY_TEST)
    assert reached.cause.value == 1
    assert reached.isolate.value < 0.5  # the other attribute stays where both entities agree


def test_a_subspace_of_all_dimensions_is_the_whole_state(bench: Workbench):
    width = bench.book.loaded.description.d_model
    all_of_it = fitted(bench, "das", k=width, steps=1)
    part = ExamplePart.ENTITY_TEST
    assert scores(bench, all_of_it, part) == scores(bench, fitted(bench, "full"), part)
    base, source = torch.randn(2, 5, width)
    assert torch.allclose(all_of_it["colour"].edit(base, source), source, atol=1e-5)


@pytest.mark.slow
def test_the_adversarial_projection_hides_what_the_values_differ_in(bench: Workbench):
    # Both attributes go together in the training entities, so that what hides one takes some of
    # the other with it: the means of the values are no more in the planted subspace than that.
    for name in bench.book.data.attributes:
        found = bench.fit(request("rlap", name, k=3, steps=300), Unwatched())
        labelled = bench._labelled(name, LAYER, Location.ENTITY_LAST)
        means = torch.stack(
            [labelled.states[labelled.values == value].mean(0) for value in range(4)]
        )
        differences = means - means.mean(dim=0)
        rows = found.featurizer.tensors()["rows"]
        left = without(differences, rows).norm() / differences.norm()
        assert left < 0.1
        assert overlap(found.featurizer, name) > 0.7
        assert is_erased(found.measures)


@pytest.mark.slow
def test_a_mask_trained_on_both_sides_isolates_better(bench: Workbench):
    plain = scores(bench, fitted(bench, "dbm", steps=60), ExamplePart.ENTITY_TEST)
    both = scores(bench, fitted(bench, "mdbm", steps=60), ExamplePart.ENTITY_TEST)
    assert plain.cause.value > 0.9
    assert both.isolate.value > plain.isolate.value
    assert both.disentangle.value > plain.disentangle.value


def test_a_swap_behind_the_copying_block_does_nothing_at_the_entity_and_all_at_the_end(
    bench: Workbench,
):
    full = fitted(bench, "full", layer=1)
    late = scores(bench, full, ExamplePart.ENTITY_TEST, layer=1)
    assert (late.cause.value, late.isolate.value) == (0, 1)
    # The source's last token asks what its own prompt asks, so only same-attribute pairs agree.
    at_end = scores(bench, full, ExamplePart.ENTITY_TEST, layer=1, location=Location.PROMPT_LAST)
    assert at_end.cause.value > 0.25


def test_the_same_seed_trains_the_same_featurizer(bench: Workbench):
    first, again = (
        bench.fit(request("mdas", "colour", k=2, steps=4), Unwatched()).featurizer.tensors()
        for _ in range(2)
    )
    assert torch.equal(first["rows"], again["rows"])
