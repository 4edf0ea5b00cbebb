"""Scorers that load a model from disk: a classifier, and sentence embeddings."""

from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification

from tests.tiny_models import VOCABULARY, byte_tokenizer
from vectorlab.domain.scores.catalogue import parse_scorer
from vectorlab.domain.scores.scores import TextItem
from vectorlab.errors import InputError, ModelError
from vectorlab.evals.registry import prepare

SHAPE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier that says ``polite`` in 3 of 4 cases, whatever it reads."""
    folder = tmp_path_factory.mktemp("classifier")
    config = AutoConfig.for_model("bert", **SHAPE, id2label={0: "rude", 1: "polite"})
    model = AutoModelForSequenceClassification.from_config(config)
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.copy_(torch.tensor([0.0, 3.0]).log().clamp(min=0))
    model.save_pretrained(folder)
    byte_tokenizer(bos=True).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(("label", "value"), [("polite", 0.75), ("rude", 0.25), ("1", 0.75)])
def test_a_classifier_gives_the_probability_of_a_label(classifier, label: str, value: float):
    score = prepare(parse_scorer(f"classifier:{classifier}:label={label}"))
    found = score(TextItem(text="hello", prompt=""))
    assert found.value == pytest.approx(value)
    assert found.details["predicted"] == "polite"
    assert score(TextItem(text=" ", prompt="")).value is None


def test_what_is_no_classifier_is_refused(classifier, tmp_path: Path):
    with pytest.raises(InputError, match="It has rude, polite"):
        prepare(parse_scorer(f"classifier:{classifier}:label=kind"))
    with pytest.raises(InputError, match="no directory"):
        prepare(parse_scorer(f"classifier:{tmp_path / 'none'}:label=x"))
    with pytest.raises(ModelError, match="no text-classification model"):
        prepare(parse_scorer(f"classifier:{tmp_path}:label=x"))


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random encoder with mean pooling, as sentence-transformers keeps it."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    plain = tmp_path_factory.mktemp("encoder")
    AutoModel.from_config(AutoConfig.for_model("bert", **SHAPE)).save_pretrained(plain)
    byte_tokenizer(bos=True).save_pretrained(plain)
    folder = tmp_path_factory.mktemp("embedder")
    encoder = Transformer(str(plain))
    SentenceTransformer(modules=[encoder, Pooling(16)], device="cpu").save(str(folder))
    return folder


def test_a_text_is_closest_to_itself(embedder: Path):
    score = prepare(parse_scorer(f"embedding_similarity:{embedder}"))
    same = score(TextItem(text="a cat", prompt="", reference="a cat"))
    other = score(TextItem(text="a cat", prompt="", reference="zzzz"))
    assert same.value == pytest.approx(1.0, abs=1e-5)
    assert other.value < same.value
    assert (
        score(TextItem(text="a cat", prompt="")).missing_reason
        == "no reference text to compare with"
    )


def test_what_is_no_embedding_model_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="no directory"):
        prepare(parse_scorer(f"embedding_similarity:{tmp_path / 'none'}"))
