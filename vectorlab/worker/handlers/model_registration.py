"""The job that registers a model: only a worker can look into its files."""

from vectorlab.domain.jobs.requests import RegisterRequest
from vectorlab.services import models
from vectorlab.steering.model.loading import describe_model
from vectorlab.store.database import Transaction
from vectorlab.worker.context import JobContext
from vectorlab.worker.registry import handles


@handles(RegisterRequest)
def run_registration(context: JobContext, request: RegisterRequest) -> None:
    """Describe the files of a model and register it."""
    context.lease.progress(0, None, f"reading {request.source}")
    description = describe_model(request.source, revision=request.revision)
    context.lease.check()

    def write(tx: Transaction, result_ids: dict[str, int]) -> None:
        model = models.register_in(
            tx, name=context.name(tx), description=description, actor=context.job.created_by
        )
        result_ids["model_id"] = model.id

    context.commit(write)
