"""Steering the thinking or the answer of a response, and prompts through a chat template."""

from dataclasses import replace

import pytest
import torch

from tests.steering.builders import arm, intervention, run_spec, vectors
from tests.tiny_models import byte_tokenizer, tiny_model
from vectorlab.domain.hashing import content_sha256
from vectorlab.domain.interventions.positions import Part, Positions
from vectorlab.domain.text.chats import Chat
from vectorlab.errors import InputError, IntegrityError
from vectorlab.steering.generation.generation import generate
from vectorlab.steering.generation.prepared_run import prompt_ids
from vectorlab.steering.interventions.arm_table import SteeringTable
from vectorlab.steering.interventions.hooks import steer
from vectorlab.steering.interventions.token_positions import MarkerIds, PassReader, ThinkingReader
from vectorlab.steering.model.loading import LoadedModel

TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
TEMPLATE_SHA256 = content_sha256("test", "template")


def chat_model(template: str = TEMPLATE) -> LoadedModel:
    """A tiny model whose tokenizer has a chat template."""
    loaded = tiny_model("llama")
    tokenizer = byte_tokenizer(bos=True)
    tokenizer.chat_template = template
    described = replace(loaded.description, chat_template_sha256=TEMPLATE_SHA256)
    return replace(loaded, tokenizer=tokenizer, description=described)


def stages(
    rows: list[list[int]], markers: MarkerIds, *, prompt: int, step: int
) -> tuple[list[list[bool]], list[list[bool]]]:
    """Thinking and markers of whole rows that are read as a prompt and then in steps."""
    reader = PassReader(ThinkingReader(markers, torch.device("cpu")))
    tokens = torch.tensor(rows)
    passes = [reader.read(tokens[:, :prompt], None, False)]
    passes += [
        reader.read(tokens[:, start : start + step], None, True)
        for start in range(prompt, tokens.shape[1], step)
    ]
    thinking = torch.cat([item.thinking for item in passes if item.thinking is not None], dim=1)
    marker = torch.cat([item.marker for item in passes if item.marker is not None], dim=1)
    return thinking.tolist(), marker.tolist()


@pytest.mark.parametrize("step", [1, 2, 5])
@pytest.mark.parametrize("prompt", [1, 3, 4])
def test_markers_of_several_tokens_are_found_however_the_text_is_fed(
    prompt: int, step: int
) -> None:
    markers = MarkerIds(begin=(7, 8), end=(9, 8, 7))
    rows = [
        [1, 7, 8, 5, 5, 9, 8, 7, 5, 5, 5],  # opens, closes
        [1, 2, 5, 7, 8, 5, 5, 5, 5, 5, 5],  # never closes
        [1, 7, 8, 5, 9, 8, 7, 7, 8, 6, 6],  # opens again behind what it shares with the end
        [1, 5, 5, 5, 9, 8, 7, 5, 5, 5, 5],  # an end without a beginning
    ]
    thinking, marker = stages(rows, markers, prompt=prompt, step=step)
    f, t = False, True
    assert thinking == [
        [f, f, f, t, t, t, t, f, f, f, f],  # tokens of the end marker but its last are thinking
        [f, f, f, f, f, t, t, t, t, t, t],
        [f, f, f, t, t, t, f, f, f, t, t],
        [f] * 11,
    ]
    assert [row.index(True) for row in marker] == [2, 4, 2, 6]


def test_positions_of_a_stage_belong_to_the_response() -> None:
    for text in ("response+thinking", "response+answer", "response:first=8+tokens=5+thinking"):
        assert str(Positions.parse(text)) == text
    with pytest.raises(InputError, match=r"write response\+thinking"):
        Positions.parse("all+thinking")
    assert not Positions(
        part=Part.RESPONSE, stage=Positions.parse("response+answer").stage
    ).is_whole_part


def test_thinking_and_answer_are_steered_apart_under_the_cache() -> None:
    loaded = chat_model(TEMPLATE + "{# <think> </think> #}")
    arms = [
        arm(),
        arm(intervention(0.5, positions=Positions.parse("response+thinking"))),
        arm(intervention(0.5, positions=Positions.parse("response+answer"))),
    ]
    table = SteeringTable.build(loaded, arms, vectors(loaded))
    ids = loaded.tokenizer.encode("q<think>hm</think>A.", add_special_tokens=False)
    end = ids.index(loaded.tokenizer.encode("A", add_special_tokens=False)[0])
    states: list[torch.Tensor] = []
    last = loaded.layers.mlp[0].get_submodule("down_proj")  # the MLP's output before steering
    hook = last.register_forward_hook(lambda _m, _a, out: states.append(out))
    with torch.no_grad(), steer(loaded, table, range(3)) as steering:
        mine: list[torch.Tensor] = []
        behind = loaded.layers.mlp[0].register_forward_hook(lambda _m, _a, out: mine.append(out))
        past = None
        for step, token in enumerate(ids):
            past = loaded.model(
                input_ids=torch.tensor([[token]] * 3), past_key_values=past, use_cache=True
            ).past_key_values
            if step == 0:
                steering.set_response(True)
        behind.remove()
    hook.remove()
    changed = (torch.cat(mine, dim=1) != torch.cat(states, dim=1)).any(dim=-1)
    thought = range(len("q<think>"), len("q<think>hm"))
    assert not changed[0].any()
    assert all(changed[1][place] for place in thought)
    assert not changed[1][end:].any()
    assert changed[2][end:].all()
    assert not any(changed[2][place] for place in thought)


