"""S3, Google Cloud Storage and Azure, each by its file system against a server of its own."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import sys
from contextlib import suppress

import numpy as np
import pytest
from store_servers import Store, azure_store, gs_store, s3_store

import tinycog
from tinycog import (
    Limits,
    NotFoundError,
    RangeNotSatisfiableError,
    Retries,
    SourceChangedError,
    SourceTimeoutError,
)
from tinycog.sources.factory import make_source
from tinycog.testing import make_pyramid, make_tiff
from tinycog.testing.source_suite import read_range

SIDE = 256
FILES = [
    make_tiff(make_pyramid(np.full((1, SIDE, SIDE), value, np.uint8), (2,), tile=(32, 32)))
    for value in (1, 2)
]
UPPER, LOWER = (0, 0, SIDE, 128), (0, 128, SIDE, 128)
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)  # of the client libraries


@pytest.fixture(autouse=True)
def _collect_garbage():
    """Let what the client libraries leave open be warned of here, where that is ignored."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def s3():
    with s3_store() as store:
        yield store


@pytest.fixture(scope="module")
def gs():
    with gs_store() as store:
        yield store


@pytest.fixture(scope="module")
def azure():
    with azure_store() as store:
        yield store


@pytest.fixture(params=["s3", "gs", "azure"])
def store(request) -> Store:
    return request.getfixturevalue(request.param)


async def value_of(raster) -> int:
    values = np.unique((await raster).data)
    assert len(values) == 1
    return int(values[0])


def opened(store: Store, name: str, **options) -> tinycog.Cog:
    return tinycog.open(f"{store.url}/{name}", storage_options=store.options, **options)


async def test_an_object_that_is_replaced_is_never_mixed(store):
    store.put("a.tif", FILES[0])
    cog = opened(store, "a.tif")
    assert await value_of(cog.read(window=UPPER)) == 1
    store.put("a.tif", FILES[1])
    with pytest.raises(SourceChangedError) as caught:
        await cog.read(window=LOWER)
    fresh = await opened(store, "a.tif")
    assert (caught.value.expected, caught.value.found) == (cog.pin, fresh.pin)
    with pytest.raises(SourceChangedError):
        await opened(store, "a.tif", snapshot=cog.snapshot()).read(window=LOWER)


async def test_the_true_pin_is_read_and_another_is_refused(store):
    pin = store.put("pinned.tif", FILES[0])
    assert await value_of(opened(store, "pinned.tif", pin=pin).read()) == 1
    other = "17" if store.url.startswith("gs") else '"17"'
    with pytest.raises(SourceChangedError) as caught:
        await opened(store, "pinned.tif", pin=other)
    assert (caught.value.expected, caught.value.found) == (other, pin)


async def test_requester_pays_goes_along_with_every_read(s3):
    s3.put("paid.tif", FILES[0])
    s3.log.clear()
    cog = tinycog.open(f"{s3.url}/paid.tif", storage_options=s3.options | {"requester_pays": True})
    assert await value_of(cog.read()) == 1
    assert {asked.headers.get("x-amz-request-payer") for asked in s3.log} == {"requester"}


async def test_an_object_that_is_missing_is_not_found(store):
    with pytest.raises(NotFoundError):
        await opened(store, "no.tif")


async def test_ranges_at_the_end_are_short_and_behind_it_empty(store):
    data = bytes(range(200))
    store.put("short", data)
    source = make_source(f"{store.url}/short", storage_options=store.options)
    for start, stop in [(0, 200), (0, 32768), (150, 300), (199, 200), (10, 20)]:
        answer = await read_range(source, start, stop)
        assert (answer.data, answer.size) == (data[start:stop], 200)
    with suppress(RangeNotSatisfiableError):  # Azurite sends no bytes instead
        assert (await read_range(source, 200, 300)).data == b""


@pytest.mark.parametrize("status", ["400 Bad Request", "412 Failed", "501 Not Implemented"])
async def test_a_condition_that_a_store_refuses_is_left_out_and_the_answer_compared(s3, status):
    s3.put("odd.tif", FILES[0])
    cog = await opened(s3, "odd.tif")
    s3.refused["if-match"] = status
    try:
        assert await value_of(cog.read()) == 1
        s3.put("odd.tif", FILES[1])
        with pytest.raises(SourceChangedError):
            await cog.read()
    finally:
        s3.refused.clear()


async def test_a_condition_that_is_not_understood_is_asked_once(s3):
    s3.put("odd.tif", FILES[0])
    cog = await opened(s3, "odd.tif")
    s3.refused["if-match"] = "501 Not Implemented"
    try:
        await cog.read(window=UPPER)
        before = len(s3.log)
        await cog.read(window=LOWER)
        assert len(s3.log) == before + 1
    finally:
        s3.refused.clear()


