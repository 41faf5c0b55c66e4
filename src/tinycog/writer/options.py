"""What a caller wants written: checked, with profiles as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeVar, cast, get_args

from tinycog.argument_types import (
    Interleave,
    MaskKind,
    NamedMember,
    OverviewMethod,
    WriteProfile,
)
from tinycog.checks import check_integer
from tinycog.encode.tile_format import CodecOptions
from tinycog.errors import UsageError
from tinycog.tiff.spec import ByteOrder, Compression, Predictor

T = TypeVar("T")

COMPRESSIONS: Mapping[str, tuple[Compression, Mapping[str, str]]] = MappingProxyType(
    {
        "none": (Compression.NONE, {}),
        "uncompressed": (Compression.NONE, {}),
        "deflate": (Compression.DEFLATE, {}),
        "lzw": (Compression.LZW, {}),
        "zstd": (Compression.ZSTD, {}),
        "lzma": (Compression.LZMA, {}),
        "packbits": (Compression.PACKBITS, {}),
        "lerc": (Compression.LERC, {}),
        "lerc_deflate": (Compression.LERC, {"wrapper": "deflate"}),
        "lerc_zstd": (Compression.LERC, {"wrapper": "zstd"}),
        "jpeg": (Compression.JPEG, {}),
        "webp": (Compression.WEBP, {}),
        "jxl": (Compression.JPEG_XL, {}),
        "jpegxl": (Compression.JPEG_XL, {}),
        "jpeg2000": (Compression.JPEG_2000, {}),
    }
)
"""Compressions by GDAL's names, lower case."""

PROFILES: Mapping[WriteProfile, Mapping[str, object]] = MappingProxyType(
    {
        "default": {},
        "earth-engine": {
            "compression": "deflate",
            "level": 9,
            "blocksize": 256,
            "overview_resampling": "MEAN",
        },
        "web": {"compression": "webp", "quality": 80, "overview_resampling": "average"},
        "archive": {"compression": "deflate", "level": 12, "statistics": True},
        "fast": {"compression": "deflate", "level": "fast"},
    }
)
"""Defaults by name of the profile."""

MASK_KINDS: tuple[MaskKind, ...] = get_args(MaskKind)

DEFAULT_MEMORY = 256 << 20
"""Bytes that may be held."""

MOST_OVERVIEWS = 30
"""More halve an image of 2^31 pixels to less than one."""

CODEC_OPTIONS = frozenset(CodecOptions.__dataclass_fields__)
"""Names of what a codec may be told."""


