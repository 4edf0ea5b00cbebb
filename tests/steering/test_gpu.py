"""The laws of the engine on a CUDA device; ``make gpu-check`` runs them."""

from dataclasses import replace

import pytest
import torch

from tests.steering.builders import OTHER, arm, hook_count, intervention, run_spec, vectors
from tests.tiny_models import random_model, tiny_model
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.vectors.vectors import Site
from vectorlab.steering.generation.decoder import Decoder
from vectorlab.steering.generation.device_copies import Readback
from vectorlab.steering.generation.generation import Member, generate, generate_together
from vectorlab.steering.interventions.arm_table import SteeringTable
from vectorlab.steering.interventions.hooks import steer
from vectorlab.steering.model.architectures import decoder_layers
from vectorlab.steering.model.loading import LoadedModel

pytestmark = pytest.mark.gpu

ARMS = [
    arm(),
    arm(intervention(0.3)),
    arm(intervention(2.0, operator=Operator.ADD, site=Site.BLOCK_OUTPUT, vector=OTHER)),
    arm(intervention(0.4, positions=Positions.parse("response:first=3"))),
]
PROMPTS = ["Once upon a time", "Hi"]


def on_gpu(name: str, dtype: torch.dtype = torch.float32) -> LoadedModel:
    """A tiny model of its own on the device."""
    model = random_model(name).to("cuda", dtype)
    return replace(
        tiny_model(name),
        model=model,
        device=torch.device("cuda"),
        dtype=dtype,
        layers=decoder_layers(model, name),
    )


@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma2", "qwen2"])
def test_texts_are_those_of_the_cpu_and_replay(name: str) -> None:
    spec = run_spec(tiny_model(name), PROMPTS, ARMS, do_sample=True)
    loaded = on_gpu(name)
    result = generate(loaded, spec, vectors(loaded))
    assert generate(loaded, spec, vectors(loaded), plan=result.plan) == result
    on_cpu = generate(tiny_model(name), spec, vectors(loaded))
    assert [item.token_ids for item in result.generations] == [
        item.token_ids for item in on_cpu.generations
    ]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_baseline_row_is_that_of_the_unhooked_model_to_the_bit(dtype: torch.dtype) -> None:
    loaded = on_gpu("llama", dtype)
    ids = torch.tensor([[1, 70, 80]] * 3, device="cuda")
    table = SteeringTable.build(loaded, ARMS, vectors(loaded))
    with torch.no_grad():
        plain = loaded.model(input_ids=ids).logits
        with steer(loaded, table, [0, 1, 2]):
            mixed = loaded.model(input_ids=ids).logits
    assert torch.equal(mixed[0], plain[0])
    assert not torch.equal(mixed[1], plain[1])


@pytest.mark.parametrize("longest", [[1, 70, 80], [1, 70, 80, 90]])
def test_no_step_waits_for_the_device(longest: list[int]) -> None:
    loaded = on_gpu("llama")
    table = SteeringTable.build(loaded, ARMS, vectors(loaded))
    decoder = Decoder(loaded, [longest, *[[1, 70, 80]] * (len(ARMS) - 1)], 16)
    readback = Readback(loaded.device)
    decoding = run_spec(loaded, ["a"], ARMS).decoding
    with torch.inference_mode(), steer(loaded, table, range(len(ARMS))) as steering:
        decoder.append(*decoder.choose(decoder.next_logits(), None, decoding))
        steering.set_response(True)
        torch.cuda.set_sync_debug_mode("error")
        try:
            for _ in range(8):
                decoder.append(*decoder.choose(decoder.next_logits(), None, decoding))
            assert readback.look(decoder.token_ids()) is None  # nothing was waited for
        finally:
            torch.cuda.set_sync_debug_mode("default")
    found = readback.look(decoder.token_ids())
    assert found == decoder.token_ids().tolist()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_recorded_graph_writes_the_same_texts_for_other_vectors(dtype: torch.dtype) -> None:
    loaded = on_gpu("llama", dtype)
    clean = hook_count(loaded)
    name = str(dtype).removeprefix("torch.")
    for vector in (None, OTHER):
        arms = [arm(), arm(intervention(0.3, **({"vector": vector} if vector else {})))]
        spec = run_spec(loaded, PROMPTS, arms, dtype=name)
        result = generate(loaded, spec, vectors(loaded), compiled=True)
        assert (result.compiled, result.events) == (True, ())
        again = generate(loaded, spec, vectors(loaded), plan=result.plan, compiled=True)
        assert again.generations == result.generations
        if dtype is torch.float32:
            plain = generate(loaded, spec, vectors(loaded))
            assert [item.token_ids for item in result.generations] == [
                item.token_ids for item in plain.generations
            ]
    assert hook_count(loaded) == clean


def test_runs_that_share_a_batch_replay_to_the_bit() -> None:
    loaded = on_gpu("llama")
    specs = [run_spec(loaded, ["Hi"], ARMS), run_spec(loaded, PROMPTS, ARMS[:2], seed=3)]
    found = generate_together(
        loaded, [Member(spec=spec, vectors=vectors(loaded)) for spec in specs]
    )
    for spec, result in zip(specs, found, strict=True):
        assert not isinstance(result, Exception)
        again = generate(loaded, spec, vectors(loaded), plan=result.plan)
        assert again.generations == result.generations
