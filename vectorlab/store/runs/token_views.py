"""What jobs found about single tokens: those nearest to vectors, and those of generations."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from vectorlab.domain.packing import pack_floats, read_floats
from vectorlab.domain.runs.texts import Divergence, GeneratedText
from vectorlab.domain.runs.tokens import NearestTokens, ReadTokens, VocabularyToken
from vectorlab.store import evidence, schema
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Transaction

_nearest = schema.nearest_tokens
_read = schema.generation_tokens
_generations = schema.generations


def add_nearest(tx: Transaction, vector_id: int, layers: Sequence[NearestTokens]) -> None:
    """Keep the nearest tokens of a vector, unless it has some already."""
    if nearest(tx, vector_id):
        return
    rows = [
        {
            "steering_vector_id": vector_id,
            "layer": layer.layer,
            "toward_json": [_to_json(token) for token in layer.toward],
            "away_json": [_to_json(token) for token in layer.away],
        }
        for layer in layers
    ]
    sealed = evidence.seal(tx, _nearest, rows)
    tx.execute(_nearest.insert().values(created_at=utc_now()), sealed)


def nearest(tx: Transaction, vector_id: int) -> list[NearestTokens]:
    """The nearest tokens of a vector by layer; empty where no job has found them yet."""
    query = _nearest.select().where(_nearest.c.steering_vector_id == vector_id)
    return [
        NearestTokens(
            layer=row.layer,
            toward=tuple(map(_from_json, row.toward_json)),
            away=tuple(map(_from_json, row.away_json)),
        )
        for row in tx.execute(query.order_by(_nearest.c.layer))
    ]


def add_read(tx: Transaction, texts: Sequence[ReadTokens]) -> None:
    """Keep the tokens of generations; those that have some already keep them."""
    known = read(tx, [text.generation_id for text in texts])
    rows = [
        {
            "generation_id": text.generation_id,
            "pieces_json": list(text.pieces),
            "logprobs": pack_floats(text.logprobs),
            "baseline_logprobs": pack_floats(text.baseline_logprobs),
        }
        for text in texts
        if text.generation_id not in known
    ]
    if rows:
        sealed = evidence.seal(tx, _read, rows)
        tx.execute(_read.insert().values(created_at=utc_now()), sealed)


def add_written(tx: Transaction, run_id: int, texts: Sequence[GeneratedText]) -> None:
    """Keep the tokens of those texts of a run that were compared while they were written."""
    by_prompt: dict[int, dict[tuple[int, int], Divergence]] = {}
    for text in texts:
        if text.divergence is not None and text.divergence.pieces:
            key = (text.key.arm, text.key.sample)
            by_prompt.setdefault(text.key.prompt, {})[key] = text.divergence
    for prompt, divergences in by_prompt.items():
        ids = generation_ids(tx, run_id, prompt)
        add_read(
            tx,
            [
                ReadTokens(
                    generation_id=ids[key],
                    pieces=divergence.pieces,
                    logprobs=divergence.logprobs,
                    baseline_logprobs=divergence.baseline_logprobs,
                )
                for key, divergence in divergences.items()
            ],
        )


def read(tx: Transaction, generation_ids: Sequence[int]) -> dict[int, ReadTokens]:
    """The tokens of those generations that a job has read."""
    query = _read.select().where(_read.c.generation_id.in_(generation_ids))
    return {
        row.generation_id: ReadTokens(
            generation_id=row.generation_id,
            pieces=tuple(row.pieces_json),
            logprobs=read_floats(row.logprobs),
            baseline_logprobs=read_floats(row.baseline_logprobs),
        )
        for row in tx.execute(query)
    }


def generation_ids(tx: Transaction, run_id: int, prompt: int) -> dict[tuple[int, int], int]:
    """Ids of the texts of one prompt of a run, by arm and sample."""
    g = _generations.c
    query = sa.select(g.arm, g.sample, g.id).where(g.run_id == run_id, g.prompt == prompt)
    return {(row.arm, row.sample): row.id for row in tx.execute(query)}


def _to_json(token: VocabularyToken) -> list[Any]:
    return [token.token_id, token.piece.replace("\x00", "\N{REPLACEMENT CHARACTER}"), token.value]


def _from_json(data: Sequence[Any]) -> VocabularyToken:
    token_id, piece, value = data
    return VocabularyToken(token_id=token_id, piece=piece, value=value)
