"""What is selected on a page stands in its address, and the address brings it back."""

from tests.ui.everything import fill_all
from tests.ui.frame.test_downloads import VIEWS, elements
from ui.frame.navigation import SUBJECTS
from vectorlab.services.runs.arms import OPTIONS

SELECTORS = {
    "selectbox",
    "multiselect",
    "slider",
    "select_slider",
    "number_input",
    "text_input",
    "text_area",
}
SELECTORS |= {"toggle", "checkbox", "radio", "button_group", "pagination"}
MORE_VIEWS = (
    ("sets", {"set": "upbeat", "view": "edit"}),
    ("compare", {"run": "3"}),
    ("playground", {"vector": ["upbeat-icv", "twice"], "decoding": "sampled"}),
    ("new_run", {"vector": ["upbeat-icv", "twice"], "decoding": "sampled"}),
    ("experiment", {"about": "pairs that I paste"}),
    ("new_vector", {}),
    ("new_vector", {"convention": "caa"}),
    ("in_context_learning", {}),
)
# Words that name or annotate what a button is about to make, and what fills another field.
NOT_A_SELECTION = {
    "sets.import_name",
    "sets.import_message",
    "sql.recipe",  # fills the query, which stands in the address
    "sql.save_name",
    "settings.source",
    "settings.model_name",
    "name.1.text",
    "name.3.text",
    "build.name",
    "verbs.rename.set.upbeat.name",
    "verbs.rename.vector.upbeat-icv.name",
    "verbs.rename.model.tiny.name",
    "jobs.prune_days",
    "jobs.prune_states",
}
OF_A_FORM = ("sets.begin_", "sets.verb.", "sets.pasted.")  # what is made there, per set and version
NOT_ANOTHER_VALUE = {  # of text fields that want a form of their own
    "strength": "0.3",
    "positions": "response",
    "layers": "0-2",
    "schedule": "first:8",
    "when": "upbeat-icv@1 cosine > 0.2",
    "arms": "upbeat-icv:0.1,twice:0.2",
    "rule": "mean",
    "pairs": "bad -> good",
    "damage": "reverse_kl<=0.2",
    "shares": "0.25 1",
    "shot_template": "{source}: {target}",
    "template": "{text}!",
    "ask.k": "2 4",
    "sql": "SELECT 1 AS one",
}


def selectors(app):
    return [item for item in elements(app.main) if item.type in SELECTORS]


def stands_in(selection, item):
    """Whether the arm of a vector in the address says what several widgets of it show."""
    kind, _, name = (item.key or "").partition("play.")[2].partition(".")
    return kind in ("slider", "number", *OPTIONS) and name in selection.get("vector", ())


def another_value(item):
    """A value that the selector does not have, as an address writes it, or None."""
    if item.type in ("toggle", "checkbox"):
        return str(not item.value).lower()
    if item.type in ("text_input", "text_area"):
        return NOT_ANOTHER_VALUE.get(item.key, "cold")
    if item.type in ("slider", "number_input"):
        return f"{item.min + (item.step or 1) if item.value == item.min else item.min:g}"
    chosen = item.value if isinstance(item.value, list) else [item.value]
    others = [option for option in options(item) if option not in map(str, chosen)]
    return others[-1] if others else None


def options(item):
    if item.type == "button_group":
        return [option.content for option in item.proto.options]
    return list(getattr(item, "options", ()))


def is_at(item, text):
    """Whether a selector has the value that the address names."""
    value = next(iter(item.value), None) if isinstance(item.value, list) else item.value
    if isinstance(value, bool):
        return str(value).lower() == text
    return float(text) == value if isinstance(value, int | float) else str(value) == text


def brought_back(visit, name, selection, wanted):
    """Which of the selectors that the address names have the value that it names."""
    app = visit(name, **{**selection, **wanted})
    assert not app.exception, (name, wanted)
    return {
        item.key for item in selectors(app) if item.key in wanted and is_at(item, wanted[item.key])
    }


def test_every_selection_stands_in_the_address_and_is_brought_back_by_it(db, visit):
    fill_all(db)
    loose, lost, seen = [], [], set()
    for name, selection in (*VIEWS, *MORE_VIEWS):
        wanted = {}
        for item in selectors(visit(name, **selection)):
            if item.proto.query_param_key:
                value = another_value(item)
                if value is not None and (name, item.key) not in seen:
                    wanted[item.key] = value
            elif not (
                item.key in NOT_A_SELECTION
                or (item.key or "").startswith(OF_A_FORM)
                or stands_in(selection, item)
            ):
                loose.append((name, selection, item.type, item.label, item.key))
        seen |= {(name, key) for key in wanted}
        # All at once, then alone those that another one has made the page leave out.
        for key in set(wanted) - brought_back(visit, name, selection, wanted):
            if not brought_back(visit, name, selection, {key: wanted[key]}):
                lost.append((name, selection, key, wanted[key]))
    assert not loose
    assert not lost
    assert len(seen) > 80


