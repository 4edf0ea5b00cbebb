"""Going on with a conversation: what a run read and answered, in front of the next prompt.

What is gone on from is named ``RUN:ARM``, ``RUN:ARM:PROMPT`` or ``RUN:ARM:PROMPT:SAMPLE``: a run
by id, name or hash, an arm by its label or its number from 0, a prompt of several by its number
from 1, a sample of several likewise, the first where none is named. ``RUN:before`` is what was said
before the prompts of a run, to answer them anew. What was said goes into the request, not where it
was said: a request replays when the other run is gone.
"""

from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.runs.batch_plan import RowKey
from vectorlab.domain.runs.runs import GenerationRun
from vectorlab.domain.text.chats import Chat
from vectorlab.errors import InputError
from vectorlab.store.database import Database, Transaction
from vectorlab.store.runs import runs

BEFORE = "before"  # in the place of an arm: up to the prompts, without an answer


def reference_of(run: GenerationRun, key: RowKey) -> str:
    """How a text of a run is named, as shortly as it can be."""
    if key.sample:
        return f"{run.id}:{key.arm}:{key.prompt + 1}:{key.sample + 1}"
    number = "" if len(run.spec.prompts) == 1 else f":{key.prompt + 1}"
    return f"{run.id}:{key.arm}{number}"


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
        key = _place(run, rest)
        answer = _text(tx, run, key)
    return chat.answered(run.spec.arms[key.arm].prefix + run.spec.prompts[key.prompt].text, answer)


def _text(tx: Transaction, run: GenerationRun, key: RowKey) -> str:
    texts = runs.generations_of_prompt(tx, run.id, key.prompt)
    return next(text.text for text in texts if text.key == key)


def _place(run: GenerationRun, named: str) -> RowKey:
    """The text of a run, by what stands behind the name of the run."""
    prompts = len(run.spec.prompts)
    arm, numbers = _split(run, named)
    if prompts > 1 and not numbers:
        raise InputError(
            f"Run {run.id} has {prompts} prompts. Say which of 1 to {prompts} the conversation "
            f"goes on from, behind the arm: {run.id}:{arm}:1"
        )
    prompt, sample = (*numbers, "1", "1")[:2]
    behind = f"the arm: {run.id}:{arm}"
    prompt_place = _counted(run, "prompt", prompt, prompts, behind)
    behind = f"the prompt: {run.id}:{arm}:{prompt}"
    return RowKey(
        arm=arm,
        prompt=prompt_place,
        sample=_counted(run, "sample", sample, run.spec.samples, behind),
    )


def _split(run: GenerationRun, named: str) -> tuple[int, list[str]]:
    """The arm by its place, and the numbers behind it; a label may hold colons itself."""
    arms = run.spec.arms
    if not named and len(arms) == 1:
        return 0, []
    for count in range(3):
        label, *numbers = named.rsplit(":", count)
        arm = _arm(arms, label)
        if arm is not None:
            return arm, numbers
    known = ", ".join(f"{place} ({arm.label})" for place, arm in enumerate(arms))
    fault = f"has no arm {named!r}" if named else f"has {len(arms)} arms"
    raise InputError(
        f"Run {run.id} {fault}. Go on from one of {known}, by its number or label: {run.id}:0"
    )


def _counted(run: GenerationRun, what: str, number: str, count: int, behind: str) -> int:
    """The place of a prompt or sample by its number from 1."""
    if not number.isdecimal() or not 1 <= int(number) <= count:
        raise InputError(
            f"Run {run.id} has no {what} {number!r}. Say which of 1 to {count} the conversation "
            f"goes on from, behind {behind}:1"
        )
    return int(number) - 1


def _arm(arms: tuple[Arm, ...], named: str) -> int | None:
    labels = [arm.label for arm in arms]
    if named in labels:
        return labels.index(named)
    return int(named) if named.isdecimal() and int(named) < len(arms) else None
