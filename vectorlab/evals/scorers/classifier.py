"""Probability of a label by a text-classification model on disk."""

from pathlib import Path
from typing import Any

import torch

from vectorlab.domain.scores.scores import Score, TextItem
from vectorlab.errors import InputError, ModelError
from vectorlab.evals.registry import ScoreText, TextScorer


def classifier(*, path: str, label: str) -> ScoreText:
    """Softmax probability of the label, 0 to 1, for any model of transformers' classification head.

    Raises:
        InputError: If the directory is missing or the model has no such label.
        ModelError: If the directory holds no text-classification model.
    """
    tokenizer, model = _load(path)
    label_id = _label_id(model.config.id2label, label)

    @torch.inference_mode()
    def score(generation: TextItem) -> Score:
        if not generation.text.strip():
            return Score.missing("the text is empty")
        inputs = tokenizer(generation.text, truncation=True, return_tensors="pt")
        probabilities = model(**inputs).logits[0].float().softmax(-1)
        best = int(probabilities.argmax())
        return Score.of(float(probabilities[label_id]), predicted=str(model.config.id2label[best]))

    return score


def _load(path: str) -> tuple[Any, Any]:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    if not Path(path).is_dir():
        raise InputError(f"There is no directory {path!r}. Give a classification model on disk.")
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
        model, report = AutoModelForSequenceClassification.from_pretrained(
            path, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError, KeyError) as exc:
        raise ModelError(f"{path!r} is no text-classification model: {exc}") from exc
    if report["missing_keys"]:
        raise ModelError(
            f"{path!r} is no text-classification model: {sorted(report['missing_keys'])[0]} and "
            "more are missing from its weights."
        )
    return tokenizer, model.eval()


def _label_id(labels: dict[int, str], label: str) -> int:
    for number, name in labels.items():
        if label in (str(number), name):
            return int(number)
    raise InputError(f"The classifier has no label {label!r}. It has {', '.join(labels.values())}.")


SCORER = TextScorer(prepare=classifier)
