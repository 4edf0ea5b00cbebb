"""``lab.echo``."""

from vectorlab.echo.domain.echoes import Echo
from vectorlab.echo.services import echoes

from vectorlab.lab.arguments import Verbs
from vectorlab.lab.session import Session


class EchoVerbs(Verbs):
    """``lab.echo``: what ``vectorlab echo`` does, for notebooks."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def call(self, words: str) -> Echo:
        """Call something, and wait for what comes back."""
        session = self._session
        return session.result(echoes.request_echo(session.db, words, actor=session.settings.user))


VERBS = EchoVerbs
