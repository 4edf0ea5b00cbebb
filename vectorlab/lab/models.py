"""``lab.models``: registered models."""

from collections.abc import Sequence

from vectorlab.domain.models import BUNDLED_MODEL, Model
from vectorlab.domain.sets.checks import TokenLimit
from vectorlab.domain.text.chats import Chat
from vectorlab.errors import InputError, NotFoundError
from vectorlab.lab.arguments import Verbs
from vectorlab.lab.session import Session
from vectorlab.services import models
from vectorlab.services.runs import sweeps
from vectorlab.services.vectors.belonging import model_of


class ModelVerbs(Verbs):
    """Registered models: the verbs of ``lab.models``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(
        self,
        source: str,
        *,
        name: str | None = None,
        revision: str | None = None,
        trust_remote_code: bool = False,
    ) -> Model:
        """Register a model directory in transformers format, a hub id, or ``bundled:tiny``.

        Raises:
            ModelError: If it has no configuration or no complete safetensors weights.
            ConflictError: If the name belongs to another model.
        """
        if not source.strip():
            raise InputError("The model's source is empty. Give a directory or a hub id.")
        self._session.tell_loading(f"torch, then the files of {source}")
        from vectorlab.steering.model.loading import describe_model  # brings torch

        description = describe_model(source, revision=revision, trust_remote_code=trust_remote_code)
        return models.register(
            self._session.db,
            name=name,
            description=description,
            actor=self._session.settings.user,
        )

    def get(self, reference: str = BUNDLED_MODEL) -> Model:
        """A registered model; the bundled one is registered at first use.

        Raises:
            NotFoundError: If there is none.
        """
        model = models.find(self._session.db, reference)
        if model is not None:
            return model
        if reference == BUNDLED_MODEL:
            return self.add(f"bundled:{BUNDLED_MODEL}")
        raise NotFoundError(
            "model",
            reference,
            hint="See vectorlab models list, or register one: vectorlab models add PATH_OR_HUB_ID",
        )

    def list(self) -> Sequence[Model]:
        """Every model that is registered, by name."""
        return models.list_models(self._session.db)

    def of(self, vectors: Sequence[str], named: str | None, *, other_model: bool) -> Model:
        """The model of a request for vectors; see ``services.vectors.belonging.model_of``."""
        return model_of(
            self._session.db, vectors, named=named, other_model=other_model, look_up=self.get
        )

    def token_limit(self, reference: str) -> TokenLimit | None:
        """How long a text may be for a model, by its own tokenizer; None without a limit.

        Raises:
            NotFoundError: If there is no such model.
            ModelError: If its tokenizer cannot be loaded.
        """
        from vectorlab.steering.model.loading import load_tokenizer  # brings torch
        from vectorlab.steering.model.tokens import count_tokens

        model = self.get(reference)
        context = model.description.context_length
        if context is None:
            return None
        tokenizer = load_tokenizer(model.description)
        return TokenLimit(
            model=model.name, tokens=context, count=lambda texts: count_tokens(tokenizer, texts)
        )

    def rename(self, reference: str, name: str) -> Model:
        """Give a model another name; it is known by its fingerprint, so nothing else changes.

        Raises:
            ConflictError: If the name belongs to another model.
        """
        actor = self._session.settings.user
        return models.rename(self._session.db, reference, name, actor=actor)

    def counter(
        self, reference: str, *, chat: Chat | None = None, add_special_tokens: bool = True
    ) -> sweeps.TokenCounter:
        """What counts the tokens that a model reads of texts, by its own tokenizer.

        Args:
            reference: Of the model.
            chat: The texts are the user's turn in it.
            add_special_tokens: Let the tokenizer add BOS where it would.

        Raises:
            NotFoundError: If there is no such model.
            ModelError: If its tokenizer cannot be loaded.
        """
        from vectorlab.steering.model.conversation_spans import in_chat
        from vectorlab.steering.model.loading import load_tokenizer  # brings torch
        from vectorlab.steering.model.tokens import count_tokens

        tokenizer = load_tokenizer(self.get(reference).description)
        return lambda texts: count_tokens(
            tokenizer,
            [in_chat(tokenizer, chat, text) for text in texts],
            add_special_tokens=add_special_tokens and chat is None,
        )
