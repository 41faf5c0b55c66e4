"""`tinycog.Service`: an image by one async function, which limits and throttles."""

# pyright: reportArgumentType=false, reportCallIssue=false, reportGeneralTypeIssues=false
from __future__ import annotations

import asyncio
import pickle
from collections import deque

import numpy as np
import pytest
from affine import Affine

import tinycog
from tinycog.errors import (
    LimitError,
    SourceBusyError,
    SourceError,
    TileIndexError,
    TooLargeError,
    UsageError,
)
from tinycog.fetch.retry import RetryClock
from tinycog.limits import Limits, Retries
from tinycog.servicing.lanes import Lanes

TRANSFORM = Affine(10, 0, 500_000, 0, -10, 5_000_000)
CRS = "EPSG:32632"
SHAPE = (2, 300, 400)
PIXEL = 4
RNG = np.random.default_rng(5)
IMAGE = RNG.integers(0, 4000, SHAPE, dtype=np.uint16)


class RequestError(Exception):
    """What a client library raises: a status, and headers."""

    def __init__(self, text: str, status: int, retry_after: str | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.headers = {} if retry_after is None else {"Retry-After": retry_after}


class StandIn:
    """A service that limits and throttles; it notes what it was asked for.

    Attributes:
        calls: windows, those that were refused, too.
        most_at_once: calls that were under way together.
    """

    def __init__(self, *, most_bytes=None, most_calls=None, refuses=None):
        self.most_bytes, self.most_calls, self.refuses = most_bytes, most_calls, refuses
        self.calls: list[tuple[int, int, int, int]] = []
        self.most_at_once = self.now = 0

    async def __call__(self, window):
        self.calls.append(tuple(window))
        self.now += 1
        self.most_at_once = max(self.most_at_once, self.now)
        try:
            if self.most_calls is not None and self.now > self.most_calls:
                raise RequestError("Too many concurrent requests", 429, "0")
            await asyncio.sleep(0)
            if (
                self.most_bytes is not None
                and window.width * window.height * PIXEL > self.most_bytes
            ):
                raise self.refuses
            return cut(window)
        finally:
            self.now -= 1


def cut(window):
    col, row, width, height = window
    return IMAGE[:, row : row + height, col : col + width]


def service(get, **options):
    return tinycog.Service(
        get, shape=SHAPE, dtype="uint16", transform=TRANSFORM, crs=CRS, **options
    )


async def test_reads_are_those_of_an_image():
    image = service(cut_async := StandIn(), nodata=7)

    assert (image.shape, image.dtype, image.nodata) == (SHAPE, np.uint16, 7)
    assert (image.transform, str(image.crs)) == (TRANSFORM, CRS)
    assert image.bounds == (500_000, 4_997_000, 504_000, 5_000_000)
    whole = await image.read(masked=True)
    np.testing.assert_array_equal(whole.data, IMAGE)
    np.testing.assert_array_equal(whole.band_masks, IMAGE != 7)
    part = await image.read(2, bounds=(501_000, 4_998_000, 502_000, 4_999_000))
    np.testing.assert_array_equal(part.data, IMAGE[1:, 100:200, 100:200])
    assert cut_async.calls[-1] == (100, 100, 100, 100)
    coarse = await image.read(res=20, resampling="average")
    assert coarse.shape == (2, 150, 200)
    point = await image.point(500_005, 4_999_995)
    np.testing.assert_array_equal(point, IMAGE[:, 0, 0])
    with pytest.raises(TileIndexError):
        await image.read(level=1)


async def test_no_call_asks_for_more_than_the_limit_and_plan_says_which():
    get = StandIn()
    image = service(get, limit=40_000, concurrency=3)
    plan = await image.plan(window=(10, 20, 333, 211))

    raster = await image.read(window=(10, 20, 333, 211))

    np.testing.assert_array_equal(raster.data, IMAGE[:, 20:231, 10:343])
    sizes = [width * height * PIXEL for _, _, width, height in get.calls]
    assert max(sizes) <= 40_000
    assert sum(sizes) == raster.data.nbytes == plan.bytes
    assert len(get.calls) == len(plan.requests) == 8
    assert get.most_at_once <= 3


@pytest.mark.parametrize(
    "refuses",
    [
        RequestError("Payload Too Large", 413),
        RequestError("Total request size (50331649 bytes) must be less than 50331648 bytes.", 400),
        TooLargeError("ask for less"),
    ],
    ids=["413", "text", "ours"],
)
async def test_what_is_too_large_is_asked_for_in_halves(refuses):
    get = StandIn(most_bytes=20_000, refuses=refuses)
    image = service(get)

    raster = await image.read(window=(0, 0, 200, 100))

    np.testing.assert_array_equal(raster.data, IMAGE[:, :100, :200])
    assert get.calls[:3] == [(0, 0, 200, 100), (0, 0, 100, 100), (100, 0, 100, 100)]
    answered = [one for one in get.calls if one[2] * one[3] * PIXEL <= 20_000]
    assert len(answered) == 4
    get.calls.clear()
    await image.read(window=(0, 0, 200, 100))
    assert len(get.calls) == 4  # it asks for less by itself, now


async def test_a_pixel_that_is_too_large_is_an_error():
    image = service(StandIn(most_bytes=1, refuses=RequestError("no", 413)))
    with pytest.raises(TooLargeError, match="no"):
        await image.read(window=(0, 0, 3, 2))


@pytest.mark.parametrize("name", ["x.npy", "x.tif"])
async def test_an_export_of_a_service(name, tmp_path):
    get = StandIn(most_bytes=100_000, refuses=RequestError("no", 413))
    image = service(get, limit=60_000, name="stand-in", pin="1", blocksize=64)
    options = {"window": (3, 5, 350, 290), "memory": (9 if name == "x.npy" else 96) << 20}
    plan = await tinycog.export(image, tmp_path / name, plan=True, **options)
    assert not get.calls

    found = await tinycog.export(image, tmp_path / name, **options)

    assert len(get.calls) == plan.requests
    assert sum(w * h * PIXEL for _, _, w, h in get.calls) == plan.bytes == found.bytes
    expected = IMAGE[:, 5:295, 3:353]
    if name == "x.npy":
        np.testing.assert_array_equal(np.load(tmp_path / name), expected)
        return
    async with tinycog.open(tmp_path / name) as cog:
        np.testing.assert_array_equal((await cog.read()).data, expected)
        assert (str(cog.crs), cog.transform) == (CRS, TRANSFORM @ Affine.translation(3, 5))


async def test_write_takes_a_service(tmp_path):
    await tinycog.write(tmp_path / "x.tif", service(StandIn()))
    async with tinycog.open(tmp_path / "x.tif") as cog:
        np.testing.assert_array_equal((await cog.read()).data, IMAGE)


# --- a service that throttles ---------------------------------------------------------------------


class FakeTime:
    """A clock that goes on when all wait."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> RetryClock:
        return RetryClock(lambda: self.now, lambda: self.now, lambda: 0.5, self.sleep, self.later)

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)

    def later(self, seconds, callback):
        def call() -> None:
            self.now = max(self.now, until)
            callback()

        until = self.now + seconds
        return asyncio.get_running_loop().call_later(0.001 * seconds, call)


async def test_fewer_calls_are_made_at_once_when_a_service_throttles_and_more_again_later():
    get, time = StandIn(most_calls=3), FakeTime()
    lanes = Lanes(16, Retries(seconds=600), time.clock())
    window = tinycog.Window(0, 0, 4, 4)
    opened: list[int] = []

    async def one() -> None:
        await lanes.call(lambda: get(window))
        opened.append(lanes.open)

    await asyncio.gather(*(one() for _ in range(60)))

    assert len(opened) == 60
    assert min(opened) <= 8
    assert get.most_at_once == 4  # the first refusal
    refused = len(get.calls) - 60
    assert refused < 60
    get.most_calls = None
    for _ in range(300):
        await one()
    assert lanes.open == 16


async def test_a_retry_after_is_obeyed_and_a_service_that_goes_on_refusing_is_given_up():
    time, calls = FakeTime(), deque([RequestError("slow down", 429, "7"), None])

    async def get():
        error = calls.popleft()
        if error is not None:
            raise error
        return time.now

    lanes = Lanes(2, Retries(seconds=600), time.clock())
    assert await lanes.call(get) >= 7

    async def never():
        busy = SourceBusyError("come back")
        busy.retry_after = "7"
        raise busy

    lanes = Lanes(2, Retries(seconds=30), time.clock())
    with pytest.raises(SourceBusyError, match=r"come back \(tried \d times\)"):
        await lanes.call(never)


async def test_a_read_of_a_service_that_throttles_is_whole():
    get = StandIn(most_calls=2)
    limits = Limits(retries=Retries(first_delay=0.001, most_delay=0.002))
    image = service(get, limit=20_000, limits=limits)
    raster = await image.read()
    np.testing.assert_array_equal(raster.data, IMAGE)


# --- what is wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gives", "said"),
    [
        (
            lambda w: cut(w)[:, 1:],
            r"\(2, 29, 40\) for the window \(5, 6, 40, 30\), expected uint16",
        ),
        (lambda w: cut(w)[:1], r"\(1, 30, 40\)"),
        (lambda w: cut(w).astype(np.float32), "gave float32 of"),
        (lambda w: np.ma.masked_less(cut(w), 5000), "masked pixels for the window .*: say nodata="),
    ],
)
async def test_pixels_of_another_shape_or_dtype_name_the_window(gives, said):
    async def get(window):
        return gives(window)

    with pytest.raises(UsageError, match=said):
        await service(get).read(window=(5, 6, 40, 30))


async def test_masked_pixels_become_nodata():
    async def get(window):
        return np.ma.masked_less(cut(window), 2000)

    raster = await service(get, nodata=0).read(masked=True)
    np.testing.assert_array_equal(raster.data, np.where(IMAGE < 2000, 0, IMAGE))


async def test_a_failure_names_the_window_or_is_accounted():
    async def get(window):
        if window.row_off <= 150 < window.row_off + window.height:
            raise OSError("the wire is cut")
        return cut(window)

    image = service(get, limit=40 * 400 * PIXEL, name="stand-in")
    with pytest.raises(SourceError, match=r"window \(0, 120, 400, 40\): OSError: the wire is cut"):
        await image.read()

    raster = await image.read(errors="fill", masked=True)
    assert raster.account.failed == 40 * 400
    assert "the wire is cut" in str(raster.findings)
    assert not raster.data[:, 120:160].any()


async def test_a_function_that_blocks_is_refused():
    with pytest.raises(UsageError, match="async"):
        await service(cut).read()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"limit": 3}, "less than those of a pixel"),
        ({"concurrency": 0}, "concurrency"),
        ({"nodata": -1}, "uint16"),
        ({"descriptions": ["a"]}, "2 bands"),
        ({"shape": (0, 5)}, "at least 1"),
        ({"transform": None}, "pass transform="),
    ],
)
def test_a_wrong_argument_says_what_is_expected(options, said):
    given = {"shape": SHAPE, "dtype": "uint16", "transform": TRANSFORM, "crs": CRS} | options
    with pytest.raises(UsageError, match=said):
        tinycog.Service(cut, **given)


async def module_level(window):
    return cut(window)


async def test_a_service_pickles_with_its_function():
    image = pickle.loads(pickle.dumps(service(module_level, limit=40_000)))  # noqa: S301 - ours
    np.testing.assert_array_equal((await image.read()).data, IMAGE)


async def test_a_read_larger_than_a_limit_is_refused():
    with pytest.raises(LimitError):
        await service(StandIn(), limits=Limits(result_bytes=1000)).read()
