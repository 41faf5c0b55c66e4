"""Georeference, metadata, nodata and colour maps that lie."""

# ruff: noqa: E501 - hostile texts are as long as they are

from __future__ import annotations

from collections.abc import Callable, Iterator

from hostile.case import Made, Shape, attack, base, in_turn, written
from tinycog.testing import Field
from tinycog.tiff.spec import Tag

Item = tuple[str, Callable[[Shape], bytes]]
INF, NAN = float("inf"), float("nan")


@attack
def geo_keys() -> Made:
    """Directories that point outside, and keys of wrong kinds."""
    directories: dict[str, list[int]] = {
        "empty": [],
        "short": [1, 1],
        "65535 keys": [1, 1, 0, 65535, 1024, 0, 1, 1],
        "outside doubles": [1, 1, 0, 1, 2057, 34736, 9, 60000],
        "outside text": [1, 1, 0, 1, 1026, 34737, 60000, 60000],
        "of itself": [1, 1, 0, 2, 2062, 34735, 65535, 0, 1024, 34735, 1, 0],
        "of unknown tag": [1, 1, 0, 1, 1024, 4711, 1, 0],
        "model 99": [1, 1, 0, 1, 1024, 0, 1, 99],
        "EPSG 1": [1, 1, 0, 3, 1024, 0, 1, 1, 3072, 0, 1, 1, 1025, 0, 1, 99],
        "user-defined of nothing": [1, 1, 0, 4, 1024, 0, 1, 1, 3072, 0, 1, 32767, 3074, 0, 1, 32767, 3075, 0, 1, 99],
        "angles NaN": [1, 1, 0, 6, 1024, 0, 1, 2, 2048, 0, 1, 32767, 2050, 0, 1, 32767, 2056, 0, 1, 32767, 2057, 34736, 1, 0, 2059, 34736, 1, 1],
        "units 0": [1, 1, 0, 5, 1024, 0, 1, 1, 3072, 0, 1, 32767, 3076, 0, 1, 32767, 3077, 34736, 1, 2, 3075, 0, 1, 1],
        "descending": [1, 1, 0, 2, 3072, 0, 1, 4326, 1024, 0, 1, 1],
        "5000 keys": [1, 1, 0, 5000, *(v for i in range(5000) for v in (i, 0, 1, 1))],
    }  # fmt: skip
    doubles = [NAN, INF, 0.0, 1e308, -1e308, 5e-324]

    def items() -> Iterator[Item]:
        for name, directory in directories.items():
            fields = (
                Field(Tag.GeoKeyDirectory, "SHORT", directory),
                Field(Tag.GeoDoubleParams, "DOUBLE", doubles),
                Field(Tag.GeoAsciiParams, "ASCII", b"\xff\xfe|x|" * 50),
            )
            yield f"keys {name}", lambda s, f=fields: written(base(s).having(*f), s)

    yield from in_turn(items())


@attack
def models() -> Made:
    """Transforms that are none."""
    numbers = {
        "nothing": [],
        "one": [1.0],
        "zeros": [0.0] * 16,
        "NaN": [NAN] * 16,
        "infinite": [INF] * 16,
        "largest": [1.7e308] * 16,
        "smallest": [5e-324] * 16,
        "60000 of them": [1.0] * 60_000,
    }

    def items() -> Iterator[Item]:
        for name, values in numbers.items():
            for tag in (
                Tag.ModelPixelScale,
                Tag.ModelTiepoint,
                Tag.ModelTransformation,
                Tag.RPCCoefficient,
            ):
                cut = values[:6] if len(values) == 16 and tag == Tag.ModelTiepoint else values
                more = (Field(tag, "DOUBLE", cut),)
                if tag == Tag.ModelPixelScale:
                    more += (Field(Tag.ModelTiepoint, "DOUBLE", [0.0, 0.0, 0.0, 1.0, 2.0, 0.0]),)
                keys = Field(
                    Tag.GeoKeyDirectory, "SHORT", [1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 3857]
                )
                yield (
                    f"{tag.name} of {name}",
                    lambda s, f=more, k=keys: written(base(s).having(*f, k), s),
                )

    yield from in_turn(items())


