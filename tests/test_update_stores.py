"""`tinycog.update` of an object of S3: what is sent, what is copied, and what goes wrong."""

# pyright: reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

import asyncio
import gc
import hashlib
from typing import Any

import numpy as np
import pytest
from store_faults import Faults
from store_servers import s3_store

import tinycog
import tinycog.sync
from tinycog.errors import NotFoundError, SourceChangedError, SourceError, TinycogError
from tinycog.targets import numbered, update_target
from tinycog.targets.parts import S3

pytestmark = [
    pytest.mark.stores,
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning",
        "ignore::ResourceWarning",
        "ignore::pytest.PytestUnraisableExceptionWarning",
    ),  # of the client libraries
]

MIB = 1 << 20
RNG = np.random.default_rng(8)
URL = "s3://bucket/a.tif"
PIXELS = RNG.integers(0, 60000, (1, 2560, 2816), np.uint16)
OPTIONS: dict[str, Any] = {"blocksize": 256, "compression": "none", "predictor": 1}
SMALL = RNG.integers(0, 99, (2, 300, 400), np.uint8)
SHORT = S3._replace(min_bytes=8192)
"""Rules of a store that takes short parts, as the server does where they are used."""
WINDOW = (130, 140, 20, 10)
BLOCK = RNG.integers(0, 99, (2, 10, 20), np.uint8)
PLAIN: dict[str, Any] = {"blocksize": 64, "predictor": 1, "overview_resampling": "average"}


@pytest.fixture(autouse=True)
def _quickly(monkeypatch):
    """Have the client try again at once; collect its garbage before warnings count again."""
    standard = pytest.importorskip("botocore.retries.standard")
    monkeypatch.setattr(standard.ExponentialBackoff, "delay_amount", lambda *_: 0)
    yield
    gc.collect()


@pytest.fixture(scope="module")
def faults() -> Faults:
    return Faults()


@pytest.fixture(scope="module")
def sent() -> list[int]:
    """Bytes of each part that the store got."""
    return []


@pytest.fixture(scope="module")
def s3(faults, sent):
    def wrap(answer):
        faulty = faults(answer)

        def noted(environ, start):
            if "partNumber" in environ["QUERY_STRING"]:
                sent.append(int(environ.get("CONTENT_LENGTH") or 0))
            return faulty(environ, start)

        return noted

    with s3_store("aiobotocore", wrap=wrap) as store:
        yield store


@pytest.fixture
def backend(faults, s3, sent):
    faults.clear()
    s3.log.clear()
    sent.clear()
    return pytest.importorskip("moto.s3.models").s3_backends["123456789012"]["aws"]


@pytest.fixture
def short_parts(monkeypatch):
    monkeypatch.setattr(pytest.importorskip("moto.s3.models"), "S3_UPLOAD_PART_MIN_SIZE", 8192)
    monkeypatch.setattr(update_target, "rules_of", lambda _: SHORT)


def stored(backend) -> bytes:
    return backend.get_object("bucket", "a.tif").value


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="module")
def small() -> tuple[bytes, bytes]:
    """A file, and a full rewrite of it."""
    new = SMALL.copy()
    new[:, 140:150, 130:150] = BLOCK
    old = tinycog.sync.write(bytes, SMALL, **PLAIN).data
    return old, tinycog.sync.write(bytes, new, **PLAIN).data


async def update(store, **options) -> tinycog.Updated:
    return await tinycog.update(URL, BLOCK, window=WINDOW, storage_options=store.options, **options)


@pytest.mark.parametrize("place", ["middle", "last"])
async def test_one_tile_is_sent_with_its_ancestors_the_head_and_what_fills_parts(
    s3, backend, sent, place
):
    """Goal W16: not more than two short parts beside them, and the bytes of a full rewrite."""
    row = {"middle": 1280, "last": 2304}[place]
    new = PIXELS.copy()
    new[:, row : row + 256, row : row + 256] += 1
    backend.put_object("bucket", "a.tif", (await tinycog.write(bytes, PIXELS, **OPTIONS)).data)
    found = await tinycog.update(
        URL,
        new[:, row : row + 256, row : row + 256],
        window=(row, row, 256, 256),
        overview_resampling="nearest",
        storage_options=s3.options,
    )
    whole = (await tinycog.write(bytes, new, **OPTIONS)).data
    assert sha(stored(backend)) == sha(whole)
    tile, levels = 256 * 256 * 2 + 8, 5
    assert found.tiles == levels
    async with tinycog.open(whole) as cog:
        head = min(one.offset for one in await cog.tile_ranges(4))
    changed = levels * tile + head
    assert found.sent == sum(sent) <= changed + 2 * 5 * MIB
    assert found.copied == len(whole) - found.sent
    copies = [one for one in s3.log if "x-amz-copy-source" in one.headers]
    assert len(copies) in (1, 2)
    assert {one.headers["x-amz-copy-source-if-match"] for one in copies} != {None}


