"""Every page over an empty and over a filled store, without a browser."""

import html
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import sqlalchemy as sa

from tests.store.builders import left_out
from tests.store.jobs.test_queue import PAST
from tests.ui.filled_store import HOSTILE, WIDTH, add_run, alive_worker, run_spec
from ui import colours, markup
from ui.frame import navigation
from vectorlab.config import ANOTHER, WISH_VARIABLE
from vectorlab.domain.hashing import bytes_sha256
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE, JobState, LogLevel, NewJob, PartialText
from vectorlab.domain.published import EXPERIMENTS
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.services import jobs, models
from vectorlab.services.runs import runs, scores
from vectorlab.services.sets import examples, sets
from vectorlab.services.vectors import vectors
from vectorlab.store import schema
from vectorlab.store.jobs import queue
from vectorlab.store.vectors import explanations

ROOT = Path(__file__).parents[2]
TITLES = {
    "overview": "VectorLab",
    "sets": "Demonstration sets",
    "vectors": "Steering vectors",
    "runs": "Generation runs",
    "compare": "Compare",
    "replay": "Replay",
    "new_vector": "New vector",
    "new_run": "New run",
    "experiment": "Experiment",
    "jobs": "Jobs and workers",
    "in_context_learning": "In-context learning",
    "playground": "Playground",
    "sql": "SQL",
    "settings": "Settings",
}
PAGES = tuple(TITLES)


def shown(app):
    """All that a page says, as one string."""
    assert not app.exception
    elements = [*app.title, *app.subheader, *app.caption, *app.markdown, *app.code]
    return "\n".join(
        [*(item.value for item in elements), *(item.proto.body for item in app.get("html"))]
    )


def press(app, label):
    return next(item for item in app.button if item.label == label).click().run()


def opened_by_rows(app):
    """Where the rows of the lists of a page lead, in their order."""
    return [
        html.unescape(found) for found in re.findall(r'class="vl-open" href="(.*?)"', shown(app))
    ]


def follow_box(app, label):
    """Follow the link of a box, as a click does; returns the page with the address it leads to."""
    [where] = re.findall(rf'aria-label="{label}" href="\w+\??(.*?)"', shown(app))
    app.query_params.clear()
    for name, values in parse_qs(html.unescape(where)).items():
        app.query_params[name] = values
    return app.run()


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_on_an_empty_store(visit, name):
    app = visit(name)
    assert app.title[0].value == TITLES[name]
    assert "That did not work" not in shown(app)


def test_an_empty_store_says_how_to_fill_it(visit):
    assert "vectorlab sets import" in shown(visit("sets"))
    assert "Load the examples" in [item.label for item in visit("overview").button]


@pytest.mark.parametrize(
    ("name", "selection", "title", "back"),
    [
        ("sets", {"set": "nothing"}, "Sets", "Sets"),
        ("vectors", {"vector": "nothing"}, "Vectors", "Vectors"),
        ("vectors", {"vector": ["upbeat-icv", "nothing"]}, "Vectors", "Vectors"),
        ("compare", {"run": "99"}, "Compare", "Runs"),
        ("replay", {"run": "99"}, "Replay", "Runs"),
        ("runs", {"with": "nothing"}, TITLES["runs"], "Runs"),
        ("jobs", {"job": "99"}, "Job 99", "Jobs and workers"),
        ("playground", {"run": "99"}, "Playground", "Playground"),
        ("new_run", {"job": "99"}, "New run", "Runs"),
    ],
)
def test_an_unknown_object_is_said_under_a_title_with_a_way_back(
    filled, visit, name, selection, title, back
):
    app = visit(name, **selection)
    assert "<b>Not found</b>" in shown(app)
    assert [item.value for item in app.title] == [title]
    [link] = [item.proto for item in app.get("page_link") if item.proto.label == f"Back to {back}"]
    assert not link.query_string


def test_a_job_in_the_address_that_is_no_number_is_said_in_words(filled, visit):
    app = visit("jobs", job="x")
    assert "a number is expected" in shown(app)
    assert [item.value for item in app.title] == [TITLES["jobs"]]


def test_a_store_that_is_no_database_is_said_in_words(home, visit, monkeypatch):
    broken = home / "broken.db"
    broken.write_text("this is not a database, and long enough to be looked at" * 20)
    monkeypatch.setenv("VECTORLAB_DATABASE_URL", f"sqlite:///{broken}")
    assert "That did not work" in shown(visit("overview"))


