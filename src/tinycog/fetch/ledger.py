"""What the responses of one handle say of its object, and the log of its requests."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from tinycog.checks import Pinning
from tinycog.fetch.attempt import Request
from tinycog.fetch.pin import Pin
from tinycog.sources.protocol import NO_VALIDATORS
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.ranges import ByteRange

LOG_LENGTH = 10_000
"""Requests that a log keeps; older ones are dropped."""


class Ledger:
    """What a fetcher and the requests of its event loops write to, and read.

    Attributes:
        pin: the generation that every response must be of.
        buffer: bytes of the header and the index, and the size of the object once it is known.
        log: the requests so far, oldest first.
    """

    def __init__(self, name: str, pinning: Pinning = "strict") -> None:
        """Create an empty ledger of the object called `name` in messages."""
        self.pin = Pin(name, pinning)
        self.buffer = SparseBuffer()
        self.log: deque[Request] = deque(maxlen=LOG_LENGTH)

    def check(
        self,
        part: ByteRange,
        size: int | None,
        generation: str | None,
        validators: Mapping[str, str] = NO_VALIDATORS,
    ) -> None:
        """Check the size and the generation that a response reports, and keep the size.

        Raises:
            SourceChangedError: the object is another than the first response was of.
        """
        self.pin.check(part, size, generation, validators)
        self.buffer.size = self.pin.size

    def keep_size(self, size: int) -> None:
        """Keep the size that a response without bytes reports."""
        self.pin.size = self.buffer.size = size

    def put_whole(self, data: bytes) -> None:
        """Cache the whole object, sent in response to a range: none of it is requested again."""
        self.buffer.put(0, data)
