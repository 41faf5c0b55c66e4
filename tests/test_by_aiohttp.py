"""Responses that are read by aiohttp: what comes besides a body is bounded there, too."""

from __future__ import annotations

import asyncio

import pytest
from test_keep_alive import DATA, answer, asked_range, expected, read, serving

from tinycog.errors import SourceError
from tinycog.sources.http import client
from tinycog.sources.http.http1 import OVERHEAD_BYTES

CHUNKED = b"HTTP/1.1 206 x\r\nTransfer-Encoding: chunked\r\nContent-Range: bytes %d-%d/%d\r\n\r\n"
MEBIBYTE = 1 << 20

FLOODS = {
    "informational responses": b"HTTP/1.1 100 Continue\r\n\r\n",
    "empty lines": b"\r\n",
}


@pytest.fixture(autouse=True)
def _by_aiohttp(monkeypatch):
    monkeypatch.setattr(client, "USES_POOL", False)


def chunked_head(head: bytes) -> bytes:
    start, last = asked_range(head)
    return CHUNKED % (start, last, len(DATA))


def chunk(data: bytes, extension: bytes = b"") -> bytes:
    return b"%x%b\r\n%b\r\n" % (len(data), extension, data)


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
async def test_what_comes_before_a_response_is_bounded(flood):
    def script(_, head):
        return [flood * (MEBIBYTE // len(flood)), answer(head)]

    async with serving(script) as raw:
        with pytest.raises(SourceError, match="too many bytes besides its body"):
            await read(raw, (5, 9))


@pytest.mark.parametrize("place", ["an extension", "trailers"])
async def test_what_comes_with_chunks_is_bounded(place):
    def script(_, head):
        start, last = asked_range(head)
        data = DATA[start : last + 1]
        if place == "an extension":
            parts = [chunk(data, b";x=" + b"a" * (4 * MEBIBYTE)), b"0\r\n\r\n"]
        else:
            parts = [chunk(data), b"0\r\n", b"a: b\r\n" * MEBIBYTE, b"\r\n"]
        return [chunked_head(head), *parts]

    async with serving(script) as raw:
        with pytest.raises(SourceError, match=r"the request failed"):
            await asyncio.wait_for(read(raw, (5, 9)), 10)


async def test_what_other_servers_send_besides_a_body_is_read():
    def script(_, head):
        start, last = asked_range(head)
        chunks = [chunk(DATA[i : i + 1], b";name=x") for i in range(start, last + 1)]
        early = b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" * (OVERHEAD_BYTES // 64)
        return [early, chunked_head(head), b"".join(chunks), b"0\r\nSum: 1\r\n\r\n"]

    async with serving(script) as raw:
        assert await read(raw, (0, len(DATA) - 1)) == expected((0, len(DATA) - 1))
