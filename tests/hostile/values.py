"""Each tag with each kind of wrong value."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hostile.case import Made, Shape, attack, base, in_turn, written
from tinycog.testing import Field
from tinycog.tiff.spec import Tag

NAN = float("nan")

WRONG: dict[str, tuple[str, object]] = {
    "0": ("LONG", 0),
    "1": ("LONG", 1),
    "7": ("LONG", 7),
    "255": ("SHORT", 255),
    "65535": ("SHORT", 65535),
    "2^31": ("LONG", 1 << 31),
    "2^32-1": ("LONG", (1 << 32) - 1),
    "2^63": ("LONG8", 1 << 63),
    "-1": ("SLONG", -1),
    "NaN": ("DOUBLE", NAN),
    "1.5": ("FLOAT", 1.5),
    "0/0": ("RATIONAL", [(0, 0)]),
    "text": ("ASCII", b"\xff\xfe nonsense\0"),
    "bytes": ("UNDEFINED", b"\x01\x02\x03\x04"),
    "nothing": ("LONG", []),
    "many": ("SHORT", list(range(1000))),
}

TAGS = (
    Tag.NewSubfileType,
    Tag.ImageWidth,
    Tag.ImageLength,
    Tag.BitsPerSample,
    Tag.Compression,
    Tag.PhotometricInterpretation,
    Tag.FillOrder,
    Tag.Orientation,
    Tag.SamplesPerPixel,
    Tag.PlanarConfiguration,
    Tag.Predictor,
    Tag.TileWidth,
    Tag.TileLength,
    Tag.TileOffsets,
    Tag.TileByteCounts,
    Tag.ExtraSamples,
    Tag.SampleFormat,
    Tag.SubIFDs,
    Tag.YCbCrSubSampling,
    Tag.LercParameters,
    Tag.JPEGTables,
    Tag.GDALNoData,
    Tag.ColorMap,
)


@attack
def tag_values() -> Made:
    """One tag wrong."""

    def items() -> Iterator[tuple[str, Callable[[Shape], bytes]]]:
        for tag in TAGS:
            for name, (kind, value) in WRONG.items():
                field = Field(tag, kind, value)  # type: ignore[arg-type]
                yield (
                    f"{tag.name} {name}",
                    lambda s, f=field: written(base(s).having(f), s),
                )

    yield from in_turn(items())


@attack
def strip_values() -> Made:
    """RowsPerStrip wrong."""

    def items() -> Iterator[tuple[str, Callable[[Shape], bytes]]]:
        for tag in (Tag.RowsPerStrip, Tag.StripOffsets, Tag.StripByteCounts):
            for name, (kind, value) in WRONG.items():
                field = Field(tag, kind, value)  # type: ignore[arg-type]
                yield (
                    f"{tag.name} {name}",
                    lambda s, f=field: written(base(s, tile=None, rows_per_strip=16).having(f), s),
                )

    yield from in_turn(items())


@attack
def pairs_of_values() -> Made:
    """Two tags that contradict each other."""

    def items() -> Iterator[tuple[str, Callable[[Shape], bytes]]]:
        for bits in (0, 1, 3, 7, 8, 12, 16, 24, 31, 32, 33, 64, 128, 1000, 65535):
            for kind in (1, 2, 3, 5, 6, 9):
                fields = (
                    Field(Tag.BitsPerSample, "SHORT", bits),
                    Field(Tag.SampleFormat, "SHORT", kind),
                )
                yield (
                    f"{bits} bits of format {kind}",
                    lambda s, f=fields: written(base(s).having(*f), s),
                )
        for predictor in (2, 3, 4, 34892):
            for bits in (1, 8, 12, 16, 32):
                fields = (
                    Field(Tag.Predictor, "SHORT", predictor),
                    Field(Tag.BitsPerSample, "SHORT", bits),
                )
                yield (
                    f"predictor {predictor} of {bits} bits",
                    lambda s, f=fields: written(base(s).having(*f), s),
                )
        for across in (0, 1, 2, 3, 4, 255):
            for compression in (1, 8):
                fields = (
                    Field(Tag.PhotometricInterpretation, "SHORT", 6),
                    Field(Tag.YCbCrSubSampling, "SHORT", [across, 255 - across if across else 0]),
                    Field(Tag.YCbCrCoefficients, "RATIONAL", [(1, 0), (0, 1), (0, 0)]),
                    Field(Tag.ReferenceBlackWhite, "RATIONAL", [(4294967295, 1)] * 6),
                )
                yield (
                    f"YCbCr {across} compression {compression}",
                    lambda s, f=fields, c=compression: written(
                        base(s, bands=3, compression=c).having(*f), s
                    ),
                )
        yield (
            "ReferenceBlackWhite NaN",
            lambda s: written(
                base(s, bands=3, compression=1).having(
                    Field(Tag.PhotometricInterpretation, "SHORT", 6),
                    Field(Tag.YCbCrSubSampling, "SHORT", [1, 1]),
                    Field(Tag.ReferenceBlackWhite, "DOUBLE", [NAN, 1e308, -1e308, NAN, 0.0, 0.0]),
                ),
                s,
            ),
        )

    yield from in_turn(items())
