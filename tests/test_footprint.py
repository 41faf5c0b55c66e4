"""Where images lie on the Earth: against a brute-force outline, over the antimeridian and poles."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest

from tinycog.errors import UsageError
from tinycog.geo.footprint import (
    TOLERANCE,
    bounds_around,
    box_geometry,
    footprint,
    footprints,
    in_degrees,
    points_of,
)

S2 = (10.0, 0, 499_980, 0, -10.0, 5_300_040)
PLACES = {
    "utm": ("EPSG:32633", S2, (10_980, 10_980)),
    "utm, wide": ("EPSG:32633", (1000.0, 0, 100_000, 0, -1000.0, 8_000_000), (3000, 800)),
    "rotated": ("EPSG:32633", (8.0, 6.0, 499_980, 6.0, -8.0, 5_300_040), (5000, 3000)),
    "south up": ("EPSG:32733", (10.0, 0, 499_980, 0, 10.0, 5_300_040), (1000, 2000)),
    "lambert": ("EPSG:3035", (1000.0, 0, 2_500_000, 0, -1000.0, 5_500_000), (4000, 4000)),
    "degrees": ("EPSG:4326", (0.01, 0, 10, 0, -0.01, 50), (1000, 2000)),
    "tiny": ("EPSG:32633", (0.01, 0, 499_980, 0, -0.01, 5_300_040), (100, 100)),
    "lambert north": ("EPSG:3413", (1000.0, 0, 1_000_000, 0, -1000.0, 3_000_000), (600, 600)),
}


def outline(crs, transform, shape, pieces=2000):
    """The edges of an image, densely."""
    a, b, c, d, e, f = transform
    rows, cols = shape
    t = np.linspace(0, 1, pieces, endpoint=False)
    col = np.concatenate([0 * t, t, 0 * t + 1, 1 - t, [0]]) * cols
    row = np.concatenate([t, 0 * t + 1, 1 - t, 0 * t, [0]]) * rows
    to_degrees = pyproj.Transformer.from_crs(crs, "OGC:CRS84", always_xy=True).transform
    return np.stack(to_degrees(a * col + b * row + c, d * col + e * row + f), 1)


def distance(points, ring):
    """The furthest of points from a closed line."""
    starts, ends = ring[:-1], ring[1:]
    along = ends - starts
    length = np.maximum((along**2).sum(1), 1e-300)
    t = np.clip(((points[:, None] - starts) * along).sum(2) / length, 0, 1)
    gaps = points[:, None] - (starts + t[..., None] * along)
    return np.sqrt((gaps**2).sum(2)).min(1).max()


@pytest.mark.parametrize("name", PLACES)
def test_edges_are_right_to_the_tolerance_and_bounds_hold_them(name):
    crs, transform, shape = PLACES[name]
    true = outline(crs, transform, shape)
    found = footprint(crs, transform, shape)
    (ring,) = found.geometry["coordinates"]
    ring = np.array(ring)
    size = np.ptp(true, axis=0).max()

    assert distance(true[::20], ring) <= 1.5 * TOLERANCE * size + 1e-9
    west, south, east, north = found.bounds
    low, high = true.min(0), true.max(0)
    assert west <= low[0] + 1e-12
    assert south <= low[1] + 1e-12
    assert east >= high[0] - 1e-12
    assert north >= high[1] - 1e-12
    assert max(low[0] - west, low[1] - south, east - high[0], north - high[1]) <= 2e-4 * size
    assert ring[0].tolist() == ring[-1].tolist()
    x, y = ring.T
    assert ((x[:-1] * y[1:] - x[1:] * y[:-1]).sum()) > 0  # counter-clockwise, RFC 7946


def test_many_at_once_are_those_one_by_one():
    crs = "EPSG:32660"
    rng = np.random.default_rng(4)
    transforms = [(10.0, 0, x, 0, -10.0, 7_000_000) for x in rng.uniform(2e5, 8e5, 50)]
    shapes = [(int(n), 2 * int(n)) for n in rng.integers(10, 9000, 50)]
    found = footprints(crs, transforms, shapes)
    assert found == [footprint(crs, *one) for one in zip(transforms, shapes, strict=True)]
    assert {one.geometry["type"] for one in found if one} == {"Polygon", "MultiPolygon"}


def test_over_the_antimeridian():
    found = footprint("EPSG:32660", (10.0, 0, 799_960, 0, -10.0, 100_000), (10_000, 10_000))
    west, _, east, _ = found.bounds
    assert 178 < west < 180
    assert -180 < east < -178
    assert found.geometry["type"] == "MultiPolygon"
    points = np.array(list(points_of(found.geometry)))
    assert np.abs(points[:, 0]).max() == 180
    assert bounds_around(found.geometry) == pytest.approx(found.bounds, abs=1e-3)


def test_longitudes_from_zero():
    found = footprint("EPSG:4326", (0.1, 0, 170.0, 0, -0.1, 10.0), (100, 400))
    assert found.bounds == pytest.approx((170, 0, -150, 10))
    whole = footprint("EPSG:4326", (0.1, 0, 0.0, 0, -0.1, 90.0), (1800, 3600))
    assert whole.bounds == (-180, -90, 180, 90)
    assert footprint("EPSG:4326", (0.1, 0, 200.0, 0, -0.1, 10.0), (100, 100)).bounds == (
        pytest.approx((-160, 0, -150, 10))
    )


@pytest.mark.parametrize(
    ("crs", "pole"), [("EPSG:3031", -90), ("EPSG:3413", 90), ("EPSG:32661", 90)]
)
def test_around_a_pole(crs, pole):
    left = -3_000_000 if crs != "EPSG:32661" else -1_000_000
    found = footprint(crs, (1000.0, 0, left, 0, -1000.0, left + 6_000_000), (6000, 6000))
    west, south, east, north = found.bounds
    assert (west, east) == (-180, 180)
    assert (south if pole < 0 else north) == pole
    shapely = pytest.importorskip("shapely", reason="shapely is not there")
    shape = shapely.geometry.shape(found.geometry)
    assert shape.is_valid
    inside = [(lng, pole * 0.9) for lng in range(-179, 180, 7)]
    assert all(shapely.intersects_xy(shape, *zip(*inside, strict=True)))


def test_what_a_projection_tears_apart_is_all_of_its_bounds():
    found = footprint("EPSG:8857", (100_000.0, 0, -18e6, 0, -100_000.0, 9e6), (180, 360))
    assert found.bounds == (-180, -90, 180, 90)
    with pytest.raises(UsageError):
        footprint("EPSG:32633", (1e9, 0, 1e12, 0, -1e9, 1e12), (1000, 1000))


def test_bounds_as_geometry():
    assert bounds_around(box_geometry((170, -5, -170, 5))) == (170, -5, -170, 5)
    assert bounds_around(box_geometry((-10, -5, 10, 5))) == (-10, -5, 10, 5)


def test_geojson_of_another_crs_follows_its_edges():
    ring = [[100_000, 8_000_000], [900_000, 8_000_000], [900_000, 8_100_000], [100_000, 8_000_000]]
    found = in_degrees({"type": "MultiPolygon", "coordinates": [[ring]]}, "EPSG:32633")
    dense = outline("EPSG:32633", (1.0, 0, 100_000, 0, 1.0, 8_000_000), (1, 800_000))
    along = dense[np.abs(np.arange(len(dense)) - 3000) < 900]
    assert distance(along[::20], np.array(found["coordinates"][0][0])) < 0.01
    point = in_degrees({"type": "Point", "coordinates": [500_000, 0]}, "EPSG:32633")
    assert point["coordinates"] == pytest.approx([15, 0], abs=1e-6)


@pytest.mark.parametrize(
    "transform",
    [
        (1.7e308, 0, 1e308, 0, -1.7e308, 1e308),
        (1e-5, 0, 0, 0, 1.7e308, -1.7e308),
        (np.inf, 0, 0, 0, -10.0, 0),
        (10.0, 0, np.nan, 0, -10.0, 0),
    ],
)
@pytest.mark.filterwarnings("error")
def test_numbers_that_overflow_are_no_place_and_no_warning(transform):
    with pytest.raises(UsageError):
        footprint("EPSG:32633", transform, (100, 200))
    assert footprints("EPSG:32633", [transform, S2], [(100, 200)] * 2)[0] is None
