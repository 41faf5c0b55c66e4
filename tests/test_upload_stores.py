"""Uploads in parts to servers of S3 and Azure, and what is left of those that fail."""

from __future__ import annotations

import asyncio
import gc
import random
import tempfile
import threading
import time
from contextlib import suppress
from urllib.parse import parse_qs

import pytest
from store_faults import KINDS, STEPS, Faults
from store_servers import azure_store, s3_store

from tinycog.errors import (
    AccessDeniedError,
    NotFoundError,
    SourceBusyError,
    SourceChangedError,
    SourceError,
    UnsupportedError,
    UsageError,
)
from tinycog.targets import azure_client, parts
from tinycog.targets.azure import AzureUpload
from tinycog.targets.azure_client import parse_place
from tinycog.targets.body import PartBody
from tinycog.targets.gcs import gcs_upload
from tinycog.targets.multipart import MultipartTarget
from tinycog.targets.parts import AZURE, GCS, S3, plan_parts
from tinycog.targets.s3 import S3Upload
from tinycog.targets.uploads import abort_upload, list_uploads
from tinycog.tiff.ranges import ByteRange

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)  # of the client libraries

MIB = 1 << 20
HEAD = b"head" * 3072
BODY = random.Random(1).randbytes(12 * MIB)  # noqa: S311 - no secret
SHORT = S3._replace(min_bytes=8192)
"""Rules of a store that takes short parts, as the server does where faults are tried."""
SMALL = BODY[: 20 << 10]
"""With the head, three such parts."""


@pytest.fixture(autouse=True)
def _collect_garbage():
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def _no_backoff(monkeypatch):
    """Have the client try again at once."""
    standard = pytest.importorskip("botocore.retries.standard")
    monkeypatch.setattr(standard.ExponentialBackoff, "delay_amount", lambda *_: 0)


@pytest.fixture(scope="module")
def faults() -> Faults:
    return Faults()


@pytest.fixture(scope="module")
def s3(faults):
    with s3_store("aiobotocore", wrap=faults) as store:
        yield store


@pytest.fixture
def short_parts(monkeypatch):
    monkeypatch.setattr(pytest.importorskip("moto.s3.models"), "S3_UPLOAD_PART_MIN_SIZE", 8192)
    monkeypatch.setattr(parts, "SHORTEST", 8192)


@pytest.fixture(scope="module")
def azure():
    with azure_store("azure.storage.blob") as store:
        yield store


@pytest.fixture
def backend(faults):
    faults.clear()
    return pytest.importorskip("moto.s3.models").s3_backends["123456789012"]["aws"]


def bucket(backend):
    return backend.buckets["bucket"]


async def head(data: bytes = HEAD):
    yield data[:5000]
    yield data[5000:]


async def write(target: MultipartTarget, body: bytes = BODY, step: int = MIB) -> None:
    try:
        await target.begin()
        for start in range(0, len(body), step):
            await target.append(memoryview(body)[start : start + step])
            await asyncio.sleep(0)
        await target.finish(head(), len(HEAD))
    except BaseException:
        await target.abort()
        raise


def to_s3(store, key: str, rules=S3, *, overwrite: bool = False, **options) -> MultipartTarget:
    told = {**store.options, **options}
    plan = plan_parts(rules, MIB, 1 << 30, preferred=max(rules.min_bytes, 64 << 10))
    return MultipartTarget(S3Upload("bucket", key, told, overwrite=overwrite), plan)


def to_azure(store, key: str, *, overwrite: bool = False) -> MultipartTarget:
    upload = AzureUpload(parse_place(f"az://bucket/{key}"), store.options, overwrite=overwrite)
    return MultipartTarget(upload, plan_parts(AZURE, MIB, 1 << 30))