def test_the_rows_of_every_list_are_links_to_what_they_show(filled, visit):
    for name, where in (
        ("sets", ["sets?set=upbeat"]),
        ("vectors", ["vectors?vector=upbeat-icv"]),
        ("runs", [f"compare?run={number}" for number in (3, 2, 1)]),
        ("replay", ["replay?run=1"]),
        ("jobs", ["jobs?job=2", "jobs?job=1"]),
        ("overview", [f"compare?run={number}" for number in (3, 2, 1)]),
    ):
        assert opened_by_rows(visit(name)) == where, name


def test_a_version_in_the_address_shows_its_message(filled, visit):
    assert "First pairs" in shown(visit("sets", set="upbeat", version="1"))


@pytest.mark.parametrize(
    ("name", "selection", "message"),
    [
        ("sets", {"set": "upbeat", "version": "99"}, "There is no version called 99 here"),
        ("new_run", {"vector": "nothing"}, "There is no vector called nothing here"),
        ("new_run", {"model": "nothing"}, "There is no model called nothing here"),
        ("new_run", {"prompts": "nothing@1"}, "There is no set version called nothing@1 here"),
        ("new_vector", {"set": "nothing@1"}, "There is no set version called nothing@1 here"),
        ("new_vector", {"model": "nothing"}, "There is no model called nothing here"),
        ("runs", {"on": "nothing"}, "There is no model called nothing here"),
        (
            "compare",
            {"run": "1", "look": "nothing"},
            "There is no view called nothing here</b>The address names it; this is texts.",
        ),
        ("vectors", {"on": "nothing"}, "There is no model called nothing here"),
        ("jobs", {"model": "nothing"}, "There is no model called nothing here"),
    ],
)
def test_a_choice_in_the_address_that_is_not_there_is_said(filled, visit, name, selection, message):
    assert message in shown(visit(name, **selection))


@pytest.mark.parametrize(
    ("name", "selection", "trail"),
    [
        ("sets", {"set": "upbeat"}, [("Sets", "sets"), ("upbeat", None)]),
        (
            "sets",
            {"set": "upbeat", "version": "1"},
            [("Sets", "sets"), ("upbeat", "sets?set=upbeat"), ("@1", None)],
        ),
        ("vectors", {"vector": "upbeat-icv"}, [("Vectors", "vectors"), ("upbeat-icv", None)]),
        ("compare", {"run": ["1", "3"]}, [("Runs", "runs"), ("1, 3", None)]),
        ("compare", {"run": "<b>"}, [("Runs", "runs"), ("<b>", None)]),
        ("replay", {"run": "1"}, [("Runs", "runs"), ("Replay", "replay"), ("1", None)]),
        ("jobs", {"job": "1"}, [("Jobs and workers", "jobs"), ("1", None)]),
    ],
)
def test_what_a_list_opens_has_a_way_back_to_it(filled, visit, name, selection, trail):
    assert markup.crumbs([(words, address or "") for words, address in trail]) in shown(
        visit(name, **selection)
    )
    assert "vl-crumbs" not in "".join(
        item.proto.body
        for item in visit(trail[0][1]).get("html")
        if "<style" not in item.proto.body
    )


@pytest.mark.parametrize("name", navigation.LED_TO)
def test_what_makes_or_repeats_one_is_reached_from_the_page_of_its_list(filled, visit, name):
    app = visit(name)
    links = {item.proto.page for item in app.get("page_link")}
    buttons = {item.label for item in app.button}
    for page, title in navigation.LED_TO[name].items():
        assert page in links or title in buttons


def test_every_entry_of_the_sidebar_has_an_icon_of_its_own():
    entries = [name for pages in navigation.NAVIGATION.values() for name in pages]
    icons = [navigation.icon(name) for name in entries]
    assert len(set(icons)) == len(icons)


def test_a_vector_in_the_address_brings_its_model_along(filled, visit):
    known = models.get(filled, "tiny").description
    newer = replace(known, weights_sha256="9" * 64, d_model=known.d_model * 2)
    models.register(filled, name="newer", description=newer, actor="ada")
    app = visit("new_run", vector="upbeat-icv")
    assert app.selectbox(key="model").value == "tiny"
    assert app.multiselect(key="vector").value == ["upbeat-icv"]


