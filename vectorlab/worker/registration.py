"""The job that registers a model: only a worker can look into its files."""

from vectorlab.services import models
from vectorlab.steering.loading import describe_model
from vectorlab.store.database import Transaction
from vectorlab.worker.context import JobContext


def run_registration(context: JobContext) -> None:
    """Describe the files of a model and register it."""
    spec = context.job.spec
    context.lease.progress(0, None, f"reading {spec['source']}")
    description = describe_model(spec["source"], revision=spec.get("revision"))
    context.lease.check()

    def write(tx: Transaction, made: dict[str, int]) -> None:
        found = models.register_in(
            tx, name=spec.get("name"), description=description, actor=context.job.created_by
        )
        made["model_id"] = found.id

    context.commit(write)
