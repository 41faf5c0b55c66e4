"""Good COGs, and copies that are spoiled in one thing or two: always the same for a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import tinycog.sync
from tinycog.tiff.parse import Entry
from tinycog.tiff.spec import Tag

FILES = Path(__file__).parent.parent.parent / "fixtures" / "files"

WORDS = (
    *(b"BLOCK_ORDER=ROW_MAJOR", b"BLOCK_LEADER=SIZE", b"BLOCK_TRAILER=LAST"),
    *(b"MASK_INTERLEAVED", b"GDAL_STRUCT", b"LAYOUT=IFDS"),
)


class Spoiled:
    """A file that is being spoiled."""

    def __init__(self, data: bytes, rng: random.Random) -> None:
        """Take a copy, and look where its index is."""
        self.data = bytearray(data)
        self.rng = rng
        self.order = "little" if data[:2] == b"II" else "big"
        pages = tinycog.sync.open(data).pages
        self.images = [page.image for page in pages]

    def index(self) -> tuple[Entry, Entry, int]:
        """Offsets and byte counts of an image, and how many it has."""
        image = self.rng.choice(self.images)
        if image.offsets is None or image.byte_counts is None:
            raise AssertionError
        return image.offsets, image.byte_counts, image.stored_count

    def get(self, entry: Entry, i: int) -> int:
        """A value of an entry."""
        length = entry.field_type.length
        at = entry.offset + i * length
        return int.from_bytes(self.data[at : at + length], self.order)  # pyright: ignore[reportArgumentType]

    def put(self, entry: Entry, i: int, value: int) -> None:
        """Another value in an entry, as much of it as fits."""
        length = entry.field_type.length
        at = entry.offset + i * length
        value %= 1 << 8 * length
        self.data[at : at + length] = value.to_bytes(length, self.order)  # pyright: ignore[reportArgumentType]


def _swap(file: Spoiled) -> None:
    offsets, _, count = file.index()
    i, j = file.rng.randrange(count), file.rng.randrange(count)
    first, second = file.get(offsets, i), file.get(offsets, j)
    file.put(offsets, i, second)
    file.put(offsets, j, first)


def _swap_levels(file: Spoiled) -> None:
    one, _, _ = file.index()
    other, _, _ = file.index()
    first, second = file.get(one, 0), file.get(other, 0)
    file.put(one, 0, second)
    file.put(other, 0, first)


def _holes(file: Spoiled) -> None:
    offsets, counts, count = file.index()
    some = file.rng.choice([1, count // 2 + 1, count])
    start = file.rng.randrange(count - some + 1)
    for i in range(start, start + some):
        file.put(offsets, i, 0)
        file.put(counts, i, 0)


def _shift(file: Spoiled) -> None:
    offsets, _, count = file.index()
    i = file.rng.randrange(count)
    file.put(offsets, i, max(file.get(offsets, i) + file.rng.choice([-8, -1, 1, 4]), 0))


def _count(file: Spoiled) -> None:
    _, counts, count = file.index()
    i = file.rng.randrange(count)
    file.put(counts, i, max(file.get(counts, i) + file.rng.choice([-2, -1, 1]), 0))


def _frame(file: Spoiled) -> None:
    offsets, counts, count = file.index()
    i = file.rng.randrange(count)
    at = file.get(offsets, i) + file.rng.choice([-4, file.get(counts, i)])
    if 8 < at < len(file.data):
        file.data[at] ^= 1


def _edition(file: Spoiled) -> None:
    file.data[:] = file.data.replace(b"EDITION=NO\n ", b"EDITION=YES\n")


def _word(file: Spoiled) -> None:
    at = file.data.find(file.rng.choice(WORDS))
    if at >= 0:
        file.data[at] = ord("X")


def _ghost_size(file: Spoiled) -> None:
    at = file.data.find(b" bytes\n")
    if 0 < at < 100:
        file.data[at - 1] ^= 2


def _subfile_type(file: Spoiled) -> None:
    image = file.rng.choice(file.images)
    entry = image.ifd.entries.get(Tag.NewSubfileType)
    if entry is not None:
        file.put(entry, 0, file.rng.choice([0, 1, 4, 5]))


def _size(file: Spoiled) -> None:
    image = file.rng.choice(file.images)
    entry = image.ifd.entries[file.rng.choice([Tag.ImageWidth, Tag.ImageLength])]
    file.put(entry, 0, file.get(entry, 0) * file.rng.choice([1, 2, 4]) // file.rng.choice([1, 2]))


def _cut(file: Spoiled) -> None:
    first = min(image.offsets.offset for image in file.images if image.offsets is not None)
    del file.data[file.rng.randrange(min(first + 8, len(file.data) - 1), len(file.data)) :]


WAYS: Sequence[Callable[[Spoiled], None]] = (
    *(_swap, _swap_levels, _holes, _shift, _count, _frame, _edition, _word),
    *(_ghost_size, _subfile_type, _size, _cut),
)


def spoiled(data: bytes, seed: int) -> tuple[str, bytes]:
    """A copy that is spoiled in a thing or two, and what was done."""
    rng = random.Random(seed)  # noqa: S311 - always the same
    file = Spoiled(data, rng)
    ways = rng.sample(WAYS, rng.choice([1, 1, 2]))
    for way in ways:
        way(file)
    return "".join(way.__name__ for way in ways), bytes(file.data)


def fixtures() -> Iterator[tuple[str, bytes]]:
    """COGs by GDAL that lie in the repository."""
    for path in sorted(FILES.glob("cog-*.tif")):
        yield path.stem, path.read_bytes()


def recorded(count: int) -> Iterator[tuple[str, bytes]]:
    """Spoiled copies of these and files for and against rules, for verdicts that are recorded."""
    files = list(fixtures())
    for seed in range(count):
        name, data = files[seed * 7 % len(files)]
        ways, mutant = spoiled(data, seed)
        yield f"{seed}-{name}{ways}", mutant
    yield from by_makers("gdal/", "rio-cogeo/")


def by_gdal(folder: Path, count: int) -> Iterator[tuple[str, bytes]]:
    """COGs and other TIFFs that GDAL makes with options by chance."""
    import rasterio  # noqa: PLC0415 - a peer
    from rasterio.io import MemoryFile  # noqa: PLC0415
    from rasterio.shutil import copy  # noqa: PLC0415

    rng = random.Random(1)  # noqa: S311 - always the same
    base = np.add.outer(np.arange(1500), np.arange(2100)) % 250
    sizes = [(700, 900), (1500, 2100), (512, 1100), (1300, 600), (300, 2000), (1025, 1025)]
    for i in range(count):
        rows, cols = rng.choice(sizes)
        bands, is_sparse = rng.choice([1, 1, 3]), rng.random() < 0.3
        pixels = np.stack([base[:rows, :cols]] * bands).astype(np.uint8)
        if is_sparse:
            pixels[:, : rows // 2] = 0
        shape: dict[str, Any] = {"height": rows, "width": cols, "count": bands, "dtype": "uint8"}
        path = folder / "made.tif"
        path.unlink(missing_ok=True)
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), MemoryFile() as memory:
            with memory.open(driver="GTiff", nodata=0 if is_sparse else None, **shape) as dataset:
                dataset.write(pixels)
                if not is_sparse and rng.random() < 0.5:
                    mask = np.full((rows, cols), 255, np.uint8)
                    mask[: rows // 3, : cols // 2] = 0
                    dataset.write_mask(mask)
            driver = rng.choice(["COG", "COG", "COG", "GTiff"])
            with memory.open() as dataset:
                copy(dataset, path, driver=driver, **_options(rng, driver, bands))
        if driver == "GTiff" and rng.random() < 0.5:
            with rasterio.open(path, "r+") as dataset:
                dataset.build_overviews([2, 4])
        yield f"gdal-{i}-{driver}", path.read_bytes()
        if rng.random() < 0.3:
            with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
                if rng.random() < 0.5:
                    dataset.update_tags(text="b" * 300)
                else:
                    dataset.write(pixels[:, ::-1][:, :64, :64], window=((0, 64), (0, 64)))
            yield f"gdal-{i}-{driver}-edited", path.read_bytes()


def _options(rng: random.Random, driver: str, bands: int) -> dict[str, str]:
    options = {
        "COMPRESS": rng.choice(["DEFLATE", "LZW", "NONE", "ZSTD"]),
        "BIGTIFF": rng.choice(["YES", "NO"]),
    }
    if driver == "GTiff":
        return options | {"TILED": rng.choice(["YES", "NO"])}
    options |= {
        "BLOCKSIZE": rng.choice(["128", "256", "512"]),
        "OVERVIEWS": rng.choice(["AUTO", "AUTO", "NONE"]),
        "SPARSE_OK": "YES",
    }
    return options | ({"INTERLEAVE": "BAND"} if bands == 3 and rng.random() < 0.4 else {})


def by_makers(*prefixes: str) -> Iterator[tuple[str, bytes]]:
    """Files for and against each rule, or rules with some beginnings of their ids."""
    from validation.files import BREAKING, KEEPING, Made  # noqa: PLC0415 - slow to make

    seen: set[bytes] = set()
    for kind, makers in (("breaks", BREAKING), ("keeps", KEEPING)):
        for rule, maker in makers.items():
            if prefixes and not rule.startswith(prefixes):
                continue
            made = maker()
            data = made.data if isinstance(made, Made) else made
            if data not in seen:
                seen.add(data)
                yield f"{kind}-{rule.replace('/', '-').replace(' ', '-')}", data