def test_a_large_version_is_searched_and_paged_without_reading_it_whole(db, visit, monkeypatch):
    items = [Demonstration(source=f"number {n}", target=f"answer {n}") for n in range(250)]
    sets.commit(db, name="large", demonstrations=items, message="", actor="ada")
    monkeypatch.setattr(sets, "demonstrations", None)
    app = visit("sets", set="large", page="3")
    assert app.dataframe[0].value["number"].tolist() == list(range(201, 251))
    assert "201 to 250 of 250 demonstrations" in shown(app)
    app = visit("sets", set="large", contains="NUMBER 17")
    assert app.dataframe[0].value["number"].tolist() == [18, *range(171, 181)]
    assert "1 to 11 of 11 match" in shown(app)
    assert "0 to 0 of 0 match" in shown(visit("sets", set="large", contains="nothing"))


def test_what_the_checks_found_stands_with_the_version(filled, visit):
    items = [Demonstration(source="a@b.org wrote", target="a@b.org wrote!")] * 2
    sets.commit(filled, name="odd", demonstrations=items, message="", actor="ada")
    said = shown(visit("sets", set="odd"))
    assert "1 demonstration standing in the version more than once" in said
    assert "2 demonstrations with what looks like an e-mail address" in said
    assert "What the checks found" not in shown(visit("sets", set="upbeat", version="1"))


def test_the_history_says_where_each_demonstration_came_in(filled, visit):
    sets.fork(filled, reference="upbeat@2", name="calm", actor="ben")
    sets.tag(filled, reference="upbeat@1", tags=["published"], actor="ada")
    app = visit("sets", set="calm", view="history")
    assert app.dataframe[0].value["came in"].tolist() == ["upbeat@2", *["upbeat@1"] * 3]
    said = shown(app)
    assert 'href="sets?set=upbeat&amp;version=1"' in said
    assert "published" in said


def test_the_lineage_names_vectors_and_runs_and_stays_literal(filled, visit):
    said = shown(visit("sets", set="upbeat", version="1", view="lineage"))
    for link in ("vectors?vector=upbeat-icv", "compare?run=1", "sets?set=upbeat&amp;version=2"):
        assert f'href="{link}"' in said
    [picture] = visit("sets", set="upbeat", version="1", view="lineage").get("graphviz_chart")
    assert '"set_version1" -> "vector1" [label="extracted as"]' in picture.proto.spec
    assert '"vector1" -> "run1" [label="steers"]' in picture.proto.spec
    pair = Demonstration(source="one", target="two")
    sets.commit(filled, name="alone", demonstrations=[pair], message="", actor="ada")
    assert "On its own" in shown(visit("sets", set="alone", view="lineage"))


def test_every_version_is_edited(filled, visit):
    for version in ("1", "2"):
        said = shown(visit("sets", set="upbeat", version=version, view="edit"))
        assert "nothing is frozen" in said


def test_the_changes_of_a_version_mark_the_words(filled, visit):
    said = shown(visit("sets", set="upbeat", view="changes"))
    assert '<del class="vl-removed">Wow</del><ins class="vl-added">Oh</ins>' in said


def test_the_log_links_every_version_and_keeps_messages_literal(filled, visit):
    said = shown(visit("sets", set="upbeat", view="history"))
    assert 'href="sets?set=upbeat&amp;version=1"' in said
    assert markup.literal(HOSTILE) in said


def test_a_vector_links_its_set_version_and_lists_its_runs(filled, visit):
    app = visit("vectors", vector="upbeat-icv")
    assert 'href="sets?set=upbeat&amp;version=1"' in shown(app)
    tables = [item.value for item in app.dataframe]
    assert opened_by_rows(app) == ["compare?run=3", "compare?run=2", "compare?run=1"]
    alignments = next(table for table in tables if "alignment" in table.columns)
    assert list(alignments["alignment"]) == sorted(alignments["alignment"])


def test_the_vector_without_each_demonstration_is_asked_for_and_shown(filled, visit):
    app = press(
        visit("vectors", vector="upbeat-icv"), "Compute the vector without each demonstration"
    )
    [job] = [item for item in jobs.list_jobs(filled) if item.kind == "explain"]
    assert (job.state, job.spec["vector_id"]) == (JobState.QUEUED, 1)
    assert app.query_params["job"] == str(job.id)
    with filled.write() as tx:
        items = [left_out(place, 0.1 + place / 10) for place in range(4)]
        explanations.add_explanation(tx, 1, items, {"states_reused": 8}, "ada")
    app = visit("vectors", vector="upbeat-icv")
    assert "From the kept states of 8 texts" in shown(app)
    frame = next(item.value for item in app.dataframe if "shift" in item.value.columns)
    assert sorted(frame["number"]) == [1, 2, 3, 4]


