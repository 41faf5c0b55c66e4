"""Statuses, and redirects."""

from __future__ import annotations

from email.utils import formatdate
from time import time

from faults.fault import Faults
from faults.wire import Talk

STATUSES = Faults("status")
REDIRECTS = Faults("redirect")


def _status(talk: Talk, status: str, body: bytes = b"no\n", **headers: object) -> bytes:
    told: dict[str, object] = {"Content_Range": None, "ETag": None, "Last_Modified": None}
    return talk.head(status, **{**told, "Content_Length": len(body), **headers}) + body


PASSING = {
    408: "Request Timeout",
    425: "Too Early",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    507: "Insufficient Storage",
    509: "Bandwidth Limit Exceeded",
    520: "Unknown Error",
    522: "Connection Timed Out",
    530: "Site Frozen",
    599: "Network Connect Timeout",
}
LASTING = {
    201: "SourceError",
    202: "SourceError",
    203: "SourceError",
    300: "SourceError",
    305: "SourceError",
    400: "SourceError",
    401: "AccessDeniedError",
    402: "SourceError",
    403: "AccessDeniedError",
    404: "NotFoundError",
    405: "SourceError",
    407: "SourceError",
    410: "NotFoundError",
    411: "SourceError",
    418: "SourceError",
    451: "SourceError",
    501: "SourceError",
    505: "SourceError",
    999: "SourceError",
}
for _code in PASSING:
    STATUSES.says(str(_code), "right", lambda t, c=_code: _status(t, f"{c} x"), "SourceError")
for _code, _error in LASTING.items():
    STATUSES.says(str(_code), _error, lambda t, c=_code: _status(t, f"{c} x"))
for _code in (204, 205, 304):
    STATUSES.says(
        str(_code), "SourceError", lambda t, c=_code: _status(t, f"{c} x", b"", Content_Length=None)
    )
STATUSES.says(
    "101", "SourceError", lambda _: b"HTTP/1.1 101 x\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nx"
)
STATUSES.says("412", "SourceError|SourceChangedError", lambda t: _status(t, "412 x"))
STATUSES.says("000", "SourceError", lambda t: _status(t, "000 x"))

OUTSIDE = "TruncatedError|NotTiffError|RangeNotSatisfiableError|SourceChangedError"
UNSATISFIED = {
    "with the size": "bytes */{n}",
    "with another size": "bytes */7",
    "without": None,
    "with nonsense": "bytes 0-5/9",
    "with 400 digits": "bytes */" + "9" * 400,
}
for _name, _told in UNSATISFIED.items():

    def _make(talk: Talk, told: str | None = _told) -> bytes:
        text = None if told is None else told.format(n=len(talk.file))
        return _status(talk, "416 x", Content_Range=text)

    STATUSES.says(f"416 {_name}", OUTSIDE, _make)

SLOW = b"<Error><Code>RequestTimeout</Code></Error>"
STATUSES.says("400 of S3 that is slow", "right", lambda t: _status(t, "400 x", SLOW), "SourceError")
STATUSES.says(
    "403 with Retry-After",
    "right",
    lambda t: _status(t, "403 x", Retry_After=0),
    "AccessDeniedError",
)
STATUSES.says(
    "404 whose body is cut off",
    "NotFoundError",
    lambda t: _status(t, "404 x", b"<Code>NoSuchKey</Code>", Content_Length=99),
)

AFTER = {
    "0": "right",
    "-5": "right",
    "99999999999999": "SourceBusyError",
    "9" * 400: "SourceBusyError",
    "soon": "right",
    "\xff\xb2": "right",
    "Thu, 01 Jan 1970 00:00:00 GMT": "right",
    "Fri, 31 Dec 9999 23:59:59 GMT": "SourceBusyError",
    "Fri, 31 Dec 99999 23:59:59 GMT": "right",
    "1e3": "right",
}
for _told, _once in AFTER.items():
    STATUSES.says(
        f"503 with Retry-After {_told[:30]!a}",
        _once,
        lambda t, r=_told: _status(t, "503 x", Retry_After=r),
        "SourceBusyError",
    )
STATUSES.says(
    "429 with a date",
    "right",
    lambda t: _status(t, "429 x", Retry_After=formatdate(time() + 0.1, usegmt=True)),
    "SourceBusyError",
)

# --- redirects -----------------------------------------------------------------------------------

NOWHERE = {
    "without a Location": None,
    "to nothing": "http://",
    "to a port that is none": "http://127.0.0.1:99999/",
    "to a bracket": "http://[::1",
    "to a file": "file:///etc/passwd",
    "to ftp": "ftp://127.0.0.1/a.tif",
    "to data": "data:text/plain,II*",
    "to gopher": "gopher://127.0.0.1:1/",
    "to a script": "javascript:alert(1)",
    "to noise": "\x80\xff\xfe",
    "to a location of 10 MB": "http://127.0.0.1/" + "x" * 10_000_000,
    "to a host of dots": "http://.../a.tif",
    "to a host of 300 letters": "http://" + "x" * 300 + "/a.tif",
    "to a port of letters": "http://127.0.0.1:abc/",
}
for _name, _to in NOWHERE.items():
    REDIRECTS.says(
        _name,
        "right|SourceError",
        lambda t, to=_to: _status(t, "302 x", Location=to),
        "SourceError",
    )


@REDIRECTS.of("to itself", "right", "SourceError")
async def _(talk: Talk) -> None:
    await talk.send(_status(talk, "302 x", Location=talk.path))


@REDIRECTS.of("to itself for good", "right", "SourceError")
async def _(talk: Talk) -> None:
    await talk.send(_status(talk, "301 x", Location=talk.path))


@REDIRECTS.of("from one to the next", "SourceError", whens=("always",))
async def _(talk: Talk) -> None:
    await talk.send(_status(talk, "307 x", Location=f"/{talk.number}"))


@REDIRECTS.of("to a url with a user", "right", whens=("always",))
async def _(talk: Talk) -> None:
    if talk.path == "/a.tif":
        at = f"http://user:secret@127.0.0.1:{talk.wire.port}/b.tif"
        await talk.send(_status(talk, "302 x", Location=at))
    else:
        assert "secret" not in talk.text
        await talk.send(talk.right())


@REDIRECTS.of("for good, which is remembered", "right", whens=("always",))
async def _(talk: Talk) -> None:
    if talk.path == "/a.tif":
        assert talk.number == 1
        await talk.send(_status(talk, "308 x", Location="/b.tif"))
    else:
        await talk.send(talk.right())


@REDIRECTS.of("with a body without end", "SourceError", whens=("always",))
async def _(talk: Talk) -> None:
    await talk.send(_status(talk, "302 x", b"", Location="/b.tif", Content_Length=1 << 40))
    await talk.flood(b"moved ")


@REDIRECTS.passing("and then silence", "SourceTimeoutError", whens=("always",))
async def _(talk: Talk) -> None:
    if talk.path == "/a.tif":
        await talk.send(_status(talk, "302 x", Location="/b.tif"))
    else:
        await talk.wait()


@REDIRECTS.passing("each after a while", "SourceTimeoutError|SourceError", whens=("always",))
async def _(talk: Talk) -> None:
    location = _status(talk, "302 x", Location=f"/{talk.number}")
    await talk.send(location[:20])
    await talk.drip(location[20:], 0.05)
