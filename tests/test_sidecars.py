"""Files beside a TIFF, against GDAL, which reads them itself; and how they are requested."""

import asyncio
import math
import pickle

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp

import tinycog
from tinycog.errors import NotFoundError, SourceError, UnsupportedError, UsageError
from tinycog.geo.safe_xml import MAX_ELEMENTS
from tinycog.geo.wkt import crs_of_text, is_x_first
from tinycog.sources.siblings import sibling_names
from tinycog.testing import RangeServer, make_image, make_tiff

WORLD = "2\n0\n0\n-2\n101\n199\n"
PLACED = {"crs": "EPSG:32632", "transform": Affine(10, 0, 500000, 0, -10, 5000000)}
POINTS = {
    "crs": "EPSG:32632",
    "gcps": [
        GroundControlPoint(0, 0, 1, 2),
        GroundControlPoint(0, 8, 5, 2),
        GroundControlPoint(6, 0, 1, 9),
    ],
}
GT = "<GeoTransform> 10.0, 0.5, 0, 50, 0, -0.25</GeoTransform>"
WGS_84 = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,'
    'AUTHORITY["EPSG","7030"]],AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0],'
    'UNIT["degree",0.0174532925199433],AXIS["Latitude",NORTH],AXIS["Longitude",EAST],'
    'AUTHORITY["EPSG","4326"]]'
)
SRS = f'<SRS dataAxisToSRSAxisMapping="2,1">{WGS_84}</SRS>'
UTM = '<SRS dataAxisToSRSAxisMapping="1,2">EPSG:32633</SRS>'
ESRI = (
    '<SRS>PROJCS["WGS_1984_UTM_Zone_33N",GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",'
    'SPHEROID["WGS_1984",6378137.0,298.257223563]],PRIMEM["Greenwich",0.0],'
    'UNIT["Degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],'
    'PARAMETER["False_Easting",500000.0],PARAMETER["False_Northing",0.0],'
    'PARAMETER["Central_Meridian",15.0],PARAMETER["Scale_Factor",0.9996],'
    'PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]</SRS>'
)
GCPS = (
    '<GCPList Projection="EPSG:4326"><GCP Id="a" Info="i" Pixel="0.5" Line="1" X="3" Y="4" Z="5"/>'
    '<GCP Id="b" Pixel="8" Line="6" X="30" Y="40"/></GCPList>'
)
RPC_NAMES = (
    "ERR_BIAS ERR_RAND HEIGHT_OFF HEIGHT_SCALE LAT_OFF LAT_SCALE LINE_OFF LINE_SCALE LONG_OFF"
    " LONG_SCALE SAMP_OFF SAMP_SCALE"
)
NUMBERED = "".join(
    f'<MDI key="{name}">{number}</MDI>' for number, name in enumerate(RPC_NAMES.split())
) + "".join(
    f'<MDI key="{name}_COEFF">{" ".join(map(str, range(k, k + 20)))}</MDI>'
    for k, name in enumerate(["LINE_NUM", "LINE_DEN", "SAMP_NUM", "SAMP_DEN"])
)


def pam(text):
    return f"<PAMDataset>{text}</PAMDataset>"


def band(text, number=1):
    return pam(f'<PAMRasterBand band="{number}">{text}</PAMRasterBand>')


def described(dataset):
    dataset.update_tags(A="own", B="own")
    dataset.update_tags(1, BA="own", BB="own")
    dataset.update_tags(ns="X", xa="own", xb="own")
    dataset.scales, dataset.offsets = (2, 2), (1, 1)
    dataset.units, dataset.descriptions = ("own", "own"), ("own 1", "own 2")
    dataset.colorinterp = [ColorInterp.green, ColorInterp.blue]


def write(path, *, count=1, dtype="uint8", setup=None, **options):
    with rasterio.open(
        path, "w", driver="GTiff", width=8, height=6, count=count, dtype=dtype, **options
    ) as dataset:
        dataset.write(np.arange(48 * count).reshape(count, 6, 8).astype(dtype))
        if setup is not None:
            setup(dataset)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def beside(path, files):
    for ending, text in files.items():
        replaced = ending.startswith((".t", ".w", ".T"))
        name = path.stem + ending if replaced else path.name + ending
        (path.parent / name).write_text(text)