def unguard_layers(tx):
    """Numbers of a vector are never written again; tests do it none the less."""
    named = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'layer_vectors'"
    for name in tx.scalars(sa.text(named)).all():
        tx.execute(sa.text(f'DROP TRIGGER "{name}"'))


@pytest.mark.parametrize(
    ("accuracy", "words"), [(0.6, "60%, near a guess"), (0.9, "90%, a guess has 50%")]
)
def test_separability_stands_beside_what_a_guess_has(filled, visit, accuracy, words):
    layers = schema.layer_vectors
    with filled.write() as tx:
        unguard_layers(tx)
        tx.execute(layers.update().values(separability=accuracy - layers.c.layer / 10))
    app = visit("vectors", vector="upbeat-icv")
    assert not app.exception
    assert f"Best at layer 0: {words}." in shown(app)


def test_a_vector_whose_bytes_were_altered_is_refused_with_both_hashes(filled, visit):
    with filled.write() as tx:
        unguard_layers(tx)
        zeros = "UPDATE layer_vectors SET data = zeroblob(length(data)) WHERE layer = 2"
        tx.execute(sa.text(zeros))
    said = shown(visit("vectors", vector="upbeat-icv"))
    recorded = vectors.details(filled, "upbeat-icv").layers[2].sha256
    assert recorded[:12] in said
    assert bytes_sha256(bytes(4 * WIDTH))[:12] in said


def test_runs_are_filtered_by_the_address(filled, visit):
    assert opened_by_rows(visit("runs", kind="replays")) == ["compare?run=3", "compare?run=2"]
    assert "No run fits" in shown(visit("runs", words="no such words"))


def test_tries_are_folded_away_and_counted_until_they_are_kept(filled, visit):
    model, vector = models.get(filled, "tiny"), vectors.get(filled, "upbeat-icv")
    spec = run_spec(model, vector, ["Say it: "])
    tries = [add_run(filled, model, spec).id for _ in range(2)]
    app = visit("runs", words="upbeat")
    assert opened_by_rows(app) == ["compare?run=3", "compare?run=2", "compare?run=1"]
    assert "2 tries are folded away" in shown(app)
    assert 'href="runs?words=upbeat&amp;kind=tries"' in shown(app)
    assert opened_by_rows(visit("runs", kind="tries")) == [
        f"compare?run={number}" for number in reversed(tries)
    ]
    runs.rename(filled, str(tries[0]), "kept-one", actor="ada")
    app = visit("runs")
    assert opened_by_rows(app)[0] == f"compare?run={tries[0]}"
    assert "1 try is folded away" in shown(app)
    assert len(opened_by_rows(visit("runs", kind="all"))) == 5


def test_ticked_runs_are_compared_under_their_own_address(filled, visit):
    app = follow_box(visit("runs", words="upbeat"), "Compare run 3")
    assert dict(app.query_params) == {"words": "upbeat", "tick": "3"}
    app = press(follow_box(app, "Compare run 1"), "Compare 2 runs")
    assert app.query_params["run"] == ["3", "1"]
    assert "3/baseline" in shown(app)


@pytest.mark.parametrize(
    ("name", "ticked", "button"),
    [
        ("runs", ["3", "1"], "Compare 3 runs"),
        ("vectors", ["upbeat-icv", "twice"], "Compare 3 vectors"),
    ],
)
def test_ticks_stand_in_the_address_and_come_back_with_it(filled, visit, name, ticked, button):
    vectors.combine(filled, name="twice", terms=[(2.0, "upbeat-icv")], actor="ada")
    ticked = ["on-page-two", *ticked]
    app = visit(name, tick=ticked)
    assert button in [item.label for item in app.button]
    assert shown(app).count('role="checkbox" aria-checked="true"') == 2
    app = follow_box(app, f"Compare {name[:-1]} {ticked[2]}")
    assert app.query_params["tick"] == ticked[:2]
    assert shown(app).count('role="checkbox" aria-checked="true"') == 1
    app = follow_box(app, f"Compare {name[:-1]} {ticked[1]}")
    assert app.query_params["tick"] in (ticked[0], ticked[:1])


