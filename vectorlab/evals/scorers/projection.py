"""How far along a vector the states of a text lie."""

from collections.abc import Sequence

import torch

from vectorlab.domain.scores.scores import Score
from vectorlab.domain.vectors.vectors import LayerVector, Site, TokenRule
from vectorlab.errors import InputError
from vectorlab.steering.model.loading import LoadedModel
from vectorlab.steering.model.tokens import encode, leading_tokens
from vectorlab.steering.recording.activations import record_states


def project_texts(
    loaded: LoadedModel,
    texts: Sequence[str],
    vector: Sequence[LayerVector],
    *,
    site: Site,
    layer: int | None = None,
) -> list[Score]:
    """Cosine of the mean state of each text with the vector, mean over its layers, -1 to 1.

    The model reads the text alone and unsteered; tokens that the tokenizer puts before every text
    are left out.

    Args:
        loaded: The model.
        texts: Without their prompts.
        vector: Its layers.
        site: Where states are read.
        layer: Only this one; None takes all that the vector has.

    Raises:
        InputError: If the vector has no such layer.
    """
    chosen = [part for part in vector if layer is None or part.layer == layer]
    if not chosen:
        raise InputError(
            f"The vector has no layer {layer}; it has {[part.layer for part in vector]}."
        )
    there = [place for place, text in enumerate(texts) if text.strip()]
    if not there:
        return [Score.missing("the text is empty") for _ in texts]
    limit = loaded.description.context_length
    ids = encode(
        loaded.tokenizer,
        [texts[place] for place in there],
        add_special_tokens=True,
        context_length=limit,
    )
    states = record_states(
        loaded,
        ids,
        site=site,
        layers=[part.layer for part in chosen],
        token_rule=TokenRule("mean"),
        lead=leading_tokens(loaded.tokenizer),
    ).values  # (N, L, D)
    directions = torch.stack([torch.from_numpy(part.values.copy()) for part in chosen])
    cosines = torch.cosine_similarity(states, directions[None], dim=-1)  # (N, L)
    scores = {
        place: Score.of(
            float(row.mean()),
            layers=[part.layer for part in chosen],
            cosines=[round(value, 6) for value in row.tolist()],
        )
        for place, row in zip(there, cosines, strict=True)
    }
    return [scores.get(place, Score.missing("the text is empty")) for place in range(len(texts))]