async def test_parts_to_s3_are_numbered_checked_and_legal(s3, backend):
    s3.log.clear()
    await write(to_s3(s3, "a b/ü.tif"))
    stored = backend.get_object("bucket", "a b/ü.tif")
    assert stored.value == HEAD + BODY
    assert stored.metadata["Content-Type"] == "image/tiff"
    assert {name for name in stored.metadata if name.startswith("x-amz-meta")} == set()
    sent = {
        int(parse_qs(asked.query)["partNumber"][0]): asked.headers
        for asked in s3.log
        if "partNumber" in asked.query
    }
    assert sorted(sent) == [1, 2, 3]
    assert all("x-amz-checksum-crc32" in headers for headers in sent.values())
    assert [asked.method for asked in s3.log] == ["HEAD", "POST", "PUT", "PUT", "PUT", "POST"]
    assert s3.log[-1].headers["if-none-match"] == "*"
    assert int(s3.log[-1].headers["x-amz-mp-object-size"]) == len(HEAD + BODY)
    assert await list_uploads("s3://bucket", storage_options=s3.options) == []


async def test_the_first_part_is_sent_before_a_tenth_is_taken(s3, backend, faults):
    arrived = threading.Event()
    faults.on_request = lambda kind: arrived.set() if kind == "part" else None
    target = to_s3(s3, "early.tif")
    await target.begin()
    for _ in range(11):  # of 120
        await target.append(bytes(MIB))
    await asyncio.to_thread(arrived.wait, 30)
    faults.on_request = lambda _: None
    await target.abort()
    assert arrived.is_set()
    assert bucket(backend).multiparts == {}


async def test_an_object_that_exists_is_kept_unless_it_may_be_overwritten(s3, backend):
    backend.put_object("bucket", "old.tif", b"old")
    with pytest.raises(UsageError, match="it is there already"):
        await write(to_s3(s3, "old.tif"))
    assert backend.get_object("bucket", "old.tif").value == b"old"
    await write(to_s3(s3, "old.tif", overwrite=True), BODY[:100])
    assert backend.get_object("bucket", "old.tif").value == HEAD + BODY[:100]


async def test_an_object_that_appears_meanwhile_is_kept(s3, backend, faults):
    target = to_s3(s3, "late.tif")
    refused = {"if-none-match": "412 Precondition Failed"}
    await target.begin()
    s3.refused.update(refused)  # the server of the tests does not look
    try:
        with pytest.raises(UsageError, match="it is there already"):
            await target.finish(head(), len(HEAD))
    finally:
        s3.refused.clear()
    assert bucket(backend).multiparts == {}
    assert faults.seen["abort"] == 0


@pytest.mark.parametrize("place", ["nobucket", "expired"])
async def test_what_cannot_be_written_shows_before_the_first_byte(s3, backend, faults, place):
    if place == "expired":
        faults.clear()
        faults.plan = {("create", -1): "expired"}
        with pytest.raises(AccessDeniedError, match="expired") as caught:
            await to_s3(s3, "a.tif").begin()
        assert "s3cr3t" not in str(caught.value)
    else:
        upload = S3Upload(place, "a.tif", s3.options, overwrite=True)
        with pytest.raises(NotFoundError, match="no such bucket"):
            await MultipartTarget(upload, plan_parts(S3)).begin()
    assert bucket(backend).multiparts == {}


async def test_a_store_that_knows_no_crc_gets_md5(s3, backend):
    s3.log.clear()
    settings = {"request_checksum_calculation": "when_required"}
    await write(to_s3(s3, "md5.tif", config_kwargs=settings), BODY[:100])
    (part,) = [asked for asked in s3.log if "partNumber" in asked.query]
    assert "content-md5" in part.headers
    assert not any("crc32" in str(asked.headers) for asked in s3.log)
    upload = gcs_upload("bucket", "gs.tif", s3.options, overwrite=True)
    s3.log.clear()
    await write(MultipartTarget(upload, plan_parts(GCS)), BODY[:100])
    assert backend.get_object("bucket", "gs.tif").value == HEAD + BODY[:100]
    assert upload.name == "gs://bucket/gs.tif"
    assert not any("x-amz-checksum" in str(asked.headers) for asked in s3.log)


