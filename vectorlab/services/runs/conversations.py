"""Going on with a conversation: what a run read and answered, in front of the next prompt.

What is gone on from is named ``RUN:ARM`` or ``RUN:ARM:PROMPT``, the first text of an arm on a
prompt: a run by id, name or hash, an arm by its label or its number from 0, a prompt of several by
its number from 1. ``RUN:before`` is what was said before the prompts of a run, to answer them anew.
What was said goes into the request, not where it was said: a request replays when the other run is
gone.
"""

from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.runs.runs import GenerationRun
from vectorlab.domain.text.chats import Chat
from vectorlab.errors import InputError
from vectorlab.store.database import Database, Transaction
from vectorlab.store.runs import runs

BEFORE = "before"  # in the place of an arm: up to the prompts, without an answer


def reference_of(run: GenerationRun, arm: int, prompt: int = 0) -> str:
    """How the text of an arm on a prompt is named, both by their places."""
    number = "" if len(run.spec.prompts) == 1 else f":{prompt + 1}"
    return f"{run.id}:{arm}{number}"


def before(run: GenerationRun) -> str:
    """How what was said before the prompts of a run is named."""
    return f"{run.id}:{BEFORE}"


def run_of(db: Database, reference: str) -> GenerationRun:
    """The run whose text is gone on from.

    Raises:
        NotFoundError: If there is no such run.
    """
    with db.read() as tx:
        return runs.get_run(tx, reference.partition(":")[0])


def up_to(db: Database, reference: str) -> Chat:
    """The chat that goes on from there.

    Raises:
        NotFoundError: If there is no such run.
        InputError: If its prompts are no turns of a chat, or the text is not named or not there.
    """
    name, _, rest = reference.partition(":")
    with db.read() as tx:
        run = runs.get_run(tx, name)
        chat = run.spec.chat
        if chat is None:
            raise InputError(
                f"The prompts of run {run.id} are texts as they are and no turns of a chat, so "
                "nothing goes on from it. Ask for the run as a chat: --chat"
            )
        if rest == BEFORE:
            return chat
        arm, prompt = _place(run, rest)
        answer = _first_text(tx, run, arm, prompt)
    return chat.answered(run.spec.arms[arm].prefix + run.spec.prompts[prompt].text, answer)


def _first_text(tx: Transaction, run: GenerationRun, arm: int, prompt: int) -> str:
    texts = runs.generations_of_prompt(tx, run.id, prompt)
    return next(text.text for text in texts if (text.key.arm, text.key.sample) == (arm, 0))


def _place(run: GenerationRun, named: str) -> tuple[int, int]:
    """Arm and prompt of a run, by their places."""
    arms, prompts = run.spec.arms, run.spec.prompts
    if not named and len(arms) == len(prompts) == 1:
        return 0, 0
    arm, number = _arm(arms, named), ""
    if arm is None and ":" in named:
        named, _, number = named.rpartition(":")
        arm = _arm(arms, named)
    if arm is None:
        known = ", ".join(f"{place} ({arm.label})" for place, arm in enumerate(arms))
        fault = f"has no arm {named!r}" if named else f"has {len(arms)} arms"
        raise InputError(
            f"Run {run.id} {fault}. Go on from one of {known}, by its number or label: {run.id}:0"
        )
    if not number and len(prompts) == 1:
        return arm, 0
    if not number.isdecimal() or not 1 <= int(number) <= len(prompts):
        fault = f"no prompt {number!r}" if number else f"{len(prompts)} prompts"
        raise InputError(
            f"Run {run.id} has {fault}. Say which of 1 to {len(prompts)} the conversation goes on "
            f"from, behind the arm: {run.id}:{arm}:1"
        )
    return arm, int(number) - 1


def _arm(arms: tuple[Arm, ...], named: str) -> int | None:
    labels = [arm.label for arm in arms]
    if named in labels:
        return labels.index(named)
    return int(named) if named.isdecimal() and int(named) < len(arms) else None
