"""What a run's windows and chosen tokens never met, told after the texts are known."""

from collections.abc import Sequence

import torch

from vectorlab.domain.runs import GeneratedText
from vectorlab.domain.schedules import Schedule
from vectorlab.steering.passes import PassReader, Rule, RuleReader
from vectorlab.steering.prepared import PreparedRun


def untouched(run: PreparedRun, texts: Sequence[GeneratedText]) -> tuple[str, ...]:
    """A sentence for every arm and positions that no token of the run ever had.

    Args:
        run: What was asked for.
        texts: What was generated.
    """
    found: list[str] = []
    for number, arm in enumerate(run.spec.arms):
        mine = [text for text in texts if text.key.arm == number]
        for positions in dict.fromkeys(item.positions for item in arm.interventions):
            rule = Rule(positions, Schedule.CONSTANT)
            reader = RuleReader(rule, run.table.bos_id, torch.device("cpu"))
            if not any(_meets(reader, run.prompt_ids[text.key.prompt], text) for text in mine):
                found.append(
                    f"arm {arm.label!r} was not steered at {positions}: none of its "
                    f"{len(mine)} texts has such a token"
                )
    return tuple(found)


def _meets(reader: RuleReader, prompt: Sequence[int], text: GeneratedText) -> bool:
    fed_back = text.token_ids[:-1]  # the last token ends the text and is not fed back
    token_ids = torch.tensor([[*prompt, *fed_back]])
    response = torch.arange(token_ids.shape[1])[None] >= len(prompt)
    return bool(reader.touches(PassReader().read(token_ids, None, response)).any())