@attack
def metadata() -> Made:
    """XML bombs, entities, text in no encoding."""
    laughs = "<!DOCTYPE a [<!ENTITY a0 'ha'>" + "".join(
        f"<!ENTITY a{i} '{f'&a{i - 1};' * 10}'>" for i in range(1, 12)
    )
    texts = {
        "billion laughs": (laughs + "]><GDALMetadata><Item name='a'>&a11;</Item></GDALMetadata>").encode(),
        "external entity": b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><GDALMetadata><Item name='a'>&x;</Item></GDALMetadata>",
        "external DTD": b"<!DOCTYPE a SYSTEM 'http://127.0.0.1:1/a.dtd'><GDALMetadata/>",
        "deep": b"<a>" * 200_000,
        "deep in the root": b"<GDALMetadata>" + b"<a>" * 100_000,
        "an attribute of 1 MB": b"<GDALMetadata><Item name='" + b"a" * 1_000_000 + b"'>1</Item></GDALMetadata>",
        "100000 attributes": b"<GDALMetadata><Item " + b" ".join(b"a%d='1'" % i for i in range(100_000)) + b">1</Item></GDALMetadata>",
        "200000 items": b"<GDALMetadata>" + b"<Item name='a' sample='9'>1</Item>" * 200_000 + b"</GDALMetadata>",
        "UTF-16": "<?xml version='1.0' encoding='UTF-16'?><GDALMetadata/>".encode("utf-16"),
        "UTF-7": b"<?xml version='1.0' encoding='UTF-7'?><GDALMetadata/>",
        "no text": bytes(range(256)) * 100,
        "not closed": b"<GDALMetadata><Item name='a'>1",
        "NUL": b"<GDALMetadata>\0<Item name='a'>1</Item></GDALMetadata>",
        "numbers": b"<GDALMetadata><Item name='SCALE' sample='0' role='scale'>1e99999</Item><Item name='OFFSET' sample='0' role='offset'>nan</Item><Item name='x' sample='99999999999999999999'>&#x110000;&amp;#xD800;&amp;#1114112;</Item></GDALMetadata>",
        "STATISTICS": b"<GDALMetadata><Item name='STATISTICS_MINIMUM' sample='0'>" + b"9" * 5000 + b"</Item></GDALMetadata>",
        "million digits": b"<GDALMetadata><Item name='STATISTICS_MINIMUM' sample='" + b"9" * 1_000_000 + b"'>1</Item></GDALMetadata>",
    }  # fmt: skip

    def items() -> Iterator[Item]:
        for name, text in texts.items():
            field = Field(Tag.GDALMetadata, "ASCII", text + b"\0")
            yield f"XML {name}", lambda s, f=field: written(base(s).having(f), s)
        for tag in (Tag.ImageDescription, Tag.Software, Tag.GDALNoData, Tag.DateTime):
            for name, text in {
                "no encoding": b"\xff\xfe\x80\xc0" * 100,
                "NULs": bytes(1000),
                "3 MB": b"x" * 3_000_000,
                "20 MB": b"9" * 20_000_000,
            }.items():
                field = Field(tag, "ASCII", text)
                yield f"{tag.name} of {name}", lambda s, f=field: written(base(s).having(f), s)
        for text in (
            "nan",
            "inf",
            "-1e400",
            "1e999999999999",
            "0x7f",
            "1,5",
            "9" * 5000,
            "1" + "0" * 4000,
            "--",
            "-",
            ".",
            "e5",
            "\u0661",
            "1e-9999999999",
        ):
            field = Field(Tag.GDALNoData, "ASCII", text)
            yield f"nodata {text[:20]}", lambda s, f=field: written(base(s).having(f), s)
            floats = (
                field,
                Field(Tag.SampleFormat, "SHORT", 3),
                Field(Tag.BitsPerSample, "SHORT", 16),
            )
            yield (
                f"nodata {text[:20]} of floats",
                lambda s, f=floats: written(base(s).having(*f), s),
            )

    yield from in_turn(items())


@attack
def colours() -> Made:
    """Colour maps, inks and alphas that do not fit."""

    def items() -> Iterator[Item]:
        palette = Field(Tag.PhotometricInterpretation, "SHORT", 3)
        for count in (0, 1, 3, 6, 767, 768, 769, 60_000):
            colours = Field(Tag.ColorMap, "SHORT", [65535] * count)
            yield (
                f"ColorMap of {count}",
                lambda s, c=colours: written(base(s).having(palette, c), s),
            )
        yield "no ColorMap", lambda s: written(base(s).having(palette), s)
        for photometric in (0, 2, 4, 5, 6, 8, 9, 10, 32803, 32844, 32845, 34892, 65535):
            field = Field(Tag.PhotometricInterpretation, "SHORT", photometric)
            yield f"photometric {photometric}", lambda s, f=field: written(base(s).having(f), s)
            yield (
                f"photometric {photometric} of 3 bands",
                lambda s, f=field: written(base(s, bands=3).having(f), s),
            )
        for extra in (0, 1, 2, 3, 65535):
            field = Field(Tag.ExtraSamples, "SHORT", [extra] * 4)
            yield f"ExtraSamples {extra}", lambda s, f=field: written(base(s, bands=4).having(f), s)

    yield from in_turn(items())