def plainly(name, selection):
    """The page with what it shows one of, and nothing else that is chosen."""
    subject = SUBJECTS.get(name)
    return name, {subject: selection[subject]} if subject in selection else {}


def chosen(app):
    """Values of the selectors by key, and what the address says."""
    return {item.key: item.value for item in selectors(app)}, dict(app.query_params)


def follow(app, name, selection):
    """Open a page with a selection in the same session, as a link or the sidebar does."""
    app.query_params.clear()
    for key, value in selection.items():
        app.query_params[key] = value
    return app.switch_page(f"app_pages/{name}.py").run()


def test_nothing_that_is_chosen_on_a_page_is_chosen_on_another(db, visit):
    fill_all(db)
    views = (*VIEWS, *MORE_VIEWS)
    pages = []
    for view in views:
        name, subject = plainly(*view)
        if (name, subject) not in [page[:2] for page in pages]:
            pages.append((name, subject, chosen(visit(name, **subject))))
    carried, walked = [], set()
    for name, selection in views:
        bound = [item for item in selectors(visit(name, **selection)) if item.proto.query_param_key]
        wanted = {item.key: value for item in bound if (value := another_value(item)) is not None}
        app = visit("overview")
        for other, subject, fresh in pages:
            shared = wanted.keys() & fresh[0].keys()
            # Pages in other views have the same fields: a way is walked for what is new on it.
            ways = {(name, other, key, bool(subject)) for key in shared}
            if (other, subject) == plainly(name, selection) or ways <= walked:
                continue
            left = selectors(follow(app, name, {**selection, **wanted}))
            if subject.keys() & {item.key for item in left if item.proto.query_param_key}:
                continue  # to Streamlit it is a choice of the page that is left: no link is so
            walked |= ways
            if chosen(follow(app, other, subject)) != fresh:
                carried.append((name, selection, other, subject))
    assert carried == []
    assert len({way[:2] for way in walked}) > 30


def test_what_stands_side_by_side_is_always_one_of_them(db, visit):
    fill_all(db)
    seen = set()
    for name, selection in (*VIEWS, *MORE_VIEWS):
        for item in selectors(visit(name, **selection)):
            if item.type == "button_group" and item.proto.default:
                assert item.proto.required, (name, item.key)
                seen.add((name, item.key))
    assert len(seen) > 7


CHOOSES = SELECTORS - {"text_input", "text_area"}


def notes_of_unknown(app):
    return [
        item.proto.body
        for item in app.get("html")
        if "<b>There is no " in item.proto.body and "The address names it" in item.proto.body
    ]


def in_address(item):
    """What a selector has, as an address writes it, if it has one of several things."""
    if item.type in ("toggle", "checkbox"):
        return str(item.value).lower()
    if item.type in ("slider", "number_input"):
        return None if item.value is None else f"{item.value:g}"
    values = [
        str(value) for value in (item.value if isinstance(item.value, list) else [item.value])
    ]
    return values if values and set(values) <= set(options(item)) else None


def test_what_no_selector_of_a_page_can_be_is_said_and_what_it_is_at_first_is_not(db, visit):
    fill_all(db)
    silent, loud, seen = [], [], set()
    for name, selection in (*VIEWS, *MORE_VIEWS):
        app = visit(name, **selection)
        assert notes_of_unknown(app) == [], (name, selection)
        bound = [
            item
            for item in selectors(app)
            if item.proto.query_param_key and item.type in CHOOSES and item.key not in selection
        ]
        same = {item.key: value for item in bound if (value := in_address(item)) is not None}
        loud += [
            (name, selection, note) for note in notes_of_unknown(visit(name, **same | selection))
        ]
        for item in bound:
            if (name, item.key) in seen:
                continue
            seen.add((name, item.key))
            notes = notes_of_unknown(visit(name, **selection, **{item.key: "nonsense"}))
            if len(notes) != 1 or " called nonsense here" not in notes[0]:
                silent.append((name, selection, item.key, item.type, notes))
    assert loud == []
    assert silent == []
    assert len(seen) > 60