@pytest.mark.usefixtures("backend")
async def test_options_go_along_and_unknown_ones_are_refused(s3):
    s3.log.clear()
    more = {"ServerSideEncryption": "AES256"}
    options = {"s3_additional_kwargs": more, "requester_pays": True}
    await write(to_s3(s3, "sse.tif", **options), BODY[:100])
    create = next(asked for asked in s3.log if asked.query == "uploads")
    assert create.headers["x-amz-server-side-encryption"] == "AES256"
    assert {asked.headers.get("x-amz-request-payer") for asked in s3.log} == {"requester"}
    with pytest.raises(UsageError, match="'region'"):
        to_s3(s3, "no.tif", region="eu-west-1")


async def test_a_part_is_copied_of_the_generation_that_was_named(s3, backend):
    etag = backend.put_object("bucket", "source", BODY).etag
    upload = S3Upload("bucket", "copy.tif", s3.options, overwrite=True)
    await upload.begin()
    s3.refused["x-amz-copy-source-if-match"] = "412 Precondition Failed"
    with pytest.raises(SourceChangedError):
        await upload.copy_part(1, "s3://bucket/source", '"other"', ByteRange(0, 6 * MIB))
    s3.refused.clear()
    assert s3.log[-1].headers["x-amz-copy-source-if-match"] == '"other"'
    await upload.copy_part(1, "s3://bucket/source", etag, ByteRange(MIB, 7 * MIB))
    await upload.copy_part(2, "s3://bucket/source", etag, ByteRange(0, 100))
    await upload.complete(6 * MIB + 100)
    assert backend.get_object("bucket", "copy.tif").value == BODY[MIB : 7 * MIB] + BODY[:100]


@pytest.mark.usefixtures("backend")
async def test_an_upload_that_a_crash_left_is_listed_and_aborted(s3):
    crashed = S3Upload("bucket", "left/a.tif", s3.options, overwrite=True)
    await crashed.begin()
    found = await list_uploads("s3://bucket/left", storage_options=s3.options)
    (upload,) = found
    assert (upload.url, upload.key) == ("s3://bucket/left/a.tif", "left/a.tif")
    assert upload.started is not None
    await abort_upload(upload, storage_options=s3.options)
    assert await list_uploads("s3://bucket", storage_options=s3.options) == []
    with pytest.raises(NotFoundError):
        await abort_upload(upload, storage_options=s3.options)
    await crashed.abort()


@pytest.mark.parametrize("memory", [1 << 20, 100])
@pytest.mark.parametrize("kind", ["s3", "azure"])
async def test_a_part_is_in_a_file_only_if_it_is_long(request, monkeypatch, kind, memory):
    made = []
    file = tempfile.TemporaryFile
    noted = lambda **place: [made.append(file(**place))][0] or made[-1]  # noqa: E731 - shorter
    monkeypatch.setattr(tempfile, "TemporaryFile", noted)
    options = request.getfixturevalue(kind).options
    place = parse_place("az://bucket/part.tif")
    upload = (
        S3Upload("bucket", "part.tif", options, overwrite=True)
        if kind == "s3"
        else AzureUpload(place, options, overwrite=True)
    )
    body = PartBody(memory)
    body.write(SMALL)
    await upload.begin()
    await upload.put_part(1, body)
    await upload.complete(len(SMALL))
    assert len(made) == (memory < len(SMALL))
    body.seek(0)
    assert body.read() == SMALL  # to be sent again
    body.drop()


@pytest.mark.usefixtures("short_parts")
@pytest.mark.parametrize("kind", KINDS)
async def test_faults_of_every_step_give_the_object_or_an_error_and_no_upload(
    s3, backend, faults, kind
):
    session = pytest.importorskip("aiobotocore.session").AioSession()
    generator = random.Random(kind)  # noqa: S311 - no secret
    cases = [{step: kind} for step in STEPS]
    cases += [{(step, -1): kind} for step in ("create", "part", "complete")]
    for _ in range(4):
        one, other = generator.sample(STEPS, 2)
        cases.append({one: kind, other: generator.choice(KINDS)})
    settings = {"read_timeout": 0.5, "retries": {"mode": "standard", "total_max_attempts": 3}}
    for number, case in enumerate(cases):
        key = f"fault/{kind}/{number}.tif"
        faults.clear()
        faults.plan = case
        told = {"session": session, "config_kwargs": settings}
        target = to_s3(s3, key, SHORT, overwrite=("head", 0) not in case, **told)
        try:
            await write(target, SMALL, 5000)
        except SourceError:
            expected = None
        else:
            expected = HEAD + SMALL
        faults.clear()
        stored = backend.get_object("bucket", key)
        assert (None if stored is None else stored.value) == expected, case
        assert bucket(backend).multiparts == {}, case


