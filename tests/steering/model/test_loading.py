import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.tiny_models import byte_tokenizer, random_model
from vectorlab.errors import ArchitectureError, InputError, IntegrityError, ModelError
from vectorlab.steering.model.fingerprint import weights_digest
from vectorlab.steering.model.loading import describe_model, load_model
from vectorlab.steering.model.locations import bundled_model_path


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A complete model directory."""
    return saved(tmp_path / "model")


def saved(path: Path, architecture: str = "llama", *, shard: str = "5GB", **changes: Any) -> Path:
    random_model(architecture, **changes).save_pretrained(path, max_shard_size=shard)
    byte_tokenizer(bos=True).save_pretrained(path)
    return path


def edit_config(path: Path, **changes: Any) -> None:
    file = path / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_a_directory_is_described_without_loading_it(directory: Path) -> None:
    found = describe_model(str(directory))
    assert found.source == str(directory)
    assert (found.architecture, found.n_layers, found.d_model) == ("llama", 3, 32)
    assert (found.vocabulary_size, found.context_length) == (259, 128)
    assert found.n_parameters == sum(p.numel() for p in random_model("llama").parameters())
    assert found.revision is None
    assert found.chat_template_sha256 is None


def test_a_relative_directory_is_recorded_as_absolute(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(directory.parent)
    assert describe_model("model").source == str(directory)


@pytest.mark.parametrize("architecture", ["gpt2", "gemma2", "qwen2_moe"])
def test_sharded_and_single_file_saves_have_one_fingerprint(
    tmp_path: Path, architecture: str
) -> None:
    single = saved(tmp_path / "single", architecture)
    sharded = saved(tmp_path / "sharded", architecture, shard="30KB")
    assert len(list(sharded.glob("*.safetensors"))) > 2
    assert describe_model(str(single)).fingerprint == describe_model(str(sharded)).fingerprint
    loaded = load_model(describe_model(str(sharded)), device="cpu")
    expected = random_model(architecture)(torch.tensor([[1, 2, 3]])).logits
    assert torch.equal(loaded.model(torch.tensor([[1, 2, 3]])).logits, expected)


def test_one_bit_of_the_weights_changes_the_fingerprint(directory: Path) -> None:
    before = describe_model(str(directory))
    flip_last_bit(directory / "model.safetensors")
    after = describe_model(str(directory))
    assert after.weights_sha256 != before.weights_sha256
    assert after.config_sha256 == before.config_sha256
    with pytest.raises(IntegrityError, match=r"changed since it was registered.*weights_sha256\)"):
        load_model(before)


def flip_last_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def test_tokenizer_configuration_and_chat_template_are_part_of_the_fingerprint(
    directory: Path,
) -> None:
    seen = [describe_model(str(directory))]
    edit_config(directory, rope_theta=5000.0)
    seen.append(describe_model(str(directory)))
    (directory / "chat_template.jinja").write_text("{{ messages }}")
    seen.append(describe_model(str(directory)))
    (directory / "added_tokens.json").write_text("{}")
    seen.append(describe_model(str(directory)))
    assert len({item.fingerprint for item in seen}) == 4
    assert seen[2].chat_template_sha256 is not None


def test_the_version_that_wrote_a_configuration_is_not_part_of_it(directory: Path) -> None:
    before = describe_model(str(directory)).fingerprint
    edit_config(directory, transformers_version="9.9.9")
    assert describe_model(str(directory)).fingerprint == before


def test_tied_weights_are_counted_once_and_load(tmp_path: Path) -> None:
    tied = saved(tmp_path / "tied", tie_word_embeddings=True)
    loaded = load_model(describe_model(str(tied)), device="cpu")
    assert loaded.description.n_parameters == sum(p.numel() for p in loaded.model.parameters())
    assert loaded.model.lm_head.weight is loaded.model.model.embed_tokens.weight


def test_half_precision_files_compute_in_float32_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "half"
    random_model("llama").half().save_pretrained(path)
    byte_tokenizer(bos=True).save_pretrained(path)
    description = describe_model(str(path))
    assert load_model(description, device="cpu").model.dtype == torch.float32
    assert load_model(description, device="cpu", dtype="bfloat16").dtype == torch.bfloat16


def test_a_loaded_model_is_ready_to_use(directory: Path, capfd: pytest.CaptureFixture[str]) -> None:
    loaded = load_model(describe_model(str(directory)))
    assert not loaded.model.training
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())
    assert loaded.eos_token_ids == (2,)
    assert loaded.tokenizer("a")["input_ids"][0] == 1
    assert capfd.readouterr().err == ""


def test_several_ends_of_text_are_known(directory: Path) -> None:
    (directory / "generation_config.json").write_text('{"eos_token_id": [7, 9]}')
    assert load_model(describe_model(str(directory))).eos_token_ids == (2, 7, 9)


def test_the_bundled_model_is_described_under_its_own_name() -> None:
    found = describe_model("bundled:tiny")
    assert found.source == "bundled:tiny"
    assert found.architecture == "llama"
    assert found.n_parameters > 1_000_000


def test_a_bundled_model_that_is_not_there_names_the_one_that_is() -> None:
    with pytest.raises(ModelError, match=r"'huge'\. Bundled is: bundled:tiny"):
        bundled_model_path("huge")


def test_a_missing_directory_is_an_error() -> None:
    with pytest.raises(ModelError, match="No model directory /nowhere/at/all"):
        describe_model("/nowhere/at/all")


def test_a_hub_id_while_offline_is_an_error_that_says_so() -> None:
    with pytest.raises(ModelError, match=r"No directory 'some/model' here.*HF_HUB_OFFLINE is set"):
        describe_model("some/model")
    with pytest.raises(ModelError, match=r"No directory 'no--such' here"):
        describe_model("no--such")


def test_a_hub_model_is_recorded_with_its_commit(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "hub" / "models--some--model"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    shutil.copytree(directory, repository / "snapshots" / commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    found = describe_model("some/model")
    assert (found.source, found.revision) == ("some/model", commit)
    assert found.fingerprint == describe_model(str(directory)).fingerprint
    assert load_model(found, device="cpu").description == found


def test_a_directory_without_a_configuration_is_an_error(directory: Path) -> None:
    (directory / "config.json").unlink()
    with pytest.raises(ModelError, match=r"config\.json"):
        describe_model(str(directory))


def test_a_directory_without_weights_is_an_error(directory: Path) -> None:
    (directory / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"no model\.safetensors.*save_pretrained"):
        describe_model(str(directory))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.gguf"])
def test_pickled_and_foreign_weights_are_named_with_the_way_to_convert(
    directory: Path, name: str
) -> None:
    (directory / "model.safetensors").rename(directory / name)
    with pytest.raises(ModelError, match=f"{name}.*convert once.*save_pretrained"):
        describe_model(str(directory))


def test_missing_shards_are_named(tmp_path: Path) -> None:
    path = saved(tmp_path / "sharded", shard="30KB")
    shards = sorted(path.glob("*.safetensors"))
    shards[1].unlink()
    with pytest.raises(ModelError, match=f"misses 1 of {len(shards)} shards.*{shards[1].name}"):
        describe_model(str(path))


def test_a_file_that_ends_early_is_an_error(directory: Path) -> None:
    file = directory / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(ModelError, match="ends early"):
        describe_model(str(directory))


@pytest.mark.parametrize("data", [b"PK\x03\x04 a zip archive, in truth", b"abc", b""])
def test_a_file_that_is_no_safetensors_is_an_error(directory: Path, data: bytes) -> None:
    (directory / "model.safetensors").write_bytes(data)
    with pytest.raises(ModelError, match="is not a safetensors file"):
        describe_model(str(directory))


def test_a_missing_tokenizer_is_an_error(directory: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        (directory / name).unlink(missing_ok=True)
    with pytest.raises(ModelError, match="no tokenizer"):
        describe_model(str(directory))


def test_an_unknown_architecture_names_the_table(directory: Path) -> None:
    edit_config(directory, model_type="mamba", architectures=["MambaForCausalLM"])
    with pytest.raises(
        ArchitectureError, match=r"'mamba'.*vectorlab/steering/model/architectures\.py"
    ):
        describe_model(str(directory))


def test_a_model_that_is_not_causal_is_an_error(directory: Path) -> None:
    edit_config(directory, architectures=["LlamaForSequenceClassification"])
    with pytest.raises(ModelError, match="ForSequenceClassification, which is not a causal"):
        describe_model(str(directory))


def test_incomplete_weights_are_an_error_and_not_filled_with_noise(
    directory: Path, tmp_path: Path
) -> None:
    shallow = saved(tmp_path / "shallow", num_hidden_layers=2)
    shutil.copy(shallow / "model.safetensors", directory / "model.safetensors")
    with pytest.raises(ModelError, match=r"weights in .* are incomplete: 9 tensors.*layers\.2"):
        load_model(describe_model(str(directory)))


def test_an_unknown_device_or_dtype_is_an_error(directory: Path) -> None:
    description = describe_model(str(directory))
    with pytest.raises(InputError, match="'abacus' cannot be used"):
        load_model(description, device="abacus")
    with pytest.raises(InputError, match=r"'int8' is unknown\. Choose from float32"):
        load_model(description, dtype="int8")


def test_the_weights_hash_covers_names_and_shapes(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    digests = set()
    for tensors in (
        {"a": torch.zeros(4)},
        {"b": torch.zeros(4)},
        {"a": torch.zeros(2, 2)},
        {"a": torch.zeros(4, dtype=torch.int32)},
    ):
        save_file(tensors, tmp_path / "model.safetensors")
        digests.add(weights_digest(tmp_path).sha256)
    assert len(digests) == 4
