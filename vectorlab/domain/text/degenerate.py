"""Texts that say nothing any more: what a strength beyond reason makes of a model's words."""

MOST_REPEATED = 0.5  # of its n-grams; a text above repeats itself
FEWEST_WORDS = 8  # that can be said to repeat themselves
N = 3  # words of an n-gram
MOST_ALIKE = 12  # equal characters in a row that a text may have, "!!!!" and "....." included


def word_ngrams(text: str, n: int) -> list[tuple[str, ...]]:
    """All n-grams of the text's words in lower case, in their order."""
    words = text.lower().split()
    return list(zip(*(words[start:] for start in range(n)), strict=False)) if n > 0 else []


def degeneracy(text: str) -> str | None:
    """How a text is degenerate, in words; None where it is not seen to be.

    A text is if it has no letter and no digit in any script, repeats one character, or repeats
    itself: of eight words or more, over half of the n-grams of three stood in it before. It is a
    sign to look at the text, no judgement of what it says.
    """
    if not text.strip():
        return "empty"
    if not any(character.isalnum() for character in text):
        return "no words"
    if _longest_repeat(text) > MOST_ALIKE:
        return "repeats a character"
    ngrams = word_ngrams(text, N)
    if len(ngrams) + N - 1 < FEWEST_WORDS:
        return None
    repeated = 1 - len(set(ngrams)) / len(ngrams)
    return "repeats itself" if repeated > MOST_REPEATED else None


def _longest_repeat(text: str) -> int:
    """The length of the longest row of one visible character."""
    longest = length = 0
    last = ""
    for character in text:
        length = length + 1 if character == last and not character.isspace() else 1
        last = character
        longest = max(longest, length)
    return longest
