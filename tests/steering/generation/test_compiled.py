"""Compiled steps: the same texts, the steering inside the graph, and a way back.

Graphs are traced here and run without the code generator, which takes a minute; the benchmark runs
them with it.
"""

from collections.abc import Iterator

import pytest
import torch
from torch._dynamo.exc import TorchDynamoException

from tests.steering.builders import OTHER, arm, hook_count, intervention, run_spec, vectors
from tests.tiny_models import tiny_model
from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.vectors.vectors import Site
from vectorlab.steering.generation import compiled
from vectorlab.steering.generation.generation import Member, generate, generate_together

PROMPTS = ["Once upon a time", "Hi"]
MIXED = [
    arm(),
    arm(intervention(0.3)),
    arm(intervention(2.0, operator=Operator.ADD, site=Site.BLOCK_OUTPUT, vector=OTHER)),
    arm(intervention(0.7, operator=Operator.ABLATE), intervention(0.2, vector=OTHER)),
    arm(intervention(0.4, positions=Positions.parse("response:first=3"))),
    arm(intervention(0.4, schedule=Schedule.parse("linear:0:1:4"))),
]
TWO = {"num_hidden_layers": 2}  # a graph is traced layer by layer
graphs: list[int] = []


def backend(graph: torch.fx.GraphModule, _inputs: object) -> object:
    graphs.append(1)
    return graph.forward


@pytest.fixture(autouse=True)
def traced_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    torch._dynamo.reset()
    graphs.clear()
    step = torch.compile(compiled._step, dynamic=False, backend=backend)
    monkeypatch.setattr(compiled, "_compiled", lambda _device: step)
    yield
    torch._dynamo.reset()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["llama", "opt"])
def test_compiled_steps_write_the_same_texts_for_every_kind_of_arm(name: str) -> None:
    loaded = tiny_model(name, **TWO)
    spec = run_spec(loaded, PROMPTS, MIXED, kl=True)
    clean = hook_count(loaded)
    plain = generate(loaded, spec, vectors(loaded))
    result = generate(loaded, spec, vectors(loaded), compiled=True)
    assert (result.compiled, result.events) == (True, ())
    assert graphs
    assert hook_count(loaded) == clean
    for ours, theirs in zip(result.generations, plain.generations, strict=True):
        assert ours.token_ids == theirs.token_ids
        assert ours.choice_margin == pytest.approx(theirs.choice_margin, abs=1e-4)
        assert ours.divergence is not None
        assert theirs.divergence is not None
        assert ours.divergence.kl == pytest.approx(theirs.divergence.kl, abs=1e-4)


@pytest.mark.slow
def test_other_vectors_and_strengths_run_on_the_same_graph_and_other_places_do_not() -> None:
    loaded = tiny_model("llama", **TWO)

    def tokens(arms: list[Arm], *, compiled: bool) -> list[tuple[int, ...]]:
        spec = run_spec(loaded, ["Once upon"], arms, do_sample=True)
        result = generate(loaded, spec, vectors(loaded), compiled=compiled)
        return [item.token_ids for item in result.generations]

    first = [arm(intervention(0.3))]
    for arms, new in (
        (first, True),
        ([arm(intervention(0.9, vector=OTHER))], False),
        ([arm(intervention(0.3, layers=(1,)))], True),
        ([arm()], True),
        (first, False),
    ):
        before = len(graphs)
        assert tokens(arms, compiled=True) == tokens(arms, compiled=False)
        assert (len(graphs) > before) == new


def test_a_run_that_cannot_be_compiled_is_run_all_the_same_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded = tiny_model("llama")
    spec = run_spec(loaded, PROMPTS, MIXED)
    plain = generate(loaded, spec, vectors(loaded))

    def broken(*_arguments: object) -> object:
        raise TorchDynamoException("no such compiler\nand more")

    monkeypatch.setattr(compiled, "_compiled", lambda _device: broken)
    clean = hook_count(loaded)
    result = generate(loaded, spec, vectors(loaded), compiled=True)
    assert result.generations == plain.generations
    assert (result.compiled, result.events) == (False, ("not compiled: no such compiler",))
    assert hook_count(loaded) == clean


def test_an_architecture_that_the_library_does_not_compile_is_named() -> None:
    loaded = tiny_model("gpt_neo")
    spec = run_spec(loaded, ["a"], [arm()])
    result = generate(loaded, spec, vectors(loaded), compiled=True)
    assert result.events == ("not compiled: the library does not compile gpt_neo",)


def test_a_shared_batch_is_never_compiled_and_still_replays() -> None:
    loaded = tiny_model("llama")
    spec = run_spec(loaded, ["Once"], MIXED[:2])
    first, _ = generate_together(
        loaded, [Member(spec=spec, vectors=vectors(loaded)) for _ in range(2)]
    )
    assert not isinstance(first, Exception)
    again = generate(loaded, spec, vectors(loaded), plan=first.plan, compiled=True)
    assert again.generations == first.generations
    assert again.events == ("not compiled: several runs share the batch",)
