"""What writing a COG takes, beside GDAL's COG driver, rio-cogeo and odc-geo, and beside its floor.

    python benchmarks/write.py [--quick] [--rounds 3] [--only uint16-deflate,...] [--peers gdal,...]

Images of 8,000 x 8,000 (`--quick`: 3,072 x 3,072) are made from a fixed seed, as uncompressed TIFF
files: terrain with as much noise as pictures have. Each is written with tiles of 512 and means as
overviews, by two threads. Each turn is a process of its own, its imports included; peers take
turns in random order, and one round does not count. Medians of wall time and of processor time of
the whole process, of their ratios to GDAL's of the same round, and sizes relative to GDAL's; "call"
is the ratio of the calls alone, without the start of Python, imports and the end of the process.

The floor is what nobody can do without: the bare codec by two threads over all tiles as they are
before compression, all levels, one read of the source, one write of the result. "over" is
what tinycog's own call takes beyond it, imports aside, in ns for each byte of the source (wall,
processor). Levels: Deflate is GDAL's 6, which makes what libdeflate's 7 makes; ours is
libdeflate's 7, ZSTD 9, JPEG and WebP quality 75. A peer that is not installed has no figures.
"""

# pyright: reportMissingImports=false, reportArgumentType=false
from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

TILE = 512
THREADS = 2
SEED = 7

KINDS = {"uint8x3": ("uint8", 3, 2), "uint16": ("uint16", 1, 2), "float32": ("float32", 1, 3)}
"""dtype, samples of a pixel, predictor."""

CODECS = {
    "none": ({"COMPRESS": "NONE"}, {"compression": "none"}),
    "lzw": ({"COMPRESS": "LZW"}, {"compression": "lzw"}),
    "deflate": ({"COMPRESS": "DEFLATE", "LEVEL": "6"}, {"compression": "deflate", "level": 7}),
    "zstd": ({"COMPRESS": "ZSTD", "LEVEL": "9"}, {"compression": "zstd", "level": 9}),
    "jpeg": ({"COMPRESS": "JPEG", "QUALITY": "75"}, {"compression": "jpeg", "quality": 75}),
    "webp": ({"COMPRESS": "WEBP", "QUALITY": "75"}, {"compression": "webp", "quality": 75}),
}
"""Options of GDAL's COG driver, and ours."""

PREDICTED = ("lzw", "deflate", "zstd")
PICTURES = ("jpeg", "webp")
OURS = {"tinycog": {}, "auto": {"level": "auto"}, "fast": {"level": "fast"}}
PEERS = ("gdal", "rio-cogeo", "odc-geo")

GOALS = {
    **dict.fromkeys(("uint8x3-none", "uint16-none", "float32-none", "uint8x3-jpeg"), 0.40),
    **dict.fromkeys(("uint8x3-lzw", "uint16-lzw", "float32-lzw"), 0.60),
    "float32-deflate": 0.55,
    "uint16-deflate": 0.72,
    "uint8x3-deflate": 0.80,
    "float32-zstd": 0.80,
    "uint8x3-zstd": 0.92,
}
"""Of GDAL's wall time."""

CHOSEN_GOALS = {"auto": (0.75, 1.01), "fast": (0.30, 1.05)}
"""Of GDAL's wall time with Deflate, and of its size."""


@dataclass(frozen=True)
class Case:
    """One kind of samples with one codec."""

    kind: str
    codec: str

    @property
    def name(self) -> str:
        """For the table."""
        return f"{self.kind}-{self.codec}"

    @property
    def predictor(self) -> int:
        """As both are told."""
        return KINDS[self.kind][2] if self.codec in PREDICTED else 1

    @property
    def runs(self) -> tuple[str, ...]:
        """Who writes it, the floor included."""
        chosen = ("auto", "fast") if self.codec == "deflate" else ()
        return ("floor", "tinycog", *chosen, *PEERS)


CASES = [
    Case(kind, codec)
    for kind in KINDS
    for codec in CODECS
    if codec not in PICTURES or kind == "uint8x3"
]


def make_image(kind: str, side: int) -> np.ndarray:
    """Return terrain with noise, (rows, cols, samples)."""
    dtype, samples, _ = KINDS[kind]
    rng = np.random.default_rng(SEED)
    y, x = (axis / 2048 for axis in np.ogrid[0:side, 0:side])
    span = {"uint8": 40, "uint16": 4000}.get(dtype, 300.0)
    out = np.empty((side, side, samples), dtype)
    for top in range(0, side, 256):
        rows = slice(top, top + 256)
        smooth = np.sin(9 * x) + np.cos(7 * y[rows]) + np.sin(40 * x * y[rows])
        for band in range(samples):
            noise = rng.standard_normal(smooth.shape, np.float32)
            out[rows, :, band] = (smooth + 0.1 * noise + 3 + 0.1 * band) * span
    return out


