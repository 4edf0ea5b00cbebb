"""In-context learning as gradient descent: from the formula to a model's prompt."""

from ui.frame import navigation, notes
from ui.icl import constructed, runs, steps

VIEWS = {
    "Step by step": steps.show,
    "Constructions": constructed.show_constructions,
    "Features": constructed.show_features,
    "Trained models": runs.show_trainings,
    "Bridge to language models": runs.show_bridge,
    "Reference points": runs.show_checks,
}

notes.header(
    "In-context learning",
    "Attention to demonstrations as a step of gradient descent: constructed, trained, looked for.",
)
VIEWS[navigation.one_of("View", list(VIEWS), key="view", has_label=False)]()
