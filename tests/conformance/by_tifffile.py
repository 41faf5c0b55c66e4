"""Write a case with tifffile and imagecodecs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from conformance.case import Case
from conformance.pixels import Pixels, make_pixels, nodata_of

CODECS = {
    "none": None,
    "deflate": "zlib",
    "old-deflate": "deflate",
    "jpeg2000": "jpeg2000",
    "jpeg2000-rgb": "aperio_jp2000_rgb",
    "jpeg2000-ycbcr": "aperio_jp2000_ycbc",
    "jpegxl": "jpegxl",
    "jpegxl-dng": "jpegxl_dng",
    "jpegxr": "jpegxr",
    "jpegxr-ndpi": "jpegxr_ndpi",
    "jpeg-dng": "jpeg_lossy",
    "pixarlog": "pixarlog",
    "lerc-deflate": "lerc",
    "lerc-zstd": "lerc",
}
"""Tifffile's names of codecs, where they are not ours."""

PHOTOMETRICS = {"cmyk": "separated", "ycbcr": "rgb"}
"""Tifffile's names of photometrics; it makes YCbCr of RGB for JPEG."""

ALPHAS = {"unassociated": 2, "associated": 1}


def write(case: Case, path: Path) -> list[Pixels | None]:
    """Write the file; give back the pixels of each level."""
    data = make_pixels(case)
    options = options_of(case)
    levels = [data, data[:, ::2, ::2]] if case.has("overviews") else [data]
    head: dict[str, Any] = {"bigtiff": case.big, "byteorder": "<" if case.order == "II" else ">"}
    with tifffile.TiffWriter(path, **head) as target:
        for i, level in enumerate(levels):
            extra: dict[str, Any] = {"subifds": len(levels) - 1} if i == 0 else {"subfiletype": 1}
            target.write(_shaped(case, level), **extra, **options)
    return list(levels)


def _shaped(case: Case, data: Pixels) -> Pixels:
    if case.sample == "uint1":
        data = data.astype(bool)
    if case.bands == 1:
        return data[0]
    return data if case.planar else np.moveaxis(data, 0, -1)


def options_of(case: Case) -> dict[str, Any]:
    """Arguments of `TiffWriter.write`."""
    options: dict[str, Any] = {
        "metadata": None,
        "compression": CODECS.get(case.codec, case.codec),
        "photometric": PHOTOMETRICS.get(case.photometric, case.photometric),
        "compressionargs": _arguments(case),
    }
    if found := re.search(r"subsampling=(\d)x(\d)", case.detail):
        options["subsampling"] = (int(found[1]), int(found[2]))
    if case.predictor > 1:
        options["predictor"] = case.predictor
    if case.bands > 1:
        options["planarconfig"] = "separate" if case.planar else "contig"
        options |= _extra_samples(case)
    if case.tiled:
        options["tile"] = case.block[::-1]
    else:
        options["rowsperstrip"] = case.strip_rows
    if case.kind.is_packed and case.kind.bits > 1:
        options["bitspersample"] = case.kind.bits
    if case.photometric == "palette":
        options["colormap"] = np.arange(3 << case.kind.bits, dtype=np.uint16).reshape(3, -1)
    if (nodata := nodata_of(case)) is not None:
        text = str(nodata)
        options["extratags"] = [(42113, 2, len(text) + 1, text, True)]
    return options


def _extra_samples(case: Case) -> dict[str, Any]:
    colours = {"rgb": 3, "cmyk": 4, "cielab": 3, "ycbcr": 3}.get(case.photometric, 1)
    extra = [0] * (case.bands - colours)
    if extra and case.alpha:
        extra[-1] = ALPHAS[case.alpha]
    return {"extrasamples": extra} if extra else {}


def _arguments(case: Case) -> dict[str, Any]:
    """Arguments of the codec, from words such as `level=90` and `lossless=True`."""
    arguments: dict[str, Any] = {}
    for word in case.detail.split():
        name, _, value = word.partition("=")
        if value in ("True", "False"):
            arguments[name] = value == "True"
        elif name != "subsampling":
            arguments[name] = int(value) if value.lstrip("-").isdigit() else value
    if case.codec in ("lerc-deflate", "lerc-zstd"):
        arguments["compression"] = case.codec.removeprefix("lerc-")
    if case.codec in ("jpegxl", "jpegxl-dng") and case.sample == "float32":
        # libjxl 0.12 fails on some tiles of large floats at its default effort, 7; 0.11 did not
        arguments["effort"] = 8
    return arguments