def make_source(folder: Path, kind: str, side: int) -> Path:
    """Write the image as an uncompressed file, and return its path."""
    import rasterio  # noqa: PLC0415 - heavy
    from rasterio.transform import from_origin  # noqa: PLC0415

    path = folder / f"{kind}.tif"
    image = make_image(kind, side)
    profile = {
        "driver": "GTiff", "dtype": image.dtype, "count": image.shape[2],
        "height": side, "width": side, "crs": "EPSG:32633", "interleave": "pixel",
        "transform": from_origin(500_000, 5_000_000, 10, 10),
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as target:
        target.write(image.transpose(2, 0, 1))
    np.save(path.with_suffix(".npy"), image)
    return path


def mapped(source: Path) -> np.ndarray:
    """Return the pixels in the file, (rows, cols, samples)."""
    return np.load(source.with_suffix(".npy"), mmap_mode="r")


# --- those that write ----------------------------------------------------------------------------


def by_tinycog(case: Case, source: Path, target: Path, own: dict[str, Any]) -> None:
    """Write by `tinycog.write`, of a memmap."""
    import tinycog.sync  # noqa: PLC0415 - its time counts
    from tinycog.geo.transform import make_affine  # noqa: PLC0415

    options = CODECS[case.codec][1] | own
    if case.predictor > 1:
        options["predictor"] = case.predictor
    tinycog.sync.write(
        target,
        mapped(source).transpose(2, 0, 1),
        crs="EPSG:32633",
        transform=make_affine(10, 0, 500_000, 0, -10, 5_000_000),
        blocksize=TILE,
        overview_resampling="average",
        **options,
    )


def by_gdal(case: Case, source: Path, target: Path) -> None:
    """Write by GDAL's COG driver."""
    from rasterio.shutil import copy  # noqa: PLC0415

    options = {
        **CODECS[case.codec][0], "BLOCKSIZE": TILE, "NUM_THREADS": THREADS,
        "OVERVIEW_RESAMPLING": "AVERAGE", "PREDICTOR": "YES" if case.predictor > 1 else "NO",
    }  # fmt: skip
    if case.codec not in PREDICTED:
        del options["PREDICTOR"]
    copy(source, target, driver="COG", **options)


def by_rio_cogeo(case: Case, source: Path, target: Path) -> None:
    """Write by `cog_translate`."""
    from rio_cogeo.cogeo import cog_translate  # noqa: PLC0415
    from rio_cogeo.profiles import cog_profiles  # noqa: PLC0415

    names = {"none": "raw"}
    profile = dict(cog_profiles.get(names.get(case.codec, case.codec)))
    profile |= {"blockxsize": TILE, "blockysize": TILE, "NUM_THREADS": THREADS}
    profile |= {"deflate": {"ZLEVEL": 6}, "zstd": {"ZSTD_LEVEL": 9}}.get(case.codec, {})
    if case.predictor > 1:
        profile["PREDICTOR"] = case.predictor
    cog_translate(
        str(source), str(target), profile, overview_resampling="average", quiet=True,
        config={"GDAL_NUM_THREADS": THREADS},
    )  # fmt: skip


def by_odc_geo(case: Case, source: Path, target: Path) -> None:
    """Write by `save_cog_with_dask`."""
    import dask.array as da  # noqa: PLC0415
    from odc.geo.cog import save_cog_with_dask  # noqa: PLC0415
    from odc.geo.geobox import GeoBox  # noqa: PLC0415
    from odc.geo.xr import wrap_xr  # noqa: PLC0415

    from tinycog.geo.transform import make_affine  # noqa: PLC0415

    image = mapped(source)
    pixels = da.from_array(image, chunks=(4 * TILE, 4 * TILE, image.shape[2]), name="source")
    transform = make_affine(10, 0, 500_000, 0, -10, 5_000_000)
    box = GeoBox(image.shape[:2], transform, "EPSG:32633")
    wrapped = wrap_xr(pixels if image.shape[2] > 1 else pixels[:, :, 0], box)
    level = {"deflate": 6, "zstd": 9, "jpeg": 75, "webp": 75}.get(case.codec)
    save_cog_with_dask(
        wrapped,
        str(target),
        compression=case.codec.upper(),
        level=level,
        predictor=case.predictor,
        blocksize=TILE,
        overview_resampling="average",
    ).compute(scheduler="threads", num_workers=THREADS)


def floor(case: Case, source: Path, target: Path) -> Callable[[], None]:
    """Prepare the tiles of all levels, and return what nobody can do without."""
    from tinycog.encode.tile import make_encoder  # noqa: PLC0415
    from tinycog.encode.tile_format import CodecOptions, TileFormat  # noqa: PLC0415
    from tinycog.tiff.spec import Compression, Predictor  # noqa: PLC0415

    dtype, samples, _ = KINDS[case.kind]
    options = {name: v for name, v in CODECS[case.codec][1].items() if name != "compression"}
    encoder = make_encoder(
        TileFormat(
            rows=TILE, cols=TILE, dtype=np.dtype(dtype), samples=samples,
            compression=Compression[case.codec.upper()], predictor=Predictor(case.predictor),
            options=CodecOptions(**options),
        )
    )  # fmt: skip
    tiles = [prepared(encoder, tile) for tile in all_tiles(mapped(source))]
    compress = encoder._compress  # noqa: SLF001 - the bare codec

    def run() -> None:
        with source.open("rb", buffering=0) as file:
            buffer = bytearray(4 << 20)
            while file.readinto(buffer):
                pass
        with ThreadPoolExecutor(THREADS) as pool, target.open("wb") as file:
            for data in pool.map(compress, tiles):
                file.write(data)

    return run


def prepared(encoder: Any, tile: np.ndarray) -> np.ndarray:  # noqa: ANN401 - a TileEncoder
    """Return a tile as its codec takes it."""
    from tinycog.encode.edges import whole_tile  # noqa: PLC0415
    from tinycog.encode.tile_bytes import tile_bytes  # noqa: PLC0415

    made = encoder.format
    whole = whole_tile(tile, made.rows, made.cols, repeats=encoder._codec.repeats_edges)  # noqa: SLF001
    if encoder._codec.takes == "samples":  # noqa: SLF001
        return np.ascontiguousarray(whole)
    return np.array(tile_bytes(made, whole))


def all_tiles(image: np.ndarray) -> Iterator[np.ndarray]:
    """Give the tiles of all levels."""
    from tinycog.pixels.overviews.reducer import make_reducer  # noqa: PLC0415

    while True:
        rows, cols, _ = image.shape
        for top in range(0, rows, TILE):
            for left in range(0, cols, TILE):
                yield image[top : top + TILE, left : left + TILE]
        if max(rows, cols) <= TILE:
            return
        reducer = make_reducer("average", image.dtype, rows, cols)
        image = reducer.reduce(image, None, (0, 0, *reducer.sizes))[0]


# --- one turn ------------------------------------------------------------------------------------


IMPORTS = {
    **dict.fromkeys(OURS, ("affine", "tinycog.sync", "tinycog.write_job")),
    "gdal": ("rasterio.shutil",),
    "rio-cogeo": ("rio_cogeo.cogeo", "rio_cogeo.profiles"),
    "odc-geo": ("dask.array", "odc.geo.cog", "odc.geo.xr"),
}
"""What a call needs that is imported before the call's own time begins."""


def turn(who: str, case: Case, source: Path, target: Path) -> None:
    """Write once, and print what the call itself took: seconds of wall and processor."""
    writers = {"gdal": by_gdal, "rio-cogeo": by_rio_cogeo, "odc-geo": by_odc_geo}
    if who == "floor":
        work = floor(case, source, target)
    elif who in OURS:
        work = partial(by_tinycog, case, source, target, OURS[who])
    else:
        work = partial(writers[who], case, source, target)
    for module in IMPORTS.get(who, ()):
        importlib.import_module(module)
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]))


