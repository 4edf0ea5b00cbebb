"""Models whose weights torchao stores in int8: described, loaded, read and steered like others."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.steering.builders import arm, intervention, run_spec
from tests.steering.extraction.test_extraction import PAIRS, stack
from tests.steering.generation.test_generation import ARMS, PROMPTS, generated, tokens
from tests.steering.model.test_loading import edit_config, saved
from tests.steering.recording.test_state_cache import spec_of
from tests.tiny_models import byte_tokenizer
from vectorlab.domain.vectors.vectors import Site
from vectorlab.errors import ModelError
from vectorlab.steering.extraction.extraction import extract
from vectorlab.steering.model.environment import describe_environment
from vectorlab.steering.model.loading import LoadedModel, describe_model, load_model
from vectorlab.steering.recording.activations import record_states


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama whose linear maps are int8, as transformers saves it."""
    from torchao.quantization import Int8WeightOnlyConfig
    from transformers import AutoModelForCausalLM, TorchAoConfig

    plain = saved(tmp_path_factory.mktemp("plain"))
    model = AutoModelForCausalLM.from_pretrained(
        plain,
        dtype=torch.float32,
        quantization_config=TorchAoConfig(Int8WeightOnlyConfig()),
    )
    folder = tmp_path_factory.mktemp("int8")
    model.save_pretrained(folder)
    byte_tokenizer(bos=True).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def loaded(directory: Path) -> LoadedModel:
    return load_model(describe_model(str(directory)), device="cpu")


@pytest.mark.quantised
def test_weights_stay_quantised_and_the_environment_says_by_what(loaded: LoadedModel) -> None:
    weight = loaded.model.model.layers[0].mlp.up_proj.weight
    assert type(weight).__name__ == "Int8Tensor"
    assert weight.qdata.dtype == torch.int8
    assert loaded.description.architecture == "llama"
    found = describe_environment(loaded)
    assert found["quantiser"].startswith("torchao ")
    assert json.loads(json.dumps(found)) == found


@pytest.mark.quantised
def test_the_fingerprint_is_of_the_quantised_weights(directory: Path, tmp_path: Path) -> None:
    quantised = describe_model(str(directory))
    assert quantised == describe_model(str(directory))
    plain = describe_model(str(saved(tmp_path / "plain")))
    assert quantised.weights_sha256 != plain.weights_sha256
    assert (quantised.n_layers, quantised.d_model) == (plain.n_layers, plain.d_model)


@pytest.mark.quantised
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_states_are_those_of_the_whole_model_run_text_by_text(directory: Path, dtype: str) -> None:
    model = load_model(describe_model(str(directory)), device="cpu", dtype=dtype)
    ids = model.tokenizer([item.source for item in PAIRS])["input_ids"]
    found = record_states(model, ids, site=Site.BLOCK_OUTPUT, include_embeddings=True).values
    tolerance = {"float32": 1e-4, "bfloat16": 0.15}[dtype]
    for row, sequence in enumerate(ids):
        seen = model.model(torch.tensor([sequence]), output_hidden_states=True).hidden_states
        # The library's last entry is behind the final norm.
        expected = torch.stack([item[0, -1].float() for item in seen[:-1]])
        torch.testing.assert_close(found[row, :-1], expected, atol=tolerance, rtol=tolerance)


@pytest.mark.quantised
def test_vectors_are_near_those_of_the_plain_model(loaded: LoadedModel, tmp_path: Path) -> None:
    plain = load_model(describe_model(str(saved(tmp_path / "plain"))), device="cpu")
    ours, theirs = (
        stack(extract(item, PAIRS, spec_of(item, method="mean_difference"))).ravel()
        for item in (loaded, plain)
    )
    assert ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs) > 0.99
    assert not np.array_equal(ours, theirs)


@pytest.mark.quantised
def test_steered_texts_replay_and_strength_zero_changes_no_bit(loaded: LoadedModel) -> None:
    spec = run_spec(loaded, PROMPTS, ARMS)
    first = generated(loaded, spec)
    assert tokens(generated(loaded, spec, plan=first.plan)) == tokens(first)
    still, none = (
        generated(loaded, run_spec(loaded, PROMPTS, [one])) for one in (arm(intervention(0)), arm())
    )
    assert still.generations == none.generations
    moved = generated(loaded, run_spec(loaded, PROMPTS, [arm(intervention(3.0))]))
    assert tokens(moved) != tokens(none)


@pytest.mark.quantised
def test_a_quantised_model_goes_through_the_commands(directory: Path, tmp_path: Path) -> None:
    def vectorlab(*words: str) -> str:
        store = f"sqlite:///{tmp_path / 'lab.db'}"
        command = [sys.executable, "-m", "vectorlab", "--db", store, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    (tmp_path / "pairs.csv").write_text("a,b\nIt was bad,It was good\nSo cold,So warm\n")
    columns = ("--source-column", "a", "--target-column", "b")
    vectorlab("db", "upgrade")
    vectorlab("models", "add", str(directory), "--name", "small")
    vectorlab("sets", "import", str(tmp_path / "pairs.csv"), "--set", "mood", *columns)
    vectorlab("vectors", "extract", "--set", "mood", "--model", "small", "--name", "mood")
    run = ("--vector", "mood", "--strength", "0", "0.5", "--prompt", "Once", "--greedy")
    vectorlab("runs", "generate", "--model", "small", *run, "--max-new-tokens", "6")
    assert "Identical" in vectorlab("runs", "replay", "1")


@pytest.mark.parametrize(
    ("method", "wanted"),
    [
        ("torchao", r"needs the package torchao.*'vectorlab\[quantised\]'"),
        ("hqq", "pip install hqq"),
    ],
)
def test_a_package_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, wanted: str
) -> None:
    from vectorlab.steering.model import quantisation

    def missing(name: str) -> str:
        raise quantisation.PackageNotFoundError(name)

    monkeypatch.setattr(quantisation, "version", missing)
    folder = saved(tmp_path / "model")
    edit_config(folder, quantization_config={"quant_method": method})
    with pytest.raises(ModelError, match=wanted):
        describe_model(str(folder))
