"""A judge on loopback: an endpoint that grades as it is told."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


class Judge(ThreadingHTTPServer):
    """Answers every text with what ``answers`` holds for it."""

    daemon_threads = True

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.over = threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        judge: Judge = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        judge.requests.append(body)
        judge.keys.append(self.headers["Authorization"])
        asked = body["messages"][0]["content"]
        answer = next(value for text, value in judge.answers.items() if text in asked)
        if answer == "silence":
            judge.over.wait(20)
            return
        status, data = answer if isinstance(answer, tuple) else (200, completion(answer))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


def completion(content: Any) -> bytes:
    return json.dumps({"choices": [{"message": {"content": content}}]}).encode()


@pytest.fixture
def judge() -> Iterator[Judge]:
    server = Judge()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()
    thread.join()
