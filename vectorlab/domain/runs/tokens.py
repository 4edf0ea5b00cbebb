"""Vocabulary tokens beside vectors, and figures of single generated tokens."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class VocabularyToken:
    """A token that a direction favours or disfavours."""

    token_id: int
    piece: str  # the token as text
    value: float  # logit of the layer vector behind the model's final norm and head


@dataclass(frozen=True, kw_only=True)
class NearestTokens:
    """Tokens at both ends of one layer vector."""

    layer: int
    toward: tuple[VocabularyToken, ...]  # highest value first
    away: tuple[VocabularyToken, ...]  # lowest value first


@dataclass(frozen=True, kw_only=True)
class ReadTokens:
    """What a generation is made of, token by token."""

    generation_id: int
    pieces: tuple[str, ...]  # together the text; a token that ends no character has an empty one
    logprobs: tuple[float, ...]  # in nats, under the arm that wrote it
    baseline_logprobs: tuple[float, ...]  # the same tokens under the model without steering
    kl: tuple[float, ...] | None = None  # from steered to baseline, where the run measured it

    @property
    def changes(self) -> tuple[float, ...]:
        """How much likelier steering makes each token, in nats."""
        pairs = zip(self.logprobs, self.baseline_logprobs, strict=True)
        return tuple(own - other for own, other in pairs)