def test_an_address_beyond_the_last_page_shows_the_last(filled, visit):
    model, vector = models.get(filled, "tiny"), vectors.get(filled, "upbeat-icv")
    spec = run_spec(model, vector, ["Say it: ", "Say that: "])
    for _ in range(50):
        add_run(filled, model, spec)
    for beyond in ("3", "99", "9" * 30):
        app = visit("runs", page=beyond)
        assert len(opened_by_rows(app)) == 3
        assert app.query_params["page"] == "2"
    assert "page" not in visit("vectors", page="99").query_params
    assert "page" not in visit("sets", page="99").query_params
    assert "No run fits" in shown(visit("runs", page="99", words="no such words"))


def test_compare_has_a_column_per_arm_and_marks_words_against_the_baseline(filled, visit):
    said = shown(visit("compare", run="1"))
    for arm in ("baseline", "upbeat-icv +0.1", "upbeat-icv +0.2"):
        assert f"</span>{arm}</th>" in said
    assert 'the soup was <ins class="vl-added">so </ins>cold' in said


def test_generated_text_is_never_markup(filled, visit):
    said = shown(visit("compare", run="1", against="nothing"))
    assert markup.generated(HOSTILE) in said
    assert "<img" not in said


def test_many_prompts_are_shown_page_by_page(filled, visit):
    model, vector = models.get(filled, "tiny"), vectors.get(filled, "upbeat-icv")
    prompts = [f"Prompt number {number}." for number in range(25)]
    run = add_run(filled, model, run_spec(model, vector, prompts))
    first, second = (shown(visit("compare", run=str(run.id), page=page)) for page in ("1", "2"))
    assert markup.generated(prompts[0]) in first
    assert markup.generated(prompts[24]) not in first
    assert markup.generated(prompts[24]) in second


def test_an_arm_keeps_its_colour_in_every_run(filled, visit):
    columns = [f"{run}/upbeat-icv +{strength}" for run in (1, 3) for strength in (0.1, 0.2)]
    columns += ["1/baseline", "3/baseline"]
    said = shown(visit("compare", run=["1", "3"], show=columns))
    first, second = colours.LIGHT[:2]
    heads = [f'<th class="vl-arm" style="--arm:{colour}">' for colour in (first, second)]
    assert [said.count(head) for head in heads] == [2, 2]
    grey = f'style="--arm:{colours.LIGHT_BASELINE}">'
    assert said.count(f'<th class="vl-arm" {grey}') == 1
    assert said.count(f'<th class="vl-arm vl-pin vl-pin-1" {grey}') == 1  # stays in sight


def test_compare_names_the_unit_of_every_strength(filled, visit):
    assert markup.escape(Operator.ROTATE.info.unit) in shown(
        visit("compare", run="1", look="settings")
    )


def test_a_run_says_what_it_may_be_called_beside_a_published_experiment(filled, visit, monkeypatch):
    assert "published experiment" not in shown(visit("compare", run="1", look="settings"))
    monkeypatch.setattr(examples, "of_content", lambda _: EXPERIMENTS[0])
    said = shown(visit("compare", run="1", look="settings"))
    assert "after the published experiment, but for: another query, punctuation kept" in said


def test_an_identical_replay_is_said_so(filled, visit):
    assert "<b>Identical</b>" in shown(visit("replay", run="2"))


def test_a_replay_under_way_is_not_said_to_be_missing(filled, visit):
    for replay in ("2", "3"):
        runs.remove(filled, replay, cascade=False, actor="ada")
    assert "Not replayed yet" in shown(visit("replay", run="1"))
    app = press(visit("replay", run="1"), "Replay now")
    assert "Not replayed yet" not in shown(app)
    assert "queued" in shown(app)


def test_a_different_replay_names_the_first_token_and_what_changed(filled, visit):
    said = shown(visit("replay", run="3"))
    assert "6 of 9 texts of run 3 equal those of run 1" in said
    assert "at choices with no margin on record; not explained by rounding" in said
    assert '<span class="vl-mono">3</span>' in said
    assert '<span class="vl-mono">9</span>' in said
    assert "<td>2.13.0</td><td>2.11.0</td>" in said


