"""The generation of the object that is read: the first response sets it, every other must match."""

from __future__ import annotations

import threading

from tinycog.errors import SourceChangedError


class Pin:
    """The size and the generation of the object, once they are known (http.pin).

    Attributes:
        name: the object, for messages.
        size: length of the object in bytes; None while unknown.
        generation: a strong ETag, else Last-Modified, or whatever else the source reports; None if
            it reports nothing, or has not yet.
    """

    def __init__(self, name: str) -> None:
        """Create a pin that accepts any generation."""
        self.name = name
        self._lock = threading.Lock()
        self._is_set = False
        self.size: int | None = None
        self.generation: str | None = None

    def require(self, size: int | None, generation: str | None) -> None:
        """Require a generation from the first response on; a size alone requires no generation."""
        self.size, self.generation = size, generation
        self._is_set = generation is not None

    def check(self, part: tuple[int, int], size: int | None, generation: str | None) -> None:
        """Check the headers of a response; those of the first one set the pin.

        Raises:
            SourceChangedError: the generation is another one, or is not reported any more.
        """
        with self._lock:
            self._check_size(part, size)
            if self._is_set and generation != self.generation:
                was, is_now = self.generation or "not reported", generation or "not reported"
                message = f"its generation was {was}, now {is_now}"
                raise self._changed(message, part, self.generation, generation)
            self.generation = generation
            self.size = self.size if size is None else size
            self._is_set = True

    def check_size(self, part: tuple[int, int], size: int) -> None:
        """Check the size alone, as a response without bytes reports it (416).

        Raises:
            SourceChangedError: it is another one.
        """
        with self._lock:
            self._check_size(part, size)

    def _check_size(self, part: tuple[int, int], size: int | None) -> None:
        if size is not None and self.size not in (None, size):
            message = f"it had {self.size} bytes, now {size}"
            raise self._changed(message, part, f"{self.size} bytes", f"{size} bytes")

    def _changed(
        self, change: str, part: tuple[int, int], expected: str | None, found: str | None
    ) -> SourceChangedError:
        message = f"the object has changed since it was opened: {change}"
        error = SourceChangedError(message, url=self.name, range=part)
        error.expected, error.found = expected, found
        return error
