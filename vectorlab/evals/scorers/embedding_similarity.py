"""Closeness in meaning by sentence embeddings of a local model.

Source: Reimers and Gurevych 2019, https://arxiv.org/abs/1908.10084.
"""

from pathlib import Path

import numpy as np

from vectorlab.domain.scores.scores import Score, TextItem
from vectorlab.errors import InputError, ModelError
from vectorlab.evals.registry import ScoreText, TextScorer


def embedding_similarity(*, path: str, to: str) -> ScoreText:
    """Cosine of the embeddings of text and reference, baseline or prompt, -1 to 1.

    Raises:
        InputError: If the directory or the extra is missing.
        ModelError: If the directory holds no such model.
    """
    if not Path(path).is_dir():
        raise InputError(
            f"There is no directory {path!r}. Give a sentence-transformers model that is on disk."
        )
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as exc:
        raise InputError(
            "Scorer 'embedding_similarity' needs an extra: pip install 'vectorlab[embeddings]'"
        ) from exc
    try:
        model = SentenceTransformer(path, device="cpu", local_files_only=True)
    except Exception as exc:
        raise ModelError(f"{path!r} is no sentence-transformers model: {exc}") from exc

    def score(generation: TextItem) -> Score:
        other = getattr(generation, to)
        if other is None:
            return Score.missing(f"no {to} text to compare with")
        if not generation.text.strip():
            return Score.missing("the text is empty")
        mine, theirs = model.encode([generation.text, other], show_progress_bar=False)
        norms = float(np.linalg.norm(mine) * np.linalg.norm(theirs))
        if norms == 0:
            return Score.missing("an embedding is zero")
        return Score.of(float(mine @ theirs) / norms)

    return score


SCORER = TextScorer(prepare=embedding_similarity)
