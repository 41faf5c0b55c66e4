"""Windows of an image, filled by calls of the caller's function."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from tinycog.argument_types import ErrorHandling
from tinycog.errors import Finding, SourceError, TinycogError, TooLargeError, UsageError
from tinycog.exporting.split import AreaAxis, halves, split
from tinycog.fetch.plan import Plan
from tinycog.fetch.single_flight import side_by_side
from tinycog.limits import Limits
from tinycog.pixels.arrays import Pixels
from tinycog.reader.level_source import LevelSource
from tinycog.reader.window_buffers import WindowBuffers
from tinycog.servicing.lanes import Lanes
from tinycog.servicing.refusals import is_too_large
from tinycog.sources.redact import redact_line, safe_cause
from tinycog.tiff.image import Image
from tinycog.tiff.ranges import ByteRange
from tinycog.window import Window

GetWindow = Callable[[Window], Awaitable[NDArray[Any]]]
"""Gives the pixels of a window, (bands, rows, cols), or (rows, cols) of one band."""

DIMENSIONS = 3
"""Of pixels: bands, rows, columns."""


class ServiceWindows:
    """The `WindowReader` of a service."""

    def __init__(
        self, get: GetWindow, name: str, limit: int | None, concurrency: int, limits: Limits
    ) -> None:
        """Keep the function.

        Args:
            get: gives pixels.
            name: of the service, for messages.
            limit: bytes of pixels that one call may ask for; None = any.
            concurrency: calls at once.
            limits: of the handle.
        """
        self.limits = limits
        self._get, self._name, self._limit = get, name, limit
        self._concurrency = concurrency
        self._most: int | None = None
        self._lanes: WeakKeyDictionary[asyncio.AbstractEventLoop, Lanes] = WeakKeyDictionary()

    @property
    def file_size(self) -> int | None:
        """None: nothing is stored."""
        return None

    @property
    def pixel_memory(self) -> int:
        """None but the array that the function gives, which counts as tiles do."""
        return 0

    async def fill(
        self,
        source: LevelSource,
        z: int,
        buffers: Sequence[WindowBuffers],
        errors: ErrorHandling,
    ) -> tuple[list[WindowBuffers], tuple[Finding, ...]]:
        """Call the function for the windows, in parts that it may be asked for."""
        del z
        found = await side_by_side(*(self._fill(source.image, one, errors) for one in buffers))
        return [one for one, _ in found], tuple(f for _, findings in found for f in findings)

    async def _fill(
        self, image: Image, buffers: WindowBuffers, errors: ErrorHandling
    ) -> tuple[WindowBuffers, list[Finding]]:
        filling = _Filling(self, image, buffers, errors)
        await side_by_side(*(filling.read(part) for part in self.parts(image, buffers.window)))
        filled = filling.failed
        if filled is None:
            return buffers, filling.findings
        return buffers._replace(filled=filled[: len(buffers.data)]), filling.findings

    def parts(self, image: Image, window: Window) -> Iterator[Window]:
        """Cut a window into parts that one call may ask for (cog.service.limit)."""
        if not window.width or not window.height:
            return
        pixel = image.samples * image.dtype.itemsize
        limits = [one for one in (self._limit, self._most) if one is not None]
        most = max(min(limits, default=window.width * window.height * pixel), pixel)
        down, across = (AreaAxis(count, 0, 1, 1, count) for count in (window.height, window.width))
        for part in split(down, across, lambda w: w.width * w.height * pixel, most, most):
            yield Window(
                window.col_off + part.col_off,
                window.row_off + part.row_off,
                part.width,
                part.height,
            )

    async def call(self, image: Image, window: Window) -> Pixels:
        """Return what the function gives of a window.

        Raises:
            TooLargeError: the service says that it is too large.
            UsageError: the function is not async, or gives something else.
            SourceError: it failed; it names the window.
        """
        loop = asyncio.get_running_loop()
        if loop not in self._lanes:
            self._lanes[loop] = Lanes(self._concurrency, self.limits.retries)
        try:
            found = await self._lanes[loop].call(lambda: self._awaited(window))
        except TooLargeError:
            self._learn(image, window)
            raise
        except Exception as exc:
            if is_too_large(exc):
                self._learn(image, window)
                raise TooLargeError(redact_line(exc), url=self._name) from safe_cause(exc)
            if isinstance(exc, TinycogError):
                exc.name_file(f"{self._name}, window {tuple(window)}")
                raise
            message = f"the service failed at the window {tuple(window)}: {type(exc).__name__}"
            message = f"{message}: {redact_line(exc)}"
            raise SourceError(message, url=self._name) from safe_cause(exc)
        return self._checked(image, window, found)

    async def _awaited(self, window: Window) -> object:
        pending: Any = self._get(window)
        if not inspect.isawaitable(pending):
            message = (
                "the function of a service is async: wrap one that blocks, async def get(window):"
                " return await asyncio.to_thread(...)"
            )
            raise UsageError(message)
        return await pending

    def _learn(self, image: Image, window: Window) -> None:
        """Ask for less from now on than what was too much."""
        half = window.width * window.height * image.samples * image.dtype.itemsize // 2
        self._most = half if self._most is None else min(self._most, half)

    def _checked(self, image: Image, window: Window, found: object) -> Pixels:
        """Return the pixels that the function gave.

        Raises:
            UsageError: they are not those of the window; it names it.
        """
        pixels: NDArray[Any] = np.asanyarray(found)
        if pixels.ndim == DIMENSIONS - 1 and image.samples == 1:
            pixels = pixels[np.newaxis]
        expected = (image.samples, window.height, window.width)
        if pixels.shape != expected or pixels.dtype.newbyteorder("=") != image.dtype:
            message = (
                f"{self._name} gave {pixels.dtype} of {pixels.shape} for the window"
                f" {tuple(window)}, expected {image.dtype} of {expected}"
            )
            raise UsageError(message)
        if not isinstance(pixels, np.ma.MaskedArray):
            return pixels
        mask: Any = np.ma.getmaskarray(pixels)
        if mask.any() and image.nodata is None:
            message = f"{self._name} gave masked pixels for the window {tuple(window)}: say nodata="
            raise UsageError(message)
        return np.where(mask, image.dtype.type(image.fill_value), np.ma.getdata(pixels))

    async def plan(self, source: LevelSource, z: int, buffers: Sequence[WindowBuffers]) -> Plan:
        """Return the calls of `fill`: each as bytes from 0 to those of its pixels."""
        del z
        image = source.image
        pixel = image.samples * image.dtype.itemsize
        calls = [
            ByteRange(0, part.width * part.height * pixel)
            for one in buffers
            for part in self.parts(image, one.window)
        ]
        return Plan(tuple(calls), (), sum(call.length for call in calls))


class _Filling:
    """The arrays of a window while they are filled.

    Attributes:
        failed: (bands, rows, cols), which could not be read; None if all could.
        findings: what failed.
    """

    def __init__(
        self,
        windows: ServiceWindows,
        image: Image,
        buffers: WindowBuffers,
        errors: ErrorHandling,
    ) -> None:
        self.failed: NDArray[np.bool_] | None = None
        self.findings: list[Finding] = []
        self._windows, self._image = windows, image
        self._buffers, self._errors = buffers, errors

    async def read(self, part: Window) -> None:
        """Read a part, or its halves where it is too large (cog.service.large)."""
        try:
            pixels = await self._windows.call(self._image, part)
        except TooLargeError as exc:
            smaller = halves(part)
            if smaller is None:
                self._fail(part, exc)
                return
            await side_by_side(*(self.read(one) for one in smaller))
        except UsageError:
            raise
        except TinycogError as exc:
            self._fail(part, exc)
        else:
            rows, cols = self._place(part)
            for plane, band in zip(self._buffers.pixels, self._buffers.fetched.all, strict=True):
                plane[rows, cols] = pixels[band]

    def _place(self, part: Window) -> tuple[slice, slice]:
        row, col = (
            part.row_off - self._buffers.window.row_off,
            part.col_off - self._buffers.window.col_off,
        )
        return slice(row, row + part.height), slice(col, col + part.width)

    def _fail(self, part: Window, exc: TinycogError) -> None:
        """Fill a part that cannot be read, or raise the error."""
        if self._errors == "raise":
            raise exc
        if self.failed is None:
            self.failed = np.zeros(self._buffers.pixels.shape, np.bool_)
        place = (slice(None), *self._place(part))
        self.failed[place] = True
        self._buffers.pixels[place] = self._image.fill_value
        self.findings.append(Finding("cog.service.unread", str(exc)))
