"""Connections that are not made, break, or are no HTTP."""

from __future__ import annotations

from faults.fault import Faults
from faults.wire import Deaf, Encrypting, Refusing, Talk

CONNECTIONS = Faults("connection")
ONE = ("always",)


async def _never(_: Talk) -> None:
    """Nobody gets so far."""


CONNECTIONS.passing("refused", whens=ONE, server=Refusing)(_never)
CONNECTIONS.passing("never accepted", "SourceTimeoutError", whens=ONE, server=Deaf)(_never)
CONNECTIONS.passing("closed right after accepting", whens=ONE, greeting=None)(_never)
CONNECTIONS.of("plain text where TLS is asked", "SourceError", whens=ONE, server=Encrypting)(_never)
CONNECTIONS.of(
    "a TLS alert where a handshake is asked",
    "SourceError",
    whens=ONE,
    server=Encrypting,
    greeting=b"\x15\x03\x03\x00\x02\x02\x28",
)(_never)
CONNECTIONS.of(
    "a head instead of a handshake",
    "SourceError",
    whens=ONE,
    server=Encrypting,
    greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n",
)(_never)


@CONNECTIONS.passing("closed after the request")
async def _(talk: Talk) -> None:
    talk.close()


@CONNECTIONS.passing("reset after the request")
async def _(talk: Talk) -> None:
    talk.reset()


@CONNECTIONS.passing("closed in the status line")
async def _(talk: Talk) -> None:
    await talk.send(b"HTTP/1.1 20")
    talk.close()


@CONNECTIONS.passing("reset in the status line")
async def _(talk: Talk) -> None:
    await talk.send(b"HTTP/1.1 20")
    talk.reset()


@CONNECTIONS.passing("closed in the head")
async def _(talk: Talk) -> None:
    await talk.send(talk.head()[:60])
    talk.close()


@CONNECTIONS.passing("closed before the body")
async def _(talk: Talk) -> None:
    await talk.send(talk.head())
    talk.close()


@CONNECTIONS.passing("closed in the body")
async def _(talk: Talk) -> None:
    await talk.send(talk.head(), talk.body[: len(talk.body) // 2])
    talk.close()


@CONNECTIONS.passing("reset in the body")
async def _(talk: Talk) -> None:
    await talk.send(talk.head(), talk.body[: len(talk.body) // 2])
    talk.reset()


@CONNECTIONS.of("closed after each byte of the body", "right", "SourceError")
async def _(talk: Talk) -> None:
    await talk.send(talk.head(), talk.body[:1])
    talk.close()


@CONNECTIONS.of("closed after each answer, unannounced", "right")
async def _(talk: Talk) -> None:
    await talk.send(talk.right())
    talk.close()


@CONNECTIONS.of("reset after each answer", "right")
async def _(talk: Talk) -> None:
    await talk.send(talk.right())
    talk.reset()