@pytest.mark.parametrize("pinning", ["size", "off"])
async def test_generations_of_a_store_are_not_compared_where_that_is_asked_for(s3, pinning):
    s3.put("loose.tif", FILES[0])
    cog = await opened(s3, "loose.tif", pinning=pinning)
    held = cog.snapshot()
    s3.put("loose.tif", FILES[1])
    assert await value_of(cog.read(window=LOWER)) == 2
    loose = opened(s3, "loose.tif", pinning=pinning, snapshot=held)
    assert await value_of(loose.read(window=LOWER)) == 2


async def test_a_range_costs_one_request_with_a_condition(s3):
    s3.put("count.tif", FILES[0])
    cog = await opened(s3, "count.tif")
    s3.log.clear()
    before = len(cog.requests)
    await cog.read()
    assert len(s3.log) == len(cog.requests) - before == 1
    (request,) = s3.log
    assert (request.method, request.path) == ("GET", "/bucket/count.tif")
    assert request.headers["if-match"] == cog.pin
    assert request.headers["range"].startswith("bytes=")


@pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin", reason="needs fork")
@pytest.mark.parametrize("store", ["s3", "gs"], indirect=True)
def test_a_handle_is_read_after_a_fork(store):
    store.put("fork.tif", FILES[0])
    cog = opened(store, "fork.tif")
    assert asyncio.run(value_of(cog.read(window=UPPER))) == 1
    here, there = multiprocessing.Pipe()

    def read_below() -> None:
        there.send(asyncio.run(asyncio.wait_for(value_of(cog.read(window=LOWER)), 20)))

    child = multiprocessing.get_context("fork").Process(target=read_below)
    child.start()
    found = here.recv() if here.poll(30) else None
    child.kill()
    child.join()
    assert found == 1


HALF = (
    b'HTTP/1.1 206 Partial Content\r\nETag: "e"\r\nContent-Range: bytes 0-32767/100000\r\n'
    b"Content-Length: 32768\r\n\r\nII*\0"
)
HANGING = {
    "s3": lambda url: {"key": "k3yk3y", "secret": "s3cr3t", "endpoint_url": url},
    "gs": lambda url: {"token": "anon", "endpoint_url": url, "project": "p"},
}


@pytest.mark.parametrize("sent", [b"", HALF], ids=["nothing", "half a body"])
@pytest.mark.parametrize("scheme", ["s3", "gs"])
async def test_a_store_that_falls_silent_is_tried_again_and_given_up(scheme, sent):
    pytest.importorskip({"s3": "s3fs", "gs": "gcsfs"}[scheme])
    asked: list[bytes] = []

    async def fall_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.write(sent)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(fall_silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        options = HANGING[scheme](f"http://127.0.0.1:{port}")
        limits = Limits(retries=Retries(tries=2, seconds=4, silence=0.4, first_delay=0.01))
        with pytest.raises(SourceTimeoutError, match=r"did not answer in time.*\(tried 2 times\)"):
            await tinycog.open(f"{scheme}://bucket/a.tif", storage_options=options, limits=limits)
    assert asked


async def test_a_version_of_s3_is_read_by_its_id():
    with s3_store(is_versioned=True) as store:
        version = store.put("a.tif", FILES[0])
        store.put("a.tif", FILES[1])
        assert await value_of(opened(store, "a.tif").read()) == 2
        assert await value_of(opened(store, f"a.tif?versionId={version}").read()) == 1


async def test_a_generation_of_google_is_read_by_its_number():
    with gs_store(is_versioned=True) as store:
        number = store.put("a.tif", FILES[0])
        cog = opened(store, "a.tif")
        assert await value_of(cog.read(window=UPPER)) == 1
        store.put("a.tif", FILES[1])
        assert await value_of(cog.read(window=LOWER)) == 1
        assert await value_of(opened(store, f"a.tif#{number}").read()) == 1
        assert await value_of(opened(store, "a.tif").read()) == 2


async def test_a_generation_that_is_no_more_fails_in_the_words_of_earth_engine(gs):
    number = gs.put("gone.tif", FILES[0])
    found = gs.put("gone.tif", FILES[1])
    with pytest.raises(SourceChangedError) as caught:
        await opened(gs, f"gone.tif#{number}")
    assert str(caught.value) == (
        f"Failed to load the GeoTIFF at gs://bucket/gone.tif#{number}: found generation {found}"
        " instead (bytes 0 to 32768)"
    )
