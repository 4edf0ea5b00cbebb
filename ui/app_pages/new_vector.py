"""Ask for a steering vector: set version, model and method."""

import streamlit as st

from ui import cached, markup
from ui.frame import job_panels, navigation, notes
from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE
from vectorlab.domain.vectors.conventions import Convention
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
        "A vector needs pairs to come from. Make some here, or import them in a terminal:",
        command="vectorlab sets import reviews.csv --set upbeat",
    )
    navigation.page_link("Sets: import a file, or begin one by hand", "sets")
    st.stop()
if not names:
    notes.note(
        "No model yet",
        "Register a model in transformers format, in a terminal or in Settings:",
        command="vectorlab models add PATH_OR_HUB_ID --name NAME",
    )
    navigation.page_link("Settings", "settings")
    st.stop()

navigation.say_unknown("set", labels, what="set version")
navigation.say_unknown("model", names)
left, right = st.columns(2)
label = left.selectbox("Set version", labels, key="set", bind="query-params")
model = right.selectbox("Model", names, key="model", bind="query-params")
convention = left.selectbox(
    "Convention",
    list(Convention),
    index=None,
    placeholder="none: method and reading as below",
    key="convention",
    bind="query-params",
    help="Whose way of making and applying a vector stands for what is not chosen below.",
)
usual = None if convention is None else Convention(convention).info
method = left.selectbox(
    "Method",
    list(METHODS),
    index=None if usual else 0,
    placeholder=f"{usual.method}, as {convention} has it" if usual else "",
    key="own_method" if usual else "method",  # a choice without a convention is not one beside it
    bind="query-params",
)
name = right.text_input(
    "Name of the vector",
    key="vector_name",
    bind="query-params",
    placeholder="made from the set when left empty",
)
info = METHODS[method or (usual.method if usual else "icv")]
facts = [("method", info.summary), ("source", info.source)]
if usual:
    facts += [(f"as {convention}", usual.summary), ("its code", usual.source)]
    facts += [("unlike it", usual.unlike)] if usual.unlike else []
st.html(markup.facts([(term, markup.escape(text)) for term, text in facts]))
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
        key="rule",
        bind="query-params",
        placeholder=f"{usual.token_rule}, as {convention} has it" if usual else "last",
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
        value=usual is not None and usual.strip_punctuation,
        key=f"strip_punctuation_{convention}" if usual else "strip_punctuation",
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
            convention=convention,
            method=method,
            read_site=read_site,
            write_site=write_site,
            token_rule=TokenRule(tokens.strip()) if tokens and tokens.strip() else None,
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