def test_replay_now_asks_once_however_often_it_is_pressed(filled, visit):
    app = press(press(visit("replay", run="1"), "Replay now"), "Replay now")
    asked = [job for job in jobs.list_jobs(filled) if job.spec.get("replay_of") == 1]
    assert len(asked) == 1
    assert asked[0].priority == PRIORITY_INTERACTIVE
    assert app.query_params["job"] == str(asked[0].id)
    assert "queued" in shown(app)


def test_without_a_worker_the_command_is_given(filled, visit):
    assert "vectorlab worker" in shown(visit("jobs"))
    alive_worker(filled)
    said = shown(visit("jobs"))
    assert "No worker is alive" not in said


def test_a_job_is_cancelled_and_retried_from_its_page(filled, visit):
    app = visit("jobs", job="2")
    assert "Cancel job 2, generate?" in shown(app)
    assert jobs.get(filled, 2).state is JobState.QUEUED
    app = press(app, "Yes, cancel")
    assert jobs.get(filled, 2).state is JobState.CANCELLED
    press(app, "Retry")
    assert jobs.get(filled, 2).state is JobState.QUEUED


def running_job(filled) -> int:
    """Job 2 in the hands of a worker, half done, with texts on their way and a log."""
    with filled.write() as tx:
        queue.claim(tx, worker_id="host-1-abc", lease_s=60, job_id=2)
        queue.report_progress(
            tx,
            2,
            1,
            50,
            100,
            "tokens",
            rate=25.0,
            partials=[PartialText(prompt=0, arm=0, sample=0, text="Once <b>upon</b>")],
            log=[(LogLevel.WARNING, "out of memory with 8 rows: batch halved")],
        )
    return 2


def test_a_running_job_shows_its_pace_its_texts_and_its_log(filled, visit):
    said = shown(visit("jobs", job=str(running_job(filled))))
    assert "25 tokens/s, 0:02 left" in said
    assert "Once &lt;b&gt;upon&lt;/b&gt;" in said
    assert "not a result yet" in said
    assert "batch halved" in said


def test_a_job_whose_worker_is_gone_does_not_pass_for_running(filled, visit):
    running_job(filled)
    with filled.write() as tx:
        table = schema.jobs
        tx.execute(table.update().where(table.c.id == 2).values(lease_until=PAST))
    assert "is gone or hangs" in shown(visit("jobs", job="2"))


def test_the_queue_is_filtered_by_the_address(filled, visit):
    running_job(filled)
    assert opened_by_rows(visit("jobs", kind="generate")) == ["jobs?job=2"]
    assert "No job" in shown(visit("jobs", state="failed"))
    assert opened_by_rows(visit("jobs", worker="host-1")) == ["jobs?job=2"]


def test_a_job_that_has_ended_says_how_long_it_took_and_what_it_was_in_few_letters(filled, visit):
    assert "took" not in shown(visit("jobs"))
    long = "|".join(f"word{n}" for n in range(40))
    asked = scores.request_scores(filled, "1", [f"regex:{long}"], actor="ada").job
    assert asked is not None
    with filled.write() as tx:
        table = schema.jobs
        ended = {
            "state": "succeeded",
            "started_at": PAST,
            "finished_at": PAST + timedelta(minutes=1),
        }
        tx.execute(table.update().where(table.c.id == asked.id).values(**ended))
    row = next(line for line in shown(visit("jobs")).split("<tr>") if f"job={asked.id}" in line)
    assert "took 1:00" in row
    assert "word1|" in row
    assert "word39</bdi>" not in row
    assert "word39" in shown(visit("jobs", job=str(asked.id)))


def test_ended_jobs_are_pruned_from_the_page(filled, visit):
    app = visit("jobs")
    next(item for item in app.number_input if "days ago" in item.label).set_value(0)
    app = press(app, "Delete …")
    assert "Delete 1 job for good, 1?" in shown(app)
    app = press(app, "No")
    assert len(jobs.list_jobs(filled)) == 2
    press(press(app, "Delete …"), "Yes, delete 1 job")
    assert [job.id for job in jobs.list_jobs(filled)] == [2]


def test_a_page_that_lacks_something_leads_to_where_it_is_made(db, visit):
    assert links(visit("new_vector")) == ["Sets: import a file, or begin one by hand"]
    sets.commit(
        db,
        name="said",
        demonstrations=[Demonstration(source="a", target="b")],
        message="",
        actor="ada",
    )
    for page in ("new_vector", "new_run", "playground"):
        assert "Settings" in links(visit(page))


