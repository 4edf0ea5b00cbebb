"""Fields that several requests have, each defined once: type, name, and how it is stored."""

from typing import Annotated

from vectorlab.domain.codec import Stored
from vectorlab.domain.description import About, layers_in_words
from vectorlab.domain.text.chats import Chat

ModelFingerprint = Annotated[str, About(name="model fingerprint")]
VectorSha256 = Annotated[str, About(name="vector")]  # content hash: the exact bytes
VectorId = Annotated[int, Stored(row_id_of="vector_sha256")]
# Fingerprint of the model that the vector belongs to; None: the model of the request itself.
VectorModel = Annotated[
    str | None,
    About(name="vector of another model", none="no", quiet=True),
    Stored(if_given=True),
]
# None: every layer the vector has.
Layers = Annotated[tuple[int, ...] | None, About(name="layers", none="all", words=layers_in_words)]
# None: prompts are texts as they are. Older requests have none and stay equal.
ChatTurns = Annotated[
    Chat | None,
    About(name="chat", none="no, texts as they are", quiet=True),
    Stored(if_given=True),
]
# The tokenizer adds BOS where it would.
SpecialTokens = Annotated[bool, About(name="special tokens", quiet=True)]
Dtype = Annotated[str, About(name="computed in")]  # what the model computes in
Seed = Annotated[int, About(name="seed")]
