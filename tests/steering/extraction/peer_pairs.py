"""The pairs that other libraries were asked about; `scripts.peer_references` reads them too."""

from vectorlab.domain.sets.versions import Demonstration

PAIRS = [
    Demonstration(source="This is dull.", target="This is bright!"),
    Demonstration(source="A poor meal", target="A rich meal"),
    Demonstration(source="I can't stand it", target="I can hardly wait for more of it"),
    Demonstration(source="Bad", target="Good"),
    Demonstration(source="The room was cold and small", target="The room was warm"),
    Demonstration(source="No.", target="Yes, and gladly so."),
]

# What is read while a vector of the pairs is applied: a prompt, and an answer behind it.
PROMPT = "Say of the room: "
ANSWER = "it was warm"
STRENGTH = 1.5
