"""Playground, several vectors, SQL, settings and the first steps, without a browser."""

import json
from dataclasses import replace
from urllib.parse import urljoin

import pytest

from tests.store.builders import add_conditional_run
from tests.ui.everything import add_tokens
from tests.ui.filled_store import LAYERS, add_run, alive_worker, description, run_spec
from tests.ui.test_browser import work_off
from tests.ui.test_pages import opened_by_rows, press, shown
from ui import colours
from ui.playground import history
from ui.runs.token_view import departure
from ui.vectors import several
from vectorlab.config import WISH_VARIABLE
from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE, JobState
from vectorlab.domain.jobs.requests import GenerateRequest
from vectorlab.domain.runs.runs import Decoding, Prompt
from vectorlab.domain.runs.tokens import NearestTokens, ReadTokens, VocabularyToken
from vectorlab.services import jobs, models
from vectorlab.services.analysis import queries
from vectorlab.services.runs import presets, runs
from vectorlab.services.runs.requests import GenerationRequest
from vectorlab.services.sets import examples, sets
from vectorlab.services.vectors import vectors
from vectorlab.store.runs import token_views
from vectorlab.store.vectors import vectors as store_vectors

OTHER_SETTINGS = "asked for with other settings than the fields hold"


def newest_job(db):
    return jobs.list_jobs(db)[0]


def test_the_playground_asks_for_baseline_and_vectors_in_one_batch(filled, visit):
    app = visit("playground", vector="upbeat-icv", at="upbeat-icv:0.25", prompt="Say: ")
    assert app.slider(key="play.slider.upbeat-icv").value == 0.25
    app = press(app, "Generate")
    job = newest_job(filled)
    assert (job.kind, job.priority) == ("generate", PRIORITY_INTERACTIVE)
    arms = job.spec["spec"]["arms"]
    assert [arm["label"] for arm in arms] == ["baseline", "upbeat-icv +0.25"]
    assert job.spec["spec"]["prompts"] == [["Say: ", None]]
    assert app.query_params["job"] == str(job.id)
    assert "vectorlab worker" in shown(app)


def test_the_sliders_stand_beside_the_texts(filled, visit):
    app = visit("playground", vector="upbeat-icv", run="1")
    rack = next(side for side in app.columns if side.slider and side.text_area)
    texts = next(side for side in app.columns if "Generate" in [b.label for b in side.button])
    assert not texts.slider
    assert "upbeat-icv +0.2" not in "".join(item.proto.body for item in rack.get("html"))
    assert any("upbeat-icv +0.2" in item.proto.body for item in texts.get("html"))


def test_a_text_that_says_nothing_any_more_is_said_to_over_it(filled, visit):
    model, vector = models.get(filled, "tiny"), vectors.get(filled, "upbeat-icv")
    run = add_run(filled, model, run_spec(model, vector, ["The soup was cold."]), said={2: '" " "'})
    said = shown(visit("playground", vector="upbeat-icv", run=str(run.id)))
    assert said.count("no words") == 1
    assert "no words" not in shown(visit("playground", vector="upbeat-icv", run="1"))


def test_slider_number_and_address_follow_each_other(filled, visit):
    app = visit("playground", vector="upbeat-icv")
    app = app.slider(key="play.slider.upbeat-icv").set_value(0.3).run()
    assert app.text_input(key="play.number.upbeat-icv").value == "0.3"
    app = app.text_input(key="play.number.upbeat-icv").set_value("0.9").run()
    assert app.slider(key="play.slider.upbeat-icv").value == 0.5  # its end
    assert app.query_params["at"] == "upbeat-icv:0.9"
    assert "--arm upbeat-icv:0.9" in shown(app)


