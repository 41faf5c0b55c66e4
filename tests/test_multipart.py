"""Uploads in parts: which parts, when, in how much memory, and nothing left of what fails."""

from __future__ import annotations

import asyncio

import pytest

from tinycog.errors import AccessDeniedError, SourceError, UsageError
from tinycog.targets import parts
from tinycog.targets.azure_client import parse_place
from tinycog.targets.gcs import gcs_upload
from tinycog.targets.multipart import IN_FLIGHT, MultipartTarget
from tinycog.targets.parts import AZURE, R2, S3, PartRules, plan_parts
from tinycog.targets.store_errors import to_write_error
from tinycog.targets.uploads import list_uploads

KIB = 1 << 10
RULES = PartRules("a store", KIB, 1 << 30, 10_000, 1 << 40)
EQUAL = RULES._replace(are_equal=True)
LISTED = AZURE._replace(min_bytes=KIB)
HEAD = bytes(range(256)) * 16
BODY = b"level 0." * 25_000


@pytest.fixture(autouse=True)
def _short_parts(monkeypatch):
    monkeypatch.setattr(parts, "SHORTEST", KIB)


class Upload:
    """An upload into memory, which notes what happens, and fails at the step of a number."""

    name = "memory://object"

    def __init__(self, fails_at: int = -1, error: BaseException | None = None) -> None:
        self.events: list[str] = []
        self.parts: dict[int, bytes] = {}
        self.object: bytes | None = None
        self.open = False
        self.sending = self.most_sending = 0
        self._fails_at, self._error = fails_at, error
        self.reached = asyncio.Event()

    async def _step(self, event: str) -> None:
        self.events.append(event)
        if len(self.events) - 1 == self._fails_at:
            self.reached.set()
            if self._error is not None:
                raise self._error
            await asyncio.sleep(1000)
        await asyncio.sleep(0)

    async def begin(self) -> None:
        self.open = True
        await self._step("begin")

    @property
    def id(self) -> str:
        return ""

    async def put_part(self, number: int, body) -> None:
        length = body.tell()
        self.sending += length
        self.most_sending = max(self.most_sending, self.sending)
        await self._step(f"put {number}")
        body.seek(0)
        self.parts[number] = body.read()
        self.sending -= length

    async def copy_part(self, number: int, source, etag, part) -> None:
        raise NotImplementedError

    async def complete(self, size: int) -> None:
        await self._step("complete")
        found = b"".join(self.parts[number] for number in sorted(self.parts))
        assert len(found) == size
        self.object, self.open = found, False

    async def abort(self) -> None:
        await asyncio.sleep(0)
        self.open = False
        self.parts.clear()


def plan(rules=RULES, **options):
    return plan_parts(rules, 64 * KIB, 1 << 20, **{"preferred": 8 * KIB, **options})


async def head():
    yield HEAD[:1000]
    yield memoryview(HEAD)[1000:]


async def write(target: MultipartTarget, body: bytes = BODY, step: int = 3001) -> None:
    try:
        await target.begin()
        for start in range(0, len(body), step):
            await target.append(memoryview(body)[start : start + step])
            await asyncio.sleep(0)
        await target.finish(head(), len(HEAD))
    except BaseException:
        await target.abort()
        raise


@pytest.mark.parametrize("head_part", [1 << 30, 20 * KIB])
@pytest.mark.parametrize("rules", [RULES, EQUAL, LISTED], ids=["numbered", "equal", "listed"])
@pytest.mark.parametrize("length", [0, 1, KIB - 1, KIB, KIB + 1, 9 * KIB, len(BODY)])
async def test_the_object_is_head_and_body_in_parts_that_the_store_takes(rules, length, head_part):
    upload = Upload()
    await write(MultipartTarget(upload, plan(rules, head_part=head_part)), BODY[:length])
    assert upload.object == HEAD + BODY[:length]
    sizes = [len(upload.parts[number]) for number in sorted(upload.parts)]
    assert all(size >= rules.min_bytes for size in sizes[:-1])
    if rules.are_numbered:
        assert sorted(upload.parts) == list(range(1, len(sizes) + 1))
    if rules.are_equal:
        assert len(set(sizes[:-1])) <= 1


async def test_parts_do_not_depend_on_how_the_bytes_come():
    found = set()
    for step in (1, 77, 4096, len(BODY)):
        upload = Upload()
        await write(MultipartTarget(upload, plan()), BODY[: 40 * KIB], step)
        found.add(tuple(upload.parts[number] for number in sorted(upload.parts)))
    assert len(found) == 1


