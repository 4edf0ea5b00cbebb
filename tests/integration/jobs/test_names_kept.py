"""A name that was acknowledged is that of the result, for everything that jobs give names to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.covering import in_turn
from tests.ravel.test_jobs import few_cities
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.jobs.jobs import NamedRequest
from vectorlab.domain.jobs.kinds import kinds
from vectorlab.domain.runs.runs import Decoding
from vectorlab.errors import ConflictError
from vectorlab.lab import Lab
from vectorlab.ravel.services.runs import Grid
from vectorlab.services import jobs, models
from vectorlab.services.asking import Asked
from vectorlab.services.runs import runs
from vectorlab.services.vectors import algebra
from vectorlab.worker.lease import Lease

SHORT = Decoding(max_new_tokens=3)


@dataclass(frozen=True, kw_only=True)
class Named:
    """Something with a name."""

    kind: str
    ask: Callable[..., Asked[Any]]  # lab, name and what is else than usual
    other: dict[str, Any]  # makes it another request
    may_go_unnamed: bool = True


def equalise(lab: Lab, name: str, kl: float = 0.05) -> Asked[Any]:
    return algebra.request_equalisation(
        lab.db, "upbeat", kl=kl, texts="upbeat", operator=Operator.ADD, name=name, actor="me"
    )


def sweep(lab: Lab, name: str | None, seed: int = 0) -> Asked[Any]:
    return lab.runs.request_sweep(
        vectors="upbeat", strengths=[0.1], prompts="Once", decoding=SHORT, name=name, seed=seed
    ).request


def build(lab: Lab, name: str | None, seed: int = 0) -> Asked[Any]:
    return lab.ravel.request_build("few", name=name, n_train=8, n_test=4, seed=seed)


def score(lab: Lab, name: str | None, layers: tuple[int, ...] = (3,)) -> Asked[Any]:
    return lab.ravel.request_run("few-tiny", grid=Grid(methods=("full",), layers=layers), name=name)


RUN = Named(
    kind="generate",
    ask=lambda lab, name, seed=0: lab.runs.request(
        prompts="Once", decoding=SHORT, name=name, seed=seed
    ),
    other={"seed": 1},
)
VECTOR = Named(
    kind="extract",
    ask=lambda lab, name, **more: lab.vectors.request(
        set="upbeat", name=name, **({"method": "mean_difference"} | more)
    ),
    other={"method": "pca"},
)
INSTANCE = Named(kind="ravel_build", ask=build, other={"seed": 1})
EQUALISED = Named(kind="equalise", ask=equalise, other={"kl": 0.5}, may_go_unnamed=False)
MODEL = Named(
    kind="register",
    ask=lambda lab, name, source="bundled:tiny": models.request_registration(
        lab.db, source, name=name, actor="me"
    ),
    other={"source": "another"},
)
THINGS = {
    "run": RUN,
    "sweep": Named(kind="generate", ask=sweep, other={"seed": 1}),
    "vector": VECTOR,
    "equalised vector": EQUALISED,
    "instance": INSTANCE,
    "RAVEL run": Named(kind="ravel_run", ask=score, other={"layers": (2,)}),
    "model": MODEL,
}


@pytest.fixture
def lab(database_url: str, pairs) -> Iterator[Lab]:
    made = Lab(database_url, device="cpu")
    made.sets.commit("upbeat", pairs)
    yield made
    made.db.dispose()


def of(*names: str) -> Any:
    """Runs a test on each of some things, and has ready what they are made of.

    Databases take turns: what keeps names is the same for every thing.
    """
    pairs = in_turn(names, ["sqlite", "postgresql"])
    return pytest.mark.parametrize(("thing", "dialect"), pairs, indirect=["thing"])


@pytest.fixture
def thing(request: pytest.FixtureRequest, lab: Lab) -> Named:
    found = THINGS[request.param]
    if found.kind == "equalise" or found.ask is sweep:
        lab.vectors.extract(set="upbeat", name="upbeat")
    if found.kind.startswith("ravel"):
        lab.ravel.add({"few": few_cities()})
    if found.kind == "ravel_run":
        lab.ravel.build("few", name="few-tiny", n_train=8, n_test=4)
    return found


def test_every_kind_of_job_that_gives_a_name_is_here():
    named = {kind for kind, request in kinds().items() if issubclass(request, NamedRequest)}
    assert {item.kind for item in THINGS.values()} == named


@of("run", "sweep", "vector", "instance", "RAVEL run", "model")
def test_an_equal_job_without_a_name_takes_it(lab: Lab, thing: Named):
    first, second = thing.ask(lab, None), thing.ask(lab, "given")
    assert second.job.id == first.job.id
    assert lab.result(first).name == "given"


@of("run", "sweep", "vector", "instance", "RAVEL run", "model")
def test_a_name_reaches_the_result_of_a_job_that_is_about_to_commit(
    lab: Lab, thing: Named, monkeypatch: pytest.MonkeyPatch
):
    first, check = thing.ask(lab, None), Lease.check
    later: list[Asked[Any]] = []

    def check_and_ask(lease: Lease) -> None:
        if not later:
            later.append(thing.ask(lab, "late"))
        check(lease)

    monkeypatch.setattr(Lease, "check", check_and_ask)
    assert lab.result(first).name == "late"
    assert [item.job.id for item in later] == [first.job.id]


@of(*THINGS)
def test_an_equal_job_with_another_name_is_refused_before_it_is_acknowledged(
    lab: Lab, thing: Named
):
    first = thing.ask(lab, "first")
    assert thing.ask(lab, "first").job == first.job
    with pytest.raises(ConflictError, match=f"Job {first.job.id} does the same .* name 'first'"):
        thing.ask(lab, "second")
    if thing.may_go_unnamed:
        assert thing.ask(lab, None).job == first.job
    assert lab.result(first).name == "first"


@of(*THINGS)
def test_a_name_that_another_job_will_give_is_refused(lab: Lab, thing: Named):
    first = thing.ask(lab, "mine")
    noun = kinds()[thing.kind].NAMES
    with pytest.raises(ConflictError, match=f"Job {first.job.id} is to make a {noun} .*'mine'"):
        thing.ask(lab, "mine", **thing.other)


@of("run", "sweep", "RAVEL run")
def test_an_equal_result_without_a_name_takes_it(lab: Lab, thing: Named):
    made = lab.result(thing.ask(lab, None))
    found = thing.ask(lab, "given").found
    assert (found.id, found.name) == (made.id, "given")
    assert thing.ask(lab, None).found == found


@of("run", "sweep", "RAVEL run", "instance")
def test_an_equal_result_with_another_name_says_that_it_has_one(lab: Lab, thing: Named):
    made = lab.result(thing.ask(lab, "first"))
    assert thing.ask(lab, "first").found == made
    with pytest.raises(ConflictError, match="whose name is 'first', so 'second' cannot"):
        thing.ask(lab, "second")
    assert thing.ask(lab, None).found == made


@of("vector")
def test_an_equal_vector_is_stored_under_both_names(lab: Lab, thing: Named):
    made = lab.result(thing.ask(lab, "first"))
    again = thing.ask(lab, "second").found
    assert (again.name, again.content_sha256) == ("second", made.content_sha256)
    assert [thing.ask(lab, name).found for name in ("first", "second")] == [made, again]


def test_a_run_is_found_by_its_own_name_among_equal_ones(lab: Lab):
    first, second = (
        lab.runs.generate(prompts="Once", decoding=SHORT, name=name, force=name == "second")
        for name in ("first", "second")
    )
    assert [RUN.ask(lab, name).found.id for name in ("first", "second")] == [first.id, second.id]


def test_no_rename_and_no_vector_takes_a_name_that_a_job_will_give(lab: Lab):
    made = lab.runs.generate(prompts="Twice", decoding=SHORT)
    RUN.ask(lab, "mine")
    with pytest.raises(ConflictError, match="is to make a run of the name 'mine'"):
        runs.rename(lab.db, str(made.id), "mine", actor="me")
    VECTOR.ask(lab, "upbeat-v1")
    assert lab.vectors.extract(set="upbeat").name == "upbeat-v1-2"


def test_a_job_is_not_retried_for_a_name_that_another_will_give(lab: Lab):
    first = RUN.ask(lab, "mine").job
    jobs.cancel(lab.db, first.id, actor="me")
    second = RUN.ask(lab, "mine", seed=1).job
    with pytest.raises(ConflictError, match=f"Job {second.id} is to make a run of .* 'mine'"):
        jobs.retry(lab.db, first.id, actor="me")
    jobs.cancel(lab.db, second.id, actor="me")
    assert jobs.retry(lab.db, first.id, actor="me").id == first.id
