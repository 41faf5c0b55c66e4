"""What a worker thread does with a tile: encode it, and make its pixels of the next level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np

from tinycog.encode.tile import TileEncoder
from tinycog.errors import WriteError
from tinycog.pixels.mask import opaque
from tinycog.writer.assemble import NO_SAMPLES, Mask, Pixels, RawTile, Samples
from tinycog.writer.checksums import TileChecksum, checksum_of, checksum_of_valid
from tinycog.writer.pixel_source import Region
from tinycog.writer.statistics import Moments, moments_of


class Reduces(Protocol):
    """What makes the pixels of the next level."""

    def block(self, around: Pixels, region: Region, /) -> Pixels:
        """Return the pixels of the next level that the pixels of a region give.

        `around` holds those of the region, and what is needed around it.
        """
        ...


class Encoders(NamedTuple):
    """How the samples and the mask of each tile are encoded.

    Attributes:
        samples: of a plane of a tile, (rows, cols, samples).
        mask: of its mask, (rows, cols); None = no mask is stored.
    """

    samples: TileEncoder
    mask: TileEncoder | None


class Note(NamedTuple):
    """What a journal keeps of a tile.

    Attributes:
        checksum: of its pixels.
        entry: what became of it; empty if nothing is kept.
    """

    checksum: int
    entry: bytes


class TileDone(NamedTuple):
    """What became of a tile.

    Attributes:
        tile: its level, row and column, and where it lies; its samples are dropped.
        is_encoded: whether it was encoded, or left out.
        payloads: encoded bytes of each plane; empty if the tile is not stored.
        mask: encoded bytes of its mask; empty if it has none, or is not stored.
        moments: of each band; empty if none are wanted.
        reduced: its pixels of the next level, None for the last one.
        checksum: of what was encoded, None if it is not wanted.
        note: for the journal; None without one.
    """

    tile: RawTile
    is_encoded: bool
    payloads: Sequence[bytes]
    mask: bytes
    moments: Sequence[Moments]
    reduced: Pixels | None
    checksum: TileChecksum | None
    note: Note | None = None


def with_opacity(samples: Samples, valid: Mask | None, bits: int | None) -> Samples:
    """Return samples with a band more, which is 0 where pixels are not valid, else the most."""
    alpha = np.full(samples.shape[:2], opaque(samples.dtype, bits), samples.dtype)
    if valid is not None:
        alpha[~valid] = 0
    return np.concatenate([samples, alpha[:, :, None]], axis=2)


@dataclass(frozen=True, slots=True)
class TileWork:
    """How tiles of one level are worked on.

    Attributes:
        reducer: makes the next level; None for the last one.
        planar: whether each band is a tile of its own.
        sparse: whether a tile of nothing but `fill` is left out.
        has_mask: whether a mask is stored.
        marks: how else pixels that are not valid are marked: as `nodata`, or by a band of opacity.
        fill: value of the pixels of a tile that is left out.
        nodata: value of invalid samples, None = there is none.
        bits: BitsPerSample, where it is not that of the dtype.
        statistics: whether moments are wanted.
        verify: whether checksums are wanted.
    """

    reducer: Reduces | None
    planar: bool
    sparse: bool
    has_mask: bool
    marks: Literal["nodata", "alpha"] | None
    fill: float
    nodata: float | None
    bits: int | None
    statistics: bool
    verify: bool

    def carry_out(
        self, tile: RawTile, around: Pixels | None, encoders: Encoders | None
    ) -> TileDone:
        """Encode a tile and reduce it.

        Args:
            tile: the tile.
            around: the same with the pixels around it; None = it was reduced before.
            encoders: how it is encoded; None = it is not.

        Raises:
            WriteError: it cannot be encoded.
        """
        payloads: Sequence[bytes] = ()
        mask, moments, reduced, checksum = b"", (), None, None
        try:
            if encoders is not None:
                marked = self.marked(tile)
                checksum = self._checksum(marked, encoders) if self.verify else None
                if not (self.sparse and self._is_empty(marked)):
                    payloads, mask = self._encoded(marked, encoders)
            if around is not None and self.statistics:
                moments = self._moments(tile)
            if around is not None and self.reducer is not None:
                reduced = self.reducer.block(around, tile.region)
        except MemoryError:
            raise
        except Exception as exc:
            raise WriteError.of_tile((tile.level, tile.x, tile.y), str(exc)) from exc
        bare = tile._replace(samples=NO_SAMPLES, valid=None)
        return TileDone(bare, encoders is not None, payloads, mask, moments, reduced, checksum)

    def marked(self, tile: RawTile) -> RawTile:
        """Return a tile as it is stored: with nodata, or opacity, where pixels are not valid."""
        samples, valid = tile.samples, tile.valid
        if self.marks == "nodata" and valid is not None:
            samples = samples.copy()
            samples[~valid] = self.nodata
        if self.marks == "alpha":
            samples = with_opacity(samples, valid, self.bits)
        return tile._replace(samples=samples)

    def _encoded(self, tile: RawTile, encoders: Encoders) -> tuple[Sequence[bytes], bytes]:
        samples = tile.samples
        planes = [samples]
        if self.planar:
            planes = [samples[:, :, i : i + 1] for i in range(samples.shape[2])]
        payloads = [encoders.samples.encode(plane) for plane in planes]
        mask = b""
        if encoders.mask is not None:
            valid = tile.valid
            if valid is None:
                valid = np.ones(samples.shape[:2], np.bool_)
            mask = encoders.mask.encode(valid)
        if not all(payloads) or (encoders.mask is not None and not mask):
            message = "the encoder gave no bytes"
            raise RuntimeError(message)
        return payloads, mask

    def _checksum(self, tile: RawTile, encoders: Encoders) -> TileChecksum:
        samples = tile.samples
        return TileChecksum(
            checksum_of(samples) if encoders.samples.is_lossless else None,
            checksum_of_valid(tile.valid, samples.shape[:2]) if self.has_mask else None,
        )

    def _is_empty(self, tile: RawTile) -> bool:
        """Return whether a reader gives the same pixels if the tile is not stored."""
        samples, fill = tile.samples, self.fill
        if self.has_mask and (tile.valid is None or tile.valid.any()):
            return False
        if math.isnan(fill):
            return bool(np.isnan(samples[0, 0]).all() and np.isnan(samples).all())
        if not (samples[0, 0] == fill).all() or not bool((samples == fill).all()):
            return False
        # a reader gives +0.0
        if samples.dtype.kind not in "fc" or fill:
            return True
        real = samples.dtype.itemsize // (2 if samples.dtype.kind == "c" else 1)
        return not np.signbit(np.ascontiguousarray(samples).view(f"f{real}")).any()

    def _moments(self, tile: RawTile) -> Sequence[Moments]:
        found: list[Moments] = []
        for i in range(tile.samples.shape[2]):
            plane, valid = tile.samples[:, :, i], tile.valid
            if self.nodata is not None and not math.isnan(self.nodata):
                known = plane != self.nodata
                valid = known if valid is None else valid & known
            found.append(moments_of(plane, valid))
        return found
