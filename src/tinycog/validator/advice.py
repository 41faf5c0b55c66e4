"""Commands that mend what breaks a rule: of `tinycog cogify`, and of GDAL's COG driver.

They write another file, and change no pixel of level 0: the compression is lossless, overviews are
made anew by the nearest pixel, which is right for classes and palettes, too. None is given where
it would do harm, or cannot mend; `tests/advised` runs all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from shlex import join
from typing import NamedTuple

from tinycog.tiff.roles import Role
from tinycog.tiff.spec import ALPHA, Photometric, SampleFormat, Tag
from tinycog.validator import gdal_view
from tinycog.validator.facts import JudgedFile
from tinycog.validator.profiles import RULES

BYTE_BITS = 8

PREDICTED_BITS = (8, 16, 32, 64)
"""Bits of samples that the predictors of all readers know."""

WHOLE_BITS = (*PREDICTED_BITS, 128)
"""Bits of samples that numpy has types for."""

WRITTEN_COLOURS = (
    Photometric.MIN_IS_BLACK,
    Photometric.RGB,
    Photometric.PALETTE,
    Photometric.YCBCR,
)
"""What samples may mean so that the written file means the same."""

LARGE = 512
"""A side up to which rio-cogeo asks for neither tiles nor overviews."""

SIDES = (512, 256, 128, 1024)
"""Sides of tiles to choose from, the best first."""

FOLDERS = {
    "http://": "/vsicurl/http://",
    "https://": "/vsicurl/https://",
    "s3://": "/vsis3/",
    "gs://": "/vsigs/",
}
"""What GDAL calls urls."""

OTHER_PAGES: tuple[Role, ...] = ("page", "thumbnail", "label", "macro", "unreadable")
"""Roles of images that a COG has no place for: they would be lost."""


class Mend(NamedTuple):
    """What mends a rule: options of both tools; None where one cannot.

    Attributes:
        cogify: of `tinycog cogify`.
        gdal: of `gdal_translate`, besides those of every command.
        codec: the compression that GDAL is told.
    """

    cogify: tuple[str, ...] | None = ()
    gdal: tuple[str, ...] | None = ()
    codec: str = "DEFLATE"


def commands(rule: str, facts: JudgedFile, name: str) -> tuple[str, ...]:
    """Return the commands that mend a rule, for a shell: none where there is no such.

    Args:
        rule: its id.
        facts: the file that breaks it.
        name: of the file, as it may be shown.
    """
    mend = MENDS.get(rule, _rewrite)(facts) if rule in RULES else None  # of a caller: who knows
    if mend is None or _has_other_pages(facts):
        return ()
    source, target = _names(name)
    found: list[str] = []
    if mend.cogify is not None and facts.main.photometric in WRITTEN_COLOURS:
        found.append(join(["tinycog", "cogify", source, target, *mend.cogify, *_bits(facts)]))
    opened = _gdal_name(source)
    if mend.gdal is not None and opened is not None and _is_kept_by_gdal(facts):
        words = ["gdal_translate", "-of", "COG", "-co", f"COMPRESS={mend.codec}", *GDAL, *mend.gdal]
        found.append(join([*words, opened, target]))
    return tuple(found)


GDAL = ("-co", "OVERVIEWS=IGNORE_EXISTING", "-co", "OVERVIEW_RESAMPLING=NEAREST")
"""Options of every command of GDAL: its own choice is cubic, which mixes classes."""


def _names(name: str) -> tuple[str, str]:
    """Return what is read, and what is written: beside it, or here if it is a url."""
    if name.startswith("<"):  # bytes, or an open file
        return "image.tif", "image-cog.tif"
    base = name.partition("?")[0] if "://" in name else name
    stem = re.sub(r"\.[A-Za-z0-9]+$", "", base)
    return name, (stem.rpartition("/")[2] if "://" in name else stem) + "-cog.tif"


def _gdal_name(name: str) -> str | None:
    """Return what GDAL calls a file; None if it cannot read it."""
    for scheme, folder in FOLDERS.items():
        if name.startswith(scheme):
            return folder + name.removeprefix(scheme)
    return None if "://" in name else name


def _has_other_pages(facts: JudgedFile) -> bool:
    main = facts.main.ifd.offset
    roles = {place.role for place in facts.pyramid.places if place.ifd.offset != main}
    return not roles.isdisjoint(OTHER_PAGES)


def _bits(facts: JudgedFile) -> tuple[str, ...]:
    """Return what keeps samples of odd length as they are."""
    bits = facts.main.bits_per_sample[0]
    return () if bits in WHOLE_BITS else ("--bits", f"{bits}")


def _is_kept_by_gdal(facts: JudgedFile) -> bool:
    """Return whether all versions of GDAL keep the pixels: before 3.7, no signed bytes."""
    image = facts.main
    is_int8 = image.bits_per_sample[0] == BYTE_BITS and image.sample_formats[0] == SampleFormat.INT
    has_colours = image.photometric in (*WRITTEN_COLOURS, Photometric.MIN_IS_WHITE)
    return has_colours and not is_int8 and not any(gdal_view.opened(facts))


# --- what mends a rule ---------------------------------------------------------------------------


def _rewrite(_: JudgedFile) -> Mend:
    return Mend()


def _by_hand(_: JudgedFile) -> None:
    return None


def _with(*cogify: str, gdal: tuple[str, ...] = (), codec: str = "DEFLATE") -> Mender:
    mend = Mend(cogify, tuple(word for option in gdal for word in ("-co", option)), codec)
    return lambda _: mend


def _blocks(side: int) -> Mend:
    return Mend(("--blocksize", f"{side}"), ("-co", f"BLOCKSIZE={side}"))


def _without_narrow_levels(facts: JudgedFile) -> Mend | None:
    """Choose tiles with which rio-cogeo takes no level for untiled: none exactly one tile wide."""
    sides = (side for side in SIDES if not _has_narrow_level(facts.main.size, side))
    side = next(sides, None)
    return None if side is None else _blocks(side)


def _has_narrow_level(size: tuple[int, int], side: int) -> bool:
    """Return whether a level is exactly one tile wide, by either way of rounding its size."""
    return any(
        width == side and max(width, height) > LARGE
        for up in (0, 1)
        for width, height in _levels(size, side, up)
    )


def _levels(size: tuple[int, int], side: int, up: int) -> list[tuple[int, int]]:
    found = [size]
    while max(found[-1]) > side:
        width, height = found[-1]
        found.append((max(1, (width + up) // 2), max(1, (height + up) // 2)))
    return found


def _predictor(facts: JudgedFile) -> Mend | None:
    """Choose a predictor that the samples can have."""
    image = facts.main
    formats, bits = set(image.sample_formats), set(image.bits_per_sample)
    if len(formats) > 1 or len(bits) > 1 or not bits <= set(PREDICTED_BITS):
        return None
    if formats == {SampleFormat.FLOAT}:
        return _of_predictor(3) if bits & {32, 64} else None
    return _of_predictor(2) if formats <= {SampleFormat.UINT, SampleFormat.INT} else None


def _of_predictor(number: int) -> Mend:
    return Mend(("--predictor", f"{number}"), ("-co", "PREDICTOR=YES"))


def _one_mask(facts: JudgedFile) -> Mend | None:
    """Mask by an alpha band, where that can be of 8 bits; or by alpha alone beside nodata."""
    image = facts.main
    has_alpha = bool(image.extra_samples) and image.extra_samples[-1] in ALPHA
    if has_alpha:
        is_both = Tag.GDALNoData in image.ifd.entries
        return Mend(None, ("-a_nodata", "none")) if is_both else None
    is_byte = set(image.bits_per_sample) == {BYTE_BITS} and set(image.sample_formats) == {
        SampleFormat.UINT
    }
    return Mend(("--mask", "alpha"), None) if is_byte else None


Mender = Callable[[JudgedFile], Mend | None]

_CLASSIC = _with("--no-bigtiff", gdal=("BIGTIFF=NO",))

_BIG = _with("--bigtiff", gdal=("BIGTIFF=YES",))

_ZSTD = _with("--compression", "zstd", codec="ZSTD")

_LEVEL_9 = _with("--compression", "deflate", "--level", "9", gdal=("LEVEL=9",))


def _by_band(_: JudgedFile) -> Mend:
    """Store bands one after the other; GDAL's COG driver could not before 3.11."""
    return Mend(("--interleave", "band"), None)