def test_each_vector_may_act_in_its_own_way(filled, visit):
    app = visit("playground", vector="upbeat-icv", at="upbeat-icv:0.2:operator=add:layers=0-1")
    assert app.slider(key="play.slider.upbeat-icv").value == 0.2
    assert "operator add, layers 0-1" in shown(app)
    app = app.text_input(key="play.positions.upbeat-icv").set_value("prompt:last=2").run()
    term = "upbeat-icv:0.2:operator=add:positions=prompt:last=2:layers=0-1"
    assert app.query_params["at"] == term
    app = app.text_input(key="play.number.upbeat-icv").set_value("0.3").run()
    assert app.query_params["at"] == term.replace("0.2", "0.3")
    press(app, "Generate")
    [applied] = newest_job(filled).spec["spec"]["arms"][1]["interventions"]
    assert (applied["operator"], applied["layers"]) == ("add", [0, 1])
    assert (applied["positions"], applied["strength"]) == ("prompt:last=2", 0.3)


def test_what_is_said_of_one_vector_and_cannot_be_read_is_said_and_asks_for_nothing(filled, visit):
    app = visit("playground", vector="upbeat-icv", at="upbeat-icv:0.2")
    app = app.text_input(key="play.layers.upbeat-icv").set_value("9-").run()
    assert "are not understood" in shown(app)
    assert next(each for each in app.button if each.label == "Generate").disabled
    assert app.query_params["at"] == "upbeat-icv:0.2"
    app = app.text_input(key="play.layers.upbeat-icv").set_value("2").run()
    assert app.query_params["at"] == "upbeat-icv:0.2:layers=2"
    assert not next(each for each in app.button if each.label == "Generate").disabled


def test_a_strip_of_strengths_is_one_request(filled, visit):
    app = visit("playground", vector="upbeat-icv", at="upbeat-icv:0.1", strip="true")
    press(app, "Generate")
    labels = [arm["label"] for arm in newest_job(filled).spec["spec"]["arms"]]
    assert labels == [
        "baseline",
        *(f"upbeat-icv +{s}" for s in ("0.025", "0.05", "0.1", "0.15", "0.2")),
    ]


def made(db):
    """The run that was asked for last, as if a worker had made it."""
    request = GenerateRequest.from_json(newest_job(db).spec)
    return add_run(db, models.get(db, "tiny"), request.spec)


@pytest.mark.parametrize(
    "settings",
    [
        {"at": "upbeat-icv:0.25", "tokens": "7", "seed": "3", "stop": "!!\\n"},
        {"at": "upbeat-icv:0.1", "strip": "true", "decoding": "sampled", "top_k": "4"},
        {"at": "upbeat-icv:0.1:operator=add:layers=0-1:positions=response:first=3"},
        {"at": "upbeat-icv:0.1", "site": "block_output", "when": "upbeat-icv@1 cosine > 0.2"},
        {"at": "upbeat-icv:0.1", "layers": "2", "schedule": "first:8", "special_tokens": "false"},
    ],
)
def test_a_try_is_brought_back_by_its_address(filled, visit, settings):
    press(visit("playground", vector="upbeat-icv", prompt=" Say:\n ", **settings), "Generate")
    run, asked = made(filled), newest_job(filled)
    app = visit("playground", **history.selection(run))
    assert OTHER_SETTINGS not in shown(app)
    assert f"run={run.id}&amp;model=tiny&amp;vector=upbeat-icv" in shown(app)
    app = app.number_input(key="tokens").set_value(5).run()
    assert OTHER_SETTINGS in shown(app)
    assert newest_job(filled) == asked


def test_texts_are_asked_for_again_at_every_change_where_that_is_wanted(filled, visit):
    press(
        visit("playground", vector="upbeat-icv", at="upbeat-icv:0.25", prompt="Say: "), "Generate"
    )
    run, asked = made(filled), newest_job(filled)
    app = visit("playground", live="true", **history.selection(run))
    assert newest_job(filled) == asked
    app = app.slider(key="play.slider.upbeat-icv").set_value(0.1).run()
    job = newest_job(filled)
    assert app.query_params["job"] == str(job.id)
    assert [arm["label"] for arm in job.spec["spec"]["arms"]] == ["baseline", "upbeat-icv +0.1"]
    assert job.id == asked.id + 1


