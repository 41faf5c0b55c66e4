"""Block blobs of Azure: blocks are staged in any order and published by a list of them.

Until then nothing is seen. Blocks that no list names cannot be deleted: Azure drops them with the
next list of that blob, else after a week.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from secrets import token_hex
from typing import Any

from tinycog.errors import AccessDeniedError, NotFoundError, SourceError, TargetExistsError
from tinycog.sources.lazy_import import load
from tinycog.targets.azure_client import (
    BlobPlace,
    azure_secrets,
    check_options,
    make_client,
    with_environment,
)
from tinycog.targets.body import PartBody
from tinycog.targets.multipart import CONTENT_TYPE
from tinycog.targets.store_errors import (
    complete_error,
    unknown_outcome,
    write_errors,
)
from tinycog.tiff.ranges import ByteRange

NO_CONTAINER = "ContainerNotFound"

MAY_NOT_READ = ("AuthorizationPermissionMismatch", "InsufficientAccountPermissions")
"""Codes of a read that the credentials do not allow, whether or not they allow to write."""

SCHEME = "az"


class AzureUpload:
    """One blob of Azure while it is uploaded (`ObjectUpload`). Each block goes with an MD5.

    Attributes:
        name: url of the blob.
    """

    def __init__(self, place: BlobPlace, options: Mapping[str, object], *, overwrite: bool) -> None:
        """Upload to a blob; nothing is requested before `begin`.

        Args:
            place: container and blob.
            options: what adlfs calls its `storage_options`.
            overwrite: whether a blob of that name is replaced.

        Raises:
            UsageError: an option has no meaning here, or the extra `azure` is not installed.
        """
        check_options(options)
        self.name = f"{SCHEME}://{place.container}/{place.blob}"
        self._place = place
        self._options = with_environment(options, place.account)
        self._overwrite = overwrite
        self._stack = AsyncExitStack()
        self._client: Any = None
        self._upload = token_hex(8)
        self._blocks: dict[int, str] = {}

    @property
    def id(self) -> str:
        """Nothing: blocks are dropped with the next upload of that blob (store.upload.left)."""
        return ""

    async def begin(self) -> None:
        """Look for the blob, which shows whether there is such a container.

        Raises:
            UsageError: the blob exists and must not be overwritten.
            SourceError: it cannot be written.
        """
        service = await self._tried(lambda: make_client(self._options, self._stack))
        self._client = service.get_blob_client(self._place.container, self._place.blob)
        try:
            await self._tried(lambda: self._client.get_blob_properties(**self._timeout()))
        except NotFoundError as exc:
            if NO_CONTAINER in str(exc):
                raise
        except AccessDeniedError as exc:
            # a token may allow to write alone; `complete` asks again
            if not any(code in str(exc) for code in MAY_NOT_READ):
                raise
        else:
            if not self._overwrite:
                raise TargetExistsError.of_target(self.name)

    async def put_part(self, number: int, body: PartBody) -> None:
        """Stage the whole of `body` as the block of that number (from 1).

        Raises:
            SourceError: it cannot be sent.
        """
        length = body.tell()
        body.seek(0)
        block = self._id_of(number)
        options = {"length": length, "validate_content": "md5", **self._timeout()}
        await self._tried(lambda: self._client.stage_block(block, body, **options))
        self._blocks[number] = block

    async def copy_part(self, number: int, source: str, etag: str, part: ByteRange) -> None:
        """Have the store copy bytes of another blob into the block of that number.

        Args:
            number: from 1 on.
            source: `https` url of the blob that allows to read it, by a SAS token for example.
            etag: that the blob must still have.
            part: which of its bytes.

        Raises:
            SourceChangedError: the blob has another ETag.
            SourceError: they cannot be copied.
        """
        conditions = (await load("azure.core")).MatchConditions
        options = {
            "source_offset": part.start,
            "source_length": part.length,
            "source_etag": etag,
            "source_match_condition": conditions.IfNotModified,
            **self._timeout(),
        }
        block = self._id_of(number)
        await self._tried(lambda: self._client.stage_block_from_url(block, source, **options))
        self._blocks[number] = block

    async def complete(self, size: int) -> None:
        """Publish all blocks in the order of their numbers, `size` bytes in all, at once.

        Raises:
            UsageError: the blob exists by now and must not be overwritten.
            SourceError: it cannot be published.
        """
        blob = await load("azure.storage.blob")
        blocks = [blob.BlobBlock(self._blocks[number]) for number in sorted(self._blocks)]
        settings = blob.ContentSettings(content_type=CONTENT_TYPE)
        options: dict[str, Any] = {"content_settings": settings, **self._timeout()}
        if not self._overwrite:
            conditions = (await load("azure.core")).MatchConditions
            options["match_condition"] = conditions.IfMissing
        try:
            await self._tried(lambda: self._client.commit_block_list(blocks, **options))
        except SourceError as exc:
            # the answer may be lost, and then the blob is there
            if not await self._is_published(size):
                raise complete_error(exc, self.name, overwrite=self._overwrite) from exc
        await self._stack.aclose()

    async def abort(self) -> None:
        """Close the client: nothing is seen of blocks that were staged. Repeated calls do nothing.

        Azure drops them after a week, or with the next upload of that name; `abort_upload` drops
        them at once.
        """
        await self._stack.aclose()

    async def _is_published(self, size: int) -> bool:
        """Return whether the blob consists of the blocks that were sent.

        Raises:
            SourceError: that cannot be told.
        """
        ids = [self._blocks[number] for number in sorted(self._blocks)]
        with unknown_outcome(self.name), suppress(NotFoundError):
            found, _ = await self._tried(lambda: self._client.get_block_list("committed"))
            return [block.id for block in found] == ids and sum(b.size for b in found) == size
        return False

    def _id_of(self, number: int) -> str:
        """Return the id of a block: all of a blob are equally long."""
        return f"{self._upload}-{number:05}"

    def _timeout(self) -> dict[str, Any]:
        return {"timeout": self._options["timeout"]} if "timeout" in self._options else {}

    async def _tried(self, request: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 - it is loaded late
        """Send a request, which the client repeats if it fails.

        Raises:
            SourceError: it fails.
        """
        with write_errors(self.name, azure_secrets(self._options)):
            return await request()
