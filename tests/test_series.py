"""Series have tifffile's names, shapes and axes, and every plane of them its pixels."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

import tinycog
from tinycog import Plane, UsageError
from tinycog.series.shaped import reshaped_axes
from tinycog.testing import Field, RangeServer, make_image, make_tiff

rng = np.random.default_rng(3)


def noise(*shape: int, dtype: Any = np.uint16) -> NDArray[Any]:
    return rng.integers(0, 200, shape).astype(dtype)


def made(array: NDArray[Any], **options: Any) -> bytes:
    """A file that tifffile writes of one array."""
    stream = io.BytesIO()
    how: dict[str, Any] = {"photometric": "minisblack", **options}
    tifffile.imwrite(stream, array, **how)
    return stream.getvalue()


def pages(*written: tuple[NDArray[Any], dict[str, Any]], **options: Any) -> bytes:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream, **options) as writer:
        for array, how in written:
            full: dict[str, Any] = {"photometric": "minisblack", **how}
            writer.write(array, **full)
    return stream.getvalue()


def ome_pyramid() -> bytes:
    base = noise(3, 2, 64, 48)
    halves: list[tuple[NDArray[Any], dict[str, Any]]] = [
        (base[..., ::n, ::n], {"subfiletype": 1, "tile": (16, 16)}) for n in (2, 4)
    ]
    first = {"subifds": 2, "tile": (16, 16), "metadata": {"axes": "TCYX", "Name": "stack"}}
    return pages((base, first), *halves, ome=True)


def slide(**options: Any) -> bytes:
    rgb = noise(256, 384, 3, dtype=np.uint8)
    plain = {"photometric": "rgb", "metadata": None}
    tiled = {**plain, "tile": (64, 64), **options}
    return pages(
        (rgb, {**tiled, "description": "Aperio Image Library v11\r\n384x256|AppMag = 20"}),
        (rgb[::4, ::4], plain),
        (rgb[::2, ::2], tiled),
        (rgb[::4, ::4], tiled),
        (rgb[:60, :50], {**plain, "subfiletype": 1, "description": "Aperio\r\nlabel 50x60"}),
        (rgb[:50, :120], {**plain, "subfiletype": 9, "description": "Aperio\r\nmacro 120x50"}),
    )


def hamamatsu() -> bytes:
    rgb = noise(256, 384, 3, dtype=np.uint8)

    def page(array: NDArray[Any], lens: float) -> tuple[NDArray[Any], dict[str, Any]]:
        tags = [(65420, "I", 1, 1, True), (65421, "f", 1, lens, True)]
        colours = "rgb" if array.ndim > 2 else "minisblack"
        return array, {"photometric": colours, "metadata": None, "extratags": tags}

    return pages(
        page(rgb, 40.0),
        page(rgb[::4, ::4], 10.0),
        page(rgb[::16, ::16], 2.5),
        page(rgb[:70, :200], -1.0),
        page(rgb[:33, :44, 0], -2.0),
    )


def stk(count: int = 4, *, stamps: Any = None) -> bytes:
    """A MetaMorph stack: one IFD, and its planes behind each other."""
    planes = noise(count, 24, 40)
    stamps = stamps or [(0, 1, 2457000, 1000 * k, 2457000, 0) for k in range(count)]
    numbers = np.array(stamps, "<u4").tobytes()
    uic2 = Field(33629, "RATIONAL", numbers, count=count)
    image = make_image(planes[:1], extra=[uic2, Field(33628, "LONG", [0] * count)])
    data = bytearray(make_tiff([image]))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as tif:
        at = tif.pages.first.dataoffsets[0]  # pyright: ignore[reportAttributeAccessIssue]
    data[at : at + planes[0].nbytes] = b""
    return bytes(data[:at]) + planes.tobytes() + bytes(data[at:])


DATA = {
    "ome-tczyx": made(noise(2, 3, 4, 20, 24), ome=True, metadata={"axes": "TCZYX"}),
    "ome-zyx-named": made(noise(5, 20, 24), ome=True, metadata={"axes": "ZYX", "Name": "a name"}),
    "ome-rgb": made(
        noise(4, 20, 24, 3, dtype=np.uint8), ome=True, photometric="rgb", metadata={"axes": "TYXS"}
    ),
    "ome-rgb-planar": made(
        noise(4, 3, 20, 24, dtype=np.uint8),
        ome=True,
        photometric="rgb",
        planarconfig="separate",
        metadata={"axes": "ZSYX"},
    ),
    "ome-two-images": pages(
        (noise(3, 20, 24), {"metadata": {"axes": "ZYX", "Name": "one"}}),
        (noise(2, 30, 16, dtype=np.uint8), {"metadata": {"axes": "CYX", "Name": "two"}}),
        ome=True,
    ),
    "ome-pyramid": ome_pyramid(),
    "ome-big-endian": made(
        noise(2, 3, 20, 24), ome=True, bigtiff=True, byteorder=">", metadata={"axes": "CZYX"}
    ),
    "ome-single": made(noise(20, 24), ome=True),
    "imagej-tzcyx": made(noise(2, 3, 2, 20, 24), imagej=True, metadata={"axes": "TZCYX"}),
    "imagej-zyx": made(noise(5, 20, 24), imagej=True, metadata={"axes": "ZYX"}),
    "imagej-rgb": made(noise(3, 20, 24, 3, dtype=np.uint8), imagej=True, photometric="rgb"),
    "imagej-one": made(noise(20, 24, dtype=np.float32), imagej=True),
    "imagej-little": made(noise(4, 20, 24), imagej=True, byteorder="<", metadata={"axes": "CYX"}),
    "imagej-stack": made(noise(5, 20, 24), imagej=True, truncate=True, metadata={"axes": "ZYX"}),
    "shaped-zyx": made(noise(5, 20, 24), metadata={"axes": "ZYX"}),
    "shaped-unnamed": made(noise(2, 5, 20, 24)),
    "shaped-rgb": made(noise(4, 20, 24, 3, dtype=np.uint8), photometric="rgb"),
    "shaped-one": made(noise(1, 20, 24, 1)),
    "shaped-stack": made(noise(5, 20, 24), truncate=True, metadata={"axes": "ZYX"}),
    "shaped-stack-big": made(noise(2, 2, 20, 24), truncate=True, byteorder=">"),
    "shaped-strips": made(noise(4, 50, 24), truncate=True, rowsperstrip=8),
    "shaped-before-2017": pages(
        *(
            (noise(20, 24), {"metadata": None, "contiguous": False, "description": text})
            for text in ("shape=(3, 20, 24)", None, None)
        )
    ),
    "shaped-two": pages(
        (noise(3, 20, 24), {"contiguous": False}), (noise(30, 16, dtype=np.uint8), {})
    ),
    "shaped-volume": made(
        noise(4, 40, 40),
        volumetric=True,
        tile=(4, 16, 16),
        photometric="minisblack",
        compression="zlib",
    ),
    "volume-layers": made(
        noise(7, 40, 40), volumetric=True, tile=(2, 16, 32), photometric="minisblack", metadata=None
    ),
    "volume-strips": made(
        noise(3, 40, 40), volumetric=True, rowsperstrip=16, photometric="minisblack", metadata=None
    ),
    "volume-predictor": made(
        noise(5, 40, 40),
        volumetric=True,
        tile=(3, 16, 16),
        photometric="minisblack",
        compression="zlib",
        predictor=True,
        metadata=None,
    ),
    "stk-times": stk(),
    "stk-distances": stk(3, stamps=[(5, 10, 2457000, 7, 0, 0)] * 3),
    "svs": slide(),
    "svs-jpeg": slide(compression="zlib", predictor=True),
    "ndpi": hamamatsu(),
    "generic": pages(
        *((noise(20, 24), {"metadata": None, "contiguous": False}) for _ in range(4)),
        (noise(30, 20, dtype=np.uint8), {"metadata": None}),
    ),
    "generic-pyramid": pages(
        *((noise(64 // n, 48 // n), {"metadata": None}) for n in (1, 2, 4)),
    ),
    "generic-reduced": pages(
        (noise(64, 48), {"metadata": None}),
        (noise(32, 24), {"metadata": None, "subfiletype": 1}),
    ),
    "generic-sub-ifds": pages(
        (noise(32, 48, 3, dtype=np.uint8), {"metadata": None, "photometric": "rgb", "subifds": 2}),
        (noise(256, 384), {"metadata": None, "photometric": 32803, "tile": (64, 64)}),
        (noise(12, 16, 3, dtype=np.uint8), {"metadata": None, "photometric": "rgb"}),
        (noise(20, 30), {"metadata": None, "subifds": 1}),
        (noise(10, 15), {"metadata": None, "subfiletype": 1}),
    ),
    "generic-rgb": pages(
        (noise(64, 48, 3, dtype=np.uint8), {"metadata": None, "photometric": "rgb"})
    ),
}


def as_stored(data: NDArray[Any], like: str) -> NDArray[Any]:
    """Pixels, bands first, with axes in the order of the file."""
    if "S" not in like:
        return data[0]
    return data if like.index("S") < like.index("Y") else np.moveaxis(data, 0, -1)


async def stacked(cog: tinycog.Cog, series: tinycog.Series, level: int = 0) -> NDArray[Any]:
    """A series as one array, read plane by plane."""
    planes = [
        as_stored((await cog.page(plane).read(level=level)).data, series.axes)
        for plane in series.planes
    ]
    return np.array(planes).reshape(series.levels[level])


@pytest.mark.parametrize("name", DATA)
async def test_series_are_those_of_tifffile_and_every_plane_has_its_pixels(name: str):
    data = DATA[name]
    cog = await tinycog.open(data)
    ours = await cog.series()
    with tifffile.TiffFile(io.BytesIO(data), name="a.tif") as tif:
        theirs = tif.series
        if name != "ndpi":  # by the name of the file alone, in tifffile
            assert [s.name for s in ours] == [s.name for s in theirs]
            kinds = [s.kind for s in theirs]
            assert [s.kind for s in ours] == ["generic" if k == "uniform" else k for k in kinds]
            assert [s.axes for s in ours] == [str(s.axes) for s in theirs]
        assert [s.shape for s in ours] == [s.shape for s in theirs]
        assert [s.dtype for s in ours] == [s.dtype for s in theirs]
        for series, other in zip(ours, theirs, strict=True):
            assert series.levels == tuple(level.shape for level in other.levels)
            for z in range(len(series.levels)):
                assert np.array_equal(await stacked(cog, series, z), other.levels[z].asarray())


async def test_an_ndpi_names_its_images():
    series = await (await tinycog.open(DATA["ndpi"])).series()
    assert [(s.name, s.kind) for s in series] == [
        ("Baseline", "ndpi"),
        ("Macro", "ndpi"),
        ("Map", "ndpi"),
    ]


# --- planes --------------------------------------------------------------------------------------


async def test_a_plane_is_named_by_its_axes():
    data = DATA["ome-tczyx"]
    cog = await tinycog.open(data)
    (series,) = await cog.series()
    assert series.leading_axes == "TCZ"
    plane = series.plane(T=1, Z=2)
    assert (plane.index, plane.page, plane.number) == ((1, 0, 2), (14,), 0)
    expected = tifffile.imread(io.BytesIO(data))[1, 0, 2]
    assert np.array_equal((await cog.page(plane).read()).data[0], expected)
    opened = pickle.loads(pickle.dumps(tinycog.open(data, page=plane)))  # noqa: S301 - our own
    assert np.array_equal((await opened.read()).data[0], expected)
    with pytest.raises(UsageError, match="planes have the axes 'TCZ', not 'X'"):
        series.plane(X=1)  # pyright: ignore[reportCallIssue]
    with pytest.raises(UsageError, match="axis Z has the places 0 to 3, not 4"):
        series.plane(Z=4)


async def test_a_pyramid_of_a_series_is_read_as_any_page():
    cog = await tinycog.open(DATA["ndpi"])
    baseline = (await cog.series())[0]
    handle = await cog.page(baseline.plane())
    assert [level.width for level in handle.levels] == [384, 96, 24]
    assert (await handle.preview(24)).level == 2
    again = pickle.loads(pickle.dumps(handle))  # noqa: S301 - our own
    assert [level.width for level in (await again).levels] == [384, 96, 24]


async def test_a_plane_of_another_file_is_named_and_not_read():
    xml = tifffile.TiffFile(io.BytesIO(DATA["ome-zyx-named"])).ome_metadata
    assert xml is not None
    uuid = '<UUID FileName="other.ome.tif">urn:uuid:11111111-1111-1111-1111-111111111111</UUID>'
    start = xml.index("<TiffData")
    stop = xml.index("</TiffData>") if "</TiffData>" in xml else xml.index("/>", start)
    attributes = '<TiffData IFD="0" PlaneCount="2"/><TiffData IFD="0" FirstZ="2" PlaneCount="3">'
    rest = xml[xml.index("</Pixels>") :]
    text = f"{xml[:start]}{attributes}{uuid}</TiffData>{rest}"
    assert stop > start
    image = [
        make_image(noise(1, 20, 24), extra=[Field(270, "ASCII", text)] if n == 0 else [])
        for n in range(2)
    ]
    cog = await tinycog.open(make_tiff(image))
    (series,) = await cog.series()
    assert [plane.page for plane in series.planes] == [(0,), (1,), None, None, None]
    assert series.planes[3].file == "other.ome.tif"
    with pytest.raises(UsageError, match=r"plane \(3,\) lies in the file 'other.ome.tif'"):
        cog.page(series.planes[3])


@pytest.mark.parametrize("name", ["imagej-stack", "shaped-stack", "shaped-volume", "volume-strips"])
async def test_planes_behind_one_ifd_are_a_finding(name: str):
    cog = await tinycog.open(DATA[name])
    (found,) = [f for f in cog.findings if "planes" in f.message]
    assert found.rule == ("tiff.image.depth" if "volume" in name else "tiff.pyramid.stack")
    plane = (await cog.series())[0].planes[1]
    handle = await cog.page(plane)
    assert "another plane" in repr(handle)
    assert (plane.page, plane.number) == ((0,), 1)


async def test_pages_with_an_ifd_each_are_no_finding():
    assert (await tinycog.open(DATA["imagej-zyx"])).findings == ()
    assert (await tinycog.open(DATA["shaped-zyx"])).findings == ()


async def test_planes_that_are_compressed_or_scattered_are_not_made_up():
    text = "ImageJ=1.53t\nimages=3\nslices=3\n"
    image = make_image(noise(1, 20, 24), compression=8, extra=[Field(270, "ASCII", text)])
    cog = await tinycog.open(make_tiff([image]))
    (series,) = await cog.series()
    assert (series.kind, series.shape) == ("generic", (20, 24))
    assert [found.rule for found in cog.findings] == ["tiff.pyramid.stack"]


async def test_a_tile_of_a_volume_is_decoded_elsewhere():
    cog = await tinycog.open(DATA["volume-predictor"])
    handle = await cog.page((await cog.series())[0].planes[4])
    facts = await handle.tile_facts(0)
    data = await handle.read_tile_bytes(0, 1, 1)
    assert data is not None
    pixels = tinycog.decode_tile(data, facts, x=1, y=1)
    assert np.array_equal(pixels, (await handle.read_tile(0, 1, 1, padded=True)).data)


async def test_a_stack_that_is_cut_off_is_an_error():
    cog = await tinycog.open(DATA["imagej-stack"][:-500])
    planes = (await cog.series())[0].planes
    with pytest.raises(tinycog.FormatError, match="the file ends at"):
        await cog.page(planes[-1]).read()


# --- what is described wrongly -------------------------------------------------------------------

OME = (
    '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
    '<Pixels DimensionOrder="XYZCT" SizeX="24" SizeY="20" SizeZ="2" SizeC="1" SizeT="1">{}</Pixels>'
    "</Image></OME>"
)
BOMB = '<!DOCTYPE OME [<!ENTITY a "aaaa">]>' + OME.format("&a;")


@pytest.mark.parametrize(
    "text",
    [
        "<OME></OME>",
        "<OME>" * 3000 + "OME>",
        BOMB,
        OME.format(""),
        OME.format("<TiffData IFD='7'/>"),
        OME.format("<TiffData IFD='x'/>"),
        OME.format("<TiffData IFD='0' FirstZ='5'/>"),
        OME.format("<TiffData/>").replace('SizeX="24"', 'SizeX="25"'),
        OME.format("<TiffData/>").replace('SizeT="1"', 'SizeT="1000000000"'),
        OME.format("<TiffData/>").replace("XYZCT", "XZYCT"),
        OME.format("<TiffData/>").replace('SizeZ="2"', ""),
        '{"shape": [2, 20, 24',
        '{"shape": [2, 20, 25]}',
        '{"shape": "abc"}',
        '{"shape": [0, 20]}',
        '{"shape": [-2, 20, 24]}',
        '{"shape": ' + "[" * 5000,
        "ImageJ=1\nimages=-5\nslices=abc",
    ],
)
async def test_a_wrong_description_leaves_the_pages_as_they_are(text: str):
    images = [
        make_image(noise(1, 20, 24), extra=[Field(270, "ASCII", text)] if n == 0 else [])
        for n in range(2)
    ]
    (series,) = await (await tinycog.open(make_tiff(images))).series()
    assert (series.axes, series.shape) == ("IYX", (2, 20, 24))
    assert [plane.page for plane in series.planes] == [(0,), (1,)]


@pytest.mark.parametrize(
    ("axes", "shape", "new"),
    [
        ("YXS", (219, 301, 1), (219, 301)),
        ("IYX", (12, 219, 301), (3, 4, 219, 1, 301, 1)),
        ("QYX", (5, 20, 24), (5, 20, 24)),
        ("YX", (20, 24), (1, 1, 20, 24, 1)),
        ("QYXS", (6, 20, 24, 3), (2, 3, 20, 24, 3)),
    ],
)
def test_letters_of_another_shape_are_tifffiles(
    axes: str, shape: tuple[int, ...], new: tuple[int, ...]
):
    assert reshaped_axes(axes, shape, new)[: len(new)] == tifffile.reshape_axes(axes, shape, new)


# --- what it costs -------------------------------------------------------------------------------


async def test_series_cost_what_is_not_known_yet():
    for name, most in {"ome-tczyx": 0, "svs": 0, "imagej-stack": 0, "ome-pyramid": 2}.items():
        async with RangeServer({"a.tif": DATA[name]}) as server:
            cog = await tinycog.open(server.url("a.tif"))
            opened = len(server.log)
            (series, *_) = await cog.series()
            assert len(server.log) - opened <= most
            server.clear()
            await cog.page(series.planes[-1]).read()
            assert len(server.log) <= 1


async def test_a_handle_on_another_page_has_no_series():
    cog = await tinycog.open(DATA["ome-tczyx"], page=3)
    with pytest.raises(UsageError, match="open it without page="):
        await cog.series()


def test_a_plane_is_a_value():
    assert Plane((0,), (1,)) == Plane((0,), (1,))
    assert Plane((0,), None).page is None
