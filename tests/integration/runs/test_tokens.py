"""Jobs about single tokens and about models, from the request to what is stored, on both kinds."""

import pytest

from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE
from vectorlab.domain.runs.runs import Decoding
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.errors import InputError, JobFailed, NotFoundError
from vectorlab.lab import Lab
from vectorlab.services import jobs, models
from vectorlab.services.runs import runs as run_services
from vectorlab.services.runs import token_views


@pytest.fixture
def made(database_url):
    """A lab with a vector and a run, registered and computed by jobs."""
    lab = Lab(database_url, device="cpu")
    job = models.request_registration(lab.db, "bundled:tiny", actor="ada").job
    assert job.priority == PRIORITY_INTERACTIVE
    found = jobs.result(lab.wait(job.id))
    assert models.get(lab.db, str(found["model_id"])).name == "tiny"
    pairs = [Demonstration(source="It was ok.", target="Wow, it was great!!!")] * 2
    lab.sets.commit("upbeat", pairs)
    lab.vectors.extract(set="upbeat", name="upbeat")
    lab.runs.generate(
        prompts=["The soup was"],
        vectors=["upbeat"],
        strengths=[0.1],
        decoding=Decoding(max_new_tokens=5),
    )
    yield lab
    lab.db.dispose()


def test_tokens_are_found_once_and_kept(made):
    asked = token_views.request_nearest(made.db, "upbeat", actor="ada")
    made.wait(asked.job.id)
    layers = token_views.nearest(made.db, "upbeat")
    assert [item.layer for item in layers] == list(
        range(models.get(made.db, "tiny").description.n_layers)
    )
    assert all(len(item.toward) == len(item.away) == token_views.NEAREST for item in layers)
    assert token_views.request_nearest(made.db, "upbeat", actor="ada").found

    asked = token_views.request_read(made.db, "1", 0, actor="ada")
    again = token_views.request_read(made.db, "1", 0, actor="ada")
    assert asked.job.id == again.job.id
    made.wait(asked.job.id)
    found = token_views.read_tokens(made.db, 1, 0)
    texts = {
        (item.key.arm, item.key.sample): item
        for item in run_services.generations(made.db, run_services.get(made.db, "1"))
    }
    assert found.keys() == texts.keys()
    for key, tokens in found.items():
        assert len(tokens.pieces) == len(texts[key].token_ids)
        mean = sum(tokens.logprobs) / len(tokens.logprobs)
        assert mean == pytest.approx(texts[key].mean_logprob, abs=1e-4)
    assert set(found[0, 0].changes) == {0.0}
    assert token_views.request_read(made.db, "1", 0, actor="ada").found
    gone = run_services.remove(made.db, "1", cascade=False, actor="ada")
    assert gone == ["run 1"]


def test_a_run_with_kl_knows_its_tokens_without_a_job(made):
    view = made.runs.generate(
        prompts=["The soup was"],
        vectors=["upbeat"],
        strengths=[0.1],
        decoding=Decoding(max_new_tokens=5, kl=True),
    )
    texts = run_services.generations(made.db, run_services.get(made.db, str(view.id)))
    found = token_views.read_tokens(made.db, view.id, 0)
    assert token_views.request_read(made.db, str(view.id), 0, actor="ada").found
    for text in texts:
        tokens = found[text.key.arm, text.key.sample]
        assert "".join(tokens.pieces) == text.text
        assert (tokens.logprobs, tokens.kl) == (text.divergence.logprobs, text.divergence.kl)
        assert tokens.baseline_logprobs == text.divergence.baseline_logprobs
    assert max(found[1, 0].kl) > 0
    assert run_services.remove(made.db, str(view.id), cascade=False, actor="ada")


def test_what_is_not_there_is_refused_in_words(made):
    with pytest.raises(NotFoundError):
        token_views.request_read(made.db, "1", 7, actor="ada")
    with pytest.raises(InputError, match="empty"):
        models.request_registration(made.db, " ", actor="ada")
    job = models.request_registration(made.db, "/no/such/model", actor="ada").job
    with pytest.raises(JobFailed, match="no/such/model"):
        made.wait(job.id)
