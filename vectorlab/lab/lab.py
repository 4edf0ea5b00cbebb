"""A session with the verbs on it."""

from typing import TYPE_CHECKING

import pandas as pd

from vectorlab.domain.queries import QueryLimits
from vectorlab.lab.experiments import ExperimentVerbs
from vectorlab.lab.jobs import JobVerbs
from vectorlab.lab.models import ModelVerbs
from vectorlab.lab.runs import RunVerbs
from vectorlab.lab.session import Session
from vectorlab.lab.sets import SetVerbs
from vectorlab.lab.vectors import VectorVerbs
from vectorlab.services.analysis import queries
from vectorlab.systems import systems

if TYPE_CHECKING:
    from vectorlab.icl.verbs import IclVerbs
    from vectorlab.ravel.verbs import RavelVerbs
    from vectorlab.worker.lease import ProgressListener


class Lab(Session):
    """A session with the verbs of the command line; the arguments are those of ``Session``."""

    # Said for editors alone: the verbs of every system are found, whether they stand here or not.
    icl: "IclVerbs"
    ravel: "RavelVerbs"

    def __init__(
        self,
        database_url: str | None = None,
        *,
        device: str | None = None,
        listener: "ProgressListener | None" = None,
    ) -> None:
        super().__init__(database_url, device=device, listener=listener)
        self.sets = SetVerbs(self)
        self.models = ModelVerbs(self)
        self.vectors = VectorVerbs(self)
        self.runs = RunVerbs(self)
        self.experiment = ExperimentVerbs(self)
        self.jobs = JobVerbs(self)
        for system in systems():
            setattr(self, system.name, system.module("verbs").VERBS(self))

    def sql(
        self, query: str, *, rows: int = QueryLimits().rows, seconds: float = QueryLimits().seconds
    ) -> pd.DataFrame:
        """Query the analysis views; nothing can be changed with it.

        Args:
            query: One SELECT, for example ``"SELECT * FROM v_runs"``; see ``docs/sql.md``.
            rows: At most so many; ``frame.attrs["truncated"]`` says whether there were more.
            seconds: Most time.

        Raises:
            InputError: If it is no single query, reads something else than the views, takes too
                long or is wrong.
            StoreError: If a PostgreSQL store has no login that can only read.
        """
        result = queries.run_query(
            self.db,
            query,
            reader_url=self.settings.reader_url,
            limits=QueryLimits(rows=rows, seconds=seconds),
        )
        frame = queries.frame(result)
        frame.attrs["truncated"] = result.truncated
        return frame
