"""What the shell's words become before typer reads them."""

from collections.abc import Sequence

# Options that take several values after one flag, as in ``--strength 0 0.05 0.1``.
_SEVERAL = ("--strength", "--strengths", "--k")
# Options of the whole program, accepted wherever they stand; True if a value follows.
_GLOBAL = {"--db": True, "--debug": False}


def normalise(words: Sequence[str]) -> list[str]:
    """Repeat multi-value flags before each value and move global options to the front.

    >>> normalise(["runs", "generate", "--strength", "0", "-0.1", "--db", "sqlite:///x.db"])
    ['--db', 'sqlite:///x.db', 'runs', 'generate', '--strength', '0', '--strength', '-0.1']
    """
    front: list[str] = []
    rest: list[str] = []
    several: str | None = None
    pending = list(words)
    while pending:
        word = pending.pop(0)
        if word == "--":
            rest += [word, *pending]
            break
        if word in _GLOBAL:
            front.append(word)
            if _GLOBAL[word] and pending:
                front.append(pending.pop(0))
        elif word.startswith("--db="):
            front.append(word)
        elif word in _SEVERAL and pending:
            several = word
            rest += [word, pending.pop(0)]
        elif several and _is_number(word):
            rest += [several, word]
        else:
            several = None
            rest.append(word)
    return front + rest


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
