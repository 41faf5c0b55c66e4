"""Pieces of a stack read, with their masks and accounts (cog.stack.account); plans of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.argument_types import ErrorHandling
from tinycog.errors import Finding, LimitError
from tinycog.fetch.plan import Plan
from tinycog.fetch.single_flight import side_by_side, some_at_a_time
from tinycog.limits import Limits
from tinycog.mosaicking.mosaic_file import SIDE_BY_SIDE
from tinycog.mosaicking.mosaic_windows import joined_plan
from tinycog.pixels.account import Account, Loss, Losses, account_of
from tinycog.pixels.arrays import Pixels
from tinycog.pixels.mask import Mask
from tinycog.pixels.validity import settled
from tinycog.raster import Raster
from tinycog.reader.read_window import read_area
from tinycog.reader.window_buffers import WindowRequest, make_buffers
from tinycog.stacking.layers import StackLayer
from tinycog.stacking.made_stack import MadeStack, MadeStep
from tinycog.thread_pool import run_for_samples
from tinycog.window import Area, Window, as_floats


class StackPiece(NamedTuple):
    """What is read of a stack.

    Attributes:
        steps: positions among those that it has.
        bands: positions.
        window: pixels of the grid.
    """

    steps: Sequence[int]
    bands: Sequence[int]
    window: Window

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(time, band, row, col)."""
        return (len(self.steps), len(self.bands), self.window.height, self.window.width)


class StackPixels(NamedTuple):
    """Pixels of a piece; see `StackRaster`."""

    data: Pixels
    band_masks: Mask
    losses: NDArray[np.uint8] | None
    accounts: tuple[Account, ...]
    band_accounts: tuple[tuple[Account, ...], ...]
    findings: tuple[Finding, ...]


class PartialLayer(NamedTuple):
    """The bands of a layer that a piece has.

    Attributes:
        layer: all of its bands.
        own: those of them, as the files count them.
        places: positions of these in the piece.
    """

    layer: StackLayer
    own: list[int]
    places: list[int]

    def request(
        self, window: Window, asked: Mask | None, errors: ErrorHandling, out: Pixels | None
    ) -> WindowRequest:
        """Return what is read of a window; `asked` says which pixels, None for all."""
        area = Area(0, as_floats(window), (window.height, window.width))
        return WindowRequest(
            area,
            self.own,
            "nearest",
            masked=True,
            boundless=False,
            errors=errors,
            out=out,
            asked=asked,
        )

    def part(self, planes: NDArray[Any]) -> NDArray[Any] | None:
        """Return its planes of a step as a view, None where they do not lie side by side."""
        first, count = self.places[0], len(self.places)
        if self.places != list(range(first, first + count)):
            return None
        return planes[first : first + count]


def _layers(step: MadeStep, bands: Sequence[int]) -> Iterator[PartialLayer]:
    place_of = {band: place for place, band in enumerate(bands)}
    for layer in step.layers:
        pairs = [
            (own, place_of[band])
            for band, own in zip(layer.bands, layer.own, strict=True)
            if band in place_of
        ]
        if pairs:
            yield PartialLayer(layer, [own for own, _ in pairs], [place for _, place in pairs])


def bytes_of(made: MadeStack, shape: Iterable[int]) -> int:
    """Return the bytes of the arrays of a piece (time, band, row, col): samples, masks, losses."""
    steps, bands, rows, cols = shape
    return steps * rows * cols * (bands * (made.dtype.itemsize + 1) + 1)


async def read_piece(
    made: MadeStack, piece: StackPiece, errors: ErrorHandling, limits: Limits
) -> StackPixels:
    """Read the steps of a piece side by side; requests wait for slots at their servers.

    Raises:
        LimitError: the arrays are larger than a limit, or there is no memory for them.
        TinycogError: a file cannot be read; with `errors="fill"` it does not matter.
    """
    limits.check("result_bytes", bytes_of(made, piece.shape), "bytes of the result")
    try:
        data = np.empty(piece.shape, made.dtype)
        masks = np.zeros(piece.shape, np.bool_)
    except MemoryError as exc:
        what = f"a stack of {piece.shape}"
        raise LimitError.no_memory(what) from exc
    asked = await _asked(made, piece.window)

    async def one(place: int) -> _ReadStep:
        step = made.steps[piece.steps[place]]
        part = _StepArrays(data[place], masks[place], asked)
        return await _read_step(made, step, piece, part, errors)

    read = await some_at_a_time(range(len(piece.steps)), one, SIDE_BY_SIDE)
    lost = None
    if any(one.losses is not None for one in read):
        lost = np.zeros((piece.shape[0], *piece.shape[2:]), np.uint8)
        for plane, one_step in zip(lost, read, strict=True):
            if one_step.losses is not None:
                plane[...] = one_step.losses
    return StackPixels(
        data,
        masks,
        lost,
        tuple(one.account for one in read),
        tuple(one.by_band for one in read),
        tuple(finding for one in read for finding in one.findings),
    )


