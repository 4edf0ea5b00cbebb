"""The job that extracts a steering vector from a set version."""

from vectorlab.domain.jobs.requests import ExtractRequest
from vectorlab.domain.sets.versions import SHUFFLED_FROM
from vectorlab.domain.vectors.methods import SHUFFLED, default_operator
from vectorlab.domain.vectors.vectors import NewVector, Origin
from vectorlab.steering.extraction.extraction import extract
from vectorlab.steering.model.environment import describe_environment
from vectorlab.store.database import Transaction
from vectorlab.store.sets import sets
from vectorlab.store.vectors import vectors
from vectorlab.worker.context import JobContext
from vectorlab.worker.registry import handles
from vectorlab.worker.state_cache import cache_of


@handles(ExtractRequest)
def run_extraction(context: JobContext, request: ExtractRequest) -> None:
    """Extract a steering vector from a set version and store it."""
    spec = request.spec
    with context.db.read() as tx:
        items = sets.demonstrations(tx, request.set_version_id)
        version = sets.version_by_id(tx, request.set_version_id)
    is_control = SHUFFLED_FROM in version.details
    loaded = context.load(spec.dtype)
    extraction = extract(
        loaded,
        items,
        spec,
        open_cache=cache_of(context, fresh=request.fresh_states),
        on_progress=lambda done, total: context.lease.progress(done, total, "tokens read"),
    )
    environment = describe_environment(loaded) | extraction.reuse.to_json()
    context.lease.check()

    def write(tx: Transaction, result_ids: dict[str, int]) -> None:
        vector = vectors.add_vector(
            tx,
            NewVector(
                name=context.name(tx)
                or vectors.free_name(tx, request.set_label.replace("@", "-v")),
                model_id=request.model_id,
                set_version_id=request.set_version_id,
                method=SHUFFLED if is_control else spec.method,
                operator=default_operator(spec.method),
                parameters={**spec.parameters, **({"method": spec.method} if is_control else {})},
                read_site=spec.read_site,
                write_site=spec.write_site,
                token_rule=spec.token_rule,
                spec=spec,
                origin=Origin.EXTRACTED,
                layers=extraction.layers,
                alignments=extraction.alignments,
                environment=environment | {"events": list(extraction.events)},
            ),
            created_by=context.job.created_by,
        )
        result_ids["vector_id"] = vector.id

    context.commit(write)
