"""A server of S3 that does other things than it is asked to, for tests of uploads."""

from __future__ import annotations

import io
import threading
import time
from datetime import UTC, datetime
from types import SimpleNamespace
from urllib.parse import parse_qs

KINDS = ["503", "reset before", "reset after", "slow", "200 with an error", "expired"]

STEPS = [("head", 0), ("create", 0), ("part", 0), ("part", 1), ("part", 2), ("complete", 0)]
"""Requests of an upload of three parts that can fail: their kind, and which of that kind."""


class Faults:
    """A WSGI application in front of the store, which does other things to chosen requests."""

    def __init__(self) -> None:
        self.plan: dict[tuple[str, int], str] = {}
        self.seen: dict[str, int] = {}
        self.on_request = lambda _: None
        self._lock = threading.Lock()

    def __call__(self, answer):
        def faulty(environ, start):
            kind = kind_of(environ)
            with self._lock:
                count = self.seen[kind] = self.seen.get(kind, -1) + 1
            self.on_request(kind)
            fault = self.plan.get((kind, count)) or self.plan.get((kind, -1))
            return self._with_fault(fault, answer, environ, start, kind)

        return faulty

    def _with_fault(self, fault, answer, environ, start, kind):
        environ["wsgi.input"] = SimpleNamespace(**_read_whole(environ))
        if kind == "head" and fault == "200 with an error":
            fault = "503"  # there is no body that could tell
        if fault == "reset before":
            return self._reset(environ)
        if fault in ("503", "expired", "200 with an error"):
            status, code = {
                "503": ("503 Slow Down", "SlowDown"),
                "expired": ("400 Bad Request", "ExpiredToken"),
                "200 with an error": ("200 OK", "InternalError"),
            }[fault]
            start(status, [("Content-Type", "application/xml")])
            return [f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()]
        found = answer(environ, start)
        if kind == "list uploads":
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z").encode()
            return [b"".join(found).replace(b"2010-11-10T20:48:33.000Z", now)]
        if fault == "reset after":
            return self._reset(environ)
        if fault == "slow":
            time.sleep(0.7)
        return found

    @staticmethod
    def _reset(environ):
        environ["werkzeug.socket"].shutdown(2)
        return []

    def clear(self) -> None:
        self.plan, self.seen = {}, {}


def _read_whole(environ):
    body = io.BytesIO(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
    return {name: getattr(body, name) for name in ("read", "readline", "readlines", "seek", "tell")}


def kind_of(environ) -> str:
    query = parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
    method = environ["REQUEST_METHOD"]
    if "uploads" in query:
        return "create" if method == "POST" else "list uploads"
    if "partNumber" in query:
        return "part"
    if "uploadId" in query:
        return {"POST": "complete", "DELETE": "abort", "GET": "list parts"}[method]
    return {"HEAD": "head"}.get(method, "other")