def test_a_run_in_the_address_is_shown_and_kept(filled, visit):
    app = visit("playground", run="1")
    said = shown(app)
    assert "upbeat-icv +0.2" in said
    assert "<img" not in said
    assert "Read the tokens" in [item.label for item in app.button]
    press(app, "Read the tokens")
    assert newest_job(filled).kind == "read"


def store_tokens(db, run_id=1):
    with db.write() as tx:
        add_tokens(tx, run_id)


def test_tokens_say_where_a_text_departs_and_how_likely_they_became(filled, visit):
    store_tokens(filled)
    said = shown(visit("compare", run="1", look="tokens"))
    assert '<span class="vl-piece vl-departs" title="log-probability -1.00, +2.00 by' in said
    assert " &lt;b&gt;" in said
    base = ReadTokens(generation_id=1, pieces=("a", "b"), logprobs=(0, 0), baseline_logprobs=(0, 0))
    longer = ReadTokens(
        generation_id=2, pieces=("a", "b", "c"), logprobs=(0,) * 3, baseline_logprobs=(0,) * 3
    )
    assert (departure(longer, base), departure(base, longer), departure(base, base)) == (2, 1, None)


def test_numbers_of_tokens_need_no_pointer(filled, visit):
    store_tokens(filled)
    for page in ({"name": "compare", "look": "tokens"}, {"name": "playground"}):
        app = visit(page.pop("name"), run="1", **page)
        [frame] = [item.value for item in app.dataframe if "logprob" in item.value]
        assert frame["place"].min() == frame["sample"].min() == 1  # counted as people count
        change = frame["logprob"] - frame["baseline_logprob"]
        assert frame["change"].tolist() == change.tolist()


def test_no_words_are_marked_before_the_tokens_are_coloured(filled, visit):
    assert '<ins class="vl-added">' not in shown(visit("playground", run="1"))
    assert '<ins class="vl-added">' in shown(visit("playground", run="1", by_token="false"))


def test_a_run_that_measured_kl_shows_its_tokens_without_a_job(filled, visit):
    with filled.write() as tx:
        vector = store_vectors.get_vector(tx, "upbeat-icv")
        run = add_conditional_run(tx, models.get(filled, "tiny"), vector)
    said = shown(visit("compare", run=run.id, look="tokens"))
    assert 'title="log-probability -1.50, +1.00 by steering, KL(steered || unsteered) 0.50"' in said
    assert "Read the tokens" not in [item.label for item in visit("playground", run=run.id).button]


def test_a_worker_is_offered_only_where_somebody_can_start_it(filled, visit, tmp_path, monkeypatch):
    def offered():
        return "Start a worker here" in [item.label for item in visit("playground").button]

    assert not offered()
    wish = tmp_path / "wish" / "worker-wanted"
    monkeypatch.setenv(WISH_VARIABLE, str(wish))
    assert not offered()
    wish.parent.mkdir()
    press(visit("playground"), "Start a worker here")
    assert wish.exists()
    alive_worker(filled)
    assert not offered()


def test_the_playground_says_once_that_no_worker_is_alive(filled, visit, tmp_path, monkeypatch):
    wish = tmp_path / "wish" / "worker-wanted"
    wish.parent.mkdir()
    monkeypatch.setenv(WISH_VARIABLE, str(wish))
    app = press(visit("playground", vector="upbeat-icv", prompt="Say: "), "Generate")
    assert shown(app).count("No worker is alive") == 1
    assert [item.label for item in app.button].count("Start a worker here") == 1
    app = press(visit("playground", run="1"), "Read the tokens")
    assert shown(app).count("No worker is alive") == 1


def test_vectors_are_filtered_by_the_address(filled, visit):
    assert opened_by_rows(visit("vectors", by="icv")) == ["vectors?vector=upbeat-icv"]
    assert "No vector fits" in shown(visit("vectors", words="nothing like it"))


