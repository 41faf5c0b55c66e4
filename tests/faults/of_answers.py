"""Answers that are no HTTP, or that say wrong what they hold."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

from faults.fault import Faults
from faults.wire import Talk

HEADS = Faults("head")
LENGTHS = Faults("length")
RANGES = Faults("range")
CODINGS = Faults("coding")
WHOLE = Faults("whole object")

MISMATCH = "RangeMismatchError"

# --- heads ---------------------------------------------------------------------------------------

GARBAGE = {
    "noise": bytes(range(256)) * 8,
    "zeros": bytes(1000),
    "an FTP greeting": b"220 ftp.example.com ready\r\n",
    "an SSH greeting": b"SSH-2.0-OpenSSH_9.6\r\n",
    "a TLS alert": b"\x15\x03\x03\x00\x02\x02\x28",
    "HTTP/0.9": b"<html>hello</html>",
    "a version that is none": b"HTTP/x.y 206 OK\r\n\r\n",
    "HTTP/2": b"HTTP/2 206\r\n\r\n" + bytes(100),
    "a status that is none": b"HTTP/1.1 abc OK\r\n\r\n",
    "a status of 400 digits": b"HTTP/1.1 " + b"9" * 400 + b" OK\r\n\r\n",
    "a negative status": b"HTTP/1.1 -206 OK\r\n\r\n",
    "a line without colon": b"HTTP/1.1 206 OK\r\nhello\r\n\r\n",
    "a header without name": b"HTTP/1.1 206 OK\r\n: hello\r\n\r\n",
    "a zero byte in a header": b"HTTP/1.1 206 OK\r\nX: a\0b\r\n\r\n",
    "a bare CR in a header": b"HTTP/1.1 206 OK\r\nX: a\rb: c\r\n\r\n",
    "a space in a header's name": b"HTTP/1.1 206 OK\r\nX Y: a\r\n\r\n",
}
"""What is no HTTP: a server that closes after it, since nobody can know where it ends."""


def _closing(data: bytes) -> object:
    async def handler(talk: Talk) -> None:
        await talk.send(data)
        talk.close()

    return handler


for _name, _data in GARBAGE.items():
    HEADS.of(_name, "right|SourceError", "SourceError")(_closing(_data))  # type: ignore[arg-type]

HEADS.says(
    "a header of 10 MB",
    "right|SourceError",
    lambda t: t.head(X_Long="x" * 10_000_000),
    "SourceError",
)
HEADS.says(
    "5000 headers",
    "right|SourceError",
    lambda t: t.head("206 x", *(f"X-{i}: {i}" for i in range(5000))) + t.body,
    "SourceError",
)
HEADS.says("100 headers", "right", lambda t: t.head("206 x", *("X: 1",) * 100) + t.body)
HEADS.says("bytes above 127 in a header", "right", lambda t: t.head(X_Odd="\xff\xfe\x80") + t.body)
HEADS.says("no reason", "right", lambda t: t.head("206") + t.body)
HEADS.says(
    "names in capitals",
    "right",
    lambda t: (
        t.head()
        .upper()
        .replace(b'"V1"', b'"v1"')
        .replace(b"TUE, 14 NOV", b"Tue, 14 Nov")
        .replace(b"BYTES ", b"bytes ")
        + t.body
    ),
)
HEADS.says(
    "escapes for a terminal in the reason",
    "SourceError",
    lambda t: t.head("404 \x1b[2J\x9b gone", Content_Length=0),
)


@HEADS.of("HTTP/1.0 that closes", "right")
async def _(talk: Talk) -> None:
    await talk.send(talk.right().replace(b"HTTP/1.1", b"HTTP/1.0"))
    talk.close()


@HEADS.of("HTTP/1.0 without a length", "right")
async def _(talk: Talk) -> None:
    await talk.send(talk.head(Content_Length=None).replace(b"HTTP/1.1", b"HTTP/1.0"), talk.body)
    talk.close()


# --- lengths -------------------------------------------------------------------------------------

BAD = "right|SourceError"
"""On a connection that was kept, aiohttp asks again after what is no answer."""

LENGTHS.says("negative", BAD, lambda t: t.head(Content_Length=-5) + t.body, "SourceError")
LENGTHS.says("no number", BAD, lambda t: t.head(Content_Length="many") + t.body, "SourceError")
LENGTHS.says("400 digits", BAD, lambda t: t.head(Content_Length="9" * 400) + t.body, "SourceError")
LENGTHS.says("too short", "SourceError", lambda t: t.head(Content_Length=len(t.body) - 1) + t.body)
LENGTHS.says(
    "too long, and so many bytes",
    MISMATCH,
    lambda t: t.head(Content_Length=len(t.body) + 9) + t.body + bytes(9),
)
LENGTHS.says(
    "twice, not the same",
    BAD,
    lambda t: t.head("206 x", "Content-Length: 5") + t.body,
    "SourceError",
)
LENGTHS.says("zero", MISMATCH, lambda t: t.head(Content_Length=0))
LENGTHS.says(
    "of an object of terabytes",
    MISMATCH,
    lambda t: t.head(Content_Length=1 << 42) + t.body,
)


@LENGTHS.of("missing, and closed at the end", "right")
async def _(talk: Talk) -> None:
    await talk.send(talk.head(Content_Length=None), talk.body)
    talk.close()


@LENGTHS.of("missing, and more bytes", MISMATCH)
async def _(talk: Talk) -> None:
    await talk.send(talk.head(Content_Length=None), talk.body, b"surplus")
    talk.close()


@LENGTHS.passing("missing, and fewer bytes")
async def _(talk: Talk) -> None:
    await talk.send(talk.head(Content_Length=None), talk.body[:-5])
    talk.close()


CHUNKED = "Transfer-Encoding: chunked"


def _chunked(talk: Talk, body: bytes) -> bytes:
    return talk.head("206 x", CHUNKED, Content_Length=None) + body


def _in_chunks(data: bytes, length: int) -> bytes:
    cuts = [data[i : i + length] for i in range(0, len(data), length)]
    return b"".join(b"%x\r\n%b\r\n" % (len(cut), cut) for cut in cuts) + b"0\r\n\r\n"


LENGTHS.says("chunks", "right", lambda t: _chunked(t, _in_chunks(t.body, 1000)))
LENGTHS.says("chunks of a byte", "right", lambda t: _chunked(t, _in_chunks(t.body, 1)))
LENGTHS.says(
    "chunks and a length",
    BAD,
    lambda t: t.head("206 x", CHUNKED) + _in_chunks(t.body, 1000),
)
LENGTHS.says(
    "chunks that hold more", MISMATCH, lambda t: _chunked(t, _in_chunks(t.body + b"x", 99))
)
LENGTHS.says(
    "chunks that hold less",
    "right",
    lambda t: _chunked(t, _in_chunks(t.body[:-9], 99)),
    "SourceError",
)
LENGTHS.says(
    "a chunk's length that is none", BAD, lambda t: _chunked(t, b"xyz\r\n" + t.body), "SourceError"
)
LENGTHS.says("a negative chunk", BAD, lambda t: _chunked(t, b"-5\r\n" + t.body), "SourceError")
LENGTHS.says(
    "a chunk of 400 digits",
    BAD,
    lambda t: _chunked(t, b"f" * 400 + b"\r\n" + t.body),
    "SourceError",
)
LENGTHS.says(
    "a chunk without its end",
    BAD,
    lambda t: _chunked(t, b"5\r\n" + t.body[:5] + b"xx5\r\n"),
    "SourceError",
)

# --- ranges --------------------------------------------------------------------------------------

SAID = {
    "another unit": "items {a}-{b}/{n}",
    "a start off by one": "bytes {a1}-{b}/{n}",
    "an end off by one": "bytes {a}-{b1}/{n}",
    "an end beyond the size": "bytes {a}-{n}/{n}",
    "a size that is too small": "bytes {a}-{b}/{b}",
    "a size of zero": "bytes {a}-{b}/0",
    "a negative start": "bytes -1-{b}/{n}",
    "a negative size": "bytes {a}-{b}/-1",
    "numbers of 400 digits": "bytes {z}{a}-{z}{b}/{z}{n}",
    "numbers in hexadecimal": "bytes 0x0-0xff/{n}",
    "nonsense": "bytes 0--1/0",
    "an end before the start": "bytes {b}-{a}/{n}",
    "no numbers": "bytes -/-",
    "nothing": "",
    "the form of a 416": "bytes */{n}",
    "digits of another script": "bytes \u0660-{b}/{n}",
}
MEANT = {
    "a size of `*`": "bytes {a}-{b}/*",
    "an equals sign": "bytes={a}-{b}/{n}",
    "another case": "Bytes {a}-{b}/{n}",
    "blanks": "bytes  {a} - {b} / {n}",
    "no size": "bytes {a}-{b}",
}
for _name, _text in (SAID | MEANT).items():

    def _make(talk: Talk, text: str = _text) -> bytes:
        a, b, n = talk.start, talk.stop - 1, len(talk.file)
        told = text.format(a=a, b=b, n=n, a1=a + 1, b1=b + 1, z="9" * 400)
        head = talk.head(Content_Range="@").replace(b"@", told.encode())
        return head + talk.body

    RANGES.says(_name, "right" if _name in MEANT else MISMATCH, _make)

RANGES.says("a 226", "right", lambda t: t.head("226 IM Used") + t.body)
RANGES.says("no Content-Range", MISMATCH, lambda t: t.head(Content_Range=None) + t.body)
RANGES.says(
    "Content-Range twice, not the same",
    BAD,
    lambda t: t.head("206 x", f"Content-Range: bytes 5-9/{len(t.file)}") + t.body,
    "SourceError",
)
RANGES.says(
    "Content-Range twice, the same",
    BAD,
    lambda t: (
        t.head("206 x", f"Content-Range: bytes {t.start}-{t.stop - 1}/{len(t.file)}") + t.body
    ),
)
RANGES.says(
    "half of what was asked, honestly",
    MISMATCH,
    lambda t: _part(t, t.start, (t.start + t.stop) // 2),
)
RANGES.says("another range, honestly", MISMATCH, lambda t: _part(t, t.start + 7, t.stop))
RANGES.says("the first bytes, whatever was asked", MISMATCH, lambda t: _part(t, 0, 7))
RANGES.says(
    "more than was asked",
    f"right|{MISMATCH}",
    lambda t: _part(t, t.start, min(t.stop + 9, len(t.file))),
)
RANGES.says(
    "several parts",
    MISMATCH,
    lambda t: _multipart(t, Content_Range=None),
)
RANGES.says("several parts, with Content-Range", MISMATCH, lambda t: _multipart(t, x=1))


@RANGES.of("a size that changes", "SourceChangedError")
async def _(talk: Talk) -> None:
    size = len(talk.file) + talk.number
    told = f"bytes {talk.start}-{talk.stop - 1}/{size}"
    await talk.send(talk.head(Content_Range=told), talk.body)


def _part(talk: Talk, start: int, stop: int) -> bytes:
    told = f"bytes {start}-{stop - 1}/{len(talk.file)}"
    return talk.head(Content_Range=told, Content_Length=stop - start) + talk.file[start:stop]


def _multipart(talk: Talk, **headers: Any) -> bytes:
    mark = f"--x\r\nContent-Range: bytes {talk.start}-{talk.stop - 1}/{len(talk.file)}\r\n\r\n"
    body = mark.encode() + talk.body + b"\r\n--x--\r\n"
    kind = "multipart/byteranges; boundary=x"
    return talk.head(Content_Type=kind, Content_Length=len(body), **headers) + body


# --- codings -------------------------------------------------------------------------------------


def _coded(talk: Talk, coding: str, body: bytes, **headers: Any) -> bytes:
    return talk.head(Content_Encoding=coding, Content_Length=len(body), **headers) + body


CODINGS.says("gzip", MISMATCH, lambda t: _coded(t, "gzip", gzip.compress(t.body)))
CODINGS.says("gzip, not coded", MISMATCH, lambda t: _coded(t, "gzip", t.body))
CODINGS.says("deflate", MISMATCH, lambda t: _coded(t, "deflate", zlib.compress(t.body)))
CODINGS.says("br", MISMATCH, lambda t: _coded(t, "br", t.body))
CODINGS.says("zstd", MISMATCH, lambda t: _coded(t, "zstd", t.body))
CODINGS.says("two at once", MISMATCH, lambda t: _coded(t, "gzip, gzip", t.body))
CODINGS.says("identity, then gzip", MISMATCH, lambda t: _coded(t, "identity, gzip", t.body))
CODINGS.says(
    "two headers",
    MISMATCH,
    lambda t: t.head("206 x", "Content-Encoding: identity", "Content-Encoding: gzip") + t.body,
)
CODINGS.says("one that nobody knows", MISMATCH, lambda t: _coded(t, "x-rot13", t.body))
CODINGS.says("identity", "right", lambda t: _coded(t, "Identity", t.body))
CODINGS.says("an empty one", "right", lambda t: _coded(t, "", t.body))
CODINGS.says(
    "a whole object as gzip",
    "RangeUnsupportedError",
    lambda t: _coded(t, "gzip", gzip.compress(t.file), Content_Range=None).replace(
        b"206", b"200", 1
    ),
)
CODINGS.says(
    "of the transfer",
    "SourceError",
    lambda t: (
        t.head("206 x", "Transfer-Encoding: gzip, chunked", Content_Length=None)
        + _in_chunks(gzip.compress(t.body), 999)
    ),
)

# --- whole objects -------------------------------------------------------------------------------


def _whole(talk: Talk, body: bytes, **headers: Any) -> bytes:
    told: dict[str, Any] = {"Content_Range": None, "Content_Length": len(body), **headers}
    return talk.head("200 OK", **told) + body


PORTAL = b"<!DOCTYPE html><html><body>Please log in</body></html>"

WHOLE.says("short enough", "right", lambda t: _whole(t, t.file))
WHOLE.says("too long", "RangeUnsupportedError", lambda t: _whole(t, b"", Content_Length=1 << 40))
WHOLE.says(
    "a page of a captive portal",
    "FormatError|SourceChangedError",
    lambda t: _whole(t, PORTAL, ETag=None, Last_Modified=None, Content_Type="text/html"),
)
WHOLE.says(
    "a page of an error, with the ETag",
    "FormatError|SourceChangedError",
    lambda t: _whole(t, PORTAL, Content_Type="text/html"),
)
WHOLE.says("empty", "FormatError|SourceChangedError", lambda t: _whole(t, b""))


@WHOLE.of("of unknown length", "right")
async def _(talk: Talk) -> None:
    await talk.send(_whole(talk, talk.file, Content_Length=None))
    talk.close()


@WHOLE.passing("cut short")
async def _(talk: Talk) -> None:
    await talk.send(_whole(talk, talk.file)[:2000])
    talk.close()
