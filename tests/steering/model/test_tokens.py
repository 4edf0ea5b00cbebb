import pytest
from tokenizers import processors

from tests.tiny_models import byte_tokenizer
from vectorlab.errors import InputError
from vectorlab.steering.model.tokens import continuation_text, encode

PLAIN, WITH_BOS = byte_tokenizer(bos=False), byte_tokenizer(bos=True)


def test_special_tokens_are_added_only_where_asked_and_known() -> None:
    (plain,) = encode(PLAIN, ["ab"], add_special_tokens=True)
    assert encode(WITH_BOS, ["ab"], add_special_tokens=True) == [[1, *plain]]
    assert encode(WITH_BOS, ["ab"], add_special_tokens=False) == [plain]


def test_repeated_texts_have_equal_tokens_in_their_order() -> None:
    first, second, third = encode(PLAIN, ["b", "a", "b"], add_special_tokens=True)
    assert first == third != second


def test_punctuation_is_deleted_only_on_request() -> None:
    text = "  Don't stop!  "
    cleaned = encode(PLAIN, [text], add_special_tokens=False, strip_punctuation=True)
    assert PLAIN.decode(cleaned[0]) == "Dont stop"
    assert PLAIN.decode(encode(PLAIN, [text], add_special_tokens=False)[0]) == text


def test_an_end_of_text_that_a_tokenizer_adds_is_taken_off() -> None:
    tokenizer = byte_tokenizer(bos=True)
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    assert tokenizer("a")["input_ids"][-1] == 2
    assert encode(tokenizer, ["a"], add_special_tokens=True) == encode(
        WITH_BOS, ["a"], add_special_tokens=True
    )


def test_an_empty_text_without_bos_is_an_error_that_names_it() -> None:
    with pytest.raises(InputError, match=r"Prompt 2 of 2 has no tokens \(''\)"):
        encode(PLAIN, ["a", ""], add_special_tokens=True, noun="Prompt")


def test_an_empty_text_with_bos_is_the_bos() -> None:
    assert encode(WITH_BOS, [""], add_special_tokens=True) == [[1]]


def test_a_text_is_too_long_only_beyond_the_context() -> None:
    texts = ["ab", "abcdef"]
    encode(PLAIN, texts, add_special_tokens=True, context_length=10, new_tokens=4)
    with pytest.raises(InputError, match=r"Prompt 2 of 2 has 6 tokens and 5 new .* is 10 tokens"):
        encode(
            PLAIN, texts, add_special_tokens=True, context_length=10, new_tokens=5, noun="Prompt"
        )


def test_a_continuation_keeps_its_leading_space_and_split_characters() -> None:
    (prompt,) = encode(PLAIN, ["Hi 🙂"], add_special_tokens=True)
    (more,) = encode(PLAIN, [" é!"], add_special_tokens=False)
    assert continuation_text(PLAIN, prompt, more) == " é!"
    assert continuation_text(PLAIN, prompt[:-1], [prompt[-1], *more]).endswith(" é!")


def test_special_tokens_do_not_show_in_a_continuation() -> None:
    (prompt,) = encode(WITH_BOS, ["a"], add_special_tokens=True)
    assert continuation_text(WITH_BOS, prompt, [*prompt[1:], 2]) == "a"