@dataclass(frozen=True)
class Taken:
    """What one turn took."""

    wall: float
    cpu: float
    own_wall: float
    own_cpu: float
    size: int


def in_process(who: str, case: Case, source: Path, target: Path) -> Taken | str:
    """Write in a process of its own; return what it took, or its error."""
    command = [sys.executable, __file__, "--turn", who, case.name, str(source), str(target)]
    pipe = subprocess.PIPE
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, env=environment(source)) as process:  # noqa: S603
        assert process.stdout is not None and process.stderr is not None  # noqa: PT018
        said, complaint = process.stdout.read(), process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    if process.returncode:
        return (complaint.decode().strip().splitlines() or ["failed"])[-1][:100]
    own_wall, own_cpu = json.loads(said.splitlines()[-1])
    size = target.stat().st_size
    target.unlink()
    return Taken(wall, usage.ru_utime + usage.ru_stime, own_wall, own_cpu, size)


def environment(source: Path) -> dict[str, str]:
    """Return that of a turn: bytecode is kept, as that of installed packages is."""
    kept = {name: v for name, v in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(source.with_name("bytecode"))}


Round = dict[str, Taken | str]
"""What all took in one round, or their errors."""


def measure(case: Case, source: Path, runs: tuple[str, ...], rounds: int) -> list[Round]:
    """Return what all took that write a case, in each round that counts."""
    return [one_round(case, source, runs) for _ in range(rounds + 1)][1:]


