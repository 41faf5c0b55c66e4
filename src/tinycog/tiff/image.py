"""Directories to typed facts: `Image` (one IFD), its `Grid` of tiles, and the `Pyramid` of a file.

Defaults are those of TIFF 6.0; a strip is a tile as wide as the image. What the format allows but
cannot be decoded is kept as a fact: `decode` refuses it, not opening.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

import numpy as np

from tinycog.errors import Finding, FormatError, TileIndexError, UnsupportedError
from tinycog.records import NamedTuple, dataclass
from tinycog.tiff.colormap import MAX_PALETTE_BITS
from tinycog.tiff.nodata import fill_value, nodata_value
from tinycog.tiff.parse import Entry, FileHeader, Ifd, Value
from tinycog.tiff.spec import (
    SLOW,
    ByteOrder,
    Compression,
    Photometric,
    SampleFormat,
    Tag,
    name_of,
)


class Grid(NamedTuple):
    """How an image is cut into tiles; sizes in pixels unless they say tiles.

    Attributes:
        width, height: of the image.
        tile_width, tile_height: of a stored tile; strips have the image's width.
        planes: separately stored sample planes; 1 where samples are interleaved.
        strips: whether tiles are strips: the last one is stored only as far as the image reaches.
    """

    width: int
    height: int
    tile_width: int
    tile_height: int
    planes: int = 1
    strips: bool = False

    @property
    def across(self) -> int:
        """Number of tiles in a row."""
        return -(-self.width // self.tile_width)

    @property
    def down(self) -> int:
        """Number of tiles in a column."""
        return -(-self.height // self.tile_height)

    @property
    def count(self) -> int:  # pyright: ignore[reportIncompatibleMethodOverride] - not tuple's
        """Number of stored tiles, all planes."""
        return self.across * self.down * self.planes

    def indices(self, x: int, y: int) -> tuple[int, ...]:
        """Positions of tile (x, y) in TileOffsets, one for each plane (tiff.tile.index).

        Raises:
            TileIndexError: the tile does not exist.
        """
        across, down = self.across, self.down
        if not (0 <= x < across and 0 <= y < down):
            message = f"tile x={x}, y={y} does not exist (x 0 to {across - 1}, y 0 to {down - 1})"
            raise TileIndexError(message)
        first = y * across + x
        if self.planes == 1:
            return (first,)
        return tuple(first + plane * across * down for plane in range(self.planes))

    def stored_rows(self, y: int) -> int:
        """Return the rows stored in a tile of tile row `y`: a last strip ends with the image."""
        return self.inside(0, y)[0] if self.strips else self.tile_height

    def inside(self, x: int, y: int) -> tuple[int, int]:
        """Return the (rows, columns) of tile (x, y) that lie inside the image."""
        return (
            min(self.tile_height, self.height - y * self.tile_height),
            min(self.tile_width, self.width - x * self.tile_width),
        )


@dataclass(frozen=True)
class Image:
    """The facts of one IFD that are needed to read its pixels.

    Attributes:
        ifd: the directory, for every other tag.
        byte_order: of the file.
        grid: size and tiling.
        subfile_type: NewSubfileType; the older SubfileType is ignored, as by GDAL
            (tiff.image.subfile-type).
        compression, photometric, predictor, fill_order: codes as stored.
        samples: number of samples of a pixel (bands).
        bits_per_sample, sample_formats: one for each sample.
        extra_samples: meaning of the samples beyond the colour channels, as far as stated.
        offsets, byte_counts: the index of tiles, unread; None where the tag is missing.
        options: values of further tags that codecs need, by tag.
        nodata_text: GDAL's nodata as written.
        findings: what is odd about the directory.
        depth: number of planes of a volume (tiff.image.depth).
        tile_depth: planes in one stored tile of it.
        plane: which of them is read.
        shift: bytes by which the tiles lie further on than the index says (tiff.pyramid.stack).
        sidecar: what the name of the file beside ends with that holds it; empty for the file itself
            (gdal.sidecar.names).
    """

    ifd: Ifd
    byte_order: ByteOrder
    grid: Grid
    subfile_type: int
    compression: int
    photometric: int
    predictor: int
    fill_order: int
    samples: int
    bits_per_sample: tuple[int, ...]
    sample_formats: tuple[int, ...]
    extra_samples: tuple[int, ...]
    offsets: Entry | None
    byte_counts: Entry | None
    options: Mapping[int, Value]
    nodata_text: str | None
    findings: tuple[Finding, ...]
    depth: int = 1
    tile_depth: int = 1
    plane: int = 0
    shift: int = 0
    sidecar: str = ""

    def at(self, plane: int, shift: int) -> Image:
        """Return the same image for another plane behind its IFD.

        Raises:
            TileIndexError: the volume has no such plane.
        """
        if not 0 <= plane < self.depth:
            message = f"plane {plane} does not exist (planes 0 to {self.depth - 1})"
            raise TileIndexError(message)
        return replace(self, plane=plane, shift=shift)

    @property
    def stored_count(self) -> int:
        """Number of stored tiles of all planes of a volume."""
        return self.grid.count * -(-self.depth // self.tile_depth)

    def stored_index(self, index: int) -> int:
        """Return the position in the index of a tile, given by that in a single plane."""
        if self.depth == 1:
            return index
        per_plane = self.grid.across * self.grid.down
        sample, at = divmod(index, per_plane)
        layers = -(-self.depth // self.tile_depth)
        return (sample * layers + self.plane // self.tile_depth) * per_plane + at

    @property
    def shape(self) -> tuple[int, int, int]:
        """(bands, rows, cols)."""
        return (self.samples, self.grid.height, self.grid.width)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return (self.grid.width, self.grid.height)

    @property
    def tile_samples(self) -> int:
        """Samples of a pixel in one stored tile: 1 where planes are stored apart."""
        return 1 if self.grid.planes > 1 else self.samples

    @cached_property
    def bits(self) -> int:
        """Bits of a sample.

        Raises:
            UnsupportedError: samples differ in their bits.
        """
        return _only(self.bits_per_sample, "BitsPerSample")

    @cached_property
    def dtype(self) -> np.dtype[np.generic]:
        """The smallest numpy type that holds a sample exactly.

        Raises:
            UnsupportedError: there is none, or samples differ in their types.
        """
        return sample_dtype(_only(self.sample_formats, "SampleFormat"), self.bits)

    @property
    def weight(self) -> int:
        """How many times slower than others its pixels are to decode."""
        return SLOW_WEIGHT if self.compression in SLOW else 1

    @cached_property
    def nodata(self) -> int | float | None:
        """Nodata as a value that samples can equal, or None."""
        return None if self.nodata_text is None else nodata_value(self.nodata_text, self.dtype)

    @cached_property
    def fill_value(self) -> int | float:
        """The value of pixels that are not stored: nodata, or 0 (tiff.tile.sparse)."""
        return fill_value(self.nodata_text, self.dtype)

    @cached_property
    def subsampling(self) -> tuple[int, int]:
        """Columns and rows that share a chroma sample of YCbCr (tiff.ycbcr.subsampling)."""
        if self.photometric != Photometric.YCBCR or self.tile_samples == 1:
            return (1, 1)
        found = _ints(self.options, Tag.YCbCrSubSampling)
        return (found[0] or 1, found[1] or 1) if len(found) > 1 else (2, 2)

    def unpacked_length(self, rows: int, cols: int | None = None) -> int:
        """Return the bytes of `rows` of a tile before compression; each row starts on a byte.

        `cols` are those of a tile unless they are given.
        """
        across, down = self.subsampling
        cols = self.grid.tile_width if cols is None else cols
        if (across, down) == (1, 1):
            return rows * -(-cols * self.tile_samples * self.bits // 8)
        return -(-rows // down) * -(-cols // across) * (across * down + 2)

    @property
    def is_one_old_jpeg(self) -> bool:
        """Whether the image is one JPEG stream that JPEGInterchangeFormat tells (tiff.jpeg.old)."""
        is_one = self.compression == Compression.OLD_JPEG and self.grid.strips
        is_one = is_one and self.grid.down * self.grid.planes == 1
        return is_one and bool(self.option(Tag.JPEGInterchangeFormat, 0))

    @property
    def rows_apart(self) -> bool:
        """Whether rows of a stored tile can be read without the others."""
        return self.compression == Compression.NONE and self.rows_follow

    @property
    def rows_follow(self) -> bool:
        """Whether each row of a decompressed tile lies behind the one before, by itself."""
        return self.subsampling == (1, 1) and self.tile_depth == 1

    def option(self, tag: Tag, default: int) -> int:
        """Return the first number of a tag in `options`."""
        return _int(self.options, tag, default)


MAX_SHOWN = 8
"""Number of values that a message shows."""


def _only(values: tuple[int, ...], tag: str) -> int:
    """Return the value that all samples share (tiff.sample.alike)."""
    if len(set(values)) > 1:
        shown = f"{values[:MAX_SHOWN]}{' and more' if len(values) > MAX_SHOWN else ''}"
        message = f"samples with different {tag} {shown} are not supported"
        raise UnsupportedError(message, feature=tag, value=values)
    return values[0]


def sample_dtype(sample_format: int, bits: int) -> np.dtype[np.generic]:
    """Return the numpy type of samples (tiff.sample.dtype).

    Raises:
        UnsupportedError: there is none.
    """
    code = None
    if sample_format in (SampleFormat.UINT, SampleFormat.VOID):
        code = next((f"u{n}" for n in (1, 2, 4) if 1 <= bits <= n * 8), None)
        code = "u8" if bits == 64 else code  # noqa: PLR2004
    elif sample_format == SampleFormat.INT:
        code = {8: "i1", 16: "i2", 32: "i4", 64: "i8"}.get(bits)
    elif sample_format == SampleFormat.FLOAT:
        code = {16: "f2", 24: "f4", 32: "f4", 64: "f8"}.get(bits)
    elif sample_format == SampleFormat.COMPLEX_INT:
        code = {32: "c8", 64: "c16"}.get(bits)
    elif sample_format == SampleFormat.COMPLEX_FLOAT:
        code = {32: "c8", 64: "c8", 128: "c16"}.get(bits)
    if code is None:
        name = name_of(SampleFormat, sample_format)
        message = f"samples of {bits} bits with SampleFormat {name} are not supported"
        raise UnsupportedError(message, feature="BitsPerSample", value=(sample_format, bits))
    return np.dtype(code)


OPTIONS = (
    Tag.T4Options,
    Tag.T6Options,
    Tag.JPEGTables,
    Tag.InkSet,
    Tag.YCbCrCoefficients,
    Tag.YCbCrSubSampling,
    Tag.ReferenceBlackWhite,
    Tag.LercParameters,
    Tag.JPEGProc,
    Tag.JPEGInterchangeFormat,
    Tag.JPEGInterchangeFormatLength,
    Tag.JPEGRestartInterval,
    Tag.JPEGQTables,
    Tag.JPEGDCTables,
    Tag.JPEGACTables,
)
"""Tags that only codecs and pictures read; their values are kept as they are."""

FACTS = frozenset(
    (
        Tag.NewSubfileType,
        Tag.ImageWidth,
        Tag.ImageLength,
        Tag.BitsPerSample,
        Tag.Compression,
        Tag.PhotometricInterpretation,
        Tag.FillOrder,
        Tag.SamplesPerPixel,
        Tag.RowsPerStrip,
        Tag.PlanarConfiguration,
        Tag.Predictor,
        Tag.TileWidth,
        Tag.TileLength,
        Tag.ExtraSamples,
        Tag.SampleFormat,
        Tag.GDALNoData,
        Tag.ImageDepth,
        Tag.TileDepth,
        *OPTIONS,
    )
)
"""Tags whose values make an `Image`."""

MAX_SAMPLES = 65535

MAX_SIDE = (1 << 32) - 1
"""Largest width and height of an image and of a tile, in pixels."""

AT_MOST = f"at most {MAX_SIDE} each way"

SLOW_WEIGHT = 8
"""How many times slower than others the codecs in `SLOW` are."""


def make_image(header: FileHeader, ifd: Ifd, values: Mapping[int, Value]) -> Image:
    """Make an `Image` of the values of `FACTS` (tiff.image.defaults, tiff.image.extra-samples).

    Orientation is not among them: it is read when it is applied (tiff.image.orientation).

    Raises:
        FormatError: size or tiling is missing or impossible.
    """
    findings = list(ifd.findings)
    samples = _samples(values, ifd)
    if samples > 1 and Tag.SamplesPerPixel not in values:
        text = f"SamplesPerPixel is missing: {samples} are taken, as the colours need"
        findings.append(Finding("tiff.image.samples", text, None, ifd.offset))
    grid = _grid(values, ifd, samples, findings)
    tiled = not grid.strips
    old_jpeg = _int(values, Tag.Compression, Compression.NONE) == Compression.OLD_JPEG
    bits = _per_sample(values, Tag.BitsPerSample, samples, 8 if old_jpeg else 1)
    formats = _per_sample(values, Tag.SampleFormat, samples, SampleFormat.UINT)
    photometric = _int(values, Tag.PhotometricInterpretation, Photometric.MIN_IS_BLACK)
    if photometric == Photometric.MIN_IS_BLACK and _is_mapped(ifd, bits[0], formats[0]):
        photometric = Photometric.PALETTE
        text = "PhotometricInterpretation is MinIsBlack, but there is a ColorMap: it is a palette"
        findings.append(Finding("tiff.colour.palette", text, None, ifd.offset))
    nodata = values.get(Tag.GDALNoData)
    depth = max(_int(values, Tag.ImageDepth, 1), 1)
    if depth > 1:
        text = (
            f"the image is a volume of {depth} planes: the first is read, the others by Cog.series"
        )
        findings.append(Finding("tiff.image.depth", text, None, ifd.offset))
    return Image(
        ifd=ifd,
        byte_order=header.byte_order,
        grid=grid,
        subfile_type=_int(values, Tag.NewSubfileType, 0),
        compression=_int(values, Tag.Compression, Compression.NONE),
        photometric=photometric,
        predictor=_int(values, Tag.Predictor, 1),
        fill_order=_int(values, Tag.FillOrder, 1),
        samples=samples,
        bits_per_sample=bits,
        sample_formats=formats,
        extra_samples=_ints(values, Tag.ExtraSamples),
        offsets=_index(ifd, Tag.TileOffsets, Tag.StripOffsets, tiled=tiled),
        byte_counts=_index(ifd, Tag.TileByteCounts, Tag.StripByteCounts, tiled=tiled),
        options={tag: values[tag] for tag in OPTIONS if tag in values},
        nodata_text=nodata if isinstance(nodata, str) and nodata.strip() else None,
        findings=tuple(findings),
        depth=depth,
        tile_depth=max(_int(values, Tag.TileDepth, 1), 1) if tiled and depth > 1 else 1,
    )


def _is_mapped(ifd: Ifd, bits: int, sample_format: int) -> bool:
    """Return whether there is a ColorMap with a colour for each value (tiff.colour.palette)."""
    entry = ifd.entries.get(Tag.ColorMap)
    fits = bits <= MAX_PALETTE_BITS and sample_format == SampleFormat.UINT
    return entry is not None and fits and entry.count == 3 << bits


def _ints(values: Mapping[int, Value], tag: Tag) -> tuple[int, ...]:
    """Return the values of an integer tag, whatever its field type (tiff.value.integer)."""
    value = values.get(tag)
    if value is None:
        return ()
    if len(value) == 1 and type(value[0]) is int and value[0] >= 0:  # nearly always
        return (value[0],)
    if not value:
        message = f"tag {tag.name} holds no value, expected at least one"
        raise FormatError.of(Finding("tiff.value.single", message))
    if isinstance(value, str) or not all(isinstance(v, int) and v >= 0 for v in value):
        message = f"tag {tag.name} holds {value!r}, expected unsigned integers"
        raise FormatError.of(Finding("tiff.value.integer", message[:200]))
    return tuple(v for v in value if isinstance(v, int))


def _int(values: Mapping[int, Value], tag: Tag, default: int) -> int:
    found = _ints(values, tag)
    return found[0] if found else default


def _one(values: Mapping[int, Value], tag: Tag) -> int:
    """Return the value of a tag that must hold just one (tiff.value.single); 0 without the tag."""
    found = _ints(values, tag)
    if len(found) > 1:
        message = f"tag {tag.name} holds {len(found)} values, expected one"
        raise FormatError.of(Finding("tiff.value.single", message))
    return found[0] if found else 0


def _per_sample(
    values: Mapping[int, Value], tag: Tag, samples: int, default: int
) -> tuple[int, ...]:
    """Return one value for each sample; too few are repeated (tiff.value.per-sample)."""
    found = _ints(values, tag) or (default,)
    return (found + found[-1:] * samples)[:samples]


def _samples(values: Mapping[int, Value], ifd: Ifd) -> int:
    """Return SamplesPerPixel; without it, those of RGB and old-style JPEG (tiff.image.samples)."""
    is_old_jpeg = _int(values, Tag.Compression, 1) == Compression.OLD_JPEG
    photometric = _int(values, Tag.PhotometricInterpretation, 1)
    is_colour = photometric == Photometric.RGB or (is_old_jpeg and photometric == Photometric.YCBCR)
    if Tag.SamplesPerPixel in values:
        samples = _one(values, Tag.SamplesPerPixel)
    else:
        samples = max(3, len(_ints(values, Tag.BitsPerSample))) if is_colour else 1
    if not 1 <= samples <= MAX_SAMPLES:
        message = f"SamplesPerPixel is {samples}, expected 1 to {MAX_SAMPLES}"
        raise FormatError.of(Finding("tiff.image.samples", message, None, ifd.offset))
    return samples


def _grid(values: Mapping[int, Value], ifd: Ifd, samples: int, findings: list[Finding]) -> Grid:
    """Return size and tiling; a strip has the image's width (tiff.image.size, tiff.tile.strip)."""
    width, height = _one(values, Tag.ImageWidth), _one(values, Tag.ImageLength)
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        message = f"the image is {width} by {height} pixels, expected at least 1 by 1, {AT_MOST}"
        raise FormatError.of(Finding("tiff.image.size", message, None, ifd.offset))
    planes = _planes(values, ifd, samples)
    tiled = Tag.TileWidth in values or Tag.TileLength in values
    if tiled:
        tile_width, tile_height = _one(values, Tag.TileWidth), _one(values, Tag.TileLength)
        if not (0 < tile_width <= MAX_SIDE and 0 < tile_height <= MAX_SIDE):
            size = f"{tile_width} by {tile_height} pixels"
            message = f"tiles are {size}, expected at least 1 by 1, {AT_MOST}"
            raise FormatError.of(Finding("tiff.tile.size", message, None, ifd.offset))
        if tile_width % 16 or tile_height % 16:
            message = f"tiles are {tile_width} by {tile_height} pixels, not multiples of 16"
            findings.append(Finding("tiff.tile.multiple", message, None, ifd.offset))
        return Grid(width, height, tile_width, tile_height, planes)
    rows = _one(values, Tag.RowsPerStrip) or height
    return Grid(width, height, width, min(rows, height), planes, strips=True)


def _planes(values: Mapping[int, Value], ifd: Ifd, samples: int) -> int:
    """Return the number of planes stored apart: 1, or one a sample (tiff.image.planes)."""
    planar = _one(values, Tag.PlanarConfiguration) or 1
    if planar not in (1, 2):
        message = f"PlanarConfiguration is {planar}, expected 1 or 2"
        raise FormatError.of(Finding("tiff.image.planes", message, None, ifd.offset))
    return 1 if planar == 1 else samples


def _index(ifd: Ifd, tile_tag: Tag, strip_tag: Tag, *, tiled: bool) -> Entry | None:
    """Return the tile or strip tag, or the other if only that one exists (tiff.tile.other-tag)."""
    first, second = (tile_tag, strip_tag) if tiled else (strip_tag, tile_tag)
    return ifd.entries.get(first) or ifd.entries.get(second)
