"""What a run's windows and chosen tokens never met, told after the texts are known."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from vectorlab.domain.interventions.positions import Part
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.runs.texts import GeneratedText
from vectorlab.steering.generation.prepared_run import PreparedRun
from vectorlab.steering.interventions.token_positions import Rule, RuleReader


def untouched(run: PreparedRun, texts: Sequence[GeneratedText]) -> tuple[str, ...]:
    """A sentence for every arm and positions that no token of the run ever had.

    Args:
        run: What was asked for.
        texts: What was generated.
    """
    sentences = [*_conditions_at_one_side(run), *_never_or_always_held(run, texts)]
    for number, arm in enumerate(run.spec.arms):
        mine = [text for text in texts if text.key.arm == number]
        for positions in dict.fromkeys(
            intervention.positions for intervention in arm.interventions
        ):
            rules = [Rule(positions, Schedule.CONSTANT)]
            reader = RuleReader(rules, run.table.bos_id, torch.device("cpu"))
            if not any(_meets(run, reader, text) for text in mine):
                sentences.append(
                    f"arm {arm.label!r} was not steered at {positions}: none of its "
                    f"{len(mine)} texts has such a token"
                )
    return tuple(sentences)


def measured_conditions(
    run: PreparedRun, texts: Sequence[GeneratedText]
) -> tuple[Mapping[str, Any], ...]:
    """Every condition of a run, and what was found of each of its prompts or texts.

    Args:
        run: What was asked for.
        texts: What was generated, in the order of ``RunSpec.rows()``.
    """
    of_prompts = (
        {**condition.to_json(), "values": [row[number] for row in run.condition_values]}
        for number, condition in enumerate(run.spec.conditions(Part.PROMPT))
    )
    of_texts = (
        {**condition.to_json(), "tokens_held": [text.held[number] for text in texts]}
        for number, condition in enumerate(run.spec.conditions(Part.RESPONSE))
    )
    return *of_prompts, *of_texts


def _conditions_at_one_side(run: PreparedRun) -> list[str]:
    """A sentence for every condition that all prompts or none of them meet."""
    sentences = []
    for number, condition in enumerate(run.spec.conditions(Part.PROMPT)):
        values = [row[number] for row in run.condition_values]
        met = sum(condition.holds(value) for value in values)
        if met not in (0, len(values)):
            continue
        how_many = "none" if met == 0 else "every one"
        sentences.append(
            f"{condition.measure} at layer {condition.layer} {condition.comparison} "
            f"{condition.threshold:.6g} holds for {how_many} of {len(values)} prompts: values from "
            f"{min(values):.6g} to {max(values):.6g}"
        )
    return sentences


def _never_or_always_held(run: PreparedRun, texts: Sequence[GeneratedText]) -> list[str]:
    """A sentence for every condition on the response that all tokens or none of them meet."""
    sentences = []
    for number, condition in enumerate(run.spec.conditions(Part.RESPONSE)):
        mine = [text for text in texts if text.held[number] is not None]
        read = sum(len(text.token_ids) - 1 for text in mine)
        held = sum(text.held[number] or 0 for text in mine)
        if held in (0, read):
            sentences.append(
                f"{condition.measure} at layer {condition.layer} {condition.comparison} "
                f"{condition.threshold:.6g} over {condition.window} held at "
                f"{'none' if held == 0 else 'every one'} of {read} generated tokens"
            )
    return sentences


def _meets(run: PreparedRun, reader: RuleReader, text: GeneratedText) -> bool:
    prompt = run.ids_of(text.key)
    fed_back = text.token_ids[:-1]  # the last token ends the text and is not fed back
    token_ids = torch.tensor([[*prompt, *fed_back]])
    response = torch.arange(token_ids.shape[1])[None] >= len(prompt)
    passes = replace(run.table, device=torch.device("cpu")).pass_reader()
    return bool(reader.touches(passes.read(token_ids, None, response)).any())
