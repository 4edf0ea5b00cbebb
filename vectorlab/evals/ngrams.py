"""N-grams of words, for repetition and variety."""


def word_ngrams(text: str, n: int) -> list[tuple[str, ...]]:
    """All n-grams of the text's words in lower case, in their order."""
    words = text.lower().split()
    return list(zip(*(words[start:] for start in range(n)), strict=False)) if n > 0 else []
