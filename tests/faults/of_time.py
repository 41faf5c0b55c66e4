"""Servers that stall, drip, or never come to an end."""

from __future__ import annotations

from faults.fault import Faults
from faults.wire import Talk

TIME = Faults("time")
LATE = "SourceTimeoutError"


@TIME.passing("silent before the head", LATE)
async def _(talk: Talk) -> None:
    await talk.wait()


@TIME.passing("silent in the head", LATE)
async def _(talk: Talk) -> None:
    await talk.send(talk.head()[:60])
    await talk.wait()


@TIME.passing("silent before the body", LATE)
async def _(talk: Talk) -> None:
    await talk.send(talk.head())
    await talk.wait()


@TIME.passing("silent in the body", LATE)
async def _(talk: Talk) -> None:
    await talk.send(talk.head(), talk.body[:100])
    await talk.wait()


@TIME.passing("silent before the last byte", LATE)
async def _(talk: Talk) -> None:
    await talk.send(talk.head(), talk.body[:-1])
    await talk.wait()


@TIME.passing("silent in a body of chunks", LATE)
async def _(talk: Talk) -> None:
    await talk.send(
        talk.head("206 x", "Transfer-Encoding: chunked", Content_Length=None), b"4\r\nab"
    )
    await talk.wait()


@TIME.passing("silent in the body of a refusal", "RangeUnsupportedError|SourceError")
async def _(talk: Talk) -> None:
    await talk.send(talk.head("500 x"), b"oh")
    await talk.wait()


@TIME.passing("silent in the body of a 400", LATE)
async def _(talk: Talk) -> None:
    await talk.send(talk.head("400 x"), b"oh")
    await talk.wait()


@TIME.passing("a whole object that falls silent", LATE)
async def _(talk: Talk) -> None:
    size = len(talk.file)
    await talk.send(talk.head("200 OK", Content_Range=None, Content_Length=size), talk.file[:50])
    await talk.wait()


@TIME.passing("a head that drips", LATE)
async def _(talk: Talk) -> None:
    await talk.drip(talk.right())


@TIME.passing("a body that drips", LATE)
async def _(talk: Talk) -> None:
    await talk.send(talk.head())
    await talk.drip(talk.body)


@TIME.passing("chunks that drip", LATE)
async def _(talk: Talk) -> None:
    await talk.send(talk.head("206 x", "Transfer-Encoding: chunked", Content_Length=None))
    await talk.drip(b"1\r\nx\r\n" * 100_000)


@TIME.passing("a chunk extension without end", "SourceError")
async def _(talk: Talk) -> None:
    await talk.send(talk.head("206 x", "Transfer-Encoding: chunked", Content_Length=None), b"5;x=")
    await talk.flood(b"a")


@TIME.of("trailers without end", "right|SourceError", "SourceError")
async def _(talk: Talk) -> None:
    head = talk.head("206 x", "Transfer-Encoding: chunked", Content_Length=None)
    await talk.send(head, b"%x\r\n%b\r\n0\r\n" % (len(talk.body), talk.body))
    await talk.flood(b"a: b\r\n")


@TIME.of("informational answers without end", "right|SourceError", "SourceError")
async def _(talk: Talk) -> None:
    await talk.flood(b"HTTP/1.1 100 Continue\r\n\r\n")


@TIME.passing("informational answers that drip", LATE)
async def _(talk: Talk) -> None:
    await talk.drip(b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" * 10_000)


@TIME.of("informational answers before the right one", "right")
async def _(talk: Talk) -> None:
    await talk.send(b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" * 50, talk.right())


@TIME.of("empty lines without end", "right|SourceError", "SourceError")
async def _(talk: Talk) -> None:
    await talk.flood(b"\r\n")


@TIME.of("a head without end", "right|SourceError", "SourceError")
async def _(talk: Talk) -> None:
    await talk.send(b"HTTP/1.1 206 x\r\n")
    await talk.flood(b"X-More: of the same\r\n")


@TIME.of("a status line without end", "right|SourceError", "SourceError")
async def _(talk: Talk) -> None:
    await talk.send(b"HTTP/1.1 206 ")
    await talk.flood(b"x")


@TIME.of("a body without end, told as right", "right|SourceError")
async def _(talk: Talk) -> None:
    await talk.send(talk.right())
    await talk.flood(b"surplus")


@TIME.of("a body without end, of no length", "RangeMismatchError")
async def _(talk: Talk) -> None:
    await talk.send(talk.head(Content_Length=None))
    await talk.flood(b"surplus")


@TIME.of("a whole object without end", "RangeUnsupportedError")
async def _(talk: Talk) -> None:
    await talk.send(b"HTTP/1.1 200 OK\r\n\r\n")
    await talk.flood(b"II*\0")


@TIME.of("a refusal without end", "NotFoundError")
async def _(talk: Talk) -> None:
    await talk.send(b"HTTP/1.1 404 Not Found\r\n\r\n")
    await talk.flood(b"no such file ")
