"""Settings frozen on validation data before the test figures were read."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class StyleSettings:
    """How one style is steered; strengths are relative to the norm of the MLP output."""

    demonstrations: str  # a file of vectorlab/demo_data
    published_strength: float
    strength: float  # at most 0.3


@dataclass(frozen=True, kw_only=True)
class AttributeSettings:
    """Where attributes are swapped; `site` is "entity" or "last" token of the prompt."""

    swap_site: str
    swap_layer: int
    subspace_site: str
    subspace_layer: int
    width: int
    steps: int


DIALOGUE = StyleSettings(demonstrations="dialogue_table", published_strength=0.12, strength=0.17)
PARAPHRASE = StyleSettings(
    demonstrations="sentiment_paraphrase", published_strength=0.10, strength=0.17
)
ATTRIBUTES = AttributeSettings(
    swap_site="entity", swap_layer=2, subspace_site="entity", subspace_layer=2, width=32, steps=120
)
RANDOM_DIRECTIONS = 5
CASES_PER_ROW = 100
