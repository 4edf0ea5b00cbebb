"""Choices that pages share when they ask for texts."""

from collections.abc import Sequence

import streamlit as st

from ui import cached
from ui.frame import navigation, notes
from vectorlab.domain.browsing import VectorChoice
from vectorlab.domain.jobs import PRIORITY_INTERACTIVE
from vectorlab.domain.models import Model
from vectorlab.domain.runs import Decoding, GenerationRun
from vectorlab.services import models, runs
from vectorlab.services.asking import Asked
from vectorlab.services.requests import GenerationRequest

PROMPT = "Please paraphrase the following sentence. Sentence: The soup was cold., paraphrase: "


def model(vectors: Sequence[VectorChoice]) -> Model:
    """The model in the address; a link that names only a vector means the model it belongs to."""
    found = models.list_models(cached.store())
    if not found:
        notes.note(
            "No model yet",
            "Register a causal language model in transformers format, here or in Settings:",
            command="vectorlab models add PATH_OR_HUB_ID --name NAME",
        )
        navigation.page_link("Settings", "settings")
        st.stop()
    names = [item.name for item in found]
    navigation.say_unknown("model", names)
    owners = {item.name: item.model_name for item in vectors}
    meant = [owners[name] for name in st.query_params.get_all("vector") if name in owners]
    usual = names.index(meant[0]) if meant else 0
    chosen = st.selectbox("Model", names, index=usual, key="model", bind="query-params")
    return found[names.index(chosen)]


def fitting(vectors: Sequence[VectorChoice], model: Model) -> dict[str, VectorChoice]:
    """Vectors that a model can be steered with, by name."""
    shape = model.description
    return {
        item.name: item
        for item in vectors
        if item.d_model == shape.d_model and item.n_layers <= shape.n_layers
    }


def decoding(*, most_samples: int = 100) -> tuple[Decoding, int, int]:
    """Decoding, seed and samples per prompt and arm."""
    one, two, three = st.columns(3)
    tokens = one.number_input("New tokens at most", 1, 4096, 32, key="tokens", bind="query-params")
    seed = two.number_input("Seed", 0, 2**31 - 1, 0, key="seed", bind="query-params")
    sampled = (
        three.selectbox("Decoding", ["greedy", "sampled"], key="decoding", bind="query-params")
        == "sampled"
    )
    if not sampled:
        return Decoding(max_new_tokens=tokens), seed, 1
    temperature = one.number_input(
        "Temperature", 0.01, 5.0, 1.0, 0.1, key="temperature", bind="query-params"
    )
    top_k = two.number_input("Top-k (0: off)", 0, 100_000, 0, key="top_k", bind="query-params")
    top_p = three.number_input(
        "Top-p (1: off)", 0.01, 1.0, 1.0, 0.05, key="top_p", bind="query-params"
    )
    samples = 1
    if most_samples > 1:
        samples = one.number_input(
            "Samples per prompt and arm", 1, most_samples, 1, key="samples", bind="query-params"
        )
    chosen = Decoding(
        max_new_tokens=tokens,
        do_sample=True,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
    )
    return chosen, seed, samples


def run_of(request: GenerationRequest) -> Asked[GenerationRun]:
    """Ask for the texts of a request at high priority; an equal run is found."""
    model = models.get(cached.store(), request.model)
    return runs.request_run(
        cached.store(),
        model=model,
        spec=request.spec(cached.store(), model),
        actor=cached.user(),
        priority=PRIORITY_INTERACTIVE,
    )
