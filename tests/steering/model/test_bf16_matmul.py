"""Maps in bfloat16 by other products: near the library's, and replayed as recorded."""

import copy
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from tests.steering.builders import arm, intervention, run_spec, vectors
from tests.tiny_models import tiny_model
from vectorlab.domain.runs.batch_plan import BatchPlan, Products
from vectorlab.steering.generation import generation
from vectorlab.steering.generation.generation import generate, plan_run
from vectorlab.steering.model import bf16_matmul
from vectorlab.steering.model.bf16_matmul import maps_by, products_of
from vectorlab.steering.model.loading import LoadedModel

OTHERS = [Products.TRANSPOSED, Products.WIDENED]
PROMPTS = ["Once upon a time", "Hi", "A third one"]


@torch.inference_mode()
def logits_of(loaded: LoadedModel, rows: int) -> torch.Tensor:
    tokens = torch.arange(5, 5 + rows)[:, None]
    return loaded.model(input_ids=tokens).logits.float()


@pytest.mark.parametrize("name", ["llama", "gpt2", "qwen2", "gemma2", "bloom", "mixtral"])
@pytest.mark.parametrize("rows", [1, 2, 8, 32, 33])
@pytest.mark.parametrize("products", OTHERS)
def test_logits_stay_as_near_to_float32_as_the_librarys(
    name: str, rows: int, products: Products
) -> None:
    loaded = tiny_model(name, dtype="bfloat16")
    exact = copy.deepcopy(loaded.model).float()
    with torch.inference_mode():
        wanted = exact(input_ids=torch.arange(5, 5 + rows)[:, None]).logits
    own = logits_of(loaded, rows)
    with maps_by(loaded, products):
        found = logits_of(loaded, rows)
    assert torch.equal(logits_of(loaded, rows), own)  # given back as it was
    if rows == 1 or (rows == 33 and products is Products.TRANSPOSED):
        assert torch.equal(found, own)
    assert (found - wanted).abs().mean() <= 1.2 * (own - wanted).abs().mean()


@pytest.mark.parametrize("products", OTHERS)
def test_a_map_with_a_bias_rounds_once(products: Products) -> None:
    shared = tiny_model("qwen2", dtype="bfloat16")
    loaded = replace(shared, model=copy.deepcopy(shared.model))  # its weights are changed below
    biased = next(
        module
        for module in loaded.model.modules()
        if isinstance(module, nn.Linear) and module.bias is not None
    )
    biased.bias.data.normal_()
    states = torch.randn(4, 1, biased.in_features, dtype=torch.bfloat16)
    exact = nn.functional.linear(states.double(), biased.weight.double(), biased.bias.double())
    with maps_by(loaded, products), torch.inference_mode():
        found = biased(states)
    # Half a unit in the last of 8 bits, and float32's own sums.
    assert ((found - exact).abs() <= 2.0**-8 * 1.01 * exact.abs() + 1e-4).all()


def test_pieces_of_the_weights_make_the_whole_map(monkeypatch: pytest.MonkeyPatch) -> None:
    module = nn.Linear(8, 50, dtype=torch.bfloat16)
    states = torch.randn(2, 3, 8, dtype=torch.bfloat16)
    with torch.inference_mode():
        whole = bf16_matmul._widened(module)(states)
        monkeypatch.setattr(
            bf16_matmul, "processor", lambda: SimpleNamespace(l3_bytes=16 * 4 * 8 * 7)
        )
        pieces = bf16_matmul._widened(module)(states)  # 7 rows of the weights at a time
    assert whole.shape == (2, 3, 50)
    assert whole.dtype is torch.bfloat16
    assert torch.equal(pieces, whole)


@pytest.mark.parametrize("products", OTHERS)
def test_a_run_records_it_and_a_replay_repeats_it(
    products: Products, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "products_of", lambda _: products)
    loaded = tiny_model("llama", dtype="bfloat16")
    spec = run_spec(loaded, PROMPTS, [arm(), arm(intervention(0.4))], dtype="bfloat16")
    result = generate(loaded, spec, vectors(loaded))
    plan = BatchPlan.from_json(result.plan.to_json())
    assert plan.products is products
    monkeypatch.undo()  # a replay takes what the run took, not what suits this processor
    assert generate(loaded, spec, vectors(loaded), plan=plan) == result


def test_a_run_of_before_is_replayed_by_the_librarys_own_products() -> None:
    loaded = tiny_model("llama", dtype="bfloat16")
    spec = run_spec(loaded, PROMPTS, [arm(intervention(0.4))], dtype="bfloat16")
    planned = plan_run(loaded, spec)
    data = replace(planned, stems=(), products=Products.DIRECT).to_json()
    assert "products" not in data
    forwards: set[bool] = set()

    def look(*_: object) -> None:
        forwards.add("forward" in vars(loaded.layers.blocks[0].self_attn.q_proj))

    hook = loaded.model.register_forward_pre_hook(look)
    try:
        before = generate(loaded, spec, vectors(loaded), plan=BatchPlan.from_json(data))
        assert forwards == {False}
        generate(loaded, spec, vectors(loaded), plan=planned)
    finally:
        hook.remove()
    assert forwards == {False, True}
    assert before.plan.products is Products.DIRECT


def test_strength_zero_changes_no_bit() -> None:
    loaded = tiny_model("llama", dtype="bfloat16")
    found = [
        generate(loaded, run_spec(loaded, PROMPTS, arms, dtype="bfloat16"), vectors(loaded))
        for arms in ([arm()], [arm(intervention(0.0))])
    ]
    first, second = (
        [(item.token_ids, item.mean_logprob) for item in result.generations] for result in found
    )
    assert first == second


@pytest.mark.parametrize(
    ("multiplies_bfloat16", "products"),
    [(True, Products.TRANSPOSED), (False, Products.WIDENED)],
)
def test_products_follow_the_processor_and_only_bfloat16_is_touched(
    multiplies_bfloat16: bool, products: Products, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = SimpleNamespace(multiplies_bfloat16=multiplies_bfloat16)
    monkeypatch.setattr(bf16_matmul, "processor", lambda: asked)
    assert products_of(tiny_model("llama", dtype="bfloat16")) is products
    assert products_of(tiny_model("llama")) is Products.DIRECT
    assert products_of(tiny_model("llama", dtype="float16")) is Products.DIRECT