def links(app):
    return [item.proto.label for item in app.get("page_link")]


def test_extract_finds_an_equal_vector_instead_of_computing(filled, visit):
    app = press(visit("new_vector", set="upbeat@1"), "Extract")
    assert "An equal request was answered before" in shown(app)
    assert not any(job.priority == PRIORITY_INTERACTIVE for job in jobs.list_jobs(filled))


def test_extract_enqueues_an_interactive_job(filled, visit):
    app = press(visit("new_vector", set="upbeat@1", method="mean_difference"), "Extract")
    job = jobs.list_jobs(filled)[0]
    assert (job.kind, job.priority, job.created_by) == (
        "extract",
        PRIORITY_INTERACTIVE,
        "tester",
    )
    assert job.spec["spec"]["method"] == "mean_difference"
    assert app.query_params["job"] == str(job.id)


def test_a_convention_fills_in_what_is_not_chosen_beside_it(filled, visit):
    app = visit("new_vector", set="upbeat@1", convention="icv")
    assert "https://github.com/shengliu66/ICV" in shown(app)
    press(app, "Extract")
    spec = jobs.list_jobs(filled)[0].spec["spec"]
    assert (spec["convention"], spec["method"]) == ("icv", "icv")
    assert spec["strip_punctuation"] is True
    press(visit("new_vector", set="upbeat@1", convention="caa", own_method="pca"), "Extract")
    spec = jobs.list_jobs(filled)[0].spec["spec"]
    assert (spec["method"], spec["token_rule"]) == ("pca", "index:-2")
    assert (spec["convention"], spec["strip_punctuation"]) == ("caa", False)


def test_extract_refuses_bare_prompts_in_words(filled, visit):
    sets.commit(
        filled,
        name="prompts",
        demonstrations=[Demonstration(source="Say it: ", target=None)],
        message="",
        actor="ada",
    )
    said = shown(press(visit("new_vector", set="prompts@1"), "Extract"))
    assert "has no target" in said


def test_generate_enqueues_every_strength_and_keeps_trailing_spaces(filled, visit):
    app = visit("new_run", vector="upbeat-icv", strength="0.1 0.2")
    assert any(Operator.ROTATE.info.unit in item.value for item in app.caption)
    app.text_area(key="prompt").set_value("First: \n\nSecond: ")
    press(app.run(), "Generate")
    spec = jobs.list_jobs(filled)[0].spec["spec"]
    assert [text for text, _ in spec["prompts"]] == ["First: ", "Second: "]
    assert [arm["label"] for arm in spec["arms"]] == [
        "baseline",
        "upbeat-icv +0.1",
        "upbeat-icv +0.2",
    ]


def test_windows_schedules_and_written_arms_are_asked_for_by_the_address(filled, visit):
    app = visit(
        "new_run",
        vector="upbeat-icv",
        strength="0.1",
        positions="prompt:last=2",
        schedule="first:8",
        layers="0",
        combine="sum",
    )
    app.text_area(key="arms").set_value("upbeat-icv:0.2:positions=response:first=3")
    app.text_area(key="prompt").set_value("First: ")
    app = press(app.run(), "Generate")
    assert "3 texts." in shown(app)
    _, swept, written = jobs.list_jobs(filled)[0].spec["spec"]["arms"]
    [first], [second] = swept["interventions"], written["interventions"]
    assert (first["positions"], first["schedule"], first["layers"]) == (
        "prompt:last=2",
        "first:8",
        [0],
    )
    assert (second["strength"], second["positions"]) == (0.2, "response:first=3")
    assert swept["combine"] == "sum"


@pytest.mark.parametrize(
    "wrong", [{"positions": "prompt:none"}, {"schedule": "steep"}, {"layers": "three"}]
)
def test_an_option_that_cannot_be_read_is_said_in_words(filled, visit, wrong):
    app = visit("new_run", vector="upbeat-icv", prompts="upbeat@1", **wrong)
    assert "not understood" in shown(app)
    assert len(jobs.list_jobs(filled)) == 2


@pytest.mark.parametrize("strength", ["much", "nan"])
def test_a_strength_that_is_no_number_is_said_in_words(filled, visit, strength):
    app = visit("new_run", vector="upbeat-icv", strength=strength, prompts="upbeat@1")
    assert "That did not work" in shown(app)
    assert next(item for item in app.button if item.label == "Generate").disabled


