"""Tricks with tags and with the index that neither GDAL nor tifffile plays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from conformance.case import Case
from conformance.hand import make_directory
from conformance.pixels import Pixels
from conformance.tricks import Change, Made, Trick, changed
from tinycog.testing import Directory, Field, Layout, Places, flaws
from tinycog.tiff.spec import REDUCED, Tag

OFFSETS = (Tag.TileOffsets, Tag.StripOffsets)
COUNTS = (Tag.TileByteCounts, Tag.StripByteCounts)


def _tag(tag: int, field_type: str, values: object) -> Change:
    return lambda directory, _: directory.having(Field(tag, field_type, values))  # pyright: ignore[reportArgumentType]


def _without(*tags: int) -> Change:
    return lambda directory, _: directory.without(*tags)


def _of_type(tags: tuple[int, ...], field_type: str) -> Change:
    def change(directory: Directory, _: Case) -> Directory:
        fields = [f for f in directory.fields if f.tag in tags]
        return directory.having(*(replace(field, field_type=field_type) for field in fields))

    return change


def _flaw(function: object) -> Change:
    return lambda directory, _: function([directory])[0]  # pyright: ignore[reportCallIssue]


def _long_index(directory: Directory, _: Case) -> Directory:
    """Byte counts have three values more than there are tiles."""
    (counts,) = (f for f in directory.fields if f.tag in COUNTS)
    return directory.having(replace(counts, values=[*counts.values, 7, 7, 7]))  # pyright: ignore[reportGeneralTypeIssues]


def _other_tags(directory: Directory, _: Case) -> Directory:
    """Tiles are found by the tags of strips, or strips by those of tiles."""
    other: dict[int, int] = dict(
        zip((*OFFSETS, *COUNTS), (*OFFSETS[::-1], *COUNTS[::-1]), strict=True)
    )
    fields = [replace(f, tag=other.get(f.tag, f.tag)) for f in directory.fields]
    return replace(directory, fields=sorted(fields, key=lambda field: field.tag))


def _short_index(case: Case, data: Pixels) -> Made:
    """The last tile is not in TileOffsets: it is not stored."""
    directory = flaws.short_index([make_directory(case, data)])[0]
    truth = data.copy()
    width, height = case.block if case.tiled else (data.shape[2], case.strip_rows)
    top, left = (data.shape[1] - 1) // height * height, (data.shape[2] - 1) // width * width
    truth[-1 if case.planar else slice(None), top:, left:] = 0
    return Made([directory], [truth])


def _chain(case: Case, data: Pixels) -> Made:
    """Overviews in the chain, a page that is none between them."""
    reduced = Field(Tag.NewSubfileType, "LONG", REDUCED)
    levels = [data, data[:, ::2, ::2], data[:, ::4, ::4]]
    made = [make_directory(case, level) for level in levels]
    page = make_directory(case, data[:, ::3, ::3])
    return Made([made[0], made[1].having(reduced), page, made[2].having(reduced)], list(levels))


def _sub_ifds(case: Case, data: Pixels) -> Made:
    levels = [data, data[:, ::2, ::2], data[:, ::4, ::4]]
    first, *others = (make_directory(case, level) for level in levels)
    others = [other.having(Field(Tag.NewSubfileType, "LONG", REDUCED)) for other in others]
    where = Field(Tag.SubIFDs, "OFFSET", Places.SUB_IFDS)
    return Made([replace(first.having(where), sub_ifds=others)], list(levels))


def _laid_out(layout: Layout) -> Trick:
    return lambda case, data: Made([make_directory(case, data)], [data], layout)


def _differing(tag: int, values: list[int]) -> Change:
    return _tag(tag, "SHORT", values)


CHANGES: Mapping[str, Change] = {
    "RowsPerStrip absent": _without(Tag.RowsPerStrip),
    "RowsPerStrip 2^32-1": _tag(Tag.RowsPerStrip, "LONG", 0xFFFFFFFF),
    "RowsPerStrip 0": _tag(Tag.RowsPerStrip, "LONG", 0),
    "byte counts absent": _without(*COUNTS),
    "index longer than needed": _long_index,
    "byte counts as SHORT": _of_type(COUNTS, "SHORT"),
    "offsets as SHORT": _of_type(OFFSETS, "SHORT"),
    "offsets as LONG8": _of_type(OFFSETS, "LONG8"),
    "offsets as LONG": _of_type(OFFSETS, "LONG"),
    "offsets as IFD": _of_type(OFFSETS, "IFD"),
    "byte counts as LONG8": _of_type(COUNTS, "LONG8"),
    "index under the other tags": _other_tags,
    "sizes as SHORT": _of_type((256, 257, 278, 322, 323), "SHORT"),
    "sizes as LONG8": _of_type((256, 257, 278, 322, 323), "LONG8"),
    "BitsPerSample as LONG": _of_type((Tag.BitsPerSample,), "LONG"),
    "one BitsPerSample for all": lambda d, case: d.having(Field(258, "SHORT", case.kind.bits)),
    "one SampleFormat for all": lambda d, case: d.having(Field(339, "SHORT", case.kind.code)),
    "Compression for each sample": lambda d, case: d.having(Field(259, "SHORT", [1] * case.bands)),
    "SampleFormat absent": _without(Tag.SampleFormat),
    "BitsPerSample absent": _without(Tag.BitsPerSample),
    "PhotometricInterpretation absent": _without(Tag.PhotometricInterpretation),
    "Compression absent": _without(Tag.Compression),
    "PlanarConfiguration absent": _without(Tag.PlanarConfiguration),
    "SamplesPerPixel absent": _without(Tag.SamplesPerPixel),
    "ExtraSamples absent": _without(Tag.ExtraSamples),
    "PlanarConfiguration 2, one band": _tag(Tag.PlanarConfiguration, "SHORT", 2),
    "tags unsorted": _flaw(flaws.unsorted_tags),
    "tag twice": _flaw(flaws.duplicate_tag),
    "tag of unknown type": _flaw(flaws.unknown_field_type),
    "first image says it is reduced": _tag(Tag.NewSubfileType, "LONG", 1),
    "first image says it is a page": _tag(Tag.NewSubfileType, "LONG", 2),
    "Predictor 2 ignored": _tag(Tag.Predictor, "SHORT", 2),
    "Predictor 3 ignored": _tag(Tag.Predictor, "SHORT", 3),
    "BitsPerSample differ": _differing(Tag.BitsPerSample, [8, 16, 8]),
    "SampleFormats differ": _differing(Tag.SampleFormat, [1, 2, 1]),
    **{f"Orientation {n}": _tag(Tag.Orientation, "SHORT", n) for n in range(2, 9)},
}

TRICKS: Mapping[str, Trick] = {
    **{name: changed(change) for name, change in CHANGES.items()},
    "index shorter than needed": _short_index,
    "overviews in the chain": _chain,
    "overviews in SubIFDs": _sub_ifds,
    "IFDs last": _laid_out(Layout("ifds-last")),
    "IFDs in reverse": _laid_out(Layout("reversed")),
    "values far away": _laid_out(Layout("values-apart")),
    "parts at odd positions": _laid_out(Layout(odd=True, gap=3)),
    "ghost area": _laid_out(Layout(ghost=True)),
}