FULL = pam(
    GT
    + SRS
    + """<Metadata><MDI key="A">from pam</MDI><MDI key="C">only pam</MDI>
    <MDI key="AREA_OR_POINT">Point</MDI></Metadata>
    <Metadata domain="X"><MDI key="xa">pam x</MDI></Metadata>
    <Metadata domain="xml:Q" format="xml"><q>1</q></Metadata>
    <PAMRasterBand band="1"><Description>pam band</Description><UnitType>pam unit</UnitType>
    <Offset>7</Offset><Scale>0.5</Scale><ColorInterp>Red</ColorInterp>
    <CategoryNames><Category>x</Category></CategoryNames>
    <Histograms><HistItem><HistMin>1</HistMin></HistItem></Histograms>
    <Metadata><MDI key="STATISTICS_MINIMUM">1.5</MDI><MDI key="BA">pam</MDI></Metadata>
    </PAMRasterBand>"""
)
CASES = {
    "all, described": (FULL, {"count": 2, "setup": described, **PLACED}),
    "all, bare": (FULL, {"count": 2}),
    "second band": (FULL.replace('band="1"', 'band="2"'), {"count": 2, "setup": described}),
    "crs": (pam(SRS), PLACED),
    "crs by code": (pam(UTM), PLACED),
    "crs of ESRI": (pam(ESRI), {}),
    "transform": (pam(GT), PLACED),
    "transform, points in the file": (pam(GT), POINTS),
    "points": (pam(GCPS), {}),
    "points, points in the file": (pam(GCPS), POINTS),
    "points and a transform": (pam(GCPS + GT + SRS), {}),
    "scale": (band("<Scale>5</Scale>"), {"count": 2, "setup": described}),
    "offset": (band("<Offset>5</Offset>"), {"count": 2, "setup": described}),
    "texts": (band("<UnitType> m </UnitType><Description> a  b </Description>"), {}),
    "empty": (
        band("<UnitType/><Description/><NoDataValue></NoDataValue><ColorInterp/>"),
        {"count": 2, "setup": described, "nodata": 3},
    ),
    "colour undefined": (band("<ColorInterp>Undefined</ColorInterp>"), {}),
    "colour unknown": (band("<ColorInterp>Foo</ColorInterp>"), {}),
    "colour": (band("<ColorInterp>NIR</ColorInterp>"), {}),
    "nodata": (band("<NoDataValue> 7 </NoDataValue>"), {"nodata": 3}),
    "nodata out of range": (band("<NoDataValue>300</NoDataValue>"), {"nodata": 3}),
    "nodata nan": (band("<NoDataValue>nan</NoDataValue>"), {"dtype": "float32"}),
    "nodata exact": (
        band('<NoDataValue le_hex_equiv="000000C0FFFFDFC7">-1.7e38</NoDataValue>'),
        {"dtype": "float64"},
    ),
    "band twice": (
        pam('<PAMRasterBand band="1"><NoDataValue>4</NoDataValue></PAMRasterBand>' * 2),
        {},
    ),
    "no number": (pam("<PAMRasterBand><NoDataValue>4</NoDataValue></PAMRasterBand>"), {}),
    "band 0": (band("<NoDataValue>4</NoDataValue>", 0), {}),
    "items": (
        pam(
            '<Metadata><MDI key="a"> x &lt; &amp;lt; y </MDI><MDI key="b"/><MDI key="c"> </MDI>'
            '<MDI>z</MDI><MDI key="d"><![CDATA[q<]]></MDI><MDI key="e=f">1</MDI>'
            '<MDI key="A">second</MDI></Metadata>'
        ),
        {},
    ),
    "area": (pam('<Metadata><MDI key="AREA_OR_POINT">Point</MDI></Metadata>'), PLACED),
    "names in other cases": (pam(GT).replace("GeoTransform", "GEOTRANSFORM"), {}),
    "other root": (pam(GT).replace("PAMDataset", "Other"), {}),
    "rpcs": (pam(f'<Metadata domain="RPC">{NUMBERED}</Metadata>'), {}),
}


