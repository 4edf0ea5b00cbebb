"""Vectors from parts of conversations and from slots of templates."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.steering.extraction.test_extraction import extraction, stack
from tests.steering.model.test_conversation_spans import PLAIN, REWRITES, chat_tokenizer
from tests.steering.recording.test_state_cache import Memory
from tests.tiny_models import tiny_model
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.vectors.passages import ChatForm
from vectorlab.domain.vectors.vectors import ExtractionSpec, Site, TokenRule
from vectorlab.errors import EmptySpanError, InputError
from vectorlab.steering.extraction.extraction import extract
from vectorlab.steering.model.loading import LoadedModel


def pair(source: str, target: str, **metadata) -> Demonstration:
    return Demonstration(source=source, target=target, metadata={"prompt": "Why?"} | metadata)


PAIRS = [
    pair("<think>no</think>Never.", "<think>yes</think>Gladly!"),
    pair("<think>hm</think>Go away.", "<think>oh</think>Come in, do.", prompt="May I?"),
    pair("<think>a</think>Bad.", "<think>b</think>Good.", system="Be short."),
]


def chat_model(template: str = PLAIN, name: str = "llama") -> LoadedModel:
    return replace(tiny_model(name), tokenizer=chat_tokenizer(template))


def by_hand(loaded: LoadedModel, text: str, part: str) -> torch.Tensor:
    """Mean state of a part of a text at every layer but the last, one token to a byte."""
    ids = torch.tensor([loaded.tokenizer(text, add_special_tokens=False)["input_ids"]])
    start = len(text[: text.rindex(part)].encode())
    with torch.no_grad():
        hidden = loaded.model(ids, output_hidden_states=True).hidden_states
    return torch.stack(hidden[1:-1])[:, 0, start : start + len(part.encode())].mean(dim=1)


@pytest.mark.parametrize("name", ["llama", "gpt2", "bloom"])
@pytest.mark.parametrize(
    ("rule", "part"), [("thinking", "yes"), ("answer", "Gladly!"), ("response", None)]
)
def test_a_part_of_the_response_is_read_through_the_chat_template(name, rule, part):
    loaded = chat_model(name=name)
    rule = TokenRule(rule)
    found = extraction(
        loaded, PAIRS[:1], "mean_difference", token_rule=rule, chat=ChatForm.RESPONSE
    )
    texts = (PAIRS[0].source, PAIRS[0].target)
    parts = {"yes": ("no", "yes"), "Gladly!": ("Never.", "Gladly!")}.get(part, texts)
    states = [
        by_hand(loaded, f"[user]Why?[end]\n[assistant]{text}[end]\n", own)
        for text, own in zip(texts, parts, strict=True)
    ]
    expected = (states[1] - states[0]).numpy()
    np.testing.assert_allclose(stack(found)[:-1], expected, rtol=1e-4, atol=1e-5)


def test_the_last_token_of_a_response_is_its_own_and_not_the_templates():
    loaded = chat_model()
    chat = extraction(loaded, PAIRS[:1], "mean_difference", chat=ChatForm.RESPONSE)
    texts = [f"[user]Why?[end]\n[assistant]{text}" for text in (PAIRS[0].source, PAIRS[0].target)]
    plain = [Demonstration(source=texts[0], target=texts[1])]
    same = extraction(loaded, plain, "mean_difference", add_special_tokens=False)
    np.testing.assert_allclose(stack(chat), stack(same), atol=1e-6)


def test_a_prompt_is_read_where_the_model_would_answer():
    loaded = chat_model()
    chat = extraction(loaded, [pair("Bad", "Good")], "mean_difference", chat=ChatForm.PROMPT)
    texts = [f"[user]{text}[end]\n[assistant]" for text in ("Bad", "Good")]
    plain = [Demonstration(source=texts[0], target=texts[1])]
    same = extraction(loaded, plain, "mean_difference", add_special_tokens=False)
    np.testing.assert_allclose(stack(chat), stack(same), atol=1e-6)


def test_a_slot_of_a_template_is_read():
    loaded = tiny_model("llama", bos=False)
    pairs = [pair("bad", "good", topic="food"), pair("dull", "bright", topic="light")]
    found = extraction(
        loaded,
        pairs,
        "mean_difference",
        template="{topic} is {text}, I say: {topic2}".replace("{topic2}", "so {{}}"),
        token_rule=TokenRule("slot:text"),
    )
    differences = []
    for item in pairs:
        topic = item.metadata["topic"]
        states = [
            by_hand(loaded, f"{topic} is {text}", text) for text in (item.source, item.target)
        ]
        differences.append(states[1] - states[0])
    expected = torch.stack(differences).mean(dim=0).numpy()
    np.testing.assert_allclose(stack(found)[:-1], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("rule", "pairs", "message"),
    [
        ("thinking", [*PAIRS, pair("plain", "<think>a</think>b")], "source of demonstration 4"),
        ("answer", [*PAIRS, pair("<think>a</think>b", "<think>on")], "target of demonstration 4"),
        ("response", [pair("", "a")], "source of demonstration 1 has no response"),
    ],
)
def test_an_empty_part_names_the_demonstration(rule, pairs, message):
    with pytest.raises(EmptySpanError, match=message):
        extraction(chat_model(), pairs, token_rule=TokenRule(rule), chat=ChatForm.RESPONSE)


def test_a_slot_without_text_names_the_demonstration():
    pairs = [pair("a", "b", topic="x"), pair("c", "d", topic="")]
    with pytest.raises(EmptySpanError, match=r"source of demonstration 2 has no text in slot to"):
        extraction(
            tiny_model("llama"),
            pairs,
            template="{topic}: {text}",
            token_rule=TokenRule("slot:topic"),
        )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"token_rule": TokenRule("response")}, "as they are. Add --chat response"),
        ({"token_rule": TokenRule("answer"), "chat": ChatForm.PROMPT}, "are read as prompts"),
        ({"token_rule": TokenRule("slot:a")}, "no slots; give one with --template"),
        ({"token_rule": TokenRule("slot:a"), "template": "{text} {b}"}, "which has text, b"),
        ({"template": "without"}, r"0 slots \{text\}"),
    ],
)
def test_a_rule_that_can_match_nothing_is_refused(fields, message):
    with pytest.raises(InputError, match=message):
        extraction(chat_model(), PAIRS, **fields)


def test_a_prompt_that_is_missing_names_the_demonstration():
    with pytest.raises(InputError, match=r"source of demonstration 2 is to answer a prompt"):
        extraction(
            chat_model(),
            [PAIRS[0], Demonstration(source="a", target="b")],
            chat=ChatForm.RESPONSE,
        )


@pytest.mark.parametrize("template", [PLAIN, REWRITES])
def test_states_of_conversations_are_kept_by_what_was_read(template):
    loaded, memory = chat_model(template), Memory()

    def run(**fields):
        spec = ExtractionSpec(
            model_fingerprint=loaded.description.fingerprint,
            set_sha256="f" * 64,
            method="icv",
            read_site=Site.BLOCK_OUTPUT,
            write_site=Site.MLP_OUTPUT,
            **{"chat": ChatForm.RESPONSE, "token_rule": TokenRule("answer")} | fields,
        )
        return extract(loaded, PAIRS, spec, open_cache=memory.open)

    first, again = run(), run()
    assert (again.reuse.reused, again.reuse.computed) == (6, 0)
    assert [item.sha256 for item in first.layers] == [item.sha256 for item in again.layers]
    # The same words inside another template are another text.
    assert run(template="I say: {text}").reuse.reused == 0
    if template is REWRITES:
        with pytest.raises(InputError, match=r"rewrites the text, so that slot:text cannot"):
            run(template="I say: {text}", token_rule=TokenRule("slot:text"))


def test_a_shared_prompt_is_computed_once():
    loaded = chat_model()
    steps: list[tuple[int, int]] = []
    spec = ExtractionSpec(
        model_fingerprint=loaded.description.fingerprint,
        set_sha256="f" * 64,
        method="mean_difference",
        read_site=Site.BLOCK_OUTPUT,
        write_site=Site.BLOCK_OUTPUT,
        token_rule=TokenRule("response"),
        chat=ChatForm.RESPONSE,
    )
    demonstration = pair("No.", "Yes!", prompt="Is this a long prompt, as prompts go?")
    extract(loaded, [demonstration], spec, on_progress=lambda *step: steps.append(step))
    prompt = len("[user]Is this a long prompt, as prompts go?[end]\n[assistant]")
    assert steps == [(prompt + len("No.") + len("Yes!"), prompt + len("No.") + len("Yes!"))]


def test_requests_of_before_keep_their_hash():
    fields = {
        "model_fingerprint": "a" * 64,
        "set_sha256": "b" * 64,
        "method": "icv",
        "read_site": Site.BLOCK_OUTPUT,
        "write_site": Site.MLP_OUTPUT,
    }
    spec = ExtractionSpec(**fields)
    assert not {"chat", "template", "thinking"} & set(spec.to_json())
    chat = ExtractionSpec(**fields, chat=ChatForm.RESPONSE, template="{text}")
    assert chat.sha256 != spec.sha256
    assert ExtractionSpec.from_json(chat.to_json()) == chat
    assert ExtractionSpec.from_json(spec.to_json()) == spec
