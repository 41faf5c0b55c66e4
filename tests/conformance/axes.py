"""The axes of the matrix and what goes together, for each of the two writers."""

from __future__ import annotations

from conformance.pairs import Axes, Rule
from conformance.samples import sample_of

PREDICTED = ("lzw", "deflate", "old-deflate", "zstd", "lzma")
"""Codecs with which the predictor counts."""

WHOLE = (
    *(f"{kind}{bits}" for kind in ("uint", "int") for bits in (8, 16, 32, 64)),
    *("float16", "float32", "float64", "complex64", "complex128"),
)
PACKED = tuple(f"uint{bits}" for bits in (1, 2, 3, 4, 5, 6, 7, *range(9, 16), 17, 20, 24, 27, 31))
COLOURS = ("minisblack", "miniswhite", "rgb", "palette", "cmyk", "cielab")

COMMON: Axes = {
    "predictor": (1, 2, 3),
    "planar": (False, True),
    "order": ("II", "MM"),
    "big": (False, True),
    "layout": ("tile16", "tile32", "tile48x16", "strip1", "strip7", "strip0"),
    "edge": (
        "ragged",
        "1x1",
        "one row",
        "one column",
        "smaller than a block",
        "exact multiple",
        "one more than a multiple",
    ),
    "bands": (1, 2, 3, 4, 5, 10),
    "photometric": COLOURS,
    "alpha": ("", "unassociated", "associated"),
    "nodata": (False, True),
    "overviews": (False, True),
}

GDAL_CODECS = (
    *("none", "packbits", "lzw", "deflate", "zstd", "lzma"),
    *("ccitt-rle", "ccitt-t4", "ccitt-t6", "lerc", "lerc-deflate", "lerc-zstd", "webp"),
)
GDAL: Axes = {
    "sample": (*WHOLE, "complexint32", *PACKED),
    "codec": GDAL_CODECS,
    **COMMON,
    "sparse": (False, True),
    "mask": (False, True),
}

TIFFFILE: Axes = {
    "sample": (*WHOLE, *PACKED),
    "codec": ("none", "packbits", *PREDICTED),
    **COMMON,
}


def _predictor(codec: str, predictor: int) -> bool:
    return predictor == 1 or codec in PREDICTED


def _predicted_sample(sample: str, predictor: int) -> bool:
    kind = sample_of(sample)
    if predictor == 3:
        return kind.kind == "float"
    return predictor == 1 or kind.bits in (8, 16, 32, 64)


def _predicted_by_tifffile(sample: str, predictor: int) -> bool:
    """Tifffile's predictors are bound to the kind; its complex ones are not libtiff's."""
    kinds = {1: ("uint", "int", "float", "complex"), 2: ("uint", "int"), 3: ("float",)}
    return sample_of(sample).kind in kinds[predictor]


def _lerc(sample: str, codec: str) -> bool:
    kind = sample_of(sample)
    whole = kind.bits in (8, 16, 32) or sample == "float64"
    return not codec.startswith("lerc") or (
        whole and kind.kind in ("uint", "int", "float") and sample != "float16"
    )


def _photometric_bands(photometric: str, bands: int) -> bool:
    least = {"rgb": 3, "cmyk": 4, "cielab": 3}.get(photometric, 1)
    return bands == 1 if photometric == "palette" else bands >= least


def _photometric_sample(photometric: str, sample: str) -> bool:
    kind = sample_of(sample)
    if photometric == "palette":
        return kind.kind == "uint" and (kind.bits <= 8 or kind.bits == 16)
    return photometric != "cielab" or (kind.kind in ("uint", "int") and kind.bits in (8, 16))


def _alpha(photometric: str, bands: int, alpha: str) -> bool:
    least = {"rgb": 4, "cmyk": 5, "cielab": 4, "palette": 99}.get(photometric, 2)
    return not alpha or bands >= least


RULES: tuple[Rule, ...] = (
    (("codec", "predictor"), _predictor),
    (("sample", "predictor"), _predicted_sample),
    (("photometric", "bands"), _photometric_bands),
    (("photometric", "sample"), _photometric_sample),
    (("photometric", "bands", "alpha"), _alpha),
    (("planar", "bands"), lambda planar, bands: bands > 1 or not planar),
)

SPARSE = (
    *(f"{kind}{bits}" for kind in ("uint", "int") for bits in (8, 16, 32)),
    "float32",
    "float64",
)
"""Samples of which GDAL leaves out empty tiles."""

GDAL_RULES: tuple[Rule, ...] = (
    *RULES,
    (("codec", "predictor"), lambda codec, p: codec != "lzma" or p == 1),  # GDAL does not know it
    (("sample", "codec"), lambda s, codec: not codec.startswith("ccitt") or s == "uint1"),
    (("codec", "bands"), lambda codec, bands: not codec.startswith("ccitt") or bands == 1),
    (("sample", "codec"), _lerc),
    (("sample", "codec"), lambda sample, codec: codec != "webp" or sample == "uint8"),
    (("codec", "bands"), lambda codec, bands: codec != "webp" or bands in (3, 4)),
    (("codec", "planar"), lambda codec, planar: codec != "webp" or not planar),
    (("edge", "overviews"), lambda edge, views: not views or edge != "1x1"),
    (
        ("photometric", "alpha"),
        lambda photometric, alpha: not alpha or photometric not in ("cmyk", "cielab"),
    ),
    (
        ("photometric", "overviews"),
        lambda photometric, overviews: not overviews or photometric not in ("cmyk", "cielab"),
    ),  # GDAL reads such overviews as RGBA only
    (("sample", "sparse"), lambda sample, sparse: not sparse or sample in SPARSE),
)

TIFFFILE_RULES: tuple[Rule, ...] = (
    *RULES,
    (("sample", "predictor"), _predicted_by_tifffile),
    (("sample", "codec"), lambda s, codec: codec == "none" or not sample_of(s).is_packed),
    (("photometric", "sample"), lambda p, s: p != "palette" or s in ("uint8", "uint16")),
    (("sample", "bands"), lambda s, bands: s != "uint1" or bands == 1),
    (("sample", "order"), lambda s, order: order == "II" or not sample_of(s).is_packed),
)
"""Tifffile packs samples of more than 8 bits in an MM file from swapped words: nobody's rule."""
