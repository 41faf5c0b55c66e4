"""Cases of the codecs that hold whole pictures: which of their variants GDAL and tifffile write."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from conformance.case import Case

ORDERS = ("II", "MM")
LAYOUTS = ("tile16", "tile32", "strip8", "strip0")


def picture_cases() -> Iterator[Case]:
    """All of them."""
    for make in (
        *(_gdal_jpeg, _tifffile_jpeg, _tifffile_jpeg_exact, _webp, _lerc, _lerc_holes),
        *(_tifffile_lerc, _jpeg2000, _jpegxl, _jpegxr, _png, _cog),
    ):
        yield from make()


def _gdal_jpeg() -> Iterator[Case]:
    kinds: tuple[dict[str, Any], ...] = (
        {},
        {"photometric": "miniswhite"},
        {"bands": 2},
        {"bands": 2, "alpha": "unassociated"},
        {"bands": 3},
        {"bands": 3, "photometric": "rgb"},
        {"bands": 3, "photometric": "ycbcr"},
        {"bands": 4, "photometric": "rgb", "alpha": "unassociated"},
        {"bands": 4, "photometric": "cmyk"},
        {"bands": 4},
        {"bands": 3, "planar": True},
        {"bands": 3, "photometric": "rgb", "planar": True},
        {"bands": 5, "planar": True},
    )
    tables = ("JPEGTABLESMODE=0", "JPEGTABLESMODE=1", "JPEGTABLESMODE=2", "JPEGTABLESMODE=3")
    for i, (kind, layout, order) in enumerate(product(kinds, LAYOUTS, ORDERS)):
        if kind.get("photometric") == "ycbcr" and layout == "strip8":
            layout = "strip16"  # noqa: PLW2901 - strips hold whole units of chroma
        for detail in (tables[i % 4], f"JPEG_QUALITY={(90, 100)[i % 2]}"):
            yield Case(
                "gdal", "jpeg", order=order, layout=layout, lossy=True, detail=detail, **kind
            )
    for edge in ("1x1", "one row", "one column", "smaller than a block", "exact multiple"):
        for kind in (kinds[0], kinds[5], kinds[6]):
            yield Case("gdal", "jpeg", edge=edge, lossy=True, detail="JPEG_QUALITY=90", **kind)
            yield Case("gdal", "jpeg", edge=edge, lossy=True, layout="strip16", **kind)


def _tifffile_jpeg() -> Iterator[Case]:
    samplings = ("1x1", "2x1", "2x2", "4x1")
    for sampling, layout, edge in product(samplings, LAYOUTS, ("ragged", "exact multiple")):
        detail = f"level=90 subsampling={sampling}"
        if sampling == "4x1" and layout == "tile16":
            continue
        yield Case(
            "tifffile",
            "jpeg",
            bands=3,
            layout=layout,
            edge=edge,
            photometric="ycbcr",
            lossy=True,
            detail=detail,
        )
    for bands, layout, order in product((1, 3, 4), LAYOUTS, ORDERS):
        kind = {1: "minisblack", 3: "rgb", 4: "cmyk"}[bands]
        for planar in (False, True)[: 1 + (bands > 1)]:
            basic: dict[str, Any] = {"layout": layout, "order": order, "lossy": True}
            basic |= {"bands": bands, "photometric": kind, "planar": planar}
            yield Case("tifffile", "jpeg", detail="level=92 subsampling=1x1", **basic)
            yield Case("tifffile", "jpeg-dng", detail="level=92 subsampling=1x1", **basic)
            if order == "II":  # tifffile cannot write the other
                detail = "level=92 bitspersample=12"
                yield Case("tifffile", "jpeg", "uint12", detail=detail, **basic)


def _tifffile_jpeg_exact() -> Iterator[Case]:
    """Lossless JPEG (SOF3)."""
    for sample, bands, layout in product(
        ("uint8", "uint16", "uint12", "uint10"), (1, 3), ("tile16", "strip8", "strip0")
    ):
        bits = int(sample.removeprefix("uint"))
        kind = "rgb" if bands == 3 else "minisblack"
        detail = f"lossless=True bitspersample={bits}"
        basic: dict[str, Any] = {"bands": bands, "layout": layout, "photometric": kind}
        yield Case("tifffile", "jpeg", sample, detail=detail, **basic)
        if bands == 3:
            detail += " outcolorspace=RGB"
            yield Case("tifffile", "jpeg", sample, detail=detail, **basic)


def _webp() -> Iterator[Case]:
    for bands, layout, order, lossy in product((3, 4), LAYOUTS, ORDERS, (False, True)):
        basic: dict[str, Any] = {"photometric": "rgb", "layout": layout, "order": order}
        alphas = ("", "unassociated") if bands == 4 else ("",)
        for alpha in alphas:
            yield Case("gdal", "webp", bands=bands, alpha=alpha, lossy=lossy, **basic)
        if bands == 4:
            words = ("opaque",)
            yield Case(
                "gdal", "webp", bands=4, alpha="unassociated", words=words, lossy=lossy, **basic
            )
        detail = "level=90" if lossy else "lossless=True"
        yield Case("tifffile", "webp", bands=bands, lossy=lossy, detail=detail, **basic)


LERC_SAMPLES = (*("uint8", "int8", "uint16", "int16", "uint32", "int32"), "float32", "float64")
LERC_CODECS = ("lerc", "lerc-deflate", "lerc-zstd")


def _lerc() -> Iterator[Case]:
    for i, (codec, sample, bands, planar, order) in enumerate(
        product(LERC_CODECS, LERC_SAMPLES, (1, 3), (False, True), ORDERS)
    ):
        if bands > 1 or not planar:
            basic: dict[str, Any] = {"bands": bands, "planar": planar, "order": order}
            yield Case("gdal", codec, sample, layout=LAYOUTS[i % 4], **basic)
    for codec, sample, bands in product(LERC_CODECS, ("float32", "float64", "uint16"), (1, 3)):
        error = "0.001" if sample.startswith("float") else "20"
        yield Case("gdal", codec, sample, bands=bands, detail=f"MAX_Z_ERROR={error}", lossy=True)


def _lerc_holes() -> Iterator[Case]:
    for codec, sample, bands, layout in product(
        LERC_CODECS, ("float32", "float64"), (1, 2, 3), ("tile16", "strip8")
    ):
        for planar, word in product((False, True)[: 1 + (bands > 1)], ("nan", "nan everywhere")):
            basic: dict[str, Any] = {"bands": bands, "planar": planar, "layout": layout}
            yield Case("gdal", codec, sample, words=(word,), **basic)
    for codec, bands, layout in product(LERC_CODECS, (2, 4), ("tile16", "strip8")):
        kind = "rgb" if bands == 4 else "minisblack"
        for word in ("hard alpha", "opaque"):
            basic = {"bands": bands, "photometric": kind, "layout": layout, "words": (word,)}
            yield Case("gdal", codec, alpha="unassociated", **basic)
            yield Case("gdal", codec, alpha="unassociated", planar=True, **basic)


def _tifffile_lerc() -> Iterator[Case]:
    for codec, sample, bands, order in product(LERC_CODECS, LERC_SAMPLES, (1, 3), ORDERS):
        if order == "MM" and not sample.endswith("int8"):
            continue  # tifffile cannot write it
        for planar in (False, True)[: 1 + (bands > 1)]:
            yield Case("tifffile", codec, sample, bands, planar=planar, order=order)


def _jpeg2000() -> Iterator[Case]:
    for codec, sample, bands, layout in product(
        ("jpeg2000", "jpeg2000-rgb", "jpeg2000-ycbcr"),
        ("uint8", "uint16", "uint12", "int8", "int16"),
        (1, 3, 4),
        ("tile32", "strip0"),
    ):
        if bands == 1 and codec != "jpeg2000":
            continue
        kind = {1: "minisblack", 3: "rgb", 4: "rgb"}[bands]
        depth = f" bitspersample={sample.lstrip('uint')}" if sample == "uint12" else ""
        basic: dict[str, Any] = {"bands": bands, "layout": layout, "photometric": kind}
        yield Case("tifffile", codec, sample, detail=f"reversible=True{depth}", **basic)
        if sample in ("uint8", "uint16"):
            yield Case("tifffile", codec, sample, detail="level=45", lossy=True, **basic)


def _jpegxl() -> Iterator[Case]:
    for codec, sample, bands, layout in product(
        ("jpegxl", "jpegxl-dng"),
        ("uint8", "uint16", "uint12", "float16", "float32"),
        (1, 2, 3, 4, 5),
        ("tile32", "strip0"),
    ):
        kind = "rgb" if bands in (3, 4) else "minisblack"
        depth = f" bitspersample={sample.lstrip('uint')}" if sample == "uint12" else ""
        basic: dict[str, Any] = {"bands": bands, "layout": layout, "photometric": kind}
        words = ("smooth",) if sample == "float16" else ()  # subnormal ones are not kept
        yield Case("tifffile", codec, sample, words=words, detail=f"lossless=True{depth}", **basic)
        if sample == "uint8" and bands in (1, 3):
            yield Case("tifffile", codec, sample, detail="level=95", lossy=True, **basic)
            yield Case("tifffile", codec, sample, detail="lossless=True", planar=bands > 1, **basic)


def _jpegxr() -> Iterator[Case]:
    for codec, sample, bands, layout in product(
        ("jpegxr", "jpegxr-ndpi"),
        ("uint8", "uint16", "float16", "float32"),
        (1, 3, 4),
        ("tile32", "strip0"),
    ):
        kind = "minisblack" if bands == 1 else "rgb"
        lossy = sample == "float32"
        yield Case("tifffile", codec, sample, bands, layout=layout, photometric=kind, lossy=lossy)


def _png() -> Iterator[Case]:
    for sample, bands, layout, order in product(
        ("uint8", "uint16"), (1, 2, 3, 4), ("tile32", "strip0", "strip7"), ORDERS
    ):
        if sample == "uint16" and order == "MM":
            continue  # tifffile cannot write it
        kind = "rgb" if bands > 2 else "minisblack"
        basic: dict[str, Any] = {"layout": layout, "order": order, "photometric": kind}
        yield Case("tifffile", "png", sample, bands, **basic)


WITHOUT_COG = (("webp", 1), ("jpeg", 4))
"""What the COG driver does not write: it makes a mask of a JPEG's alpha."""


def _cog() -> Iterator[Case]:
    """GDAL's COG driver: overviews, masks between tiles, the ghost area."""
    codecs = (*("none", "lzw", "deflate", "zstd", "lzma", "lerc", "jpeg", "webp"),)
    for codec, sample, bands, big in product(
        codecs, ("uint8", "uint16", "float32"), (1, 3, 4), (False, True)
    ):
        if codec in ("jpeg", "webp") and (sample != "uint8" or (codec, bands) in WITHOUT_COG):
            continue
        kind = "rgb" if bands > 2 and sample == "uint8" else "minisblack"
        basic: dict[str, Any] = {"bands": bands, "big": big, "photometric": kind}
        basic |= {"layout": "tile128", "edge": "large"}
        basic["lossy"] = codec in ("jpeg", "webp")
        if bands == 4 and kind == "rgb":
            basic["alpha"] = "unassociated"
        words = ("smooth", "overviews", *(("mask",) if bands != 4 else ()))
        predictors = (1, 3 if sample == "float32" else 2) if codec in ("lzw", "zstd") else (1,)
        for predictor in predictors:
            basic["predictor"] = predictor
            yield Case("cog", codec, sample, words=words, detail="BLOCKSIZE=128", **basic)