def facts_in_gdal(path):
    looks = rasterio.Env(GDAL_PAM_ENABLED="YES", GDAL_DISABLE_READDIR_ON_OPEN="FALSE")
    with looks, rasterio.open(path) as dataset:
        points, crs = dataset.gcps
        return {
            "crs": dataset.crs or (crs if dataset.transform.is_identity else None),
            "transform": dataset.transform,
            "gcps": [(p.row, p.col, p.x, p.y, p.z, p.id) for p in points],
            "nodata": dataset.nodata,
            "scales": dataset.scales,
            "offsets": dataset.offsets,
            "units": dataset.units,
            "descriptions": dataset.descriptions,
            "colorinterp": [colour.name for colour in dataset.colorinterp],
            "tags": [dataset.tags(), *(dataset.tags(i) for i in dataset.indexes)],
            "others": dataset.tags(ns="X"),
            "rpcs": None if dataset.rpcs is None else dataset.rpcs.to_dict(),
            "mask": dataset.dataset_mask().astype(bool).tolist(),
        }


async def facts_here(path):
    cog = await tinycog.open(path, sidecars=True)
    crs = None if cog.crs is None else rasterio.CRS.from_user_input(cog.crs)
    return {
        "crs": crs,
        "transform": cog.transform,
        "gcps": [tuple(point) for point in cog.gcps],
        "nodata": cog.nodata,
        "scales": cog.scales,
        "offsets": cog.offsets,
        "units": cog.units,
        "descriptions": cog.descriptions,
        "colorinterp": [str(colour) for colour in cog.colorinterp],
        "tags": [cog.tags(), *(cog.tags(b) for b in range(cog.count))],
        "others": cog.tags(ns="X"),
        "rpcs": None
        if cog.rpcs is None
        else {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in cog.rpcs._asdict().items()
        },
        "mask": (await cog.read()).mask.tolist(),
    }


pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def assert_same(here, there):
    for name, value in there.items():
        is_nan = name == "nodata" and value is not None and math.isnan(value)
        assert math.isnan(here[name]) if is_nan else here[name] == value, name


@pytest.mark.parametrize("name", CASES)
async def test_what_an_aux_xml_says_is_what_gdal_reads(name, tmp_path):
    text, options = CASES[name]
    path = tmp_path / "a.tif"
    write(path, **options)
    alone = facts_in_gdal(path)
    beside(path, {".aux.xml": text})
    there = facts_in_gdal(path)
    assert_same(await facts_here(path), there)
    plain = await tinycog.open(path)
    assert plain.nodata == alone["nodata"]
    assert plain.transform == alone["transform"]


WORLDS = {
    "tfw": ({".tfw": WORLD}, {}),
    "tifw": ({".tifw": WORLD}, {}),
    "wld": ({".wld": WORLD}, {}),
    "all": ({".tfw": WORLD, ".tifw": WORLD.replace("2", "3"), ".wld": WORLD}, {}),
    "first is bad": ({".tfw": "a\n" * 6, ".wld": WORLD}, {}),
    "a place of its own": ({".tfw": WORLD}, PLACED),
    "points of its own": ({".tfw": WORLD}, POINTS),
    "crs of its own": ({".tfw": WORLD}, {"crs": "EPSG:32632"}),
    "points are centres": (
        {".tfw": WORLD},
        {"crs": "EPSG:32632", "setup": lambda d: d.update_tags(AREA_OR_POINT="Point")},
    ),
    "crs beside": ({".tfw": WORLD, ".aux.xml": pam(SRS)}, {}),
    "transform beside": ({".tfw": WORLD, ".aux.xml": pam(GT)}, PLACED),
    "transform beside, none": ({".tfw": WORLD, ".aux.xml": pam(GT)}, {}),
    "points beside": ({".tfw": WORLD, ".aux.xml": pam(GCPS)}, {}),
    "rotated": ({".tfw": "0\n1\n1\n0\n101\n199\n"}, {}),
    "lines": ({".tfw": "  2 \r\n\r\n0\r\n0\r\n-2,5\r\n101\r\n199\r\nmore"}, {}),
    "one line": ({".tfw": "2 0 0 -2 101 199"}, {}),
    "five lines": ({".tfw": "2\n0\n0\n-2\n101\n"}, {}),
    "no scale": ({".tfw": "0\n0\n0\n0\n1\n1\n"}, {}),
    "empty": ({".tfw": ""}, {}),
}


@pytest.mark.parametrize("name", WORLDS)
async def test_world_files_are_read_where_gdal_reads_them(name, tmp_path):
    files, options = WORLDS[name]
    path = tmp_path / "a.tif"
    write(path, **options)
    beside(path, files)
    assert_same(await facts_here(path), facts_in_gdal(path))


