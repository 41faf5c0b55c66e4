"""Which generation of an object is read: the first answer says it, every other must agree."""

from __future__ import annotations

import threading

from tinycog.errors import SourceChangedError


class Pin:
    """The size and the tag of the object, once anything is known of them (http.pin).

    Attributes:
        name: which object, for messages.
        size: length of the object in bytes.
        tag: a strong ETag, else Last-Modified, or whatever else a source tells.
    """

    def __init__(self, name: str) -> None:
        """Nothing is known."""
        self.name = name
        self._lock = threading.Lock()
        self._is_known = False
        self.size: int | None = None
        self.tag: str | None = None

    def set(self, size: int | None, tag: str | None) -> None:
        """Demand a generation from the first request on."""
        self.size, self.tag = size, tag
        self._is_known = tag is not None

    def hold(self, part: tuple[int, int], size: int | None, tag: str | None) -> None:
        """Hold an answer against what is known; the first one makes it known.

        Raises:
            SourceChangedError: it is of another generation, or does not say of which.
        """
        with self._lock:
            self._hold_size(part, size)
            if self._is_known and tag != self.tag:
                was, is_now = self.tag or "not told", tag or "not told"
                message = f"its generation was {was}, now {is_now}"
                raise self._changed(message, part, self.tag, tag)
            self.tag = tag
            self.size = self.size if size is None else size
            self._is_known = True

    def hold_size(self, part: tuple[int, int], size: int) -> None:
        """Hold a size alone, as an answer without bytes tells it.

        Raises:
            SourceChangedError: it is another one.
        """
        with self._lock:
            self._hold_size(part, size)

    def _hold_size(self, part: tuple[int, int], size: int | None) -> None:
        if size is not None and self.size not in (None, size):
            message = f"it had {self.size} bytes, now {size}"
            raise self._changed(message, part, f"{self.size} bytes", f"{size} bytes")

    def _changed(
        self, told: str, part: tuple[int, int], expected: str | None, found: str | None
    ) -> SourceChangedError:
        message = f"the object has changed since it was opened: {told}"
        error = SourceChangedError(message, url=self.name, range=part)
        error.expected, error.found = expected, found
        return error
