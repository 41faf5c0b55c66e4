"""The tables of the formats: variants, field types, tags, compressions and the values of tags.

Sources: TIFF 6.0, BigTIFF (OGC 21-061), Adobe's TIFF Technical Notes, libtiff and GDAL for private
codes. `spec/*.csv` holds the same tables for readers; a test keeps the two equal.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Literal, NamedTuple

from tinycog.checks import check_integer
from tinycog.errors import UsageError

ByteOrder = Literal["<", ">"]
"""As `struct` and numpy write it: "<" little endian (II), ">" big endian (MM)."""

BYTE_ORDERS: dict[bytes, ByteOrder] = {b"II": "<", b"MM": ">"}


class Variant(NamedTuple):
    """Sizes and `struct` codes in which classic TIFF and BigTIFF differ (tiff.header.variant)."""

    name: str
    magic: int
    header_length: int
    count_code: str
    """Number of entries at the head of an IFD."""
    entry_code: str
    """Tag, field type, count; the value field of `offset_length` bytes follows."""
    offset_code: str
    """An offset."""
    link_code: str
    """The link to the next IFD."""
    count_length: int
    entry_length: int
    offset_length: int
    """Also the room of the value field: values up to this length lie inside the entry."""


CLASSIC = Variant("TIFF", 42, 8, "H", "HHI", "I", "I", 2, 12, 4)

BIG = Variant("BigTIFF", 43, 16, "Q", "HHQ", "Q", "Q", 8, 20, 8)

NDPI = Variant("NDPI", 42, 12, "H", "HHI", "I", "Q", 2, 12, 4)
"""Hamamatsu's classic TIFF beyond 4 GiB (tiff.header.ndpi)."""

CLASSIC_BYTES = 1 << 32
"""Length of a file up to which the offsets of a classic TIFF reach."""

VARIANTS: dict[int, Variant] = {v.magic: v for v in (CLASSIC, BIG)}


class FieldType(NamedTuple):
    """How the values of an entry are stored (tiff.field-type.known)."""

    code: int
    name: str
    length: int
    """Bytes of one value."""
    format: str
    """`struct` code of one value; "s" for text and opaque bytes, two codes for a fraction."""


FIELD_TYPES: dict[int, FieldType] = {
    t.code: t
    for t in (
        FieldType(1, "BYTE", 1, "B"),
        FieldType(2, "ASCII", 1, "s"),
        FieldType(3, "SHORT", 2, "H"),
        FieldType(4, "LONG", 4, "I"),
        FieldType(5, "RATIONAL", 8, "II"),
        FieldType(6, "SBYTE", 1, "b"),
        FieldType(7, "UNDEFINED", 1, "s"),
        FieldType(8, "SSHORT", 2, "h"),
        FieldType(9, "SLONG", 4, "i"),
        FieldType(10, "SRATIONAL", 8, "ii"),
        FieldType(11, "FLOAT", 4, "f"),
        FieldType(12, "DOUBLE", 8, "d"),
        FieldType(13, "IFD", 4, "I"),
        FieldType(16, "LONG8", 8, "Q"),
        FieldType(17, "SLONG8", 8, "q"),
        FieldType(18, "IFD8", 8, "Q"),
        FieldType(129, "UTF-8", 1, "s"),
    )
}


class Tag(IntEnum):
    """Tags by the names of TIFF 6.0 and its successors."""

    NewSubfileType = 254
    SubfileType = 255
    ImageWidth = 256
    ImageLength = 257
    BitsPerSample = 258
    Compression = 259
    PhotometricInterpretation = 262
    FillOrder = 266
    DocumentName = 269
    ImageDescription = 270
    Make = 271
    Model = 272
    StripOffsets = 273
    Orientation = 274
    SamplesPerPixel = 277
    RowsPerStrip = 278
    StripByteCounts = 279
    MinSampleValue = 280
    MaxSampleValue = 281
    XResolution = 282
    YResolution = 283
    PlanarConfiguration = 284
    PageName = 285
    T4Options = 292
    T6Options = 293
    ResolutionUnit = 296
    PageNumber = 297
    Software = 305
    DateTime = 306
    Artist = 315
    HostComputer = 316
    Predictor = 317
    ColorMap = 320
    TileWidth = 322
    TileLength = 323
    TileOffsets = 324
    TileByteCounts = 325
    SubIFDs = 330
    InkSet = 332
    NumberOfInks = 334
    ExtraSamples = 338
    SampleFormat = 339
    SMinSampleValue = 340
    SMaxSampleValue = 341
    JPEGTables = 347
    JPEGProc = 512
    JPEGInterchangeFormat = 513
    JPEGInterchangeFormatLength = 514
    JPEGRestartInterval = 515
    JPEGLosslessPredictors = 517
    JPEGPointTransforms = 518
    JPEGQTables = 519
    JPEGDCTables = 520
    JPEGACTables = 521
    YCbCrCoefficients = 529
    YCbCrSubSampling = 530
    YCbCrPositioning = 531
    ReferenceBlackWhite = 532
    XMP = 700
    ImageDepth = 32997
    TileDepth = 32998
    Copyright = 33432
    ModelPixelScale = 33550
    UIC2 = 33629
    ModelTiepoint = 33922
    ModelTransformation = 34264
    ExifIFD = 34665
    ICCProfile = 34675
    GeoKeyDirectory = 34735
    GeoDoubleParams = 34736
    GeoAsciiParams = 34737
    GPSIFD = 34853
    GDALMetadata = 42112
    GDALNoData = 42113
    LercParameters = 50674
    RPCCoefficient = 50844
    GeoMetadata = 50909
    NDPIFormat = 65420
    NDPISourceLens = 65421
    NDPIUserLabel = 65427


