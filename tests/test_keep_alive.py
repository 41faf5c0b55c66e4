"""Kept connections: what servers do on them, and what comes of it."""

import asyncio
import gc
import re
import warnings
from contextlib import asynccontextmanager

import pytest

from tinycog.errors import SourceBusyError, SourceError
from tinycog.fetch.fetcher import Fetcher
from tinycog.limits import Limits, Retries
from tinycog.sources.factory import make_source
from tinycog.sources.http import pool
from tinycog.tiff.ranges import ByteRange

DATA = bytes(range(256)) * 2000
ONCE = Retries(tries=1)


class RawServer:
    """Answers each request with the bytes that a script gives.

    Attributes:
        asked: the requests, as they came, with the number of their connection.
    """

    def __init__(self, script):
        self.script = script
        self.asked = []
        self.url = ""
        self._writers = []

    async def accept(self, reader, writer):
        self._writers.append(writer)
        number = len(self._writers) - 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.asked.append((number, head))
                for part in self.script(len(self.asked) - 1, head):
                    if part is None:
                        writer.close()
                        return
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(0.001)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(script):
    raw = RawServer(script)
    server = await asyncio.start_server(raw.accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    raw.url = f"http://127.0.0.1:{port}/a.tif"
    try:
        yield raw
    finally:
        server.close()
        for writer in raw._writers:
            writer.close()
        await server.wait_closed()


def asked_range(head):
    found = re.search(rb"[Rr]ange: bytes=(\d+)-(\d+)", head)
    assert found is not None
    return int(found[1]), int(found[2])


def answer(head, *, more=b"", body=None, status=b"206 Partial Content"):
    start, last = asked_range(head)
    data = DATA[start : last + 1] if body is None else body
    told = f"Content-Range: bytes {start}-{last}/{len(DATA)}\r\nContent-Length: {len(data)}\r\n"
    return b"HTTP/1.1 " + status + b"\r\n" + more + told.encode() + b'ETag: "a"\r\n\r\n' + data


def right(_, head):
    return [answer(head)]


async def read(raw, *parts, limits=None):
    """Read ranges, one after the other."""
    source = make_source(raw.url, limits=limits or Limits(retries=ONCE))
    fetcher = Fetcher(source, limits or Limits(retries=ONCE))
    return [(await fetcher.read([ByteRange(*part)]))[0] for part in parts]


def expected(*parts):
    return [DATA[start:stop] for start, stop in parts]


PARTS = ((0, 10), (100_000, 400_000), (20, 21))


async def test_ranges_asked_one_after_the_other_share_a_connection():
    async with serving(right) as raw:
        assert await read(raw, *PARTS) == expected(*PARTS)
        assert [number for number, _ in raw.asked] == [0, 0, 0]


async def test_a_request_on_a_lent_connection_says_what_aiohttp_says():
    async with serving(right) as raw:
        await read(raw, (0, 10), (20, 30), (30, 40))
        heads = [
            {line.split(b":", 1)[0].lower() for line in head.split(b"\r\n")[1:] if line}
            for _, head in raw.asked
        ]
        assert heads[0] | {b"if-match"} == heads[1] == heads[2]


async def test_handles_of_one_server_share_connections():
    async with serving(right) as raw:
        await read(raw, (0, 10))
        await read(raw, (20, 30))
        assert [number for number, _ in raw.asked] == [0, 0]


@pytest.mark.parametrize("size", [1, 3, 100, 5000])
async def test_an_answer_may_come_in_pieces_of_any_size(size):
    def script(_, head):
        whole = answer(head)
        return [whole[i : i + size] for i in range(0, min(len(whole), 400), size)] + [
            whole[-(-min(len(whole), 400) // size) * size :]
        ]

    async with serving(script) as raw:
        assert await read(raw, (0, 200_000), (7, 9), (50, 90_000)) == expected(
            (0, 200_000), (7, 9), (50, 90_000)
        )


async def test_bytes_after_an_answer_are_not_taken_for_the_next_one():
    def script(_, head):
        forged = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 20-29/512000\r\n"
        return [answer(head) + forged + b'Content-Length: 10\r\nETag: "a"\r\n\r\n' + b"x" * 10]

    async with serving(script) as raw:
        assert await read(raw, (0, 10), (20, 30)) == expected((0, 10), (20, 30))
        assert [number for number, _ in raw.asked] == [0, 1]


async def test_bytes_that_come_unasked_end_a_connection():
    async with serving(right) as raw:
        await read(raw, (0, 10))
        raw._writers[0].write(answer(b"Range: bytes=20-29", body=b"x" * 10))
        await asyncio.sleep(0.02)
        assert await read(raw, (20, 30)) == expected((20, 30))
        assert [number for number, _ in raw.asked] == [0, 1]


async def test_a_connection_that_the_server_closed_is_not_used_again():
    async with serving(right) as raw:
        await read(raw, (0, 10))
        raw._writers[0].close()
        await asyncio.sleep(0.02)
        assert await read(raw, (20, 30)) == expected((20, 30))


async def test_a_connection_that_is_closed_when_it_is_asked_again_costs_no_try():
    def script(number, head):
        return [None] if number == 1 else [answer(head)]

    async with serving(script) as raw:
        assert await read(raw, (0, 10), (20, 30)) == expected((0, 10), (20, 30))
        assert [number for number, _ in raw.asked] == [0, 0, 1]


CHUNKED = b"Transfer-Encoding: chunked\r\n"


def chunked(head):
    start, last = asked_range(head)
    told = f"Content-Range: bytes {start}-{last}/{len(DATA)}\r\n".encode()
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (last + 1 - start, DATA[start : last + 1])
    first = b"HTTP/1.1 206 Partial Content\r\n"
    return first + CHUNKED + told + b'ETag: "a"\r\n\r\n' + body


ODD = {
    "chunked": chunked,
    "informed first": lambda head: b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer(head),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
@pytest.mark.parametrize("first", [0, 1])
async def test_an_answer_that_is_not_plain_is_left_to_aiohttp(odd, first):
    def script(number, head):
        return [odd(head) if number >= first else answer(head)]

    async with serving(script) as raw:
        assert await read(raw, (0, 10), (20, 30), (30, 40)) == expected((0, 10), (20, 30), (30, 40))


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize(
    "garbage",
    [b"\x15\x03\x01\x00\x02\x02\x46", b"HTTP/1.1 206 x\n\n", b"220 ftp ready\r\n", b"\0" * 20_000],
)
async def test_garbage_is_an_error_at_once(garbage, first):
    def script(number, head):
        return [answer(head)] if number < first else [garbage, None]

    async with serving(script) as raw:
        async with asyncio.timeout(5):
            with pytest.raises(SourceError):
                await read(raw, (0, 10), (20, 30))


async def test_a_busy_server_is_not_asked_twice_for_one_try():
    def script(number, head):
        return [answer(head) if not number else answer(head, status=b"503 Busy", body=b"wait")]

    async with serving(script) as raw:
        with pytest.raises(SourceBusyError):
            await read(raw, (0, 10), (20, 30))
        assert len(raw.asked) == 2


async def test_a_redirect_on_a_lent_connection_is_followed():
    def script(number, head):
        if b"/b.tif" in head or number == 0:
            return [answer(head)]
        return [b"HTTP/1.1 307 Elsewhere\r\nLocation: /b.tif\r\nContent-Length: 0\r\n\r\n"]

    async with serving(script) as raw:
        assert await read(raw, (0, 10), (20, 30)) == expected((0, 10), (20, 30))


@pytest.mark.parametrize("at", [5, 100, 300, 70_000])
async def test_a_cancelled_read_ends_its_connection_and_no_other(at):
    stalls = asyncio.Event()

    def script(number, head):
        if number != 1:
            return [answer(head)]
        stalls.set()
        return [answer(head)[:at], *[b""] * 100]

    async with serving(script) as raw:
        await read(raw, (0, 10))
        task = asyncio.ensure_future(read(raw, (0, 100_000)))
        await stalls.wait()
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await read(raw, (20, 30)) == expected((20, 30))
        assert [number for number, _ in raw.asked] == [0, 0, 1]


async def test_a_connection_that_nobody_uses_is_closed(monkeypatch):
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.05)
    async with serving(right) as raw:
        await read(raw, (0, 10))
        (writer,) = raw._writers
        async with asyncio.timeout(5):
            await writer.wait_closed()


@pytest.mark.parametrize("tidy", [True, False])
def test_a_loop_that_ends_leaves_nothing_open(tidy):
    async def main():
        async with serving(right) as raw:
            await read(raw, (0, 10), (20, 30))

    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
        if tidy:
            loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
        asyncio.run(main())  # lets go of what the other left
        del loop
        gc.collect()
    assert not [str(warning.message) for warning in found]