@pytest.mark.usefixtures("short_parts")
async def test_a_cancellation_at_any_request_leaves_no_upload(s3, backend, faults):
    for step in ("head", "create", "part", "complete"):
        loop, reached = asyncio.get_running_loop(), asyncio.Event()

        def note(kind: str, step=step, loop=loop, reached=reached) -> None:
            if kind == step:
                loop.call_soon_threadsafe(reached.set)
                time.sleep(0.05)

        faults.clear()
        faults.on_request = note
        target = to_s3(s3, f"cancel/{step}.tif", SHORT)
        task = asyncio.create_task(write(target, SMALL, 5000))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        faults.on_request = lambda _: None
        assert bucket(backend).multiparts == {}
        assert len(asyncio.all_tasks()) == 1


@pytest.mark.usefixtures("backend")
async def test_an_abort_that_fails_is_warned_of(s3, faults):
    target = to_s3(s3, "stuck.tif")
    await target.begin()
    faults.plan = {("abort", -1): "expired"}
    with pytest.warns(RuntimeWarning, match=r"tinycog\.list_uploads"):
        await target.abort()
    for upload in await list_uploads("s3://bucket", storage_options=s3.options):
        faults.clear()
        await abort_upload(upload, storage_options=s3.options)


@pytest.mark.usefixtures("backend")
async def test_a_store_that_is_busy_for_good_is_named_so(s3, faults):
    faults.plan = {("create", -1): "503"}
    with pytest.raises(SourceBusyError, match="limits requests"):
        await to_s3(s3, "busy.tif").begin()


async def read_blob(store, key: str) -> tuple[bytes, str]:
    service = pytest.importorskip("azure.storage.blob.aio").BlobServiceClient
    async with service.from_connection_string(store.options["connection_string"]) as client:
        stream = await client.get_blob_client("bucket", key).download_blob()
        return await stream.readall(), stream.properties.content_settings.content_type


async def test_blocks_to_azure_make_a_blob(azure):
    await write(to_azure(azure, "a/ü.tif"))
    assert await read_blob(azure, "a/ü.tif") == (HEAD + BODY, "image/tiff")
    with pytest.raises(UsageError, match="it is there already"):
        await write(to_azure(azure, "a/ü.tif"), b"")
    await write(to_azure(azure, "a/ü.tif", overwrite=True), b"new")
    assert (await read_blob(azure, "a/ü.tif"))[0] == HEAD + b"new"


async def test_a_blob_that_appears_meanwhile_is_kept(azure):
    target = to_azure(azure, "race.tif")
    await target.begin()
    await target.append(BODY)
    azure.put("race.tif", b"other")
    with pytest.raises(UsageError, match="it is there already"):
        await target.finish(head(), len(HEAD))
    assert (await read_blob(azure, "race.tif"))[0] == b"other"


async def test_what_azure_refuses_is_told_without_the_key(azure):
    upload = AzureUpload(parse_place("az://nobucket/a"), azure.options, overwrite=True)
    with pytest.raises(NotFoundError, match="no such bucket"):
        await upload.begin()
    await upload.abort()
    text = azure.options["connection_string"]
    key = text.partition("AccountKey=")[2].partition(";")[0]
    wrong = {"connection_string": text.replace(key, key[::-1].replace("=", "") + "==")}
    upload = AzureUpload(parse_place("az://bucket/a"), wrong, overwrite=True)
    with pytest.raises(SourceError) as caught:
        await upload.begin()
    await upload.abort()
    assert key[:20] not in str(caught.value)
    with pytest.raises(UsageError, match="'key'"):
        AzureUpload(parse_place("az://bucket/a"), {"key": "x"}, overwrite=True)


