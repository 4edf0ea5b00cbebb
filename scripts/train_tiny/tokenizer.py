"""The tokenizer: byte-level BPE whose 4352 tokens hold the corpus's words whole.

A few hundred merges are learned; the remaining places go to whole words, which byte-level BPE takes
as they stand (`ignore_merges`). Words that the corpus does not know still split into merges and
bytes, so every text can be encoded. A prompt's trailing spaces are dropped by the normalizer,
because a space belongs to the word that follows it: a prompt reads the same with and without its
last space.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator

from tokenizers import (
    Encoding,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast

from scripts.train_tiny.corpus import Segments

VOCABULARY_SIZE = 4352
CONTEXT_LENGTH = 512
PAD, BOS, EOS = "<pad>", "<s>", "</s>"
_LEARNED_SIZE = 760
_WORD_WEIGHT = 20
_SEEN_AT_LEAST = 5  # rarer words are mostly made up and are to stay in pieces


def train_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Return a fast tokenizer that puts BOS first and adds no EOS.

    Args:
        texts: documents of the corpus; words are ranked by how often they occur.
    """
    counts = Counter({w: n for w, n in _word_counts(texts).items() if n >= _SEEN_AT_LEAST})
    learned = _learn_merges(counts)
    tokenizer = _with_whole_words(learned, [word for word, _ in counts.most_common()])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=PAD,
        padding_side="left",
        model_max_length=CONTEXT_LENGTH,
        clean_up_tokenization_spaces=False,
    )


def encode_documents(
    tokenizer: PreTrainedTokenizerFast, documents: list[Segments]
) -> list[tuple[list[int], list[float]]]:
    """Return token ids and per-token loss weights of each document, BOS first and EOS last."""
    flat = [text for document in documents for text, _ in document]
    backend = tokenizer.backend_tokenizer
    encoded = iter(backend.encode_batch_fast(flat, add_special_tokens=False))
    ends = (tokenizer.convert_tokens_to_ids(BOS), tokenizer.convert_tokens_to_ids(EOS))
    return [_assemble(document, encoded, ends) for document in documents]


def _word_counts(texts: Iterable[str]) -> Counter[str]:
    splitter = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return Counter(word for text in texts for word, _ in splitter.pre_tokenize_str(text))


def _learn_merges(counts: Counter[str]) -> Tokenizer:
    """Train BPE on every word about equally often, so that rare words' parts are learned too."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = BpeTrainer(
        vocab_size=_LEARNED_SIZE,
        special_tokens=[PAD, BOS, EOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    decoder = decoders.ByteLevel()
    words = (decoder.decode([word]) for word in counts for _ in range(_WORD_WEIGHT))
    tokenizer.train_from_iterator(words, trainer)
    return tokenizer


def _with_whole_words(learned: Tokenizer, ranked: list[str]) -> Tokenizer:
    vocabulary = learned.get_vocab()
    merges = _merges_of(learned)
    for word in ranked:
        if len(vocabulary) < VOCABULARY_SIZE and word not in vocabulary:
            vocabulary[word] = len(vocabulary)
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=True))
    tokenizer.add_special_tokens([PAD, BOS, EOS])
    tokenizer.normalizer = normalizers.Replace(Regex(r" +\z"), "")
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A",
        pair=f"{BOS} $A {BOS} $B",
        special_tokens=[(BOS, tokenizer.token_to_id(BOS))],
    )
    return tokenizer


def _merges_of(tokenizer: Tokenizer) -> list[tuple[str, str]]:
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return [(pair[0], pair[1]) for pair in merges]


def _assemble(
    document: Segments, encoded: Iterator[Encoding], ends: tuple[int, int]
) -> tuple[list[int], list[float]]:
    ids, weights = [ends[0]], [0.0]
    for _, weight in document:
        piece = next(encoded).ids
        ids.extend(piece)
        weights.extend([weight] * len(piece))
    return [*ids, ends[1]], [*weights, 0.3]
