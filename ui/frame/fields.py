"""Errors name their cure as the command line calls it; on a page it is the field of a form."""

import re
from collections.abc import Mapping

# What a flag is called on the forms of the dashboard. A form whose field has another label says so
# where it shows errors; a flag that no form has stays as it is.
FIELDS = {
    "--bare-prompts": "Target columns",
    "--chat": "Prompts are what the user says in a chat",
    "--delimiter": "Delimiter",
    "--effect": "Effect: the scorer that should move",
    "--encoding": "Encoding",
    "--greedy": "Decoding",
    "--layers": "Layers that are steered",
    "--max-new-tokens": "New tokens at most",
    "--metadata-column": "Kept as metadata",
    "--model": "Model",
    "--k": "Features (k), several with spaces",
    "--min-entity-accuracy": "Least accuracy of an entity",
    "--min-template-accuracy": "Least accuracy of a template",
    "--name": "Name",
    "--no-special-tokens": "Let the tokenizer add its own tokens, such as BOS",
    "--other-model": "Vectors of other models, too",
    "--prompt": "Prompts",
    "--prompts": "Further prompts from a set version",
    "--sample": "Decoding",
    "--sheet": "Sheet",
    "--source-column": "Source columns",
    "--strength": "Strengths to try each vector at",
    "--strict": "Refuse what the checks find",
    "--system": "System prompt of the chat",
    "--target-column": "Target columns",
    "--templates": "Its templates",
    "--test-examples": "Test pairs",
    "--together": "Try all vectors together in one arm",
    "--type": "Only this type",
    "--unrelated": "Also where they have no version in common",
    "--vector": "Vectors",
}
# A command is for the terminal, to its end; a flag outside of one may have a word in capitals.
_PARTS = re.compile(r"(?P<command>\bvectorlab [a-z].*)|(?P<flag>--[a-z][a-z-]*)( [A-Z][A-Z@]*\b)?")


def in_fields(text: str, fields: Mapping[str, str] | None = None) -> str:
    """What an error says, with the labels of fields where it names flags.

    Args:
        text: As the command line says it.
        fields: Labels that the form at hand has instead of those of ``FIELDS``, by flag.
    """
    labels = {**FIELDS, **(fields or {})}

    def named(part: re.Match[str]) -> str:
        label = labels.get(part["flag"] or "")
        return part[0] if label is None else f"“{label}”"

    return _PARTS.sub(named, text)