async def test_blocks_of_a_write_that_failed_are_seen_by_nobody_and_dropped_on_request(azure):
    target = to_azure(azure, "left/a.tif")
    await target.begin()
    await target.append(BODY)
    while not target._upload._blocks:  # pyright: ignore[reportAttributeAccessIssue]  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await target.abort()
    with suppress(Exception):
        assert await read_blob(azure, "left/a.tif") is None
    (upload,) = await list_uploads("az://bucket/left", storage_options=azure.options)
    assert upload.url == "az://bucket/left/a.tif"
    await abort_upload(upload, storage_options=azure.options)
    assert await list_uploads("az://bucket", storage_options=azure.options) == []
    azure.put("there.tif", b"x")
    there = upload._replace(url="az://bucket/there.tif", key="there.tif")
    with pytest.raises(UnsupportedError, match="after a week"):
        await abort_upload(there, storage_options=azure.options)


class AzureFaults:
    """Answers of Azure that are lost or changed, by the number of the request of that kind."""

    def __init__(self, monkeypatch) -> None:
        transport = pytest.importorskip("azure.core.pipeline.transport").AioHttpTransport
        self._errors = pytest.importorskip("azure.core.exceptions")
        self.plan: dict[tuple[str, int], str] = {}
        self.seen: dict[str, int] = {}
        send = transport.send

        async def faulty(transport, request, **options):
            part = parse_qs(request.url.partition("?")[2]).get("comp", ["other"])[0]
            count = self.seen[part] = self.seen.get(part, -1) + 1
            fault = self.plan.get((part, count)) or self.plan.get((part, -1))
            if fault == "lost before":
                raise self._errors.ServiceRequestError("no connection")
            answer = await send(transport, request, **options)
            if fault == "lost after":
                raise self._errors.ServiceResponseError("the connection broke")
            if fault == "503":
                answer.status_code = 503
            return answer

        monkeypatch.setattr(transport, "send", faulty)
        names = ("initial_backoff", "increment_base", "random_jitter_range")
        quick = {**azure_client.CLIENT, **dict.fromkeys(names, 0)}
        monkeypatch.setattr(azure_client, "CLIENT", quick)


@pytest.mark.parametrize("fault", ["503", "lost before", "lost after"])
async def test_faults_of_azure_give_the_blob_or_an_error(azure, monkeypatch, fault):
    faults = AzureFaults(monkeypatch)
    for step in (("other", 0), ("block", 0), ("block", 1), ("blocklist", 0)):
        faults.plan, faults.seen = {step: fault}, {}
        key = f"fault/{fault}/{step}.tif"
        await write(to_azure(azure, key), BODY[: 5 * MIB])
        assert (await read_blob(azure, key))[0] == HEAD + BODY[: 5 * MIB]
        assert step[0] == "other" or faults.seen[step[0]] > step[1]
    for kind in ("block", "blocklist"):
        faults.plan, faults.seen = {(kind, -1): fault}, {}
        key = f"{fault}/{kind}.tif"
        try:
            await write(to_azure(azure, key), SMALL)
        except SourceError as exc:
            faults.plan = {}
            if "did not say" in str(exc):
                continue
            with pytest.raises(pytest.importorskip("azure.core.exceptions").ResourceNotFoundError):
                await read_blob(azure, key)
        else:
            assert (await read_blob(azure, key))[0] == HEAD + SMALL


async def test_a_cancelled_write_to_azure_is_seen_by_nobody(azure):
    target = to_azure(azure, "cancelled.tif")
    task = asyncio.create_task(write(target))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(pytest.importorskip("azure.core.exceptions").ResourceNotFoundError):
        await read_blob(azure, "cancelled.tif")
    for upload in await list_uploads("az://bucket/cancelled", storage_options=azure.options):
        await abort_upload(upload, storage_options=azure.options)
    assert await list_uploads("az://bucket/cancelled", storage_options=azure.options) == []
