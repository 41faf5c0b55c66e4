"""Cases made by hand: what neither GDAL nor tifffile writes, or not in every combination."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

from conformance.case import Case
from conformance.tricks_colour import SUBSAMPLINGS
from conformance.tricks_tags import CHANGES

ORDERS = ("II", "MM")
BOTH = (False, True)
STREAMS = ("none", "packbits", "lzw", "old-lzw", "deflate", "zstd", "lzma")


def hand_cases() -> Iterator[Case]:
    """All of them."""
    for make in (
        _samples,
        _predicted,
        _codecs,
        _blocks,
        _tags,
        _index,
        _data,
        _colour,
        _pictures,
        _bilevel,
    ):
        yield from make()


def _hand(detail: str = "", **features: Any) -> Case:
    return Case("hand", detail=detail, **features)


def _samples() -> Iterator[Case]:
    """Every width of unsigned integers, and the kinds of samples that no writer makes."""
    widths = (*range(1, 8), *range(9, 16), *range(17, 25), 27, 30, 31)
    for bits, order, planar in product(widths, ORDERS, BOTH):
        layout = ("tile16", "strip7")[bits % 2]
        basic: dict[str, Any] = {"sample": f"uint{bits}", "order": order, "planar": planar}
        for codec in ("none", "deflate"):
            yield _hand(codec=codec, bands=3, layout=layout, **basic)
    for bits in widths:
        yield _hand(sample=f"uint{bits}", edge="one more than a multiple", codec="lzw")
    rare = ("complexint32", "complexint64", "complex32", "float24", "void8", "void16", "void32")
    for sample, order, planar, codec in product(rare, ORDERS, BOTH, ("none", "zstd")):
        yield _hand(sample=sample, order=order, planar=planar, codec=codec, bands=2)
    for bits, order in product((1, 2, 4, 7, 12, 24), ORDERS):
        yield _hand(sample=f"int{bits}", order=order)
    for sample in ("uint40", "uint48", "float8", "void64", "void12"):
        yield _hand(sample=sample)


def _predicted() -> Iterator[Case]:
    """Both predictors with every sample that libtiff allows them for, in both byte orders."""
    floats = ("float16", "float24", "float32", "float64")
    words = ("uint8", "int16", "uint32", "int64", "complexint64", *floats[::2], "complex64")
    for codec, order, planar, layout in product(
        ("lzw", "zstd", "early-zstd", "old-deflate", "lzma"), ORDERS, BOTH, ("tile32", "strip7")
    ):
        basic: dict[str, Any] = {"codec": codec, "order": order, "planar": planar, "bands": 2}
        for sample in floats:
            yield _hand(sample=sample, predictor=3, layout=layout, **basic)
        for sample in words:
            bits = int("".join(c for c in sample if c.isdigit()))
            if bits <= 64:
                yield _hand(sample=sample, predictor=2, layout=layout, **basic)
    for sample, predictor in product(("uint4", "uint12", "uint24"), (2,)):
        yield _hand(sample=sample, predictor=predictor, codec="deflate")
    yield _hand(sample="uint16", predictor=3, codec="deflate")


def _codecs() -> Iterator[Case]:
    """The old bit order of LZW and the early codes, with samples that fill many tables."""
    for codec, sample, order in product(
        ("old-lzw", "lzw", "early-zstd", "old-deflate"), ("uint8", "uint16", "uint12"), ORDERS
    ):
        for edge in ("ragged", "large"):
            size: dict[str, Any] = {"edge": edge, "layout": "tile128"} if edge == "large" else {}
            yield _hand(codec=codec, sample=sample, order=order, **size)


def _blocks() -> Iterator[Case]:
    """Tiles larger than the image, or of odd sizes."""
    for layout, edge, order, planar in product(
        ("tile100", "tile10x6", "tile256", "tile3", "tile64x16", "tile1"),
        ("smaller than a block", "ragged", "1x1", "one row", "one column"),
        ORDERS,
        BOTH,
    ):
        sample = "uint16" if layout != "tile3" else "uint5"
        if layout != "tile1" or edge == "1x1":
            yield _hand(
                layout=layout, edge=edge, order=order, planar=planar, bands=2, sample=sample
            )


def _tags() -> Iterator[Case]:
    """Every change of tags, where it is right."""
    special: dict[str, dict[str, Any]] = {
        "BitsPerSample absent": {"sample": "uint1"},
        "RowsPerStrip absent": {"layout": "strip0"},
        "RowsPerStrip 2^32-1": {"layout": "strip0"},
        "RowsPerStrip 0": {"layout": "strip0"},
        "offsets as LONG8": {"big": True},
        "sizes as LONG8": {"big": True},
        "byte counts as LONG8": {"big": True},
        "PlanarConfiguration absent": {"bands": 3},
        "one BitsPerSample for all": {"bands": 3},
        "one SampleFormat for all": {"bands": 3, "sample": "int16"},
        "Compression for each sample": {"bands": 3},
        "ExtraSamples absent": {"bands": 5, "photometric": "rgb"},
        "BitsPerSample differ": {"bands": 3},
        "SampleFormats differ": {"bands": 3},
    }
    for detail, order in product(CHANGES, ORDERS):
        if "byte counts absent" not in detail and "Predictor" not in detail:
            yield _hand(detail, order=order, **{"sample": "uint8", **special.get(detail, {})})
    for detail in ("offsets as LONG8", "sizes as LONG8", "byte counts as LONG8"):
        yield _hand(detail)
    for detail, codec, order in product(
        ("Predictor 2 ignored", "Predictor 3 ignored"), ("none", "packbits"), ORDERS
    ):
        yield _hand(detail, codec=codec, order=order, sample="float32", bands=3)
    layouts = ("IFDs last", "IFDs in reverse", "values far away", "parts at odd positions")
    for detail, big, order in product((*layouts, "ghost area"), BOTH, ORDERS):
        yield _hand(detail, big=big, order=order, sample="uint16", codec="deflate")
    for detail, big, order in product(
        ("overviews in the chain", "overviews in SubIFDs"), BOTH, ORDERS
    ):
        yield _hand(detail, big=big, order=order, words=("overviews",), codec="lzw")
    for photometric in ("mask", "icclab", "itulab", "linear raw"):
        bands = 1 if photometric == "mask" else 3
        yield _hand(photometric=photometric, bands=bands)


def _index() -> Iterator[Case]:
    for detail, layout, planar, big in product(
        ("index shorter than needed", "index longer than needed", "index under the other tags"),
        ("tile16", "strip7"),
        BOTH,
        BOTH,
    ):
        yield _hand(detail, layout=layout, planar=planar, big=big, bands=2, codec="deflate")
    for layout, codec, planar in product(("tile16", "strip7", "strip0"), ("none", "zstd"), BOTH):
        bands = 2 if planar else 1
        for sample in ("uint8", "uint12"):
            basic: dict[str, Any] = {"layout": layout, "codec": codec, "sample": sample}
            yield _hand("byte counts absent", planar=planar, bands=bands, **basic)
    holes = ("neither offset nor byte count", "no byte count", "no offset")
    for hole, layout, words, planar in product(
        holes, ("tile16", "strip7"), ((), ("nodata",)), BOTH
    ):
        basic = {"layout": layout, "words": words, "planar": planar, "bands": 2}
        for sample in ("int16", "uint4", "uint12"):
            yield _hand(f"sparse: {hole}", codec="lzw", sample=sample, **basic)
    yield _hand("sparse: no byte count", layout="strip0", codec="none")
    yield _hand("sparse: no byte count", layout="strip0", codec="deflate")


def _data() -> Iterator[Case]:
    for detail, codec, (sample, bands) in product(
        ("FillOrder 2", "junk behind each tile", "tiles hold too many bytes", "tiles cut short"),
        STREAMS,
        (("uint8", 1), ("uint1", 1), ("uint4", 3), ("uint12", 1), ("uint16", 2)),
    ):
        yield _hand(detail, codec=codec, sample=sample, bands=bands)
        if detail == "FillOrder 2":
            basic: dict[str, Any] = {"sample": sample, "order": "MM", "layout": "strip7"}
            yield _hand(detail, codec=codec, bands=bands, **basic)
    for detail, codec, planar in product(
        ("bottom tiles end with the image", "last strip is full"), STREAMS, BOTH
    ):
        layout = "strip7" if "strip" in detail else "tile16"
        yield _hand(detail, codec=codec, layout=layout, planar=planar, bands=2, sample="uint16")
    streams = {
        "lzw": ("LZW without end code",),
        "deflate": (
            *("Deflate without checksum", "Deflate, stored", "Deflate, small window"),
            *("Deflate, flushed", "Deflate without zlib's header"),
        ),
        "zstd": ("ZSTD, two frames", "ZSTD, no content size"),
        "packbits": ("PackBits with no-ops",),
    }
    for codec, details in streams.items():
        for detail, sample, layout in product(details, ("uint8", "uint16"), ("tile16", "strip7")):
            yield _hand(detail, codec=codec, sample=sample, layout=layout)


def _colour() -> Iterator[Case]:
    """YCbCr in units, where a strip holds whole ones; and in planes."""
    basic: dict[str, Any] = {"photometric": "ycbcr", "bands": 3, "words": ("smooth", "rounded")}
    for (across, down), tags in product(SUBSAMPLINGS, BOTH):
        detail = f"YCbCr {across}x{down} without JPEG{', with tags' * tags}"
        for layout, edge in product(
            ("tile16", "strip8", "strip0"), ("ragged", "exact multiple", "one more than a multiple")
        ):
            yield _hand(detail, layout=layout, edge=edge, **basic)
        for codec in ("lzw", "deflate", "packbits"):
            yield _hand(detail, layout="tile32", codec=codec, **basic)
    basic["words"] = ("smooth",)
    for layout in ("tile16", "strip8"):
        yield _hand("", planar=True, layout=layout, **basic)


def _pictures() -> Iterator[Case]:
    layouts = ("tile16", "strip16", "strip0")
    kinds: Iterable[tuple[str, dict[str, Any]]] = (
        ("JPEG, last strip is full", {"bands": 1}),
        ("JPEG, RGB with Adobe marker", {"bands": 3, "photometric": "rgb"}),
        ("JPEG, YCbCr with JFIF marker", {"bands": 3, "photometric": "ycbcr"}),
        ("JPEG, YCbCr with JFIF marker", {"bands": 3, "photometric": "rgb"}),
        ("JPEG, YCbCr 4:4:4 with JFIF marker", {"bands": 3, "photometric": "rgb"}),
        ("JPEG, CMYK with Adobe marker", {"bands": 4, "photometric": "cmyk"}),
    )
    for (detail, kind), layout, order in product(kinds, layouts, ORDERS):
        yield _hand(detail, codec="jpeg", layout=layout, order=order, lossy=True, **kind)
    old: dict[str, Any] = {"codec": "old-jpeg", "photometric": "ycbcr", "lossy": True, "bands": 3}
    yield _hand("JPEG, compression 6", layout="strip0", **old)
    yield _hand("JPEG, compression 6", layout="strip16", **old)
    codecs = {"LERC": "lerc", "JPEG 2000": "jpeg2000", "WebP": "webp", "PNG": "png"}
    ends = (", FillOrder 2", ", FillOrder 2, bits turned", ", Predictor 2 ignored")
    for (name, codec), end in product(codecs.items(), ends):
        yield _hand(f"{name}{end}", codec=codec, bands=3, photometric="rgb", layout="tile32")


def _bilevel() -> Iterator[Case]:
    """CCITT, and other codecs of old scanners."""
    layouts = ("tile16", "strip16", "strip0")
    ccitt = {"T.4": "ccitt-t4", "T.6": "ccitt-t6", "RLE": "ccitt-rle"}
    for name, codec in ccitt.items():
        for layout, order in product(layouts, ORDERS):
            basic: dict[str, Any] = {"sample": "uint1", "layout": layout, "order": order}
            yield _hand(f"CCITT {name}, FillOrder 2", codec=codec, **basic)
    for end, layout, photometric in product(
        (
            *("fill before line ends", "line ends on whole bytes", "two-dimensional"),
            *("two-dimensional, fill", "two-dimensional, whole bytes"),
        ),
        layouts,
        ("minisblack", "miniswhite"),
    ):
        basic = {"sample": "uint1", "layout": layout, "photometric": photometric}
        yield _hand(f"T.4, {end}", codec="ccitt-t4", **basic)
    for layout, order in product(layouts, ORDERS):
        basic = {"layout": layout, "order": order}
        yield _hand("RLE, rows on two bytes", codec="ccitt-rle-word", sample="uint1", **basic)
        yield _hand("NeXT", codec="next", sample="uint2", **basic)
        yield _hand("ThunderScan", codec="thunderscan", sample="uint4", **basic)
        yield _hand("SGILog", codec="sgilog", sample="int16", **basic)