def one_round(case: Case, source: Path, runs: tuple[str, ...]) -> Round:
    """Have all write a case, in random order."""
    target = source.with_name("target.tif")
    order = random.sample(runs, len(runs))
    found = {who: in_process(who, case, source, target) for who in order}
    return {who: found[who] for who in runs}


def median(values: Iterable[float]) -> float:
    """Return the median, NaN of nothing."""
    found = list(values)
    return statistics.median(found) if found else math.nan


def summary(rounds: list[Round], source_bytes: int) -> dict[str, dict[str, float] | str]:
    """Return medians of each, and of its ratios within a round; or its error.

    `over_wall` and `over_cpu` are what the call takes beyond the floor, in ns for each byte.
    """
    found: dict[str, dict[str, float] | str] = {}
    for who in rounds[0]:
        failed = [taken for one in rounds if isinstance(taken := one[who], str)]
        if failed:
            found[who] = failed[0]
            continue
        found[who] = {
            **{name: median(getattr(one[who], name) for one in rounds) for name in FACTS},
            **{
                f"{peer}_{name}": median(
                    getattr(one[who], name) / getattr(one[peer], name)
                    for one in rounds
                    if isinstance(one.get(peer), Taken)
                )
                for peer in PEERS
                for name in ("wall", "cpu", "own_wall", "size")
            },
            **{
                f"over_{name}": median(
                    1e9 * (getattr(one[who], f"own_{name}") - getattr(one["floor"], f"own_{name}"))
                    for one in rounds
                    if isinstance(one.get("floor"), Taken)
                )
                / source_bytes
                for name in ("wall", "cpu")
            },
        }
    return found


FACTS = ("wall", "cpu", "own_wall", "own_cpu", "size")


def show(case: Case, found: dict[str, dict[str, float] | str]) -> None:
    """Print the lines of a case."""
    for who, taken in found.items():
        if isinstance(taken, str):
            print(f"| {case.name} | {who} | {taken} | | | | | | | |", flush=True)
            continue
        own = "own_" if who == "floor" else ""
        cells = [f"{taken[own + 'wall']:.2f}", f"{taken[own + 'cpu']:.2f}"]
        ratios = [f"{taken[f'gdal_{name}']:.2f}" for name in ("wall", "cpu", "own_wall")]
        cells += [""] * 4 if who == "floor" else [*ratios, f"{taken['gdal_size']:.4f}"]
        over = f"{taken['over_wall']:+.2f}, {taken['over_cpu']:+.2f}" if who in OURS else ""
        print(f"| {case.name} | {who} |", " | ".join([*cells, over, goal(who, case)]), "|")
    sys.stdout.flush()


def goal(who: str, case: Case) -> str:
    """Return what is aimed at."""
    if who == "tinycog":
        return f"{GOALS.get(case.name, '')}"
    if who in CHOSEN_GOALS:
        wall, size = CHOSEN_GOALS[who]
        return f"{wall}, size {size}"
    return ""


def print_versions() -> None:
    """Print what was compared, and where."""
    names = ("tinycog", "numpy", "imagecodecs", "rasterio", "rio-cogeo", "odc-geo", "dask")
    found: list[str] = []
    for name in names:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name}: not installed as a package")
    import rasterio  # noqa: PLC0415

    print(f"{', '.join(found)}; GDAL {rasterio.__gdal_version__}; {os.cpu_count()} processors")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--side", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--folder", type=Path, help="for sources and results")
    parser.add_argument("--json", type=Path, help="for medians")
    parser.add_argument("--turn", nargs=4)
    asked = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    if asked.turn:
        who, name, source, target = asked.turn
        case = next(case for case in CASES if case.name == name)
        turn(who, case, Path(source), Path(target))
        return
    side = asked.side or (3072 if asked.quick else 8000)
    only = asked.only.split(",") if asked.only else [case.name for case in CASES]
    peers = [*asked.peers.split(","), "floor", *OURS]
    print_versions()
    print(f"{side} x {side} pixels, tiles of {TILE}, {THREADS} threads, {asked.rounds} rounds\n")
    results: dict[str, dict[str, dict[str, float] | str]] = {}
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        sources: dict[str, Path] = {}
        for kind in {case.kind: None for case in CASES if case.name in only}:
            sources[kind] = make_source(Path(folder), kind, side)
            digest = hashlib.sha256(sources[kind].with_suffix(".npy").read_bytes()).hexdigest()
            print(f"{kind}: sha256 {digest[:16]}")
        print(
            "\n| | | s | CPU s | of GDAL | CPU | call | size | over the floor, ns a byte | goal |"
        )
        print("|" + "---|" * 10)
        for case in CASES:
            if case.name in only:
                runs = tuple(who for who in case.runs if who in peers)
                source = sources[case.kind]
                rounds = measure(case, source, runs, asked.rounds)
                results[case.name] = summary(rounds, mapped(source).nbytes)
                show(case, results[case.name])
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