def test_sets_in_the_plane_have_the_colour_of_their_vector(filled):
    vector = vectors.get(filled, "upbeat-icv")
    others = [replace(vector, id=4, name="z", set_label="a@1"), replace(vector, id=5, name="y")]
    found = several._colours_of_sets(["a@1", str(vector.set_label)], [vector, *others])
    by_vector = colours.of_vectors({"upbeat-icv": vector.id, "z": 4, "y": 5})
    assert found == {"a@1": by_vector["z"], vector.set_label: by_vector["upbeat-icv"]}


def test_several_vectors_are_compared_layer_by_layer(filled, visit):
    vectors.combine(filled, name="twice", terms=[(2.0, "upbeat-icv")], actor="ada")
    vectors.combine(filled, name="against", terms=[(-1.0, "upbeat-icv")], actor="ada")
    app = visit("vectors", vector=["upbeat-icv", "twice", "against"])
    said = shown(app)
    assert "Cosine between vectors" in said
    assert "twice is left out: it was not extracted" in said
    assert len(app.get("vega_lite_chart") or app.get("arrow_vega_lite_chart")) >= 2
    nine = [f"v{number}" for number in range(9)]
    assert "at most 8 are compared" in shown(visit("vectors", vector=nine))


def test_nearest_tokens_are_asked_for_and_shown_literally(filled, visit):
    press(visit("vectors", vector="upbeat-icv"), "Find the nearest tokens")
    assert newest_job(filled).kind == "nearest"
    token = VocabularyToken(token_id=1, piece="<i>", value=2.0)
    with filled.write() as tx:
        found = [
            NearestTokens(layer=layer, toward=(token,), away=(token,)) for layer in range(LAYERS)
        ]
        token_views.add_nearest(tx, 1, found)
    said = shown(visit("vectors", vector="upbeat-icv"))
    assert '<bdi class="vl-token" title="2.00">&lt;i&gt;</bdi>' in said


def test_what_a_query_finds_opens_by_its_number_or_name(filled, visit):
    sql = "SELECT run_id, replay_of, run_name, 'up beat' AS vector_name FROM v_runs ORDER BY run_id"
    app = visit("sql", sql=sql, asked="true")
    table = app.dataframe[0].value
    assert table["run_id"].tolist() == ["/compare?run=1", "/compare?run=2", "/compare?run=3"]
    assert table["replay_of"].isna().tolist() == [True, False, False]
    assert table["replay_of"][1] == "/compare?run=1"
    assert table["vector_name"][0] == "/vectors?vector=up+beat"
    assert table["run_name"][0] == "first-look"
    run = visit("compare", run=table["run_id"][0].partition("=")[2])
    assert "first-look" in run.title[0].value


def test_numbers_that_lead_somewhere_sort_as_numbers(filled, visit):
    sql = " UNION ALL ".join(f"SELECT {n} AS run_id" for n in (10, 9, 123, 8, 11, 1))
    numbers = visit("sql", sql=sql, asked="true").dataframe[0].value["run_id"]
    pages = [urljoin("http://127.0.0.1/sql", each).partition("1/")[2] for each in sorted(numbers)]
    assert pages == [f"compare?run={number}" for number in (1, 8, 9, 10, 11, 123)]


def test_a_query_runs_fills_a_chart_and_is_kept(filled, visit):
    app = press(visit("sql", sql="SELECT run_id, run_name FROM v_runs ORDER BY run_id"), "Run")
    assert app.dataframe[0].value["run_name"][0] == "first-look"
    assert "3 rows in" in shown(app)
    link = visit("sql", sql="SELECT run_id FROM v_runs WHERE run_id < 3", asked="true")
    assert "2 rows in" in shown(link)
    app.text_input(key="sql.save_name").set_value("mine")
    press(app, "Save")
    assert [item.title for item in queries.saved(filled)] == ["mine"]
    app = visit("sql")
    app = app.selectbox(key="sql.recipe").set_value("★ mine").run()
    assert app.text_area(key="sql").value == "SELECT run_id, run_name FROM v_runs ORDER BY run_id"
    press(app, "Forget it")
    assert queries.saved(filled) == []