SMALLEST_BLOCK, LARGEST_BLOCK = 16, 1 << 16
"""Pixels of a tile, both ways."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions:
    """How a file is laid out and encoded.

    Attributes:
        compression: how tiles are compressed.
        codec: what the codec is told.
        chosen: how its level is chosen by a sample: "auto" is nearly as small as can be, "fast"
            still compresses well; None = it is not.
        predictor: None = chosen by a sample, where the codec takes one and samples are real.
        blocksize: pixels of a tile, both ways.
        overview_blocksize: the same of overviews.
        overviews: their factors, powers of 2; None = until one tile holds the image.
        overview_resampling: method.
        like: whose rules the overviews follow, where they differ from ours.
        interleave: of the bands.
        mask: how pixels that are not valid are marked; None = by the source.
        sparse: whether tiles of nothing but nodata are left out, and pixels may lack.
        statistics: whether statistics are stored.
        bigtiff: None = if the file is too long for a classic TIFF.
        byte_order: of the file.
        bits: of a sample, None = those of its dtype.
        memory: bytes that may be held.
        verify: whether checksums of the tiles are kept, to hold against what is read back.
    """

    compression: Compression
    codec: CodecOptions
    chosen: Literal["auto", "fast"] | None
    predictor: Predictor | None
    blocksize: int
    overview_blocksize: int
    overviews: tuple[int, ...] | None
    overview_resampling: OverviewMethod
    like: Literal["gdal"] | None
    interleave: Interleave
    mask: MaskKind | None
    sparse: bool
    statistics: bool
    bigtiff: bool | None
    byte_order: ByteOrder
    bits: int | None
    memory: int
    verify: bool


def check_options(
    profile: str = "default",
    *,
    compression: str | None = None,
    level: int | str | None = None,
    predictor: int | str | None = None,
    blocksize: int | None = None,
    overview_blocksize: int | None = None,
    overviews: bool | int | Sequence[int] | None = None,
    overview_resampling: OverviewMethod | NamedMember | None = None,
    like: str | None = None,
    interleave: str | None = None,
    mask: str | None = None,
    sparse: bool = False,
    statistics: bool | None = None,
    bigtiff: bool | None = None,
    byte_order: str = "<",
    bits: int | None = None,
    memory: int = DEFAULT_MEMORY,
    verify: bool = False,
    **codec: object,
) -> FileOptions:
    """Return options as given by a caller, checked and filled up from a profile.

    Raises:
        UsageError: an option is not what it may be.
    """
    given = dict(PROFILES[one_of(profile, "profile", PROFILES)])
    wanted = {
        "compression": compression,
        "level": level,
        "blocksize": blocksize,
        "overview_resampling": overview_resampling,
        "statistics": statistics,
        **codec,
    }
    if compression is not None:
        given = {key: value for key, value in given.items() if key not in CODEC_OPTIONS}
    given |= {key: value for key, value in wanted.items() if value is not None}
    name = str(given.pop("compression", "deflate")).lower()
    kind, more = COMPRESSIONS[one_of(name, "compression", COMPRESSIONS)]
    block = _block(given.pop("blocksize", 512), "blocksize")
    resampling = _method(given.pop("overview_resampling", "nearest"))
    wants_statistics = one_of(given.pop("statistics", False), "statistics", (False, True))
    depth = given.pop("level", None)
    told = {**more, **{key: value for key, value in given.items() if key in CODEC_OPTIONS}}
    chosen = one_of(depth, "level", ("auto", "fast")) if isinstance(depth, str) else None
    if depth is not None and chosen is None:
        told["level"] = check_integer(depth, "level")
    return FileOptions(
        compression=kind,
        codec=CodecOptions(**told),  # type: ignore[arg-type] - the encoder checks them
        chosen=chosen,
        predictor=_predictor(predictor),
        blocksize=block,
        overview_blocksize=(
            block
            if overview_blocksize is None
            else _block(overview_blocksize, "overview_blocksize")
        ),
        overviews=_factors(overviews),
        overview_resampling=resampling,
        like=None if like is None else one_of(like, "like", ("gdal",)),
        interleave=one_of(interleave or "pixel", "interleave", ("pixel", "band", "tile")),
        mask=None if mask is None else one_of(mask, "mask", MASK_KINDS),
        sparse=one_of(sparse, "sparse", (False, True)),
        statistics=wants_statistics,
        bigtiff=None if bigtiff is None else one_of(bigtiff, "bigtiff", (False, True)),
        byte_order=one_of(byte_order, "byte_order", ("<", ">")),
        bits=None if bits is None else check_integer(bits, "bits"),
        memory=check_integer(memory, "memory"),
        verify=one_of(verify, "verify", (False, True)),
    )


def one_of(value: object, name: str, allowed: Iterable[T]) -> T:
    """Return the one of the allowed values that a value is.

    Raises:
        UsageError: it is none of them.
    """
    for one in allowed:
        if value == one:
            return one
    known = ", ".join(map(repr, allowed))
    message = f"{name} is one of {known}, not {value!r}"
    raise UsageError(message)


def _block(value: object, name: str) -> int:
    size = check_integer(value, name)
    if size % SMALLEST_BLOCK or not SMALLEST_BLOCK <= size <= LARGEST_BLOCK:
        message = (
            f"{name} is a multiple of {SMALLEST_BLOCK} from {SMALLEST_BLOCK} to {LARGEST_BLOCK},"
            f" not {size}"
        )
        raise UsageError(message)
    return size


def _method(value: object) -> OverviewMethod:
    name = value if isinstance(value, str) else getattr(value, "name", value)
    methods: tuple[OverviewMethod, ...] = get_args(OverviewMethod)
    return one_of(name, "overview_resampling", methods)


def _predictor(value: object) -> Predictor | None:
    """Return the predictor; None = by a sample."""
    if value is None or value == "auto":
        return None
    names = {"none": 1, "no": 1, "horizontal": 2, "standard": 2, "floating_point": 3}
    number = names.get(value.lower(), value) if isinstance(value, str) else value
    return Predictor(one_of(number, "predictor", (1, 2, 3)))


def _factors(value: object) -> tuple[int, ...] | None:
    """Return the factors of the overviews; None = until one tile holds the image."""
    if value is None or value is True:
        return None
    if value is False:
        return ()
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        given = cast("Iterable[object]", value)
        factors = tuple(check_integer(factor, "a factor of overviews") for factor in given)
        is_power = all(factor > 1 and factor & (factor - 1) == 0 for factor in factors)
        if not is_power or list(factors) != sorted(set(factors)):
            message = f"overviews are factors, powers of 2 in ascending order, not {factors}"
            raise UsageError(message)
        return factors
    count = check_integer(value, "overviews")
    if not 0 <= count <= MOST_OVERVIEWS:
        message = f"overviews are a number from 0 to {MOST_OVERVIEWS}, or factors, not {count}"
        raise UsageError(message)
    return tuple(2 << i for i in range(count))
