"""`tinycog.write` into stores: the bytes of a file, and nothing left of a write that fails."""

# pyright: reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from store_faults import KINDS, STEPS, Faults
from store_servers import azure_store, by_obstore, gs_store, s3_store

import tinycog
import tinycog.sync
from tinycog.errors import LimitError, SourceError, UsageError
from tinycog.targets import appended_file, numbered, parts
from tinycog.targets.body import PartBody

pytestmark = [
    pytest.mark.stores,
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning",
        "ignore::ResourceWarning",
        "ignore::pytest.PytestUnraisableExceptionWarning",
    ),  # of the client libraries
]

MIB = 1 << 20
RNG = np.random.default_rng(3)
PIXELS = RNG.integers(0, 99, (3, 500, 700), np.uint8)
SMALL = PIXELS[:1, :200, :200]
OPTIONS: dict[str, Any] = {"blocksize": 64, "overview_resampling": "average"}
PLAIN: dict[str, Any] = {"blocksize": 64, "compression": "none"}


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
def sent() -> list[tuple[int, int]]:
    """Number and length of each part that the store got."""
    return []


@pytest.fixture(scope="module")
def s3(faults, sent):
    def wrap(answer):
        faulty = faults(answer)

        def noted(environ, start):
            number = environ["QUERY_STRING"].partition("partNumber=")[2].partition("&")[0]
            if number:
                sent.append((int(number), int(environ["CONTENT_LENGTH"])))
            return faulty(environ, start)

        return noted

    with s3_store("aiobotocore", wrap=wrap) as store:
        yield store


@pytest.fixture
def bucket(faults):
    """The bucket, as the server has it; no fault is planned."""
    faults.clear()
    faults.on_request = lambda _: None
    backends = pytest.importorskip("moto.s3.models").s3_backends
    return backends["123456789012"]["aws"].buckets["bucket"]


@pytest.fixture
def short_parts(monkeypatch):
    """Have the store take parts of 8 KiB, so that small files have several."""
    monkeypatch.setattr(pytest.importorskip("moto.s3.models"), "S3_UPLOAD_PART_MIN_SIZE", 8192)
    monkeypatch.setattr(parts, "SHORTEST", 8192)
    monkeypatch.setattr(numbered, "S3", parts.S3._replace(min_bytes=8192))


async def data_of(pixels, **options) -> bytes:
    return (await tinycog.write(bytes, pixels, **options)).data or b""


# --- the same bytes ------------------------------------------------------------------------------


async def test_an_object_of_s3_has_the_bytes_of_a_file(s3, bucket):
    done = await tinycog.write("s3://bucket/a.tif", PIXELS, storage_options=s3.options, **OPTIONS)
    assert bucket.keys["a.tif"].value == await data_of(PIXELS, **OPTIONS)
    assert (done.name, done.length) == ("s3://bucket/a.tif", len(bucket.keys["a.tif"].value))
    with pytest.raises(UsageError, match="it is there already"):
        await tinycog.write(
            "s3://bucket/a.tif", PIXELS, storage_options=s3.options, overwrite=False
        )


async def test_an_object_of_google_by_an_hmac_key_has_the_bytes_of_a_file(s3, bucket):
    await tinycog.write("gs://bucket/g.tif", PIXELS, storage_options=s3.options, **OPTIONS)
    assert bucket.keys["g.tif"].value == await data_of(PIXELS, **OPTIONS)


async def test_an_object_by_obstore_has_the_bytes_of_a_file(s3, bucket):
    await tinycog.write("o.tif", PIXELS, store=by_obstore(s3), **OPTIONS)
    assert bucket.keys["o.tif"].value == await data_of(PIXELS, **OPTIONS)


async def test_an_object_in_memory_has_the_bytes_of_a_file():
    fsspec = pytest.importorskip("fsspec")
    await tinycog.write("memory://tinycog/m.tif", PIXELS, **OPTIONS)
    stored = fsspec.filesystem("memory").cat("/tinycog/m.tif")
    assert stored == await data_of(PIXELS, **OPTIONS)
    store = pytest.importorskip("obstore.store").MemoryStore()
    await tinycog.write("m.tif", PIXELS, store=store, **OPTIONS)
    assert bytes((await store.get_async("m.tif")).bytes()) == stored


async def test_an_object_by_gcsfs_has_the_bytes_of_a_file():
    with gs_store() as store:
        url = "gs://bucket/a.tif"
        await tinycog.write(url, PIXELS, storage_options=store.options, **OPTIONS)
        fs = pytest.importorskip("gcsfs").GCSFileSystem(**store.options, skip_instance_cache=True)
        assert fs.cat("bucket/a.tif") == await data_of(PIXELS, **OPTIONS)