@pytest.mark.parametrize(
    ("columns", "group", "expected"),
    [
        # As the third column of its run, although it is the first line here.
        ("prompt_index, arm", "is_baseline = false AND strength > 0.1", {"upbeat-icv +0.2": 0}),
        ("arm", "is_baseline = false", {"upbeat-icv +0.1": 1, "upbeat-icv +0.2": 0}),
        ("arm", "is_baseline", {"baseline": colours.LIGHT_BASELINE}),
        ("strength, vector_name", "vector_name <> 'x'", {"upbeat-icv": 1}),
        ("vector_name", "vector_name <> 'x'", {"upbeat-icv": 1}),
        ("strength, finish_reason", "is_baseline = false", {"eos": 0}),
    ],
)
def test_a_chart_gives_vectors_and_arms_their_own_colours(filled, visit, columns, group, expected):
    sql = (
        f"SELECT {columns}, avg(n_tokens) AS n FROM v_generations WHERE {group} AND run_id = 1 "
        f"GROUP BY {columns} ORDER BY {columns}"
    )
    app = visit("sql", sql=sql, asked="true", chart="true")
    [chart] = app.get("vega_lite_chart") or app.get("arrow_vega_lite_chart")
    scale = json.loads(chart.proto.spec)["encoding"]["color"]["scale"]
    assert dict(zip(scale["domain"], scale["range"], strict=True)) == {
        name: place if isinstance(place, str) else colours.LIGHT[place]
        for name, place in expected.items()
    }


def test_every_recipe_of_the_cookbook_is_offered(filled, visit):
    options = visit("sql").selectbox(key="sql.recipe").options
    assert set(options) >= {item.title for item in queries.cookbook()}


def test_a_query_is_run_from_its_editor(filled, visit):
    """Ctrl+Enter in the editor of a form presses the form's button."""
    app = visit("sql")
    [run] = [button for button in app.button if button.label == "Run"]
    assert run.proto.is_form_submitter
    assert run.proto.form_id == app.text_area(key="sql").proto.form_id


def test_a_query_that_writes_is_refused_in_words(filled, visit):
    app = press(visit("sql", sql="DELETE FROM runs"), "Run")
    assert "That did not work" in shown(app)


def test_an_answer_that_is_not_the_querys_own_says_so(filled, visit):
    app = press(visit("sql", sql="SELECT run_id FROM v_runs"), "Run")
    assert "The answer to the query before" not in shown(app)
    app = app.selectbox(key="sql.recipe").select_index(1).run()
    assert "The answer to the query before" in shown(app)
    assert "The answer to the query before" not in shown(press(app, "Run"))


def test_the_address_of_the_store_is_short_beneath_ones_home(filled, visit, home, monkeypatch):
    monkeypatch.setenv("HOME", str(home))
    assert "sqlite:///~/vectorlab.db" in shown(visit("settings"))


def test_settings_measure_check_and_back_up(filled, visit):
    app = visit("settings")
    said = shown(app)
    for word in ("revision", "SQLite", "0.", "streamlit", "runs: 3"):
        assert word in said
    app = press(app, "Measure")
    tables = next(item.value for item in app.dataframe if "table" in item.value.columns)
    assert tables.set_index("table").loc["generation_runs", "rows"] == 3
    assert "Every stored hash holds" in shown(press(app, "Check every hash"))


def test_a_model_is_registered_by_a_job(filled, visit):
    press(visit("settings"), "Register")
    job = newest_job(filled)
    assert (job.kind, job.spec["source"]) == ("register", "bundled:tiny")