MENDS: Mapping[str, Mender] = {
    "/rec/geotiff-format/use-geotiff": _CLASSIC,
    "t17/use-geotiff-a": _CLASSIC,
    "/rec/core/rec-small-files": _CLASSIC,
    "/req/core/bifh": _BIG,
    "/req/core/bifd classic": _BIG,
    "/req/core/bifd sorted": _BIG,
    "/req/core/bifd types": _BIG,
    "/req/core/bifd next": _BIG,
    "/req/core/bifd integers": _BIG,
    "/rec/geotiff-format/rec-compression": _with("--compression", "deflate"),
    "/req/geotiff-keys/basic-metadata-format": _by_hand,
    "/req/geotiff-keys/georeference": _by_hand,
    "/req/optimized_geotiff/geotiff": _by_hand,
    "t17/basic-metadata": _by_hand,
    "t17/georeference": _by_hand,
    "rio-cogeo/tiled": _without_narrow_levels,
    "rio-cogeo/overview-tiled": _without_narrow_levels,
    "ee/tile-256": lambda _: _blocks(256),
    "ee/codec": _with("--compression", "deflate"),
    "ee/level": _LEVEL_9,
    "ee/predictor": _predictor,
    "ee/external-tile-size": lambda _: _blocks(512),
    "ee/external-tile-512": lambda _: _blocks(512),
    "ee/external-interleave": _by_band,
    "ee/upload-codec": _ZSTD,
    "ee/upload-codec-lossy": _ZSTD,
    "ee/upload-codec-slow": _ZSTD,
    "ee/upload-masking": _one_mask,
    "ee/upload-size": _by_hand,
    "file/all-ifds": _by_hand,
    "file/decodes": _by_hand,
    "tiff/block-inside": _by_hand,
    "tiff/block-overlap": _by_hand,
    "tiff/block-stored": _by_hand,
    "tiff/index-length": _by_hand,
}
"""What mends each rule that takes more than to write the file anew; `_by_hand` where pixels or the
place are lost, or are not known."""