def test_the_dashboard_never_loads_torch_and_runs_from_any_folder(filled, tmp_path):
    folder = shutil.copytree(ROOT / "ui", tmp_path / "_ui")
    program = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "app = AppTest.from_file(sys.argv[1] + '/app.py', default_timeout=20)\n"
        "for name in sys.argv[2:]:\n"
        "    app.switch_page(f'app_pages/{name}.py').run()\n"
        "    assert not app.exception and app.title, name\n"
        "assert list(sys.modules['ui'].__path__) == [sys.argv[1]]\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-c", program, str(folder), *PAGES]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", PAGES)
def test_a_store_whose_file_is_gone_is_an_error_on_every_page(filled, visit, home, name):
    visit("overview")  # it was open before
    path = home / "vectorlab.db"
    path.rename(home / "moved.db")
    said = shown(visit(name))
    assert "vectorlab.db is gone" in said
    assert "The store cannot be shown." in said
    assert "pg_dump" not in said
    assert not path.exists()
    (home / "moved.db").rename(path)
    assert "is gone" not in shown(visit(name))


def test_a_store_whose_file_is_gone_takes_no_work(filled, visit, home):
    app = visit("new_vector", set="upbeat@1", method="mean_difference")
    (home / "vectorlab.db").rename(home / "moved.db")
    press(app, "Extract")
    (home / "moved.db").rename(home / "vectorlab.db")
    assert len(jobs.list_jobs(filled)) == 2


def test_a_locked_store_says_so_within_a_few_seconds(filled, visit, home):
    app = visit("new_vector", set="upbeat@1", method="mean_difference")
    with closing(sqlite3.connect(home / "vectorlab.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        said = shown(press(app, "Extract"))
        assert time.monotonic() - began < 10  # and not the half minute of a worker
    assert "locked" in said
    assert len(jobs.list_jobs(filled)) == 2


def test_work_without_a_worker_is_said_on_every_page_with_the_way_out(
    filled, visit, tmp_path, monkeypatch
):
    wish = tmp_path / "wish" / "worker-wanted"
    wish.parent.mkdir()
    monkeypatch.setenv(WISH_VARIABLE, str(wish))
    for name in PAGES:
        assert "Start a worker" in [item.label for item in visit(name).button], name
    alive_worker(filled)
    for name in PAGES:
        assert "Start a worker" not in [item.label for item in visit(name).button], name
    running_job(filled)
    jobs.let_go(filled, host="host", pid=1)  # the worker died: its job is nobody's
    for name in PAGES:
        assert "Start a worker" in [item.label for item in visit(name).button], name
    app = visit("playground", job="2")
    assert "running, its worker is gone" in shown(app)
    assert "Start a worker here" in [item.label for item in app.button]
    assert "No worker is alive" in shown(visit("overview"))
    press(app, "Start a worker here")
    assert wish.read_text() == ""


def test_a_job_behind_another_says_so_and_offers_another_worker(
    filled, visit, tmp_path, monkeypatch
):
    alive_worker(filled)
    running_job(filled)
    with filled.write() as tx:
        job, _ = queue.enqueue(
            tx, NewJob(kind="generate", spec={}, dedupe_key=None, created_by="ada")
        )
    app = visit("jobs", job=str(job.id))
    assert "behind job 2 (generate), until about " in shown(app)
    assert "Start another worker" not in [item.label for item in app.button]
    wish = tmp_path / "wish" / "worker-wanted"
    wish.parent.mkdir()
    monkeypatch.setenv(WISH_VARIABLE, str(wish))
    press(visit("jobs", job=str(job.id)), "Start another worker")
    assert wish.read_text() == ANOTHER
    assert "1 job waits behind it" in shown(visit("jobs", job="2"))


def test_nothing_is_destroyed_before_it_is_confirmed(filled, visit):
    with filled.write() as tx:
        queue.enqueue(tx, NewJob(kind="generate", spec={}, dedupe_key=None, created_by="ada"))
    app = visit("jobs")
    assert "Cancel 2 jobs, 3, 2?" in shown(app)
    assert jobs.counts(filled)[JobState.QUEUED] == 2
    press(app, "Yes, cancel the 2 shown")
    assert JobState.QUEUED not in jobs.counts(filled)
    press(visit("jobs"), "Yes, retry the 3 shown")
    assert jobs.counts(filled)[JobState.QUEUED] == 3
