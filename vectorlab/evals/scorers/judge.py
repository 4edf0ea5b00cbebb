"""The grade of a language model behind any OpenAI-compatible endpoint.

Off unless an endpoint is named. What was asked and answered is kept with the score; a judge that
does not answer, or answers no grade, gives no score.
"""

import json
import re
import urllib.error
import urllib.request
from typing import Any

from vectorlab.domain.scores.scores import Score, TextItem
from vectorlab.errors import InputError
from vectorlab.evals.registry import ScoreText, TextScorer

PROMPT = """\
You grade one text. Question: {question}
The text was written in answer to:
<prompt>{prompt}</prompt>
The text:
<text>{text}</text>
Answer with a whole number from 0 (worst) to {scale} (best), and nothing else."""
ANSWER_LENGTH = 2000  # characters that are kept
ANSWER_BYTES = 1_000_000  # that are read
TRIES = 2


def judge(
    *,
    question: str,
    model: str,
    url: str | None,
    scale: int,
    timeout: float,
    default_url: str | None = None,
    key: str | None = None,
) -> ScoreText:
    """The grade over the best grade, 0 to 1.

    Args:
        question: What is to be graded.
        model: Name of the judge at its endpoint.
        url: Base address of an endpoint that speaks OpenAI's chat protocol.
        scale: The best grade; the worst is 0.
        timeout: Seconds to wait for an answer.
        default_url: Taken where ``url`` is None.
        key: Sent as a bearer token; None sends none.

    Raises:
        InputError: If no endpoint is named.
    """
    base = url or default_url
    if base is None or not base.startswith(("http://", "https://")):
        raise InputError(
            f"Scorer 'judge' has no endpoint ({base!r}). Name one: judge:...:url=http://host/v1, "
            "or set VECTORLAB_JUDGE_URL."
        )
    if scale < 1:
        raise InputError(f"The judge's scale is {scale}; the best grade must be 1 or more.")
    endpoint = f"{base.rstrip('/')}/chat/completions"

    def score(generation: TextItem) -> Score:
        prompt = PROMPT.format(
            question=question, prompt=generation.prompt, text=generation.text, scale=scale
        )
        kept: dict[str, Any] = {"asked": prompt, "model": model}
        try:
            answer = _ask(endpoint, model, prompt, timeout=timeout, key=key)
        except TimeoutError:
            return Score.missing(f"the judge did not answer within {timeout:g} s", **kept)
        except (OSError, ValueError, LookupError, TypeError) as error:
            return Score.missing(f"the judge cannot be asked: {_why(error)}", **kept)
        kept["answer"] = answer[:ANSWER_LENGTH]
        grades = re.findall(r"(?<![\w.-])\d+(?:\.\d+)?(?![\w.]*\d)", answer.strip())
        if len(grades) != 1 or not 0 <= float(grades[0]) <= scale:
            return Score.missing(f"the judge's answer is no grade from 0 to {scale}", **kept)
        return Score.of(float(grades[0]) / scale, **kept)

    return score


def _ask(endpoint: str, model: str, prompt: str, *, timeout: float, key: str | None) -> str:
    body = {"model": model, "temperature": 0, "messages": [{"role": "user", "content": prompt}]}
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(endpoint, json.dumps(body).encode(), headers)
    for left in range(TRIES - 1, -1, -1):
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                data = json.loads(response.read(ANSWER_BYTES))
            return str(data["choices"][0]["message"]["content"])
        except urllib.error.HTTPError as error:
            if error.code < 500 or not left:
                raise
    raise AssertionError("the last try returns or raises")


def _why(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP status {error.code}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return f"{type(error).__name__}: {error}"


SCORER = TextScorer(prepare=judge)