async def test_a_blob_has_the_bytes_of_a_file_and_nothing_is_left_of_one_that_failed():
    with azure_store("azure.storage.blob") as store:
        told = {"storage_options": store.options}
        await tinycog.write("az://bucket/a.tif", PIXELS, **told, **OPTIONS)
        service = pytest.importorskip("azure.storage.blob").BlobServiceClient
        with service.from_connection_string(store.options["connection_string"]) as client:
            stored = client.get_blob_client("bucket", "a.tif").download_blob().readall()
        assert stored == await data_of(PIXELS, **OPTIONS)
        with pytest.raises(ZeroDivisionError):
            await tinycog.write("az://bucket/b.tif", failing(), **told, shape=(64, 64), dtype="u1")
        with pytest.raises(tinycog.NotFoundError):
            await tinycog.open("az://bucket/b.tif", **told)
        for upload in await tinycog.list_uploads("az://bucket", **told):
            await tinycog.abort_upload(upload, **told)
        assert await tinycog.list_uploads("az://bucket", **told) == []


def failing():
    """Blocks of which the second one cannot be made."""
    yield (0, 0), np.zeros((64, 32), np.uint8)
    raise ZeroDivisionError


# --- parts and spool -----------------------------------------------------------------------------


async def test_parts_have_no_gap_and_sizes_that_s3_takes(s3, bucket, sent):
    pixels = np.resize(PIXELS[0], (6000, 5000))
    sent.clear()
    where = {"storage_options": s3.options, "memory": 100 << 20}
    done = await tinycog.write("s3://bucket/p.tif", pixels, compression="none", **where)
    assert sorted(number for number, _ in sent) == list(range(1, len(sent) + 1))
    assert len(sent) > 4
    lengths = dict(sent)
    assert all(lengths[number] >= 5 * MIB for number in range(1, len(sent)))
    assert sum(lengths.values()) == done.length == len(bucket.keys["p.tif"].value)


@pytest.mark.usefixtures("bucket")
async def test_the_first_part_is_sent_before_a_tenth_is_read(s3, faults):
    rows = 512
    pixels = np.resize(PIXELS[0], (rows, 2048))
    taken: list[int] = []
    first: list[int] = []

    def blocks():
        for row in range(0, 300 * rows, rows):
            taken.append(row)
            time.sleep(0.004)  # no slower than others
            yield (row, 0), pixels

    faults.on_request = lambda kind: first.append(len(taken)) if kind == "part" else None
    options: dict[str, Any] = {"shape": (300 * rows, 2048), "dtype": np.uint8, "overviews": False}
    await tinycog.write(
        "s3://bucket/f.tif", blocks(), storage_options=s3.options, compression="none", **options
    )
    assert len(taken) == 300
    assert first[0] < 30


@pytest.mark.skipif(sys.platform != "linux", reason="blocks are counted on Linux")
@pytest.mark.parametrize("where", ["store", "file"])
async def test_the_spool_is_no_longer_than_the_overviews(s3, bucket, tmp_path, monkeypatch, where):
    highest = 0
    write_at, write = appended_file.write_at, PartBody.write

    def noting(function):
        def noted(*args):
            nonlocal highest
            result = function(*args)
            highest = max(highest, room_in(tmp_path))
            return result

        return noted

    monkeypatch.setattr(appended_file, "write_at", noting(write_at))
    monkeypatch.setattr(PartBody, "write", noting(write))
    pixels = np.resize(PIXELS[0], (8000, 8000))
    options: dict[str, Any] = {"compression": "none", "memory": 80 * MIB, "spool": tmp_path}
    target, told = str(tmp_path / "a.tif"), {}
    if where == "store":
        target, told = "s3://bucket/spool.tif", {"storage_options": s3.options}
    done = await tinycog.write(target, pixels, **told, **options)
    if where == "store":
        assert bucket.keys["spool.tif"].value[:2] == b"II"
    async with tinycog.open(target, **told) as cog:
        front = min(tile.offset for tile in await cog.tile_ranges(0))
    assert front < highest + 6 * MIB  # it was in use
    assert highest <= 1.02 * (front if where == "store" else front + done.length)


