"""Every error VectorLab raises on purpose, as one small tree; imports nothing.

    VectorLabError
    ├── InputError            a value the user gave cannot be used
    │   ├── ShapeError        arrays or vectors of the wrong width, depth or length
    │   └── EmptySpanError    a text has nothing of the part that is to be read or steered
    ├── NotFoundError         no object has that name, id or hash
    ├── ConflictError         the object exists already, or something depends on it
    ├── IntegrityError        stored or loaded bytes do not have the hash they should
    ├── ModelError            a model directory cannot be loaded
    │   └── ArchitectureError the architecture has no entry in the layer table
    ├── CatalogueError        the file that belongs to an entry of a catalogue is missing or empty
    ├── StoreError            the database cannot be used
    │   └── SchemaError       the database is older or newer than this version
    └── JobError              a job did not deliver
        ├── JobFailed         it ended in state failed
        ├── JobCancelled      it was cancelled
        ├── JobReleased       its worker ends; the job goes back to the queue
        │   └── JobOvertaken  a more urgent job goes first
        └── LeaseLost         another worker owns the job now; drop the work

A message says what failed, the value seen, what was expected and the command that helps.
"""


class VectorLabError(Exception):
    """Root of all errors that VectorLab raises on purpose; the message is for people."""


class InputError(VectorLabError):
    """A value given by the user cannot be used; nothing was written."""


class ShapeError(InputError):
    """Arrays, vectors or models that must agree in width, depth or length do not."""


class EmptySpanError(InputError):
    """A text has no token of the part that was asked for, such as its thinking."""


class NotFoundError(VectorLabError):
    """No object of that kind answers to the reference."""

    def __init__(self, kind: str, reference: str, *, hint: str) -> None:
        super().__init__(f"No {kind} {reference!r}. {hint}")
        self.kind = kind
        self.reference = reference


class ConflictError(VectorLabError):
    """The object exists already with other content, or something depends on it."""


class IntegrityError(VectorLabError):
    """Stored or loaded bytes do not have the hash, dtype or length on record."""


class ModelError(VectorLabError):
    """A model directory or hub id cannot be loaded."""


class ArchitectureError(ModelError):
    """The architecture has no entry in ``vectorlab.steering.model.architectures``."""


class CatalogueError(VectorLabError):
    """The file of a catalogue's entry is not there, or lacks what it has to hold."""


class StoreError(VectorLabError):
    """The database cannot be opened or used."""


class SchemaError(StoreError):
    """The database is at another revision than this version needs."""


class JobError(VectorLabError):
    """A job did not deliver its result."""


class JobFailed(JobError):
    """The job ended in state ``failed``; the message carries the recorded error."""


class JobCancelled(JobError):
    """The job was cancelled before it finished."""


class JobReleased(JobError):
    """The worker is to end; the job goes back to the queue, and nothing failed."""


class JobOvertaken(JobReleased):
    """A more urgent job goes first; the job at hand goes back to the queue until then."""


class LeaseLost(JobError):
    """The job's lease passed to another attempt; whatever was computed must be dropped."""