def bare():
    return make_tiff([make_image(np.arange(48, dtype=np.uint8).reshape(1, 6, 8))])


WRONG = {
    ".aux.xml": {
        "cut": pam(GT)[:-9],
        "no xml": "hello",
        "empty": "",
        "doctype": '<!DOCTYPE a [<!ENTITY x "y">]>' + pam(GT),
        "bomb": '<!DOCTYPE a [<!ENTITY x "yyyy"><!ENTITY z "&x;&x;">]><a>&z;</a>',
        "deep": "<a>" * 1000,
        "many": pam("<Metadata/>" * (MAX_ELEMENTS + 1)),
        "five numbers": pam("<GeoTransform>1,2,0,4,0</GeoTransform>"),
        "letters": pam("<GeoTransform>1,x,0,4,0,-2</GeoTransform>"),
        "crs": pam("<SRS>foo</SRS>"),
        "wkt": pam('<SRS>PROJCS["a",</SRS>'),
        "band 9": band("<Scale>4</Scale>", 9),
        "scale": band("<Scale>abc</Scale>"),
        "point": pam('<GCPList><GCP Pixel="x" Line="1" X="3" Y="4"/></GCPList>'),
    },
    ".tfw": {"letters": "2\n0\n0\nx\n101\n199\n", "nan": "nan\n0\n0\n-2\n101\n199\n"},
}


