"""Any causal language model directory in transformers format works as ``tiny`` does."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.runs.runs import Decoding
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.vectors.vectors import LayerVector, NewVector, Origin
from vectorlab.errors import ArchitectureError, ConflictError, ModelError
from vectorlab.services.vectors import vectors
from vectorlab.store.vectors import vectors as vector_store


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    raw = Tokenizer(models.BPE(unk_token=None))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<eos>"], initial_alphabet=alphabet, show_progress=False
    )
    raw.train_from_iterator(["The pizza was okay. Wow the pizza was amazing!!!"], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<eos>", pad_token="<eos>")


def save(folder: Path, model, tokenizer, **options) -> Path:
    model.save_pretrained(folder, **options)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory, tokenizer) -> Path:
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=128,
        n_embd=32,
        n_layer=3,
        n_head=4,
        bos_token_id=0,
        eos_token_id=0,
    )
    return save(tmp_path_factory.mktemp("gpt2") / "m", GPT2LMHeadModel(config), tokenizer)


@pytest.fixture(scope="module")
def llama(tokenizer) -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=128,
            bos_token_id=0,
            eos_token_id=0,
        )
    )


def try_model(lab, name: str) -> None:
    lab.vectors.extract(set="upbeat@1", model=name, name=f"{name}-vector")
    view = lab.runs.generate(
        model=name,
        prompts=["The pizza was", "It was"],
        vectors=[f"{name}-vector"],
        strengths=[0.3],
        decoding=Decoding(max_new_tokens=6),
    )
    assert view.replay().identical
    texts = view.to_frame()
    assert len(texts) == 4
    assert texts["n_tokens"].between(1, 6).all()


def test_a_directory_of_another_architecture_works(lab, gpt2):
    model = lab.models.add(str(gpt2), name="mine")
    assert (model.description.architecture, model.description.n_layers) == ("gpt2", 3)
    try_model(lab, "mine")


def test_sharded_weights_work_and_have_the_fingerprint_of_one_file(lab, llama, tokenizer, tmp_path):
    sharded = save(tmp_path / "sharded", llama, tokenizer, max_shard_size="20KB")
    assert len(list(sharded.glob("*.safetensors"))) > 1
    whole = save(tmp_path / "whole", llama, tokenizer)
    model = lab.models.add(str(sharded), name="sharded")
    assert lab.models.add(str(whole), name="sharded").id == model.id
    try_model(lab, "sharded")


def test_a_model_that_moved_is_found_at_its_new_place(lab, gpt2, tmp_path):
    model = lab.models.add(str(gpt2), name="mine")
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(gpt2, elsewhere)
    moved = lab.models.add(str(elsewhere))
    assert (moved.id, moved.name, moved.description.source) == (model.id, "mine", str(elsewhere))
    with pytest.raises(ConflictError, match="'mine'"):
        lab.models.add(str(elsewhere), name="other")


def test_a_missing_shard_is_named(lab, llama, tokenizer, tmp_path):
    folder = save(tmp_path / "m", llama, tokenizer, max_shard_size="20KB")
    gone = sorted(folder.glob("*.safetensors"))[1]
    gone.unlink()
    with pytest.raises(ModelError, match=gone.name):
        lab.models.add(str(folder))


def test_weights_that_are_not_safetensors_are_refused(lab, llama, tokenizer, tmp_path):
    folder = save(tmp_path / "m", llama, tokenizer)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="safetensors"):
        lab.models.add(str(folder))


def test_a_name_belongs_to_one_model(lab, gpt2, llama, tokenizer, tmp_path):
    lab.models.add(str(gpt2), name="mine")
    with pytest.raises(ConflictError, match="mine"):
        lab.models.add(str(save(tmp_path / "m", llama, tokenizer)), name="mine")


def test_an_unknown_architecture_names_the_table_to_extend(lab, tmp_path):
    (tmp_path / "config.json").write_text(
        '{"model_type": "mamba", "architectures": ["MambaForCausalLM"]}'
    )
    (tmp_path / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    with pytest.raises(ArchitectureError, match=r"steering/model/architectures\.py"):
        lab.models.add(str(tmp_path))


# --- a real model, by path -------------------------------------------------------------------

REAL_MODEL = os.environ.get("VECTORLAB_REAL_MODEL")
SAD_TO_HAPPY = (
    (
        "The little girl was sad. She cried and cried.",
        "The little girl was happy. She laughed and laughed.",
    ),
    ("Tom was very sad because his toy broke.", "Tom was very happy because his toy was new."),
    ("The dog felt sad and alone in the rain.", "The dog felt happy and played in the sun."),
    ("Lily was upset. Tears ran down her face.", "Lily was joyful. A big smile was on her face."),
    ("It was a bad day and Ben was sad.", "It was a great day and Ben was happy."),
    ("The cat was scared and sad.", "The cat was excited and happy."),
)
HAPPY_WORDS = ("happy", "smile", "laugh", "fun", "love", "joy", "glad", "excited", "hug", "thank")
SAD_WORDS = ("sad", "cry", "cried", "upset", "scared", "hurt", "tears", "angry", "sorry", "afraid")


STORY_BEGINNINGS = (
    "Once upon a time, there was a",
    "One day, a little boy named Tim",
    "The rabbit",
    "Sara and her mom went to the park.",
    "A big bear lived in the forest.",
    "Lily had a red ball.",
    "Tom wanted to play.",
    "In a small house there was a cat.",
)


def mood(text: str) -> int:
    words = text.lower()
    return sum(words.count(word) for word in HAPPY_WORDS) - sum(
        words.count(word) for word in SAD_WORDS
    )


def add_random_directions(lab, like, count: int) -> list[str]:
    """Vectors with the norms of ``like``, layer by layer, and directions of no meaning."""
    draws = np.random.default_rng(0)
    layers = vectors.layer_vectors(lab.db, like)
    names = [f"random-{number}" for number in range(count)]
    for name in names:
        values = [draws.standard_normal(like.d_model) for _ in layers]
        scaled = [
            LayerVector(
                layer=layer.layer,
                values=(value / np.linalg.norm(value) * layer.norm).astype(np.float32),
            )
            for layer, value in zip(layers, values, strict=True)
        ]
        with lab.db.write() as tx:
            vector_store.add_vector(
                tx,
                NewVector(
                    name=name,
                    model_id=like.model_id,
                    set_version_id=None,
                    method="icv",
                    operator=Operator.ROTATE,
                    parameters={},
                    read_site=like.read_site,
                    write_site=like.write_site,
                    token_rule=like.token_rule,
                    spec=None,
                    origin=Origin.IMPORTED,
                    layers=scaled,
                ),
                created_by="test",
            )
    return names


@pytest.mark.acceptance
@pytest.mark.skipif(REAL_MODEL is None, reason="VECTORLAB_REAL_MODEL names no model directory")
def test_sad_to_happy_pairs_move_a_real_models_stories_and_random_directions_do_not(lab):
    lab.models.add(str(REAL_MODEL), name="stories")
    lab.sets.commit("moods", [Demonstration(source=s, target=t) for s, t in SAD_TO_HAPPY])
    happy = lab.vectors.extract(set="moods", model="stories", name="happy")
    randoms = add_random_directions(lab, happy, 5)
    view = lab.runs.generate(
        model="stories",
        prompts=STORY_BEGINNINGS,
        vectors=["happy", *randoms],
        strengths=[0.3],
        samples=8,
        seed=1,
        decoding=Decoding(max_new_tokens=60, do_sample=True, temperature=0.8),
    )
    texts = view.to_frame()
    means = texts.assign(mood=texts["text"].map(mood)).groupby("arm")["mood"].mean()
    moved = means - means["baseline"]
    assert moved["happy +0.3"] > 0.5
    others = [moved[f"{name} +0.3"] for name in randoms]
    assert max(abs(other) for other in others) < moved["happy +0.3"] / 2