EXIF_IFDS = (Tag.ExifIFD, Tag.GPSIFD)
"""Tags of an image that point to an IFD of Exif."""


class Compression(IntEnum):
    """Compression codes, registered and in the wild (tiff.compression.code)."""

    NONE = 1
    CCITT_RLE = 2
    CCITT_T4 = 3
    CCITT_T6 = 4
    LZW = 5
    OLD_JPEG = 6
    JPEG = 7
    DEFLATE = 8
    JBIG_T85 = 9
    JBIG_T43 = 10
    LEAF_LOSSLESS_JPEG = 99
    JPEG_XR_NDPI = 22610
    NEXT = 32766
    CCITT_RLE_WORD = 32771
    PACKBITS = 32773
    THUNDERSCAN = 32809
    IT8_CT = 32895
    IT8_LINEWORK = 32896
    IT8_MONOCHROME = 32897
    IT8_BINARY = 32898
    PIXAR_FILM = 32908
    PIXAR_LOG = 32909
    OLD_DEFLATE = 32946
    KODAK_DCS = 32947
    JPEG_2000_APERIO_YCBCR = 33003
    JPEG_2000_ALT = 33004
    JPEG_2000_APERIO_RGB = 33005
    JPEG_ALT = 33007
    JBIG = 34661
    SGI_LOG = 34676
    SGI_LOG24 = 34677
    JPEG_2000 = 34712
    JBIG2 = 34715
    LERC = 34887
    JPEG_LOSSY_DNG = 34892
    LZMA = 34925
    ZSTD_EARLY = 34926
    WEBP_EARLY = 34927
    PNG = 34933
    JPEG_XR = 34934
    ZSTD = 50000
    WEBP = 50001
    JPEG_XL = 50002
    DEFLATE_PIXTIFF = 50013
    JPEG_XL_DNG = 52546


SLOW = frozenset(
    {
        Compression.LZMA,
        Compression.JPEG_2000,
        Compression.JPEG_2000_ALT,
        Compression.JPEG_2000_APERIO_RGB,
        Compression.JPEG_2000_APERIO_YCBCR,
        Compression.JPEG_XL,
        Compression.JPEG_XL_DNG,
    }
)
"""Codecs that take long for a pixel, however few bytes store it."""


class Photometric(IntEnum):
    """Values of PhotometricInterpretation."""

    MIN_IS_WHITE = 0
    MIN_IS_BLACK = 1
    RGB = 2
    PALETTE = 3
    MASK = 4
    SEPARATED = 5
    YCBCR = 6
    CIELAB = 8
    ICCLAB = 9
    ITULAB = 10
    CFA = 32803
    LOG_L = 32844
    LOG_LUV = 32845
    LINEAR_RAW = 34892


class ExtraSample(IntEnum):
    """Values of ExtraSamples."""

    UNSPECIFIED = 0
    ASSOCIATED_ALPHA = 1
    UNASSOCIATED_ALPHA = 2


ALPHA = frozenset({ExtraSample.ASSOCIATED_ALPHA, ExtraSample.UNASSOCIATED_ALPHA})
"""Extra samples that hold opacity, already multiplied into the colours or not."""


class SampleFormat(IntEnum):
    """Values of SampleFormat."""

    UINT = 1
    INT = 2
    FLOAT = 3
    VOID = 4
    COMPLEX_INT = 5
    COMPLEX_FLOAT = 6


WHOLE_WORDS = (8, 16, 32, 64, 128)
"""BitsPerSample of samples that are words in the file's order; others are packed bit by bit."""


class Predictor(IntEnum):
    """Values of Predictor."""

    NONE = 1
    HORIZONTAL = 2
    FLOATING_POINT = 3


REDUCED = 1
"""Bit of NewSubfileType: a smaller version of another image."""

PAGE = 2
"""Bit of NewSubfileType: one page of several."""

MASK = 4
"""Bit of NewSubfileType: a transparency mask of another image."""


def name_of(kind: type[IntEnum], code: int) -> str:
    """Return the name and number of a code, or `unknown (123)`."""
    try:
        return f"{kind(code).name} ({code})"
    except ValueError:
        return f"unknown ({code})"


def tag_number(tag: str | int, names: type[IntEnum] = Tag) -> int:
    """Return the number of a tag, given by its name in `names` or by number.

    Raises:
        UsageError: no tag has that name.
    """
    if not isinstance(tag, str):
        return check_integer(tag, "tag")
    try:
        return names[tag]
    except KeyError:
        message = f"no tag is named {tag!r}: expected a name of spec/tags.csv, or a number"
        raise UsageError(message) from None