@pytest.mark.parametrize("ending", WRONG)
async def test_what_cannot_be_read_is_a_finding(ending, tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(bare())
    for name, text in WRONG[ending].items():
        beside(path, {ending: text})
        cog = await tinycog.open(path, sidecars=True)
        rules = [finding.rule for finding in cog.findings]
        assert rules == [f"gdal.sidecar.{'pam' if ending == '.aux.xml' else 'world'}"], name
        assert cog.transform.is_identity
        assert (await cog.read()).data.tolist() == [np.arange(48).reshape(6, 8).tolist()]


@pytest.mark.parametrize(
    ("ending", "text", "feature"),
    [
        (".aux.xml", band("<ColorTable><Entry c1='1'/></ColorTable>"), "colour table"),
        (".aux.xml", pam(SRS.replace("2,1", "1,2")), "axes"),
        (".aux.xml", pam(UTM.replace("32633", "4326")), "axes"),
    ],
)
async def test_what_is_not_supported_is_refused(ending, text, feature, tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(bare())
    beside(path, {ending: text})
    for read in (lambda cog: cog.read_tile(0, 0, 0), lambda cog: cog.read()):
        with pytest.raises(UnsupportedError, match=r"leave out sidecars=True") as caught:
            await read(tinycog.open(path, sidecars=True))
        assert caught.value.feature == feature
    assert await tinycog.open(path)


async def test_overviews_that_are_none_are_ignored(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(bare())
    beside(path, {".ovr": "<html>not found</html>", ".msk": ""})
    cog = await tinycog.open(path, sidecars=True)
    assert [finding.rule for finding in cog.findings] == ["gdal.sidecar.names"] * 2


async def test_bands_of_different_nodata_are_refused(tmp_path):
    path = tmp_path / "a.tif"
    write(path, count=2, nodata=3)
    beside(path, {".aux.xml": band("<NoDataValue>9</NoDataValue>")})
    with pytest.raises(UnsupportedError, match=r"different nodata \(9, 3\)"):
        await tinycog.open(path, sidecars=True)
    beside(path, {".aux.xml": band("<NoDataValue>3.0</NoDataValue>", 2)})
    assert (await tinycog.open(path, sidecars=True)).nodata == 3


async def test_nodata_counts_in_every_read_and_level(tmp_path):
    pixels = np.arange(4096, dtype=np.uint16).reshape(1, 64, 64) % 8
    full = make_image(pixels, tile=(16, 16), sparse=[0])
    half = make_image(pixels[:, ::2, ::2].copy(), tile=(16, 16), subfile_type=1)
    path = tmp_path / "a.tif"
    path.write_bytes(make_tiff([full, half]))
    beside(path, {".aux.xml": band("<NoDataValue>4</NoDataValue>")})
    cog = tinycog.open(path, sidecars=True)
    tile = await cog.read_tile(0, 1, 1)
    assert np.array_equal(tile.mask, tile.data[0] != 4)
    assert not (await cog.read_tile(0, 0, 0)).mask.any()  # not stored: nodata
    for level in (0, 1):
        raster = await cog.read(level=level)
        assert (raster.nodata, cog.levels[level].nodata) == (4, 4)
        assert np.array_equal(raster.mask, raster.data[0] != 4)
    assert cog.pages[0].nodata == 4
    assert (await cog.page(0).read()).nodata == 4
    assert (await pickle.loads(pickle.dumps(cog)).read()).nodata == 4  # noqa: S301 - our own
    again = tinycog.open(path, sidecars=True, snapshot=cog.snapshot())
    assert (await again.read_tile(0, 1, 1)).nodata == 4


# --- requests ------------------------------------------------------------------------------------


async def test_all_are_requested_at_once_with_the_header():
    files = {"dir/a.tif": bare(), "dir/a.tif.aux.xml": pam(GT).encode()}
    begun: list[str] = []
    everything = asyncio.Event()

    class Files:
        async_impl = True
        asynchronous = True

        def cat_file(self, path, start=None, end=None):
            raise NotImplementedError

        async def _cat_file(self, path, start, end):
            begun.append(path)
            if len(begun) == 7:
                everything.set()
            await everything.wait()
            if path not in files:
                raise FileNotFoundError(path)
            return files[path][start:end]

    cog = await tinycog.open("dir/a.tif", fs=Files(), sidecars=True)
    assert sorted(begun) == sorted(
        ["dir/a.tif", *(f"dir/a.tif{ending}" for ending in (".aux.xml", ".msk", ".ovr"))]
        + [f"dir/a.{ending}" for ending in ("tfw", "tifw", "wld")]
    )
    assert cog.transform.a == 0.5
    await cog.read()
    assert len(begun) == 7


async def test_over_http_they_keep_the_query_and_are_in_the_log():
    texts = {"a.tif": bare(), "a.tif.aux.xml": pam(GT).encode(), "a.wld": WORLD.encode()}
    async with RangeServer(texts) as server:
        cog = await tinycog.open(server.url("a.tif") + "?sig=x%2Fy", sidecars=True)
        assert cog.transform.a == 0.5
        found = {(request.sidecar, request.error) for request in cog.requests}
        absent = {(ending, "NotFoundError") for ending in (".ovr", ".msk", ".tfw", ".tifw")}
        assert found == {("", None), (".aux.xml", None), (".wld", None), *absent}
        assert len(server.log) == 7
        plain = await tinycog.open(server.url("a.tif"))
        assert plain.transform.is_identity
        assert len(server.log) == 8
        plan = await cog.plan()
        assert not plan.requests


async def test_other_errors_are_errors_and_denied_is_a_finding():
    answers: dict[str, type[Exception]] = {}

    class Files:
        def cat_file(self, path, start=None, end=None):
            if path == "a.tif":
                return bare()[start:end]
            raise answers.get(path, FileNotFoundError)(path)

    answers["a.tif.aux.xml"] = PermissionError
    cog = await tinycog.open("a.tif", fs=Files(), sidecars=True)
    assert [finding.rule for finding in cog.findings] == ["gdal.sidecar.names"]
    answers["a.tif.aux.xml"] = OSError
    with pytest.raises(SourceError):
        await tinycog.open("a.tif", fs=Files(), sidecars=True)
    with pytest.raises(NotFoundError):
        await tinycog.open("b.tif", fs=Files(), sidecars=True)


async def test_a_long_one_is_read_whole_and_within_the_limit(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(bare())
    long = pam(f'<Metadata><MDI key="long">{"x" * 300_000}</MDI></Metadata>' + GT)
    beside(path, {".aux.xml": long})
    cog = await tinycog.open(path, sidecars=True)
    assert len(cog.tags()["long"]) == 300_000
    assert cog.transform.a == 0.5

    class Files:  # sizes are not known
        def cat_file(self, path: str, start: int | None = None, end: int | None = None) -> bytes:
            return (tmp_path / path).read_bytes()[start:end]

    assert (await tinycog.open("a.tif", fs=Files(), sidecars=True)).transform.a == 0.5
    limits = tinycog.Limits(value_bytes=100_000)
    with pytest.raises(tinycog.LimitError, match="file beside"):
        await tinycog.open(path, sidecars=True, limits=limits)


def test_names():
    def names(where):
        return [str(name) for name in sibling_names(where).values()]

    assert names("/x.y/a.tif") == [
        *("/x.y/a.tif.aux.xml", "/x.y/a.tif.ovr", "/x.y/a.tif.msk", "/x.y/a.tif.msk.ovr"),
        *("/x.y/a.tfw", "/x.y/a.tifw", "/x.y/a.wld"),
    ]
    assert names("A.TIFF")[4:] == ["A.TFW", "A.TIFFW", "A.WLD"]
    assert names("/x.y/a") == ["/x.y/a.aux.xml", "/x.y/a.ovr", "/x.y/a.msk", "/x.y/a.msk.ovr"]
    assert names("https://h/a.tif?b=c/d.e#f")[0] == "https://h/a.tif.aux.xml?b=c/d.e#f"
    assert names("https://h/a.tif?b=c/d.e#f")[4] == "https://h/a.tfw?b=c/d.e#f"
    assert names("s3://b/a?.tif")[4] == "s3://b/a?.tfw"
    assert names("zip://d/a.tif::https://h/x.zip?q")[4] == "zip://d/a.tfw::https://h/x.zip?q"
    assert names("simplecache::s3://b/a.tif")[0] == "simplecache::s3://b/a.tif.aux.xml"
    assert names("file:///d/a.tif")[4] == "file:///d/a.tfw"


async def test_they_need_a_name_and_are_those_of_the_first_page(tmp_path):
    async def get_range(start, stop):
        return bare()[start:stop]

    for where in (bare(), get_range):
        with pytest.raises(UsageError, match="needs a url or a path"):
            tinycog.open(where, sidecars=True)
    with pytest.raises(UsageError, match="of the first page"):
        tinycog.open("a.tif", sidecars=True, page=1)
    path = tmp_path / "a.tif"
    image = make_image(np.zeros((1, 6, 8), np.uint8))
    path.write_bytes(make_tiff([image, image]))
    beside(path, {".aux.xml": pam(GT)})
    cog = await tinycog.open(path, sidecars=True)
    assert (await cog.page(1)).transform.is_identity


# --- WKT -----------------------------------------------------------------------------------------


CRSS = (
    *("EPSG:4326", "EPSG:32633", "EPSG:2393", "EPSG:4979", "EPSG:4978", "EPSG:5703", "EPSG:3857"),
    *("EPSG:7415", "ESRI:102100", "+proj=robin", "+proj=longlat +towgs84=1,2,3"),
)


@pytest.mark.parametrize("name", CRSS)
@pytest.mark.parametrize("version", ["WKT1_GDAL", "WKT2_2019", "WKT1_ESRI"])
def test_crss_by_wkt_are_those_of_proj(name, version):
    import pyproj  # noqa: PLC0415 - for this alone
    from pyproj.exceptions import CRSError  # noqa: PLC0415 - the same

    theirs = pyproj.CRS.from_user_input(name)
    try:
        wkt = theirs.to_wkt(version)
    except CRSError:
        return  # it cannot be written so
    ours = crs_of_text(wkt)
    assert ours is not None
    assert ours.is_geographic == (theirs.is_geographic and len(theirs.sub_crs_list) == 0)
    assert ours.is_projected == theirs.is_projected
    read = pyproj.CRS.from_wkt(wkt)
    if ours.epsg is not None:
        assert ours.epsg == int(name.replace("ESRI:102100", "EPSG:3857")[5:])
    else:
        assert ours.to_pyproj().equals(read, ignore_axis_order=True)


NESTED = (
    'COMPD_CS["a",' * 20_000 + "]" * 20_000,
    "BOUNDCRS[SOURCECRS[" * 20_000 + "]" * 40_000,
    'PROJCS["a"]' + ',VERTCS["b"]' * 20_000,
)


def test_text_that_is_no_crs():
    for text in ("", "foo", "EPSG:", "PROJCS[", 'PROJCS["a"]x', "FOO[1]", "[" * 100_000, *NESTED):
        assert crs_of_text(text) is None
    compound = crs_of_text(f'COMPD_CS["a",{WGS_84},VERT_CS["b",VERT_DATUM["c",2005]]]')
    assert compound is not None
    assert is_x_first(compound, "2,1,3")
    assert not is_x_first(compound, "1,2,3")