@pytest.mark.usefixtures("short_parts")
async def test_each_request_is_of_the_generation_that_was_read(s3, backend, small):
    old, new = small
    etag = backend.put_object("bucket", "a.tif", old).etag
    found = await update(s3)
    assert stored(backend) == new
    assert found.sent + found.copied == len(new)
    gets = [one for one in s3.log if one.method == "GET"]
    copies = [one for one in s3.log if "x-amz-copy-source" in one.headers]
    done = [one for one in s3.log if one.method == "POST" and "uploadId" in one.query]
    assert gets
    assert copies
    assert len(done) == 1
    assert {one.headers["if-match"] for one in (*gets, *done)} == {etag}
    assert {one.headers["x-amz-copy-source-if-match"] for one in copies} == {etag}
    assert not backend.buckets["bucket"].multiparts


@pytest.mark.usefixtures("short_parts")
async def test_what_the_object_has_besides_its_bytes_stays(s3, backend, small):
    old, _ = small
    key = backend.put_object("bucket", "a.tif", old, storage="STANDARD_IA")
    key.set_metadata({"x-amz-meta-made": "by hand", "cache-control": "max-age=9"})
    await update(s3)
    key = backend.get_object("bucket", "a.tif")
    assert key.metadata["x-amz-meta-made"] == "by hand"
    assert key.storage_class == "STANDARD_IA"


@pytest.mark.usefixtures("short_parts")
@pytest.mark.parametrize("number", [1, 7, 9, 11])
async def test_an_object_that_is_replaced_meanwhile_stays_so(s3, backend, small, number):
    old, new = small
    backend.put_object("bucket", "a.tif", old)
    other = (await tinycog.write(bytes, SMALL[:, ::-1], **PLAIN)).data

    def replace() -> None:
        backend.put_object("bucket", "a.tif", other)

    s3.before[:] = [lambda: None] * number + [replace]
    try:
        await update(s3)
    except SourceChangedError:
        assert stored(backend) == other
    else:  # it was there before, or came when all was done
        assert s3.before or stored(backend) != new
    finally:
        s3.before.clear()
    assert not backend.buckets["bucket"].multiparts


@pytest.mark.usefixtures("short_parts")
async def test_a_copy_on_another_condition_leaves_the_object_and_no_upload(s3, backend, small):
    old, _ = small
    backend.put_object("bucket", "a.tif", old)
    s3.refused["x-amz-copy-source-if-match"] = "412 Precondition Failed"
    try:
        with pytest.raises(SourceChangedError):
            await update(s3)
    finally:
        s3.refused.clear()
    assert stored(backend) == old
    assert not backend.buckets["bucket"].multiparts


@pytest.mark.usefixtures("short_parts")
@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ("part", "reset before"),
        ("part", "expired"),
        ("complete", "reset after"),
        ("complete", "expired"),
    ],
)
async def test_faults_of_the_store_end_in_the_old_object_or_the_new_one(
    s3, backend, small, faults, step, kind
):
    old, new = small
    backend.put_object("bucket", "a.tif", old)
    faults.plan = {(step, -1 if kind == "expired" else 1 if step == "part" else 0): kind}
    try:
        await update(s3)
    except SourceError:
        assert kind == "expired"
        assert stored(backend) == old
    else:
        assert stored(backend) == new
    faults.clear()
    assert not backend.buckets["bucket"].multiparts


@pytest.mark.usefixtures("short_parts")
@pytest.mark.parametrize("number", [7, 10])
async def test_a_cancelled_update_leaves_the_object_and_no_upload(s3, backend, small, number):
    old, new = small
    backend.put_object("bucket", "a.tif", old)
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(update(s3))
    s3.before[:] = [lambda: None] * number + [lambda: loop.call_soon_threadsafe(task.cancel)]
    with pytest.raises(asyncio.CancelledError):
        await task
    s3.before.clear()
    assert stored(backend) in (old, new)
    assert not backend.buckets["bucket"].multiparts


@pytest.mark.usefixtures("short_parts")
async def test_a_short_file_is_sent_whole(s3, backend):
    pixels = SMALL[:, :60, :60].copy()
    old = (await tinycog.write(bytes, pixels, **PLAIN)).data
    backend.put_object("bucket", "a.tif", old)
    block = pixels[:, :10, :20] + 1
    await tinycog.update(
        URL,
        block,
        window=(0, 0, 20, 10),
        overview_resampling="average",
        level=7,
        storage_options=s3.options,
    )
    pixels[:, :10, :20] = block
    assert stored(backend) == (await tinycog.write(bytes, pixels, **PLAIN)).data


async def test_what_is_not_there_or_no_place_is_refused(s3):
    with pytest.raises(NotFoundError):
        await tinycog.update(
            "s3://bucket/none.tif", BLOCK, window=WINDOW, storage_options=s3.options
        )
    r2 = {"endpoint_url": "https://account.r2.cloudflarestorage.com"}
    assert numbered.rules_of(r2).are_equal
    for url, options in (("s3://bucket/", s3.options), ("s3://bucket/a.tif", r2)):
        with pytest.raises(TinycogError):
            await tinycog.update(url, BLOCK, window=WINDOW, storage_options=options)
