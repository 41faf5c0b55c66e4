"""Objects that change, or that seem to; answers that are another's."""

from __future__ import annotations

from faults.fault import Faults
from faults.wire import Talk

GENERATIONS = Faults("generation")
KEPT = Faults("kept connection")
CHANGED = "SourceChangedError"
LATER = ("later", "always after the header")


def _other(talk: Talk) -> bytes:
    """The same file with other pixels."""
    return bytes(255 - byte for byte in talk.body)


def _of(name: str, once: str, always: str | None = None, **headers: object) -> None:
    """One whose later answers have other headers."""
    made = {key: value for key, value in headers.items() if key != "whens"}
    GENERATIONS.of(name, once, always, whens=headers.get("whens", LATER))(
        lambda t: t.send(t.head(**made), t.body)  # type: ignore[arg-type]
    )


_of("another ETag, the same bytes", CHANGED, ETag='"v2"')
_of("no ETag any more", "right", ETag=None)
_of("a weak ETag now", "right", ETag='W/"v1"')
_of("an ETag without quotes", CHANGED, ETag="v1")
_of("neither ETag nor Last-Modified any more", CHANGED, ETag=None, Last_Modified=None)
_of("another Last-Modified, the same ETag", "right", Last_Modified="Tue, 14 Nov 2023 22:13:21 GMT")
ALL = ("always",)
_of("no ETag at all", "right", whens=ALL, ETag=None)
_of("weak ETags", "right", whens=ALL, ETag='W/"v1"')
_of("neither at all", "right", whens=ALL, ETag=None, Last_Modified=None)
_of("an ETag of 4000 bytes", "right", whens=ALL, ETag='"' + "x" * 4000 + '"')
_of("an ETag of odd bytes", "right", whens=ALL, ETag='"\xe4\xff"')
_of("a number of the store", "right", whens=ALL, ETag=None, x_goog_generation="17")


@GENERATIONS.of("an ETag that changes with each answer", CHANGED, whens=ALL)
async def _(talk: Talk) -> None:
    await talk.send(talk.head(ETag=f'"{talk.number}"'), talk.body)


@GENERATIONS.of("weak ETags that change with each answer", CHANGED, whens=ALL)
async def _(talk: Talk) -> None:
    await talk.send(talk.head(ETag=f'W/"{talk.number}"'), talk.body)


@GENERATIONS.of("two replicas with ETags of their own", CHANGED, whens=ALL)
async def _(talk: Talk) -> None:
    await talk.send(talk.head(ETag=f'"{talk.number % 2}"'), talk.body)


@GENERATIONS.of("other bytes under another ETag", CHANGED, whens=LATER)
async def _(talk: Talk) -> None:
    await talk.send(talk.head(ETag='"v2"'), _other(talk))


@GENERATIONS.of("other bytes, another time, no ETag", CHANGED, whens=ALL)
async def _(talk: Talk) -> None:
    time = f"Tue, 14 Nov 2023 22:13:{talk.number:02} GMT"
    body = talk.body if talk.number == 1 else _other(talk)
    await talk.send(talk.head(ETag=None, Last_Modified=time), body)


@GENERATIONS.of("another number of the store", CHANGED, whens=ALL)
async def _(talk: Talk) -> None:
    await talk.send(talk.head(ETag=None, x_goog_generation=talk.number), talk.body)


@GENERATIONS.of("another size under the same ETag", CHANGED, whens=LATER)
async def _(talk: Talk) -> None:
    told = f"bytes {talk.start}-{talk.stop - 1}/{len(talk.file) + 1}"
    await talk.send(talk.head(Content_Range=told), talk.body)


@GENERATIONS.of("412, as it should", CHANGED, whens=LATER)
async def _(talk: Talk) -> None:
    assert 'If-Match: "v1"' in talk.text
    await talk.send(talk.head("412 x", ETag='"v2"', Content_Range=None, Content_Length=0))


@GENERATIONS.of("a condition that is not understood, with the very same ETag", "right", whens=LATER)
async def _(talk: Talk) -> None:
    if "If-Match" in talk.text:
        await talk.send(talk.head("412 x", Content_Range=None, Content_Length=0))
    else:
        await talk.send(talk.right())


@GENERATIONS.of("412 that names no ETag", CHANGED, whens=LATER)
async def _(talk: Talk) -> None:
    if "If-Match" in talk.text:
        await talk.send(talk.head("412 x", ETag=None, Content_Range=None, Content_Length=0))
    else:
        await talk.send(talk.head(ETag='"v2"'), _other(talk))


@GENERATIONS.of("412 without a condition", "SourceError", whens=("at first",))
async def _(talk: Talk) -> None:
    assert "If-Match" not in talk.text
    await talk.send(talk.head("412 x", Content_Range=None, Content_Length=0))


@GENERATIONS.of("a body that is resumed with another generation", CHANGED, whens=LATER[1:])
async def _(talk: Talk) -> None:
    if talk.number == 2:
        await talk.send(talk.head(), talk.body[:100])
        talk.close()
    await talk.send(talk.head(ETag='"v2"'), _other(talk))


@GENERATIONS.of("a whole object of another generation", CHANGED, whens=LATER)
async def _(talk: Talk) -> None:
    size = len(talk.file)
    head = talk.head("200 OK", ETag='"v2"', Content_Range=None, Content_Length=size)
    await talk.send(head, bytes(255 - byte for byte in talk.file))


# --- kept connections ----------------------------------------------------------------------------


@KEPT.of("a few bytes after the body", "right|SourceError")
async def _(talk: Talk) -> None:
    await talk.send(talk.right(), b"surplus")


@KEPT.of("empty lines after the body", "right")
async def _(talk: Talk) -> None:
    await talk.send(talk.right(), b"\r\n\r\n")


@KEPT.of("each answer twice", "right")
async def _(talk: Talk) -> None:
    await talk.send(talk.right(), talk.right())


@KEPT.of("an answer of the next request too, with other bytes", "right")
async def _(talk: Talk) -> None:
    await talk.send(talk.right(), talk.head(), _other(talk))


@KEPT.of("a refusal after the body", "right")
async def _(talk: Talk) -> None:
    await talk.send(talk.right(), b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


@KEPT.of("a 408 after the body, as when a connection is idle", "right")
async def _(talk: Talk) -> None:
    await talk.send(talk.right(), b"HTTP/1.1 408 x\r\nConnection: close\r\n\r\n")
    talk.close()


@KEPT.of(
    "an answer before any request",
    "right|SourceError",
    "SourceError",
    whens=ALL,
    greeting=b"HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n",
)
async def _(talk: Talk) -> None:
    await talk.send(talk.right())


@KEPT.of("a greeting before any request", "SourceError|right", whens=ALL, greeting=b"220 hello\r\n")
async def _(talk: Talk) -> None:
    await talk.send(talk.right())


@KEPT.of("answers of the request before", "RangeMismatchError", whens=("always after the header",))
async def _(talk: Talk) -> None:
    held = talk.state.get("held", b"HTTP/1.1 206 x\r\nContent-Length: 0\r\n\r\n")
    talk.state["held"] = talk.right()
    await talk.send(held)  # type: ignore[arg-type]


@KEPT.of(
    "bytes of another range, told as right, for the header", "FormatError", whens=("at first",)
)
async def _(talk: Talk) -> None:
    await talk.send(talk.head(), talk.file[-len(talk.body) :])