def room_in(folder: Path) -> int:
    """Bytes that the files of a folder take which this process has open, nameless ones included."""
    found = {}
    for link in Path("/proc/self/fd").iterdir():
        try:
            if str(link.readlink()).startswith(str(folder)):
                status = os.fstat(int(link.name))
                found[status.st_ino] = status.st_blocks * 512
        except OSError:
            continue
    return sum(found.values())


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("kind", ["s3", "obstore", "fsspec"])
async def test_the_smallest_memory_that_a_refusal_names_is_enough(s3, kind):
    pixels = np.broadcast_to(np.uint8(1), (5000, 9000))
    where: dict[str, Any] = {
        "s3": {"target": "s3://bucket/l.tif", "storage_options": s3.options},
        "obstore": {"target": "l.tif", "store": by_obstore(s3)},
        "fsspec": {"target": "memory://l.tif"},
    }[kind]
    with pytest.raises(LimitError, match="smallest that works") as refused:
        await tinycog.write(source=pixels, memory=20 * MIB, plan=True, **where)
    least = int(str(refused.value).partition("(memory=")[2].partition(")")[0])
    plan = await tinycog.write(source=pixels, memory=least, plan=True, **where)
    assert plan.memory <= least
    with pytest.raises(LimitError):
        await tinycog.write(source=pixels, memory=least - MIB, plan=True, **where)


# --- what is left --------------------------------------------------------------------------------


def cases() -> list[dict[tuple[str, int], str]]:
    """100 faults of requests, alone or two of them, once or for good."""
    generator = random.Random(7)  # noqa: S311 - no secret
    steps = [*STEPS, ("create", -1), ("part", -1), ("complete", -1)]
    kinds = [kind for kind in KINDS if kind != "slow"] * 4 + ["slow"]
    found: list[dict[tuple[str, int], str]] = []
    while sum(map(len, found)) < 100:
        chosen = generator.sample(steps, generator.choice((1, 2, 3, 3)))
        found.append({step: generator.choice(kinds) for step in chosen})
    return found


@pytest.mark.usefixtures("short_parts")
async def test_a_hundred_faults_give_the_object_or_an_error_and_no_upload(s3, bucket, faults):
    session = pytest.importorskip("aiobotocore.session").AioSession()
    settings = {"read_timeout": 0.5, "retries": {"mode": "standard", "total_max_attempts": 3}}
    told = {**s3.options, "session": session, "config_kwargs": settings}
    expected = await data_of(SMALL, **PLAIN)
    outcomes = Counter()
    for number, case in enumerate(cases()):
        faults.clear()
        faults.plan = case
        key = f"fault/{number}.tif"
        options = {"storage_options": told, "overwrite": ("head", 0) not in case}
        try:
            await tinycog.write(f"s3://bucket/{key}", SMALL, **options, **PLAIN)
        except SourceError:
            outcomes["error"] += 1
            assert key not in bucket.keys, case
        else:
            outcomes["object"] += 1
            assert bucket.keys[key].value == expected, case
        assert bucket.multiparts == {}, case
    assert min(outcomes["error"], outcomes["object"]) > 10


@pytest.mark.usefixtures("short_parts")
@pytest.mark.parametrize("step", ["create", "part", "complete"])
async def test_a_write_that_is_cancelled_leaves_no_upload(s3, bucket, faults, step):
    loop, reached = asyncio.get_running_loop(), asyncio.Event()

    def note(kind: str) -> None:
        if kind == step:
            loop.call_soon_threadsafe(reached.set)

    async def run() -> None:
        url = f"s3://bucket/cancel/{step}.tif"
        await tinycog.write(url, SMALL, storage_options=s3.options, **PLAIN)

    faults.on_request = note
    task = asyncio.create_task(run())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bucket.multiparts == {}


async def test_a_source_that_fails_leaves_no_upload(s3, bucket):
    options: dict[str, Any] = {"shape": (64, 64), "dtype": np.uint8}
    with pytest.raises(ZeroDivisionError):
        await tinycog.write("s3://bucket/z.tif", failing(), storage_options=s3.options, **options)
    assert bucket.multiparts == {}
    assert "z.tif" not in bucket.keys


@pytest.mark.usefixtures("short_parts")
@pytest.mark.skipif(sys.platform == "win32", reason="signals are not sent to threads there")
def test_an_interrupt_leaves_no_upload(s3, bucket, faults):
    main = threading.main_thread().ident
    assert main is not None
    asked: list[str] = []

    def interrupt(kind: str) -> None:
        if kind == "part" and not asked:
            asked.append(kind)
            signal.pthread_kill(main, signal.SIGINT)

    faults.on_request = interrupt
    with pytest.raises(KeyboardInterrupt):
        tinycog.sync.write("s3://bucket/i.tif", SMALL, storage_options=s3.options, **PLAIN)
    assert asked
    assert bucket.multiparts == {}
    assert "i.tif" not in bucket.keys


