"""Multipart uploads to S3 and to stores that speak its language."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import re
import warnings
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Any

from tinycog.errors import (
    AccessDeniedError,
    NotFoundError,
    SourceChangedError,
    SourceError,
    TargetExistsError,
)
from tinycog.sources.lazy_import import in_worker
from tinycog.targets.body import PartBody
from tinycog.targets.multipart import CHUNK, CONTENT_TYPE, finished
from tinycog.targets.s3_client import check_options, make_client, request_options, s3_secrets
from tinycog.targets.store_errors import (
    complete_error,
    to_write_error,
    unknown_outcome,
    write_errors,
)
from tinycog.tiff.ranges import ByteRange

CRC = "ChecksumCRC32"

MD5 = re.compile(r"[0-9a-f]{32}")

FORBIDDEN = 403

KEPT = (
    *("Metadata", "ContentType", "CacheControl", "ContentDisposition", "ContentLanguage"),
    *("StorageClass", "ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled"),
)
"""What an object has besides its bytes, and keeps when a part of it is replaced."""

CLOCK_STEP = 2
"""Seconds by which times differ that are told to the second."""

TRIES = 3
"""Times that a request is sent whose connection broke in a way that the client does not retry."""


class S3Upload:
    """One object of S3 while it is uploaded (`ObjectUpload`, store.upload.checked).

    Each part goes with a CRC32, which the store keeps for the whole too; with an MD5 where the
    client is configured by `request_checksum_calculation="when_required"`, for stores that do not
    know the former.

    Attributes:
        name: url of the object.
    """

    def __init__(
        self,
        bucket: str,
        key: str,
        options: Mapping[str, object],
        *,
        overwrite: bool,
        scheme: str = "s3",
        config: Mapping[str, object] | None = None,
        is_conditional: bool = True,
    ) -> None:
        """Upload to a key of a bucket; nothing is requested before `begin`.

        Args:
            bucket: its name.
            key: of the object.
            options: what s3fs calls its `storage_options`.
            overwrite: whether an object of that name is replaced.
            scheme: of its url.
            config: configuration of the client that suits the store.
            is_conditional: whether the store completes an upload on condition that there is no
                such object; otherwise that is only looked for before.

        Raises:
            UsageError: an option has no meaning here, or the extra `s3` is not installed.
        """
        check_options(options)
        self.name = f"{scheme}://{bucket}/{key}"
        self._place = {"Bucket": bucket, "Key": key}
        self._options = options
        self._config = config or {}
        self._overwrite = overwrite
        self._is_conditional = is_conditional
        self._stack = AsyncExitStack()
        self._client: Any = None
        self._creating: asyncio.Task[str] | None = None
        self._parts: dict[int, dict[str, str]] = {}
        self._replaced = ""
        self._kept: dict[str, Any] = {}

    async def find(self) -> tuple[int, str]:
        """Return length in bytes and ETag of the object, which is replaced only while it has that.

        What else is known of it, its metadata and storage class, goes on to what replaces it.

        Raises:
            SourceError: it is not there, or may not be read.
        """
        await self._connect()
        found = await self._ask("head_object", {})
        self._replaced = str(found["ETag"])
        told = request_options(self._options, self._client, "create_multipart_upload", {})
        self._kept = {name: found[name] for name in KEPT if found.get(name) and name not in told}
        return int(found["ContentLength"]), self._replaced

    async def read(self, part: ByteRange) -> bytes:
        """Return bytes of the object that `find` found.

        Raises:
            SourceChangedError: it was replaced meanwhile.
            SourceError: they cannot be read.
        """
        told = {"Range": f"bytes={part.start}-{part.stop - 1}", "IfMatch": self._replaced}
        for left in reversed(range(TRIES)):
            answer = await self._ask("get_object", told)
            with write_errors(self.name, self._secrets()):
                try:
                    async with answer["Body"] as body:
                        data = bytes(await body.read())
                except Exception as exc:
                    if left and to_write_error(exc, self.name).may_pass:
                        continue
                    raise
            if len(data) == part.length:
                return data
            break
        message = f"{part.length} bytes were asked, others came"
        raise SourceError(message, url=self.name, range=part)

    @property
    def id(self) -> str:
        """By which S3 knows it while it is open, else ""."""
        return "" if self._creating is None else self._creating.result()

    async def begin(self) -> None:
        """Open the upload, which shows whether the object may be written.

        Raises:
            UsageError: it exists and must not be overwritten.
            SourceError: it cannot be written.
        """
        await self._connect()
        if not self._overwrite:
            await self._check_absent()
        # an upload whose id did not arrive could not be aborted
        self._creating = asyncio.create_task(self._create())
        await asyncio.shield(self._creating)

    async def put_part(self, number: int, body: PartBody) -> None:
        """Send the whole of `body` as the part of that number (from 1).

        Raises:
            SourceError: it cannot be sent.
        """
        sent: dict[str, Any] = {"PartNumber": number, "Body": body, "ContentLength": body.tell()}
        name, count = (CRC, _crc32) if self._has_crc() else ("ContentMD5", _md5)
        digest = {name: await in_worker(count, body)}
        answer = await self._ask("upload_part", self._upload() | sent | digest, body)
        self._keep(number, answer, digest)

    async def copy_part(self, number: int, source: str, etag: str, part: ByteRange) -> None:
        """Have the store copy bytes of another object into the part of that number.

        Args:
            number: from 1 on.
            source: url of the object (`s3://bucket/key`), in the same store.
            etag: that the object must still have.
            part: which of its bytes.

        Raises:
            SourceChangedError: the object has another ETag.
            SourceError: they cannot be copied.
        """
        bucket, _, key = source.partition("://")[2].partition("/")
        copied: dict[str, Any] = {
            "PartNumber": number,
            "CopySource": {"Bucket": bucket, "Key": key},
            "CopySourceIfMatch": etag,
            "CopySourceRange": f"bytes={part.start}-{part.stop - 1}",
        }
        answer = await self._ask("upload_part_copy", self._upload() | copied)
        self._keep(number, answer["CopyPartResult"], {})

    async def complete(self, size: int) -> None:
        """Publish all parts in the order of their numbers, `size` bytes in all, at once.

        Raises:
            UsageError: the object exists by now and must not be overwritten.
            SourceChangedError: it is not the one that `find` found.
            SourceError: it cannot be published.
        """
        parts = [self._parts[number] | {"PartNumber": number} for number in sorted(self._parts)]
        asked: dict[str, Any] = {**self._upload(), "MultipartUpload": {"Parts": parts}}
        if self._has_crc():
            asked["MpuObjectSize"] = size
        if self._is_conditional and not self._overwrite:
            asked["IfNoneMatch"] = "*"
        if self._replaced:
            await self._check_same()  # for stores that do not know the condition
            if self._is_conditional:
                asked["IfMatch"] = self._replaced
        try:
            await self._ask("complete_multipart_upload", asked)
        except SourceError as exc:
            # the answer may be lost, and then the upload is no more
            if not await self._is_published(size):
                raise complete_error(exc, self.name, overwrite=self._overwrite) from exc
        self._creating = None
        await self._stack.aclose()

    async def abort(self) -> None:
        """Drop the upload, if it is open. Repeated calls do nothing."""
        creating, self._creating = self._creating, None
        if creating is not None:
            with suppress(SourceError):
                await self._drop(await finished(creating))
        await self._stack.aclose()

    async def _connect(self) -> None:
        """Make the client, once."""
        if self._client is None:
            with write_errors(self.name, self._secrets()):
                client = await make_client(self._options, self._config)
                self._client = await self._stack.enter_async_context(client)

    async def _create(self) -> str:
        asked: dict[str, Any] = {"ContentType": CONTENT_TYPE, **self._kept}
        if self._has_crc():
            asked["ChecksumAlgorithm"] = "CRC32"
        began, upload, may_be_lost = monotonic(), "", False
        try:
            answer = await self._ask("create_multipart_upload", asked)
            upload = str(answer["UploadId"])
            may_be_lost = answer["ResponseMetadata"]["RetryAttempts"] > 0
        except SourceError as exc:
            may_be_lost = exc.may_pass
            raise
        finally:
            if may_be_lost:
                await self._drop_lost(upload, monotonic() - began)
        return upload

    async def _check_absent(self) -> None:
        """Check that there is no such object.

        Raises:
            UsageError: there is one.
            SourceError: that cannot be told.
        """
        try:
            await self._ask("head_object", {})
        except NotFoundError:
            return
        except AccessDeniedError as exc:
            # S3 says so of what is not there to those who may not list; `complete` asks again
            if self._is_conditional and exc.status == FORBIDDEN:
                return
            raise
        raise TargetExistsError.of_target(self.name)

    async def _check_same(self) -> None:
        """Check that the object is the one that is to be replaced.

        Raises:
            SourceChangedError: it is another one.
        """
        found = str((await self._ask("head_object", {}))["ETag"])
        if found != self._replaced:
            error = SourceChangedError(
                "the object was replaced by another meanwhile", url=self.name
            )
            error.expected, error.found = self._replaced, found
            raise error

    async def _is_published(self, size: int) -> bool:
        """Return whether the object is the one that was uploaded, by its ETag or its checksum.

        Raises:
            SourceError: that cannot be told.
        """
        with unknown_outcome(self.name), suppress(NotFoundError):
            found = await self._ask("head_object", {"ChecksumMode": "ENABLED"})
            return self._is_ours(found, size)
        return False

    def _is_ours(self, found: Mapping[str, Any], size: int) -> bool:
        """Return whether an object consists of the parts that were sent."""
        parts = [self._parts[number] for number in sorted(self._parts)]
        told = {found.get("ETag", "").strip('"'), found.get("ChecksumCRC32", "")}
        expected = {_etag_of(parts), _checksum_of(parts)} - {""}
        return found.get("ContentLength") == size and bool(expected & told)

    async def _drop_lost(self, known: str, seconds: float) -> None:
        """Abort what attempts of the last `seconds` opened whose answer was lost, all but `known`.

        They are those uploads of the object that were opened since, by the clock of the store.
        """
        try:
            answer = await self._ask("list_multipart_uploads", {"Prefix": self._place["Key"]})
        except SourceError as exc:
            warn_of_open(self.name, exc)
            return
        now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        since = now - timedelta(seconds=seconds + CLOCK_STEP)
        for found in answer.get("Uploads", ()):
            is_ours = found["Key"] == self._place["Key"] and found["Initiated"] >= since
            if is_ours and found["UploadId"] != known:
                await self._drop(found["UploadId"])

    async def _drop(self, upload: str) -> None:
        """Abort the upload, again if a part arrived meanwhile."""
        try:
            for _ in range(TRIES):
                await self._ask("abort_multipart_upload", {"UploadId": upload})
                await self._ask("list_parts", {"UploadId": upload})
        except NotFoundError:
            return
        except SourceError as exc:
            warn_of_open(self.name, exc)

    def _keep(self, number: int, answer: Mapping[str, Any], digest: Mapping[str, str]) -> None:
        """Keep what names a part that has arrived."""
        told = {name: answer[name] for name in ("ETag", CRC) if answer.get(name)}
        self._parts[number] = told | {name: digest[name] for name in digest if name == CRC}

    def _upload(self) -> dict[str, str]:
        """Return what names the upload."""
        if self._creating is None:
            message = "the upload is not open"
            raise SourceError(message, url=self.name)
        return {"UploadId": self._creating.result()}

    async def _ask(
        self, method: str, asked: Mapping[str, Any], body: PartBody | None = None
    ) -> dict[str, Any]:
        """Send a request of the object, and again if its connection breaks.

        Raises:
            SourceError: it fails.
        """
        options = request_options(self._options, self._client, method, self._place)
        for tried in itertools.count(1):
            if body is not None:
                body.seek(0)
            try:
                answer = await getattr(self._client, method)(**options, **asked)
            except Exception as exc:  # noqa: BLE001 - whatever the client raises
                error = to_write_error(exc, self.name, self._secrets())
            else:
                answer["ResponseMetadata"].setdefault("RetryAttempts", 0)
                answer["ResponseMetadata"]["RetryAttempts"] += tried - 1
                return answer
            if tried == TRIES or not error.may_pass or error.status is not None:
                raise error
        raise AssertionError

    def _has_crc(self) -> bool:
        """Return whether parts have a CRC32."""
        return self._client.meta.config.request_checksum_calculation != "when_required"

    def _secrets(self) -> Iterator[str]:
        """Yield what must not be shown."""
        yield from s3_secrets(self._options)


def warn_of_open(name: str, error: SourceError) -> None:
    """Warn of an upload that could not be dropped."""
    message = f"an upload may be left open, tinycog.list_uploads tells of it: {name} ({error})"
    warnings.warn(message, RuntimeWarning, stacklevel=2)


def _chunks(body: PartBody) -> Iterator[bytes]:
    body.seek(0)
    while chunk := body.read(CHUNK):
        yield chunk


def _crc32(body: PartBody) -> str:
    found = 0
    for chunk in _chunks(body):
        found = zlib.crc32(chunk, found)
    return b64encode(found.to_bytes(4, "big")).decode()


def _md5(body: PartBody) -> str:
    found = hashlib.md5(usedforsecurity=False)
    for chunk in _chunks(body):
        found.update(chunk)
    return b64encode(found.digest()).decode()


def _etag_of(parts: list[dict[str, str]]) -> str:
    """Return the ETag that S3 gives an object of such parts, "" where theirs are no MD5."""
    tags = [part["ETag"].strip('"') for part in parts]
    if not all(MD5.fullmatch(tag) for tag in tags):
        return ""
    joined = hashlib.md5(bytes.fromhex("".join(tags)), usedforsecurity=False)
    return f"{joined.hexdigest()}-{len(tags)}"


def _checksum_of(parts: list[dict[str, str]]) -> str:
    """Return the checksum of the checksums of parts as S3 writes it, "" where they have none."""
    if not all(CRC in part for part in parts):
        return ""
    joined = zlib.crc32(b"".join(b64decode(part[CRC]) for part in parts))
    return f"{b64encode(joined.to_bytes(4, 'big')).decode()}-{len(parts)}"
