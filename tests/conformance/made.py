"""Whether a written file is what its case says: a writer that ignores an option proves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tifffile

from conformance.case import Case
from conformance.hand import CODECS, PHOTOMETRICS

CODES = {
    **{name: code for name, (code, _) in CODECS.items()},
    "ccitt-rle": 2,
    "ccitt-t4": 3,
    "ccitt-t6": 4,
    "jpeg": 7,
    "webp": 50001,
    "png": 34933,
    "lerc": 34887,
    "lerc-deflate": 34887,
    "lerc-zstd": 34887,
    "jpeg-dng": 34892,
    "jpeg2000": 34712,
    "jpeg2000-rgb": 33005,
    "jpeg2000-ycbcr": 33003,
    "jpegxl": 50002,
    "jpegxl-dng": 52546,
    "jpegxr": 34934,
    "jpegxr-ndpi": 22610,
}

ALPHAS = {"associated": 1, "unassociated": 2}


def check(case: Case, path: Path) -> None:
    """Fail if GDAL or tifffile wrote another file than it was told to."""
    if case.writer == "hand":
        return
    with tifffile.TiffFile(path) as tif:
        page: Any = tif.pages[0]
        order = {"<": "II", ">": "MM"}[tif.byteorder]
        facts = [("order", order, case.order), ("big", tif.is_bigtiff, case.big)]
        facts += [*_page_facts(case, page)]
    for name, found, wanted in facts:
        assert found == wanted, f"{case.name}: {name} is {found}, not {wanted}"


def _page_facts(case: Case, page: Any) -> Iterator[tuple[str, Any, Any]]:
    yield "bands", page.samplesperpixel, case.bands
    yield "codec", int(page.compression), CODES[case.codec]
    yield "predictor", int(page.predictor), case.predictor
    yield "planar", int(page.planarconfig or 1) == 2, case.planar
    yield "tiled", page.is_tiled, case.tiled
    yield "bits", page.bitspersample, case.kind.bits
    yield "format", page.sampleformat, case.kind.code
    if case.tiled:
        yield "tile", (page.tilewidth, page.tilelength), case.block
    elif case.writer == "gdal":
        yield "rows", min(page.rowsperstrip, page.imagelength), min(case.strip_rows, case.size[1])
    if case.codec != "jpeg" or case.writer == "gdal":
        yield "photometric", int(page.photometric), PHOTOMETRICS[case.photometric]
    if case.alpha in ALPHAS:
        yield "alpha", ALPHAS[case.alpha] in page.extrasamples, True
    if case.has("sparse"):
        yield "sparse", 0 in page.databytecounts, True
    yield "size", (page.imagewidth, page.imagelength), case.size