KILLED = """
import os, signal, sys
import numpy as np
import tinycog.sync

def blocks():
    yield (0, 0), np.zeros((64, 32), np.uint8)
    os.kill(os.getpid(), signal.SIGKILL)

options = {"key": "k3yk3y", "secret": "s3cr3t", "endpoint_url": sys.argv[1]}
where = {"storage_options": options, "shape": (64, 64), "dtype": np.uint8}
resume = sys.argv[2] if len(sys.argv) > 2 else False
tinycog.sync.write("s3://bucket/killed/a.tif", blocks(), resume=resume, **where)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is killed so there")
def test_an_upload_that_a_killed_process_left_is_listed_and_aborted(s3, bucket):
    endpoint = s3.options["endpoint_url"]
    done = subprocess.run([sys.executable, "-c", KILLED, endpoint], check=False)  # noqa: S603 - a test's own
    assert done.returncode == -signal.SIGKILL
    assert len(bucket.multiparts) == 1
    told = {"storage_options": s3.options}
    (upload,) = tinycog.sync.list_uploads("s3://bucket/killed/", **told)
    assert isinstance(upload, tinycog.OpenUpload)
    assert upload.url == "s3://bucket/killed/a.tif"
    tinycog.sync.abort_upload(upload, **told)
    assert tinycog.sync.list_uploads("s3://bucket", **told) == []
    assert bucket.multiparts == {}


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is killed so there")
def test_a_write_that_is_resumed_drops_the_upload_that_was_left(s3, bucket, tmp_path):
    command = [sys.executable, "-c", KILLED, s3.options["endpoint_url"], str(tmp_path)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL  # noqa: S603 - a test's own
    (left,) = bucket.multiparts
    seen: list[set[str]] = []

    def blocks():
        seen.append(set(bucket.multiparts))
        yield (0, 0), np.zeros((64, 64), np.uint8)

    options: dict[str, Any] = {"shape": (64, 64), "dtype": np.uint8}
    where = {"storage_options": s3.options, "resume": tmp_path}
    tinycog.sync.write("s3://bucket/killed/a.tif", blocks(), **options, **where)
    assert len(seen[0]) == 1
    assert left not in seen[0]
    assert bucket.multiparts == {}
    assert list(tmp_path.iterdir()) == []
    whole = tinycog.sync.write(bytes, np.zeros((64, 64), np.uint8))
    assert bucket.keys["killed/a.tif"].value == whole.data


# --- a cluster -----------------------------------------------------------------------------------


def test_a_cluster_makes_each_chunk_once_for_several_files(tmp_path):
    distributed = pytest.importorskip("distributed", reason="distributed is not installed")
    array = pytest.importorskip("dask.array")
    dask = pytest.importorskip("dask")
    log = tmp_path / "log"

    def made(block: Any, block_info: Any) -> Any:
        with log.open("a") as file:
            file.write(f"{os.getpid()} {block_info[0]['chunk-location']}\n")
        return block

    whole = array.from_array(PIXELS, chunks=(3, 150, 260))
    sources = [
        (whole + n).map_blocks(made, dtype=np.uint8, meta=np.empty((0, 0, 0), np.uint8))
        for n in range(2)
    ]
    paths = [tmp_path / "a.tif", tmp_path / "b.tif"]
    writes = [
        tinycog.write(path, source, **OPTIONS) for path, source in zip(paths, sources, strict=True)
    ]
    assert not log.exists()
    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster):
        results = dask.compute(*writes)
    lines = log.read_text().splitlines()
    assert set(Counter(line.split(maxsplit=1)[1] for line in lines).values()) == {2}
    assert len(lines) == 2 * whole.npartitions
    makers = {int(line.split()[0]) for line in lines}
    assert len(makers) == 2
    assert os.getpid() not in makers
    for n, (path, result) in enumerate(zip(paths, results, strict=True)):
        expected = asyncio.run(data_of(PIXELS + np.uint8(n), **OPTIONS))
        assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(expected).digest()
        assert result.length == len(expected)


def test_a_worker_of_a_cluster_is_lost(tmp_path):
    """Its chunks are made anew by the other one, and the file is the same."""
    distributed = pytest.importorskip("distributed", reason="distributed is not installed")
    array = pytest.importorskip("dask.array")
    log, path = tmp_path / "log", tmp_path / "a.tif"

    def made(block: Any) -> Any:
        with log.open("a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(0.05)
        return block

    whole = array.from_array(PIXELS, chunks=(3, 100, 150))
    source = whole.map_blocks(made, dtype=np.uint8, meta=np.empty((0, 0, 0), np.uint8))
    write = tinycog.write(path, source, **OPTIONS)
    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        result = client.compute(write)
        while not log.exists() or len(log.read_text().splitlines()) < source.npartitions // 4:
            time.sleep(0.01)
        assert not path.exists()
        os.kill(int(log.read_text().split()[0]), signal.SIGKILL)
        assert result.result(timeout=60).length == path.stat().st_size
    lines = log.read_text().split()
    assert len(set(lines)) > 1
    assert len(lines) >= source.npartitions
    assert path.read_bytes() == asyncio.run(data_of(PIXELS, **OPTIONS))