def test_a_model_without_markers_has_no_stages() -> None:
    loaded = tiny_model("llama")
    one = arm(intervention(0.5, positions=Positions.parse("response+thinking")))
    with pytest.raises(InputError, match="cannot be told apart"):
        generate(loaded, run_spec(loaded, ["a"], [one]), vectors(loaded))


def test_prompts_go_through_the_chat_template_and_system_prompts_in_front() -> None:
    loaded = chat_model()
    plain = run_spec(loaded, ["<user>Hi\n<assistant>"], [arm()])
    chat = replace(run_spec(loaded, ["Hi"], [arm()]), chat=Chat(template_sha256=TEMPLATE_SHA256))
    [written], [asked] = (
        generate(loaded, replace(item, add_special_tokens=False), vectors(loaded)).generations
        for item in (plain, chat)
    )
    assert asked.token_ids == written.token_ids
    system = Chat(template_sha256=TEMPLATE_SHA256, system="Be kind")
    spec = replace(chat, chat=system)
    result = generate(loaded, spec, vectors(loaded))
    whole = run_spec(loaded, ["<system>Be kind\n<user>Hi\n<assistant>"], [arm()])
    [expected] = generate(
        loaded, replace(whole, add_special_tokens=False), vectors(loaded)
    ).generations
    assert result.generations[0].token_ids == expected.token_ids


def test_earlier_turns_are_read_in_front_of_the_prompt() -> None:
    loaded = chat_model()
    said = "<user>Hi\n<assistant>Ho\n<user>And\n<assistant>"
    plain = replace(run_spec(loaded, [said], [arm()]), add_special_tokens=False)
    going_on = Chat(template_sha256=TEMPLATE_SHA256).answered("Hi", "Ho")
    chat = replace(run_spec(loaded, ["And"], [arm()]), chat=going_on)
    written, asked = (generate(loaded, item, vectors(loaded)) for item in (plain, chat))
    assert asked.generations[0].token_ids == written.generations[0].token_ids
    assert prompt_ids(loaded, chat) == prompt_ids(loaded, plain)


def test_what_is_steered_of_a_prompt_is_the_whole_conversation() -> None:
    """And what is steered of a response is what comes behind it: no turn of the model's before."""
    loaded = chat_model()
    going_on = Chat(template_sha256=TEMPLATE_SHA256).answered("Hi", "Ho")
    said = "<user>Hi\n<assistant>Ho\n<user>And\n<assistant>"
    for positions in ("prompt", "prompt:last=1", "prompt:first=4", "response"):
        arms = [arm(intervention(0.5, positions=Positions.parse(positions)))]
        plain = replace(run_spec(loaded, [said], arms), add_special_tokens=False)
        chat = replace(run_spec(loaded, ["And"], arms), chat=going_on)
        written, asked = (generate(loaded, item, vectors(loaded)) for item in (plain, chat))
        assert asked.generations[0].token_ids == written.generations[0].token_ids, positions


def test_a_stage_behind_a_turn_that_was_cut_while_thinking_is_refused() -> None:
    loaded = chat_model(TEMPLATE + "{# <think> </think> #}")
    cut = Chat(template_sha256=TEMPLATE_SHA256).answered("Hi", "<think>Hm")
    answer = arm(intervention(0.5, positions=Positions.parse("response+answer")))
    with pytest.raises(InputError, match="ends inside the model's thinking"):
        generate(loaded, replace(run_spec(loaded, ["And"], [answer]), chat=cut), vectors(loaded))
    whole = arm(intervention(0.5, positions=Positions.parse("response")))
    generate(loaded, replace(run_spec(loaded, ["And"], [whole]), chat=cut), vectors(loaded))


def test_another_template_than_the_runs_own_is_refused() -> None:
    loaded = chat_model()
    spec = replace(run_spec(loaded, ["Hi"], [arm()]), chat=Chat(template_sha256="0" * 64))
    with pytest.raises(IntegrityError, match="chat template is 000000000000"):
        generate(loaded, spec, vectors(loaded))
