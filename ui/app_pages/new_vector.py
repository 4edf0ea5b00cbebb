"""Ask for a steering vector: set version, model and method."""

import streamlit as st

from ui import cached, markup
from ui.frame import job_panels, navigation, notes
from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE
from vectorlab.domain.vectors.methods import METHODS
from vectorlab.domain.vectors.passages import ChatForm
from vectorlab.domain.vectors.vectors import Site, SteeringVector, TokenRule
from vectorlab.services import models
from vectorlab.services.asking import Asked
from vectorlab.services.runs import lists
from vectorlab.services.vectors import vectors
from vectorlab.services.vectors.vectors import ExtractionOptions

notes.header(
    "New vector", "A model reads the pairs of a set version; a method turns them into one."
)

db = cached.store()
labels = lists.version_labels(db)
names = [item.name for item in models.list_models(db)]
if not labels:
    notes.note(
        "No set version yet",
        "A vector needs pairs to come from. Import some:",
        command="vectorlab sets import reviews.csv --set upbeat",
    )
    st.stop()
if not names:
    notes.note(
        "No model yet",
        "Register a causal language model in transformers format:",
        command="vectorlab models add PATH_OR_HUB_ID --name NAME",
    )
    st.stop()

navigation.say_unknown("set", labels, what="set version")
navigation.say_unknown("model", names)
left, right = st.columns(2)
label = left.selectbox("Set version", labels, key="set", bind="query-params")
model = right.selectbox("Model", names, key="model", bind="query-params")
method = left.selectbox("Method", list(METHODS), key="method", bind="query-params")
name = right.text_input(
    "Name of the vector",
    key="vector_name",
    bind="query-params",
    placeholder="made from the set when left empty",
)
info = METHODS[method]
st.html(
    markup.facts([("method", markup.escape(info.summary)), ("source", markup.escape(info.source))])
)
with st.expander("More"):
    sites = list(Site)
    one, two = st.columns(2)
    read_site = one.selectbox(
        "Read site",
        sites,
        index=None,
        placeholder=f"{info.read_site}, as the method has it",
        key="read_site",
        bind="query-params",
    )
    write_site = two.selectbox(
        "Write site",
        sites,
        index=None,
        placeholder=f"{info.write_site}, as the method has it",
        key="write_site",
        bind="query-params",
    )
    tokens = two.text_input(
        "Tokens that stand for a text",
        value=TokenRule.LAST.value,
        key="rule",
        bind="query-params",
        help="Token whose state stands for a text: last, index:I (negative from the end); or the "
        "mean of first:K, of all (mean; or max), of response, thinking or answer of a "
        "conversation, of slot:NAME of a template.",
    )
    chat = one.selectbox(
        "How a text is read",
        [item.value for item in ChatForm],
        key="chat",
        bind="query-params",
        help="How a text is read. none: as it is; prompt: the user says it; response: it answers "
        "the demonstration's metadata 'prompt'. Both need a model with a chat template.",
    )
    template = two.text_input(
        "Template around every text",
        placeholder="{text}",
        key="template",
        bind="query-params",
        help="Text around every demonstration: {text} once, and perhaps names of metadata, such as "
        "{topic}: {text}.",
    )
    strip = one.checkbox(
        "Delete punctuation before reading, as the original ICV code does",
        key="strip_punctuation",
        bind="query-params",
    )
    force = two.checkbox(
        "Compute even if an equal vector is stored", key="force", bind="query-params"
    )


def _request() -> Asked[SteeringVector]:
    return vectors.request_extraction(
        db,
        set_reference=label,
        model=models.get(db, model),
        options=ExtractionOptions(
            method=method,
            read_site=read_site,
            write_site=write_site,
            token_rule=TokenRule((tokens or "").strip()),
            strip_punctuation=strip,
            chat=ChatForm(chat),
            template=template or "",
        ),
        actor=cached.user(),
        name=name or None,
        force=force,
        priority=PRIORITY_INTERACTIVE,
    )


def _open_vector(vector: SteeringVector) -> None:
    navigation.page_link(f"Open `{vector.name}`", "vectors", vector=vector.name)


if st.button("Extract", type="primary"):
    st.query_params.pop("job", None)
    job_panels.ask(_request, on_found=_open_vector)
job_panels.follow_job()