async def _asked(made: MadeStack, window: Window) -> Mask | None:
    """Return which pixels of a window are asked for, (rows, cols); None for all."""
    if made.asked is None:
        return None
    size = window.width * window.height
    found = await run_for_samples(size, made.asked.mask, window)
    return None if found.all() else found


class _StepArrays(NamedTuple):
    """Where a step is read to.

    Attributes:
        data: samples, (band, row, col).
        masks: which are valid, likewise.
        asked: which pixels are asked for, (row, col); None for all.
    """

    data: Pixels
    masks: Mask
    asked: Mask | None


class _ReadStep(NamedTuple):
    """What is known of the pixels of a step that was read."""

    losses: Losses | None
    account: Account
    by_band: tuple[Account, ...]
    findings: tuple[Finding, ...]


class _ReadLayer(NamedTuple):
    """What is known of the pixels of a layer that was read."""

    losses: Losses | None
    places: list[int]
    findings: tuple[Finding, ...]


async def _read_step(
    made: MadeStack,
    step: MadeStep,
    piece: StackPiece,
    arrays: _StepArrays,
    errors: ErrorHandling,
) -> _ReadStep:
    """Fill samples and masks of a step."""
    data, masks, asked = arrays

    async def one(part: PartialLayer) -> _ReadLayer:
        out = part.part(data)
        layer = part.layer
        request = part.request(piece.window, asked, errors, out)
        raster = await read_area(layer.windows, layer.source, request)
        is_there = out is not None and raster.data is out
        size = raster.data.size
        await run_for_samples(size, _put, raster, part, made.fill, data, masks, is_there)
        return _ReadLayer(raster.losses, part.places, raster.findings)

    layers = list(_layers(step, piece.bands))
    read = await side_by_side(*map(one, layers))
    found = {place for layer in layers for place in layer.places}
    for place in range(len(data)):
        if place not in found:  # no file has this band
            data[place] = made.fill
    findings = [*step.findings] if errors == "fill" else []
    findings += [finding for layer in read for finding in layer.findings]
    found_all = tuple(dict.fromkeys(findings))
    return await run_for_samples(masks.size, _counted, read, masks, asked, found_all)


def _put(
    raster: Raster,
    part: PartialLayer,
    fill: float,
    data: Pixels,
    masks: Mask,
    is_there: bool,  # noqa: FBT001 - `run_for_samples` takes positions
) -> None:
    """Put what was read in its place, unless it is there; what is not valid is filled."""
    valid = settled(raster.validity, raster.data).band_masks(raster.data)
    for place, plane, mask in zip(part.places, raster.data, valid, strict=True):
        target = data[place]
        if not is_there:
            target[...] = plane
        masks[place] = mask
        if not mask.all():
            np.copyto(target, fill, where=~mask, casting="unsafe")


def _counted(
    layers: Sequence[_ReadLayer], masks: Mask, asked: Mask | None, findings: tuple[Finding, ...]
) -> _ReadStep:
    """Count samples by band, and pixels of all bands (cog.stack.account)."""
    lost = {place: layer.losses for layer in layers for place in layer.places}
    losses = [layer.losses for layer in layers]
    if len(lost) < len(masks):  # no file has this band
        nothing = np.full(masks.shape[1:], Loss.GAP, np.uint8)
        if asked is not None:
            nothing[~asked] = Loss.OUTSIDE
        lost = dict.fromkeys(range(len(masks)), nothing) | lost
        losses = losses or [nothing]
    by_band = tuple(account_of(mask, lost[place]) for place, mask in enumerate(masks))
    whole = _joined(losses)
    if len(masks) == 1:
        return _ReadStep(whole, by_band[0], by_band, findings)
    return _ReadStep(whole, account_of(masks.any(axis=0), whole), by_band, findings)


def _joined(losses: Sequence[Losses | None]) -> Losses | None:
    """Return why pixels hold nothing in any layer: a failure counts before what a file has."""
    first, *others = losses
    if not others:
        return first
    known = [one for one in losses if one is not None]
    if not known:
        return None
    found = np.zeros(known[0].shape, np.uint8)
    if len(known) == len(losses):
        np.minimum.reduce(known, out=found)  # held by one, else outside, else a gap
    for one in known:
        found[one == Loss.FAILED] = Loss.FAILED
    return found


async def plan_piece(made: MadeStack, piece: StackPiece) -> Plan:
    """Return the requests of `read_piece` at most, by the names of files.

    Those of a file whose bands are resampled by several methods are there for each of them: whether
    they are one in the end depends on when its answers come.
    """
    asked = await _asked(made, piece.window)

    async def one(part: PartialLayer) -> Plan:
        request = part.request(piece.window, asked, "raise", None)
        buffers = make_buffers(part.layer.source, request, planned=True)
        return await part.layer.windows.plan(part.layer.source, 0, [buffers])

    parts = [part for n in piece.steps for part in _layers(made.steps[n], piece.bands)]
    plans = await side_by_side(*map(one, parts))
    found = joined_plan(
        (name, Plan(requests, (), 0)) for plan in plans for name, requests in plan.beside.items()
    )
    tiles = tuple(tile for plan in plans for tile in plan.tiles)
    return Plan((), tiles, sum(plan.wanted for plan in plans), found.beside)