def test_first_steps_do_what_they_say(db, visit):
    app = press(visit("overview"), "Load the examples")
    assert {item.name for item, _ in sets.list_sets(db)} == {
        "dialogue-safety",
        "dialogue-safety-prompts",
        "sentiment-flip",
        "sentiment-flip-prompts",
        "sentiment-paraphrase",
        "sentiment-paraphrase-prompts",
    }
    app = press(app, "Register the bundled model")
    assert newest_job(db).kind == "register"
    assert shown(app).count('vl-good">done') == 1
    models.register(db, name="tiny", description=description(), actor="ada")
    press(visit("overview"), "Extract a vector")
    job = newest_job(db)
    assert (job.kind, job.priority) == ("extract", PRIORITY_INTERACTIVE)
    assert job.spec["spec"]["method"] == "icv"


def test_the_last_of_the_first_steps_asks_for_texts_with_and_without_the_vector(filled, visit):
    for number in (3, 2, 1):
        runs.remove(filled, str(number), cascade=True, actor="ada")
    press(visit("overview"), "Generate texts")
    job = newest_job(filled)
    assert [arm["label"] for arm in job.spec["spec"]["arms"]] == ["baseline", "upbeat-icv +0.1"]


@pytest.mark.slow
def test_the_first_steps_end_with_both_texts_of_an_example(db, visit):
    press(visit("overview"), "Load the examples")
    press(visit("overview"), "Register the bundled model")
    work_off(db)
    press(visit("overview"), "Extract a vector")
    work_off(db)
    app = press(visit("overview"), "Generate texts")
    work_off(db)
    said = shown(app.run())
    preset = presets.presets(db)[0]
    assert preset.experiment.name == "sentiment-paraphrase"
    assert said.count('vl-good">done') == 4
    assert preset.prompt.strip() in said
    run = runs.get(db, "1")
    base, steered = (text.text for text in runs.generations(db, run))
    assert "!!" in steered
    assert "!!" not in base
    assert all(f"<b>{arm.label}</b>" in said for arm in run.spec.arms)
    assert "First steps" not in shown(visit("overview"))
    assert preset.expected == steered
    gallery = visit("playground")
    assert steered.strip() in shown(gallery)
    app = press(gallery, preset.experiment.title)
    assert app.query_params["at"] == f"sentiment-paraphrase-v1:{preset.strength}"
    assert newest_job(db).state is JobState.QUEUED  # with another decoding than the first steps
    assert app.query_params["job"] == str(newest_job(db).id)
    assert app.multiselect(key="vector").value == ["sentiment-paraphrase-v1"]
    assert app.text_area(key="prompt").value == preset.prompt
    assert preset.experiment.title not in [button.label for button in app.button]


@pytest.mark.slow
def test_an_address_of_the_overview_may_name_the_job_of_any_run(db, visit):
    examples.load(db, actor="ada")
    asked = models.request_registration(db, "bundled:tiny", actor="ada", name="tiny")
    work_off(db)
    model = asked.read(jobs.get(db, asked.job.id))
    request = GenerationRequest(prompts=("Once",), decoding=Decoding(max_new_tokens=2))
    asked = runs.request_run(db, model=model, spec=request.spec(db, model), actor="ada")
    work_off(db)
    said = shown(visit("overview", job=asked.job.id))
    assert "Once" in said
    assert "<b>baseline</b>" in said


def test_the_store_says_what_the_playgrounds_recipe_asks_for(filled):
    model = models.get(filled, "tiny")
    vector = vectors.get(filled, "upbeat-icv")
    request = GenerationRequest(
        model="tiny",
        prompts=(Prompt(text="Say it: "),),
        arms=("upbeat-icv:0.1", "upbeat-icv:0.2"),
        decoding=run_spec(model, vector).decoding,
        seed=7,
    )
    wanted = run_spec(model, vector, ["Say it: "])
    assert request.spec(filled, model).sha256 == wanted.sha256
