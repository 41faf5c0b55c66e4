"""The generation of the object that is read: the first response sets it, every other must match."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

import numpy as np

from tinycog.checks import Pinning
from tinycog.errors import SourceChangedError
from tinycog.fetch.retry import parse_date
from tinycog.sources.protocol import DATE, ETAG, LAST_MODIFIED, NO_VALIDATORS, WEAK_ETAG

BEST_EFFORT = frozenset((LAST_MODIFIED, WEAK_ETAG, DATE))
"""Validators that may stay when bytes change, and what one of them is held against."""

NUMBERS = frozenset(("x-goog-generation", "x-amz-version-id", "generation", "versionid"))
"""Validators that are numbers which a store gives to generations."""

SETTLED_SECONDS = 60
"""Age from which on Last-Modified would be another if the object were modified again."""

HOW_TO_READ_IT = 'open it with pinning="size"'


class Pin:
    """The size and the generation of the object, once they are known (http.pin).

    Attributes:
        name: the object, for messages.
        pinning: what is compared (http.pinning).
        size: length of the object in bytes; None while unknown.
        generation: a strong ETag, else Last-Modified, or whatever else the source reports; None if
            it reports nothing, or has not yet, or if different ones were reported and taken.
        required: the generation that responses must be of; None if any may come.
        is_answered: whether a response was of it.
    """

    def __init__(self, name: str, pinning: Pinning = "strict") -> None:
        """Create a pin that accepts any generation."""
        self.name = name
        self.pinning: Pinning = pinning
        self._lock = threading.Lock()
        self._is_set = False
        self._seen = 0.0
        self._validators: Mapping[str, str] = NO_VALIDATORS
        self.size: int | None = None
        self.generation: str | None = None
        self.required: str | None = None
        self.is_answered = False

    @property
    def lasting(self) -> str | None:
        """The generation that is required, if its name will never be that of other bytes.

        That is a strong ETag, or the number of a store (cache.generation). Some servers make ETags
        of the time to the second: of an object that was just modified, these prove nothing.
        """
        generation, validators = self.required, self._validators
        if generation is None:
            return None
        if any(validators.get(kind) == generation for kind in NUMBERS):
            return generation
        if validators.get(ETAG) != generation:
            return None
        is_lasting = not _is_of_time(validators) or _is_settled(validators, self._seen)
        return generation if is_lasting else None

    def require(self, size: int | None, generation: str | None) -> None:
        """Require a generation from the first response on; a size alone requires no generation."""
        self.size = size
        if generation is not None:
            self._set(generation, _validators_in(generation))

    def check(
        self,
        part: tuple[int, int],
        size: int | None,
        generation: str | None,
        validators: Mapping[str, str] = NO_VALIDATORS,
    ) -> None:
        """Check the headers of a response; those of the first one set the pin.

        Raises:
            SourceChangedError: the generation is another one, or nothing tells that it is not.
        """
        with self._lock:
            self._check_size(part, size)
            if not self._is_set:
                self._set(generation, validators)
            elif self.pinning != "strict":
                if generation != self.generation:
                    self.generation = None
            elif generation != self.generation or validators:
                self._check_generation(part, size, generation, validators)
            if size is not None:
                self.size = size
            self.is_answered = True

    def check_size(self, part: tuple[int, int], size: int) -> None:
        """Check the size alone, as a response without bytes reports it (416).

        Raises:
            SourceChangedError: it is another one.
        """
        with self._lock:
            self._check_size(part, size)

    def _set(self, generation: str | None, validators: Mapping[str, str]) -> None:
        self._is_set = True
        self._seen = time.time()
        self.generation, self._validators = generation, validators
        self.required = generation if self.pinning == "strict" else None

    def _check_size(self, part: tuple[int, int], size: int | None) -> None:
        if self.pinning != "off" and size is not None and self.size not in (None, size):
            message = f"it had {self.size} bytes, now {size}"
            raise self._changed(message, part, f"{self.size} bytes", f"{size} bytes")

    def _check_generation(
        self,
        part: tuple[int, int],
        size: int | None,
        generation: str | None,
        validators: Mapping[str, str],
    ) -> None:
        """Compare like with like, and keep what else names the same generation."""
        if generation != self.generation:
            is_same = self._is_same(generation, validators)
            if is_same is None:
                raise self._untold(part, generation)
            if not is_same:
                was = f"its generation was {self.generation}, now {generation}"
                same = "" if None in (size, self.size) else "of the same size: "
                was += f" ({same}if the bytes are the same, {HOW_TO_READ_IT})"
                raise self._changed(was, part, self.generation, generation)
        self._validators = {**validators, **self._validators}

    def _is_same(self, generation: str | None, validators: Mapping[str, str]) -> bool | None:
        """Return whether a generation by another name is that of the pin; None if nothing tells."""
        if self.generation is None:
            return None
        named_so = {kind for kind, name in validators.items() if name == self.generation}
        if named_so - BEST_EFFORT:
            return True
        if self._validators and validators:
            return compare(self._validators, validators, self._seen)
        return None if generation is None else False

    def _untold(self, part: tuple[int, int], generation: str | None) -> SourceChangedError:
        """Return the error that a response without anything to compare is, if it comes twice."""
        wanted = ", which has no name" if self.generation is None else f" {self.generation}"
        found = "no generation" if generation is None else f"only {generation}"
        message = (
            "nothing tells whether the response is of the generation that was opened or is"
            f" wanted{wanted}: it names {found} (to compare its size alone, {HOW_TO_READ_IT})"
        )
        error = SourceChangedError(message, url=self.name, range=part)
        error.expected, error.found = self.generation, generation
        error.may_pass, error.most_tries = True, 2
        return error

    def _changed(
        self, change: str, part: tuple[int, int], expected: str | None, found: str | None
    ) -> SourceChangedError:
        message = f"the object has changed since it was opened: {change}"
        error = SourceChangedError(message, url=self.name, range=part)
        error.expected, error.found = expected, found
        return error


def compare(pinned: Mapping[str, str], found: Mapping[str, str], seen: float) -> bool | None:
    """Return whether validators name one and the same generation; None if nothing tells.

    The best that both have decides (http.pin.like). Last-Modified and weak ETags may stay when
    bytes change: all must agree, and they prove nothing unless Last-Modified was old enough when it
    was seen (RFC 9110, section 8.8.2.2). This is not asked where both name just the same.

    Args:
        pinned: those of the first response.
        found: those of another one.
        seen: Unix time of the first response, if it has no Date.
    """
    for kind, name in pinned.items():
        if kind not in BEST_EFFORT and kind in found:
            return found[kind] == name
    for one, other in ((pinned, found), (found, pinned)):
        if ETAG in one and WEAK_ETAG in other and other[WEAK_ETAG] != f"W/{one[ETAG]}":
            return False
    shared = pinned.keys() & found.keys() & {LAST_MODIFIED, WEAK_ETAG}
    if not all(pinned[kind] == found[kind] for kind in shared):
        return False
    return True if LAST_MODIFIED in shared and _is_settled(pinned, seen) else None


def _is_of_time(validators: Mapping[str, str]) -> bool:
    """Return whether an ETag holds the seconds of Last-Modified, as nginx writes it."""
    modified = parse_date(validators.get(LAST_MODIFIED))
    if modified is None:
        return False
    seconds = int(modified)
    texts = (f"{seconds:x}", str(seconds), np.base_repr(seconds, 36).lower())
    return any(text in validators[ETAG].lower() for text in texts)


def _is_settled(validators: Mapping[str, str], seen: float) -> bool:
    """Return whether a later modification would have another time."""
    modified = parse_date(validators[LAST_MODIFIED])
    date = parse_date(validators.get(DATE)) or seen
    return modified is not None and date - modified >= SETTLED_SECONDS


def _validators_in(generation: str) -> dict[str, str]:
    """Return the validators that the name of a generation is made of, where that can be seen."""
    if generation.startswith('"'):
        return {ETAG: generation}
    date, mark, tag = generation.partition("W/")
    validators = {LAST_MODIFIED: date.strip()} if date.strip().endswith("GMT") else {}
    return {**validators, WEAK_ETAG: mark + tag} if mark else validators