async def test_the_first_part_goes_out_when_two_of_the_shortest_are_there():
    upload = Upload()
    target = MultipartTarget(upload, plan_parts(S3, 1 << 20, 1 << 34))
    await target.begin()
    for _ in range(10):
        await target.append(bytes(1 << 20))
    await asyncio.sleep(0)
    assert upload.events == ["begin", "put 2"]
    await target.abort()


async def test_no_more_is_held_than_is_said():
    upload = Upload()
    target = MultipartTarget(upload, plan())
    await write(target)
    largest = plan().largest
    assert target.memory == plan().memory(IN_FLIGHT)
    assert upload.most_sending <= IN_FLIGHT * largest
    assert max(map(len, upload.parts.values())) <= max(largest, len(HEAD) + KIB)


async def test_bytes_may_be_changed_once_they_are_taken():
    upload, buffer = Upload(), bytearray(4 * KIB)
    target = MultipartTarget(upload, plan())
    await target.begin()
    for value in range(8):
        buffer[:] = bytes([value]) * len(buffer)
        await target.append(memoryview(buffer))
    await target.finish(head(), len(HEAD))
    assert upload.object == HEAD + b"".join(bytes([value]) * 4 * KIB for value in range(8))


@pytest.mark.parametrize("step", [*range(6), 27])
async def test_a_failure_at_any_step_leaves_nothing(step):
    error = OSError("no")
    upload = Upload(step, error)
    with pytest.raises(OSError, match="no") as caught:
        await write(MultipartTarget(upload, plan()))
    assert caught.value is error
    assert (upload.object, upload.open, upload.parts) == (None, False, {})


@pytest.mark.parametrize("step", range(8))
async def test_a_cancellation_at_any_step_leaves_nothing(step):
    upload = Upload(step)
    task = asyncio.create_task(write(MultipartTarget(upload, plan()), BODY[: 30 * KIB]))
    await upload.reached.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()  # again, while it is aborted
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (upload.object, upload.open, upload.parts) == (None, False, {})
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize("length", [len(HEAD) - 1, len(HEAD) + 1, 2 * len(HEAD)])
async def test_a_head_of_another_length_is_not_published(length):
    upload = Upload()
    target = MultipartTarget(upload, plan())
    await target.begin()
    await target.append(BODY)
    with pytest.raises(SourceError, match="that were said"):
        await target.finish(head(), length)
    assert (upload.object, upload.open) == (None, False)


async def test_nothing_is_taken_after_an_abort_which_may_be_repeated():
    upload = Upload()
    target = MultipartTarget(upload, plan())
    await target.begin()
    await target.append(BODY)
    await target.abort()
    await target.abort()
    with pytest.raises(SourceError, match="dropped"):
        await target.append(BODY)


async def test_equal_parts_are_held_back_in_a_file_and_sent_in_the_end():
    upload = Upload()
    target = MultipartTarget(upload, plan_parts(R2, 1 << 20, 1 << 30))
    await target.begin()
    await target.append(bytes(1 << 20))
    assert upload.events == ["begin"]
    await target.finish(head(), len(HEAD))
    assert upload.object == HEAD + bytes(1 << 20)


def client_error(code: str, status: int) -> Exception:
    error = Exception(f"An error occurred ({code}) with s3cr3t")
    error.response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}  # pyright: ignore[reportAttributeAccessIssue]
    return error


@pytest.mark.parametrize(
    ("code", "status", "text"),
    [
        ("ExpiredToken", 400, "expired"),
        ("RequestTimeTooSkewed", 403, "clock"),
        ("NoSuchBucket", 404, "no such bucket"),
        ("SlowDown", 503, "limits requests"),
        ("AccessDenied", 403, "may not be written"),
        ("Strange", 400, "cannot write"),
    ],
)
def test_errors_say_what_to_do_and_no_secret(code, status, text):
    error = to_write_error(client_error(code, status), "s3://bucket/key", ["s3cr3t"])
    assert text in str(error)
    assert "s3://bucket/key" in str(error)
    assert "s3cr3t" not in str(error)
    assert error.__cause__ is None
    assert (
        isinstance(error, AccessDeniedError) == (code in ("ExpiredToken", "AccessDenied"))
        or code == "RequestTimeTooSkewed"
    )
    assert error.may_pass == (code == "SlowDown")


def test_places_in_azure():
    assert parse_place("az://c/a/b.tif") == ("c", "a/b.tif", "")
    assert parse_place("abfss://c@acc.dfs.core.windows.net/b") == ("c", "b", "acc")


def test_google_needs_an_hmac_key():
    with pytest.raises(UsageError, match="HMAC"):
        gcs_upload("bucket", "key", {"token": "anon"}, overwrite=True)


async def test_uploads_are_listed_of_stores_only():
    with pytest.raises(UsageError, match="s3://"):
        await list_uploads("https://host/path")
