"""Where a file is written: level 0 first, what stands in front of it last, all or nothing."""

from __future__ import annotations

import asyncio
import errno
import gc
import io
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_servers import BUCKET, Store, by_obstore, s3_store

from tinycog.errors import AccessDeniedError, LimitError, NotFoundError, SourceError, UsageError
from tinycog.targets import fallocate, file
from tinycog.targets.factory import make_target
from tinycog.targets.file import FileTarget
from tinycog.targets.memory import BytesTarget
from tinycog.targets.multipart import MultipartTarget
from tinycog.targets.numbered import rules_of
from tinycog.targets.parts import (
    AZURE,
    GCS,
    GIB,
    MIB,
    OCI,
    R2,
    S3,
    Bounds,
    PartPlan,
    PartRules,
    plan_parts,
)
from tinycog.targets.protocol import WriteTarget
from tinycog.targets.spool import READ_BYTES, Spool
from tinycog.targets.stream import StreamTarget
from tinycog.targets.temporary import leftovers

# --- parts of a numbered upload ------------------------------------------------------------------

STORES = (S3, GCS, OCI, R2, AZURE)

lengths = st.integers(0, 60).flatmap(lambda bits: st.integers(0, 1 << bits))


def cut(plan: PartPlan, head: int, body: int) -> list[int]:
    """Lengths of all parts of a file, in the order of their numbers."""
    held = body if plan.held is None else min(plan.held, body)
    left, sizes = body - held, []
    for size in plan.body_sizes() if left else ():
        sizes.append(min(size, left))
        left -= sizes[-1]
        if not left:
            break
    return plan.head_sizes(head + held, is_alone=not sizes) + sizes


def check_legal(rules: PartRules, parts: list[int]) -> None:
    assert len(parts) <= rules.max_parts
    assert all(rules.min_bytes <= size for size in parts[:-1])
    assert all(0 < size <= rules.max_bytes for size in parts)
    if rules.are_equal:
        assert len(set(parts[:-1])) <= 1
        assert parts[-1:] <= parts[:1]


@pytest.mark.parametrize("rules", STORES, ids=lambda rules: rules.name)
@given(data=st.data(), body=lengths, head=lengths, slack=lengths)
@settings(max_examples=25, deadline=None)
def test_parts_are_legal_whatever_the_length(rules, data, body, head, slack):
    head = max(min(head, rules.max_object // 3), 1)
    body = min(body, rules.max_object // 2)
    bound = data.draw(st.sampled_from([None, body, body + slack]))
    plan = plan_parts(rules, data.draw(st.integers(head, 2 * head)), bound)
    parts = cut(plan, head, body)
    check_legal(rules, parts)
    assert sum(parts) == head + body


@pytest.mark.parametrize("rules", STORES, ids=lambda rules: rules.name)
def test_the_longest_objects_fit_though_its_length_is_not_known(rules):
    plan = plan_parts(rules, 40 * GIB)
    head = 40 * GIB
    parts = cut(plan, head, rules.max_object // 100 * 99 - head)
    check_legal(rules, parts)
    with pytest.raises(LimitError, match=rf"do not fit into an object of {rules.name}, which"):
        cut(plan, head, rules.max_object + GIB)


@pytest.mark.parametrize("rules", [S3, GCS, AZURE], ids=lambda rules: rules.name)
def test_the_first_part_goes_out_once_ten_mebibytes_are_there(rules):
    plan = plan_parts(rules, GIB // 2, 100 * GIB)
    assert plan.held is not None
    assert plan.held + next(plan.body_sizes()) <= 10 * MIB


def test_parts_are_no_longer_than_they_must_be():
    small = plan_parts(S3, GIB, 100 * GIB)
    assert small.largest == 16 * MIB
    assert [round(size / MIB) for size in islice(small.body_sizes(), 8)] == [
        5,
        6,
        8,
        10,
        12,
        15,
        16,
        16,
    ]
    assert small.memory(2) == 3 * 16 * MIB + small.head_parts * 5 * MIB
    assert plan_parts(S3, GIB, 100 * GIB, preferred=0).largest < 11 * MIB
    large = plan_parts(S3, GIB, 1000 * GIB)
    assert large.largest < 1.01 * 1000 * GIB / 10_000


def test_what_is_held_back_is_little_beside_the_head():
    plan = plan_parts(S3, 100 * GIB, 300 * GIB)
    assert plan.head_parts == 101
    assert plan.held == 101 * 5 * MIB


def test_a_head_that_leaves_no_part_is_refused():
    with pytest.raises(LimitError, match="bytes do not fit into an object of S3"):
        plan_parts(S3, 10_000 * GIB)


# --- what every target does ----------------------------------------------------------------------

HEAD, LONG_HEAD = os.urandom(3 * 4096), os.urandom(700 * 4096)
BODY = [os.urandom(size) for size in (1, 100_000, 0, 3_000_000, 7, 1_500_000)]


def names(folder: Path) -> list[str]:
    """Names of what is in a folder."""
    return sorted(path.name for path in folder.iterdir())


class Case(NamedTuple):
    """A target, and what came of it.

    Attributes:
        make: makes a target, with overwrite=, that goes to the same place each time.
        result: the bytes there; None if there is nothing.
        rest: what is left over beside the result.
    """

    make: Callable[..., WriteTarget]
    result: Callable[[], bytes | None]
    rest: Callable[[], list[str]]


async def chunks(data: bytes, fail_at: int | None = None) -> AsyncIterator[bytes | memoryview]:
    """Pieces of a head, in a buffer that is used again."""
    buffer = bytearray(50_000)
    for start in range(0, len(data), 50_000):
        if fail_at is not None and start >= fail_at:
            raise ZeroDivisionError
        piece = data[start : start + 50_000]
        buffer[: len(piece)] = piece
        yield memoryview(buffer)[: len(piece)]
        await asyncio.sleep(0)


async def written(target: WriteTarget, head: bytes, body: list[bytes]) -> None:
    await target.begin()
    for piece in body:
        buffer = bytearray(piece)
        await target.append(memoryview(buffer))
        buffer[:] = bytes(len(buffer))
    await target.finish(chunks(head), len(head))


def path_case(folder: Path) -> Case:
    path = folder / "a.tif"
    return Case(
        lambda **options: FileTarget(path, **options),
        lambda: path.read_bytes() if path.exists() else None,
        lambda: [name for name in names(folder) if name != "a.tif"],
    )


def bytes_case(_: Path) -> Case:
    made: list[BytesTarget] = []

    def make(**_: object) -> BytesTarget:
        made.append(BytesTarget())
        return made[-1]

    results = lambda: [target.result for target in made if target.result is not None]  # noqa: E731
    return Case(make, lambda: (results() or [None])[-1], list)


def cannot_insert(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinycog.targets.file.insert_range", lambda *_: False)


def open_file_case(_: Path) -> Case:
    files: list[io.BytesIO] = []

    def make(**_: object) -> WriteTarget:
        files.append(io.BytesIO())
        return make_target(files[-1])

    results = lambda: [file.getvalue() for file in files if file.getvalue()]  # noqa: E731
    return Case(make, lambda: (results() or [None])[-1], list)


OPENED: list[io.FileIO] = []


def raw_file_case(folder: Path) -> Case:
    """An open file on disk that is written as it comes, in a folder of its own each time."""
    path = folder / "a.tif"

    def make(**_: object) -> WriteTarget:
        if path.exists():
            path.rename(folder / "old")
        OPENED.append(path.open("xb", buffering=0))
        return make_target(OPENED[-1])

    def result() -> bytes | None:
        found = [it.read_bytes() for it in (folder / "old", path) if it.exists()]
        return next((data for data in reversed(found) if data), None)

    return Case(make, result, list)


def memory_url_case(_: Path) -> Case:
    fsspec = pytest.importorskip("fsspec")
    url = f"memory://{os.urandom(4).hex()}/a.tif"
    fs, path = fsspec.core.url_to_fs(url)
    return Case(
        lambda **options: make_target(url, **options),
        lambda: fs.cat_file(path) if fs.exists(path) else None,
        lambda: fs.find(path.rpartition("/")[0])[1:],
    )


def file_system_case(folder: Path) -> Case:
    fs = pytest.importorskip("fsspec").filesystem("file")
    case = path_case(folder)
    return case._replace(
        make=lambda **options: make_target(str(folder / "a.tif"), fs=fs, **options)
    )


def store_case(_: Path) -> Case:
    store = pytest.importorskip("obstore.store").MemoryStore()

    def result() -> bytes | None:
        with suppress(FileNotFoundError):
            return bytes(store.get("folder/a.tif").bytes())
        return None

    make = lambda **options: make_target("folder/a.tif", store=store, **options)  # noqa: E731
    return Case(make, result, lambda: [found["path"] for found in store.list().collect()][1:])


def folder_store_case(folder: Path) -> Case:
    store = pytest.importorskip("obstore.store").LocalStore(folder)
    case = path_case(folder)
    return case._replace(make=lambda **options: make_target("a.tif", store=store, **options))


CASES = {
    "path": path_case,
    "path in memory": path_case,
    "path without insert": path_case,
    "bytes": bytes_case,
    "open file": open_file_case,
    "raw file": raw_file_case,
    "memory url": memory_url_case,
    "fs": file_system_case,
    "store": store_case,
    "store of a folder": folder_store_case,
}

SHARED_MEMORY = "/dev/shm"  # noqa: S108 - a file system that inserts no ranges

REFUSING = [name for name in CASES if name not in ("bytes", "open file", "raw file")]
"""Those that can tell whether there is something."""


@pytest.fixture(params=CASES)
def case(request, tmp_path, monkeypatch) -> Iterator[Case]:
    with make_case(request.param, tmp_path, monkeypatch) as made:
        yield made


@contextmanager
def make_case(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    if name == "path without insert":
        cannot_insert(monkeypatch)
    if name != "path in memory":
        yield CASES[name](folder)
        while OPENED:
            OPENED.pop().close()
        return
    if not os.access(SHARED_MEMORY, os.W_OK):
        pytest.skip("there is no folder in memory")
    with TemporaryDirectory(dir=SHARED_MEMORY) as other:
        yield CASES[name](Path(other))


@pytest.mark.parametrize("head", [HEAD, LONG_HEAD], ids=["short", "long"])
@pytest.mark.parametrize(
    "body", [BODY, BODY[:1], [], [b""]], ids=["long", "short", "none", "empty"]
)
async def test_the_head_stands_in_front_of_what_was_appended(case, head, body):
    target = case.make()
    await written(target, head, body)
    assert case.result() == head + b"".join(body)
    await target.abort()
    assert case.result() == head + b"".join(body)
    assert case.rest() == []


async def test_what_was_there_is_replaced_at_once(case):
    await written(case.make(), HEAD, BODY)
    target = case.make()
    await target.begin()
    await target.append(b"new")
    assert case.result() == HEAD + b"".join(BODY)
    await target.finish(chunks(LONG_HEAD), len(LONG_HEAD))
    assert case.result() == LONG_HEAD + b"new"
    assert case.rest() == []


@pytest.mark.parametrize("steps", range(5))
async def test_abort_leaves_nothing(case, steps):
    target = case.make()
    with suppress(ZeroDivisionError):
        if steps:
            await target.begin()
        if steps > 1:
            await target.append(BODY[1])
        if steps > 2:
            await target.append(BODY[3])
        if steps > 3:
            await target.finish(chunks(LONG_HEAD, fail_at=2_000_000), len(LONG_HEAD))
    await target.abort()
    await target.abort()
    assert case.result() is None
    assert case.rest() == []


@pytest.mark.parametrize("length", [len(HEAD) - 4096, len(HEAD) + 4096])
async def test_a_head_of_another_length_is_not_published(case, length):
    target = case.make()
    await target.begin()
    await target.append(BODY[1])
    with pytest.raises(SourceError, match=f"level 0 is not the {length} bytes that were said"):
        await target.finish(chunks(HEAD), length)
    await target.abort()
    assert case.result() is None
    assert case.rest() == []


@pytest.mark.parametrize("turns", [1, 3, 12, 60])
async def test_a_write_that_is_cancelled_leaves_all_or_nothing(case, turns):
    target = case.make()
    task = asyncio.create_task(written(target, LONG_HEAD, BODY))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    is_done = not task.cancelled()
    await target.abort()
    whole = LONG_HEAD + b"".join(BODY)
    # the last moment may have published it all the same
    assert case.result() in ([whole] if is_done else [None, whole])
    assert case.rest() == []


@pytest.mark.parametrize("name", REFUSING)
async def test_what_is_there_is_not_overwritten_against_ones_will(name, tmp_path, monkeypatch):
    with make_case(name, tmp_path, monkeypatch) as case:
        refusing = case.make(overwrite=False)
        await refusing.begin()
        await written(case.make(), HEAD, BODY)
        with pytest.raises(UsageError, match="already, and overwrite is False"):
            await refusing.finish(chunks(LONG_HEAD), len(LONG_HEAD))
        await refusing.abort()
        refused = case.make(overwrite=False)
        with pytest.raises(UsageError, match="already, and overwrite is False"):
            await refused.begin()
        await refused.abort()
        assert case.result() == HEAD + b"".join(BODY)
        assert case.rest() == []


# --- a path --------------------------------------------------------------------------------------


async def test_two_paths_are_written_side_by_side(tmp_path):
    targets = [FileTarget(tmp_path / name) for name in "ab"]
    bodies = [[os.urandom(10_000) for _ in range(300)] for _ in targets]
    work = [written(target, HEAD, body) for target, body in zip(targets, bodies, strict=True)]
    await asyncio.gather(*work)
    for name, body in zip("ab", bodies, strict=True):
        assert (tmp_path / name).read_bytes() == HEAD + b"".join(body)


async def test_two_writers_of_one_path_do_not_mix(tmp_path):
    path = tmp_path / "a.tif"
    bodies = [[bytes([value]) * 50_000] * 50 for value in (1, 2)]
    await asyncio.gather(*(written(FileTarget(path), HEAD, body) for body in bodies))
    assert path.read_bytes() in [HEAD + b"".join(body) for body in bodies]
    assert names(tmp_path) == ["a.tif"]


async def test_a_file_that_must_not_be_overwritten_is_refused_at_the_start(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"old")
    with pytest.raises(UsageError, match="it is there already, and overwrite is False"):
        await FileTarget(path, overwrite=False).begin()
    assert path.read_bytes() == b"old"


async def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path):
    path = tmp_path / "a.tif"
    target = FileTarget(path, overwrite=False)
    await target.begin()
    path.write_bytes(b"other")
    with pytest.raises(UsageError, match="it is there already"):
        await target.finish(chunks(HEAD), len(HEAD))
    await target.abort()
    assert path.read_bytes() == b"other"
    assert names(tmp_path) == ["a.tif"]


async def test_what_is_no_place_for_a_file_is_said(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="it is a folder: give the path of a file in it"):
        await FileTarget(tmp_path / "folder").begin()
    with pytest.raises(UsageError, match="it is a folder"):
        await FileTarget(f"{tmp_path}/new/").begin()
    with pytest.raises(NotFoundError, match=f"there is no folder {tmp_path}/none: make it first"):
        await FileTarget(tmp_path / "none" / "a.tif").begin()
    with pytest.raises(UsageError, match="no path has a character 0"):
        await FileTarget(f"{tmp_path}/a\0.tif").begin()
    (tmp_path / "file").touch()
    with pytest.raises(NotFoundError, match="there is no folder"):
        await FileTarget(tmp_path / "file" / "a.tif").begin()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(
            UsageError, match=r"it is no regular file: pass it open, open\(path, 'wb'"
        ):
            await FileTarget(tmp_path / "pipe").begin()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do all")
async def test_a_place_that_may_not_be_written_is_said(tmp_path):
    (tmp_path / "a.tif").touch(0o444)
    with pytest.raises(AccessDeniedError, match="the file may not be written"):
        await FileTarget(tmp_path / "a.tif").begin()
    (tmp_path / "folder").mkdir(0o500)
    with pytest.raises(AccessDeniedError, match="it may not be written in"):
        await FileTarget(tmp_path / "folder" / "a.tif").begin()


@pytest.mark.skipif(sys.platform == "win32", reason="no such permissions")
async def test_permissions_are_those_of_a_new_file_or_of_the_one_replaced(tmp_path):
    old, new, plain = tmp_path / "old", tmp_path / "new", tmp_path / "plain"
    old.touch()
    old.chmod(0o640)
    plain.touch()
    for path in (old, new):
        await written(FileTarget(path), HEAD, BODY)
    assert old.stat().st_mode & 0o777 == 0o640
    assert new.stat().st_mode == plain.stat().st_mode


async def test_a_symbolic_link_is_followed(tmp_path):
    (tmp_path / "folder").mkdir()
    link = tmp_path / "link.tif"
    link.symlink_to(tmp_path / "folder" / "a.tif")
    await written(FileTarget(link), HEAD, BODY)
    assert link.is_symlink()
    assert (tmp_path / "folder" / "a.tif").read_bytes() == HEAD + b"".join(BODY)


async def test_a_reader_of_the_file_that_is_replaced_reads_on(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"old bytes")
    with path.open("rb", buffering=0) as file:
        assert file.read(4) == b"old "
        await written(FileTarget(path), HEAD, BODY)
        assert file.read() == b"bytes"


async def test_names_may_be_long(tmp_path):
    path = tmp_path / ("ä" * 120 + ".tif")
    target = FileTarget(path)
    await target.begin()
    await target.append(b"1")
    await target.finish(chunks(HEAD), len(HEAD))
    assert path.read_bytes() == HEAD + b"1"


async def test_a_target_that_is_forgotten_leaves_nothing(tmp_path):
    target = FileTarget(tmp_path / "a.tif")
    await target.begin()
    assert len(names(tmp_path)) == 1
    del target
    for _ in range(20):  # its thread may have it in hand for another moment
        gc.collect()
        if not names(tmp_path):
            break
        await asyncio.sleep(0.01)
    assert names(tmp_path) == []


KILLED = """
import asyncio, os, signal, sys
from tinycog.targets.file import FileTarget

async def main():
    target = FileTarget(sys.argv[1])
    await target.begin()
    await target.append(b"1" * (3 << 20))
    print("ready", flush=True)
    if sys.argv[2] == "wait":
        await asyncio.sleep(60)
    if sys.argv[2] == "interrupt":
        try:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(60)
        finally:
            await target.abort()
    sys.exit(3)

asyncio.run(main())
"""


def started(path: Path, what: str) -> subprocess.Popen[Any]:
    quiet: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path), what], **quiet)  # noqa: S603 - a test's own
    assert process.stdout is not None
    process.stdout.readline()
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
async def test_a_killed_writer_leaves_a_file_that_the_next_one_finds(tmp_path):
    path = tmp_path / "a.tif"
    with started(path, "wait") as process:
        assert len(names(tmp_path)) == 1
        assert leftovers(tmp_path) == []
        target = FileTarget(path)
        await target.begin()  # removes none that is still written
        assert len(names(tmp_path)) == 2
        await target.abort()
        process.send_signal(signal.SIGKILL)
    assert [left.name[:7] for left in leftovers(tmp_path)] == [".a.tif."]
    with pytest.raises(SourceError, match="cannot be read"):
        leftovers(tmp_path / "none")
    await written(FileTarget(tmp_path / "a.tif.aux"), HEAD, [])  # of another name: it stays
    assert len(leftovers(tmp_path)) == 1
    await written(FileTarget(path), HEAD, BODY)
    assert names(tmp_path) == ["a.tif", "a.tif.aux"]


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
def test_a_writer_that_ends_early_leaves_nothing(tmp_path):
    with started(tmp_path / "a.tif", "interrupt"), started(tmp_path / "b.tif", "exit"):
        pass
    assert names(tmp_path) == []


# --- room on disk --------------------------------------------------------------------------------


def used(folder: Path) -> int:
    """Bytes that the files of a folder take."""
    found = 0
    for entry in os.scandir(folder):
        with suppress(FileNotFoundError):
            found += entry.stat().st_blocks * 512
    return found


def can_insert(folder: Path) -> bool:
    with (folder / "probe").open("wb") as file:
        file.write(bytes(1 << 16))
        file.flush()
        Path(file.name).unlink()
        return fallocate.insert_range(file.fileno(), 4096)


@pytest.mark.skipif(sys.platform != "linux", reason="blocks are counted on Linux")
@pytest.mark.parametrize("way", ["insert", "copy"])
async def test_the_folder_holds_little_more_than_the_result(tmp_path, monkeypatch, way):
    if way == "copy":
        cannot_insert(monkeypatch)
    elif not can_insert(tmp_path):
        pytest.skip("the file system inserts no ranges")
    highest = 0

    async def head(length: int) -> AsyncIterator[bytes]:
        for _ in range(length >> 20):
            yield os.urandom(1 << 20)
            note()

    def note() -> None:
        nonlocal highest
        highest = max(highest, used(tmp_path))

    copied = file.copy_range
    monkeypatch.setattr(file, "copy_range", lambda *args: (copied(*args), note()))
    target = FileTarget(tmp_path / "a.tif")
    await target.begin()
    for _ in range(45):
        await target.append(os.urandom(1 << 20))
        note()
    await target.finish(head(15 << 20), 15 << 20)
    size = (tmp_path / "a.tif").stat().st_size
    assert size == 60 << 20
    # a copy begins before the first bytes that were copied are dropped
    assert highest <= 1.02 * size + (way == "copy") * file.COPIED_BYTES


# --- the spool -----------------------------------------------------------------------------------


async def fill(place: Spool | WriteTarget) -> None:
    for _ in range(4):
        await place.append(bytes(1 << 20))


async def everything(parts: AsyncIterator[memoryview]) -> list[bytes]:
    return [bytes(part) async for part in parts]


@pytest.mark.parametrize("buffer", [1 << 30, 100_000, 1], ids=["memory", "file", "each"])
async def test_a_spool_gives_back_what_was_appended(tmp_path, buffer):
    spool = Spool(str(tmp_path), buffer=buffer)
    records = [os.urandom(size % 70_000) for size in range(0, 9_000_000, 97_001)]
    positions = [await spool.append(record) for record in records]
    lengths = [len(record) for record in records]
    order = [*range(0, len(records), 2), *range(1, len(records), 2)]
    asked = ([some[n] for n in order] for some in (positions, lengths))
    assert await everything(spool.read(*asked, is_last=False)) == [records[n] for n in order]
    assert b"".join(await everything(spool.read_all())) == b"".join(records)
    assert spool.length == sum(lengths)
    assert names(tmp_path) == []
    await spool.close()
    await spool.close()


@pytest.mark.parametrize("kept", [1, 70_000, 5_000_000, 1 << 30])
async def test_the_first_bytes_of_a_spool_stay_in_memory(tmp_path, kept):
    spool = Spool(str(tmp_path), buffer=1)
    spool.kept = kept
    records = [os.urandom(size % 70_000) for size in range(0, 9_000_000, 97_001)]
    records = [cut for record in records for cut in (record[:4], record[4:])]
    positions = [await spool.append(record) for record in records]
    assert spool.length == sum(map(len, records))
    for step in (1, 2, 7):
        asked = (positions[::step], [len(record) for record in records[::step]])
        expected = records[::step]
        assert b"".join(await everything(spool.read(*asked))) == b"".join(expected)
    in_file = spool._file.length
    assert spool.length - in_file <= kept + 70_000
    assert in_file == 0 or spool.length - in_file >= kept
    assert b"".join(await everything(spool.read_all())) == b"".join(records)
    await spool.close()


async def test_parts_of_one_record_are_read_together(tmp_path):
    spool = Spool(str(tmp_path))
    spool.kept = 1 << 20
    payload = os.urandom(50_000)
    await spool.append(b"abcd", payload, b"efgh")
    position = await spool.append(b"ijkl", payload, b"mnop")
    found = await everything(spool.read([position], [len(payload) + 8]))
    assert b"".join(found) == b"ijkl" + payload + b"mnop"
    changed = bytearray(b"0123")
    position = await spool.append(changed)
    changed[0] = 0
    assert await everything(spool.read([position], [4])) == [b"0123"]
    await spool.close()


async def test_neighbours_are_read_at_once(tmp_path, monkeypatch):
    spool = Spool(str(tmp_path), buffer=1000)
    positions = [await spool.append(os.urandom(1000)) for _ in range(1000)]
    calls: list[tuple[int, int]] = []
    read = spool._file.read

    async def counted(position: int, length: int) -> memoryview:
        calls.append((position, length))
        return await read(position, length)

    monkeypatch.setattr(spool._file, "read", counted)
    await everything(spool.read(positions[::2], [1000] * 500))
    assert calls == [(0, 999_000)]
    await spool.close()


async def test_records_that_are_appended_side_by_side_keep_their_positions(tmp_path):
    spool = Spool(str(tmp_path), buffer=5000)
    records = [os.urandom(3000 + n) for n in range(200)]
    positions = await asyncio.gather(*(spool.append(record) for record in records))
    lengths = [len(record) for record in records]
    assert await everything(spool.read(positions, lengths, is_last=True)) == records
    await spool.close()


@pytest.mark.parametrize("written", [None, 0, 1, 5000, 40_000])
async def test_bytes_may_be_changed_after_they_were_appended(tmp_path, monkeypatch, written):
    if written is not None:  # the system may take fewer bytes than it is given, or have no writev
        monkeypatch.setattr(
            os, "writev", lambda fd, parts: os.write(fd, b"".join(parts)[:written]), raising=False
        )
    spool = Spool(str(tmp_path), buffer=100_000)
    expected: list[bytes] = []
    position = 0
    for size in [3, 5, 20_000, 4, 0, 16_384, 7, 70_000, 1] * 4:
        record = os.urandom(size)
        kinds = [record, bytearray(record), memoryview(bytearray(record)), memoryview(record)]
        assert await spool.append(*kinds) == position
        for changed in kinds[1:3]:
            for place in range(min(size, 3)):
                changed[place] ^= 255  # pyright: ignore[reportIndexIssue] - those that can be
        expected += [record] * 4
        position += 4 * size
    assert b"".join(await everything(spool.read_all())) == b"".join(expected)
    await spool.close()


@pytest.mark.skipif(sys.platform != "linux", reason="blocks are counted on Linux")
async def test_records_read_in_another_order_leave_no_block_behind(tmp_path):
    spool = Spool(str(tmp_path))
    records = [os.urandom(1000 + n) for n in range(2000)]
    positions = [await spool.append(record) for record in records]
    order = sorted(range(2000), key=lambda n: (n % 3, n))
    asked = ([places[n] for n in order] for places in (positions, [*map(len, records)]))
    parts = await everything(spool.read(*asked, is_last=True))
    assert parts == [records[n] for n in order]
    assert spool._file._file is not None
    assert os.fstat(spool._file._file.fileno()).st_blocks * 512 <= 65536  # and its extents
    await spool.close()


@pytest.mark.skipif(sys.platform != "linux", reason="blocks are counted on Linux")
@pytest.mark.parametrize("way", ["all", "records"])
async def test_what_was_read_for_the_last_time_takes_no_room(tmp_path, way):
    spool = Spool(str(tmp_path))
    positions = [await spool.append(os.urandom(100_000)) for _ in range(400)]
    reading = spool.read(positions, [100_000] * 400, is_last=True)
    reading = spool.read_all() if way == "all" else reading
    found = held = 0
    async for part in reading:
        found += len(part)
        assert spool._file._file is not None
        held = os.fstat(spool._file._file.fileno()).st_blocks * 512
        assert held <= 40_000_000 - found + 2 * READ_BYTES
    assert found == 40_000_000
    assert held <= READ_BYTES
    await spool.close()


async def test_a_full_disk_is_named_with_its_folder(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tinycog.targets.appended_file.write_at", full)
    spool = Spool(str(tmp_path), buffer=1000)
    target = FileTarget(tmp_path / "a.tif")
    await target.begin()
    for place in (spool, target):
        match = rf"no room for \d+ more bytes in {tmp_path}: "
        with pytest.raises(SourceError, match=match) as error:
            await fill(place)
        assert error.value.errno == errno.ENOSPC
    with pytest.raises(SourceError, match="the disk is full"):
        await target.finish(chunks(HEAD), len(HEAD))
    await target.abort()
    await spool.close()
    assert names(tmp_path) == []


async def test_a_spool_in_a_folder_that_is_not_there_says_so(tmp_path):
    spool = Spool(str(tmp_path / "none"), buffer=10)
    with pytest.raises(NotFoundError, match=f"there is no folder {tmp_path}/none: make it first"):
        await fill(spool)
    await spool.close()


def test_what_linux_refuses_is_an_error_only_where_it_is_one(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(bytes(8192))
    with path.open("rb") as readable:
        assert not fallocate.punch_hole(readable.fileno(), 0, 4096)
        fallocate.start_to_write(readable.fileno(), 0, 4096)
    with path.open("r+b") as writable:
        assert not fallocate.insert_range(writable.fileno(), 1)
    if sys.platform == "linux":
        with path.open("rb") as readable, pytest.raises(OSError, match="Bad file descriptor"):
            fallocate.insert_range(readable.fileno(), 4096)
    assert path.read_bytes() == bytes(8192)


# --- open files ----------------------------------------------------------------------------------


async def test_a_pipe_gets_the_bytes_in_order():
    reading, writing = os.pipe()
    found = asyncio.create_task(asyncio.to_thread(read_all, reading))
    with open(writing, "wb", buffering=0) as file:  # noqa: ASYNC230, PTH123 - a descriptor
        await written(make_target(file), LONG_HEAD, BODY)
    assert await found == LONG_HEAD + b"".join(BODY)


def read_all(fd: int) -> bytes:
    with open(fd, "rb") as file:
        return file.read()


async def test_a_pipe_that_nobody_reads_any_more_is_an_error():
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb", buffering=0) as file:  # noqa: ASYNC230, PTH123 - a descriptor
        target = make_target(file)
        with pytest.raises(SourceError, match=r"it cannot be written \(Broken pipe\)"):
            await written(target, HEAD, BODY)
        await target.abort()


async def test_an_archive_takes_a_file(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive, archive.open("a.tif", "w") as member:
        await written(make_target(member), HEAD, BODY)
    with zipfile.ZipFile(path) as archive:
        assert archive.read("a.tif") == HEAD + b"".join(BODY)


async def test_a_longer_file_that_was_open_ends_where_the_new_one_does(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(bytes(10_000_000))
    with path.open("r+b") as file:
        await written(make_target(file), HEAD, BODY)
    assert path.read_bytes() == HEAD + b"".join(BODY)


async def test_open_files_that_cannot_be_written_are_refused(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"123")
    with path.open("rb") as file, pytest.raises(UsageError, match="not open for writing"):
        make_target(file)
    with path.open("r+") as text, pytest.raises(UsageError, match="open as text"):
        make_target(cast("Any", text))
    with pytest.raises(UsageError, match="the file is closed"):
        make_target(file)
    match = "the file stands at byte 3: a TIFF begins at byte 0"
    with path.open("ab") as file, pytest.raises(UsageError, match=match):
        await make_target(file).begin()

    class Asynchronous:
        async def write(self, data: bytes) -> None: ...

    with pytest.raises(UsageError, match="the file is asynchronous"):
        make_target(Asynchronous())


class Failing(io.BytesIO):
    """A file whose second write fails."""

    left = 1

    def write(self, data: Any, /) -> int:
        if not self.left:
            message = "the line\nis down"
            raise RuntimeError(message)
        self.left -= 1
        return super().write(data)


async def test_a_file_that_fails_is_emptied_and_named():
    file = Failing()
    target = make_target(file)
    with pytest.raises(SourceError) as error:
        await written(target, LONG_HEAD, BODY)
    await target.abort()
    told = r"the Failing cannot be written: RuntimeError: the line\nis down: <open Failing>"
    assert str(error.value) == told
    assert file.getvalue() == b""


# --- stores --------------------------------------------------------------------------------------


def by_obstore_at(store: Store) -> dict[str, Any]:
    return {"where": "a.tif", "store": by_obstore(store)}


def by_fsspec_at(store: Store) -> dict[str, Any]:
    fs = pytest.importorskip("s3fs").S3FileSystem(**store.options, skip_instance_cache=True)
    return {"where": f"{store.url.removeprefix('s3://')}/a.tif", "fs": fs}


async def written_until_cancelled(target: WriteTarget, store: Store) -> None:
    """Send a head that goes on, and is cancelled once a part has come: it cannot be at its end."""
    task = asyncio.current_task()
    assert task is not None

    async def head() -> AsyncIterator[bytes]:
        while True:
            yield bytes(MIB)
            has_come = any("partNumber" in request.query for request in store.log)
            if has_come and not task.cancelling():
                task.cancel()

    await target.begin()
    await target.finish(head(), GIB)


@pytest.mark.stores
@pytest.mark.parametrize("at", [by_obstore_at, by_fsspec_at], ids=["obstore", "s3fs"])
async def test_a_store_keeps_no_upload_that_failed(at):
    long = [os.urandom(1 << 20)] * 12
    with s3_store() as store:
        boto = pytest.importorskip("moto.s3.models").s3_backends["123456789012"]["aws"]
        bucket = boto.buckets[BUCKET]
        target = make_target(**at(store), part_bytes=5 << 20)
        await target.begin()
        for piece in long:
            await target.append(piece)
        with pytest.raises(ZeroDivisionError):
            await target.finish(chunks(LONG_HEAD * 5, 12_000_000), 5 * len(LONG_HEAD))
        await target.abort()
        assert any("partNumber" in request.query for request in store.log)
        assert not bucket.multiparts
        assert not bucket.keys
        target = make_target(**at(store), part_bytes=5 << 20)
        store.log.clear()
        task = asyncio.create_task(written_until_cancelled(target, store))
        with pytest.raises(asyncio.CancelledError):
            await task
        await target.abort()
        assert any("partNumber" in request.query for request in store.log)
        assert not bucket.multiparts
        assert not bucket.keys
        target = make_target(**at(store), part_bytes=5 << 20)
        await written(target, LONG_HEAD, long)
        assert boto.get_object(BUCKET, "a.tif").value == LONG_HEAD + b"".join(long)


# --- which target --------------------------------------------------------------------------------


class PathObject:
    """An object that is a path."""

    def __fspath__(self) -> str:
        return "a.tif"


@pytest.mark.parametrize(
    ("where", "kind", "name"),
    [
        ("a.tif", FileTarget, "a.tif"),
        (Path("b") / "a.tif", FileTarget, str(Path("b") / "a.tif")),
        (PathObject(), FileTarget, "a.tif"),
        ("file:///b/a%20b.tif", FileTarget, str(Path("/b/a b.tif"))),
        (bytes, BytesTarget, "<bytes>"),
        (io.BytesIO(), StreamTarget, "<open BytesIO>"),
        ("memory://a/b.tif", StreamTarget, "memory://a/b.tif"),
        ("simplecache::memory://a/b.tif", StreamTarget, "simplecache::memory://a/b.tif"),
        ("ftp://me:secret@host/b.tif", StreamTarget, "ftp://***@host/b.tif"),
    ],
)
def test_each_place_has_its_target(where, kind, name):
    target = make_target(where)
    assert type(target) is kind
    assert target.name == name
    assert make_target(target) is target
    assert target.memory < 64 << 20


@pytest.mark.parametrize(
    ("where", "options", "message"),
    [
        (
            "https://me:secret@host/a.tif",
            {},
            r"http urls cannot be written: .*: https://\*\*\*@host",
        ),
        ("simplecache::https://host/a.tif", {}, "http urls cannot be written"),
        ("/vsis3/bucket/a.tif", {}, "is a path of GDAL, not read here: write s3://bucket/a.tif"),
        ("s3:/bucket/a.tif", {}, "the url lacks a slash"),
        (b"123", {}, r"cannot write to bytes: expected a path, a url, bytes \(the type\)"),
        (str, {}, "cannot write to str: expected"),
        (7, {}, "cannot write to int: expected"),
        ("a.tif", {"storage_options": {"key": "1"}}, "storage_options= has no use with a path"),
        (bytes, {"fs": object()}, "fs= has no use with bytes"),
        ("a.tif", {"fs": object(), "store": object()}, "fs= has no use with store="),
        ("a.tif", {"store": object()}, "object is no object store"),
    ],
)
def test_what_cannot_be_written_is_refused(where, options, message):
    with pytest.raises(UsageError, match=message):
        make_target(where, **options)


def test_urls_of_stores_are_uploaded_in_parts(monkeypatch):
    pytest.importorskip("aiobotocore")
    bounds = Bounds(1 << 30, 10 << 30)
    target = make_target("s3://bucket/a.tif", bounds=bounds, part_bytes=6 << 20)
    assert type(target) is MultipartTarget
    assert target.name == "s3://bucket/a.tif"
    assert target.memory <= 3 * (6 << 20) + 2 * (5 << 20)
    with pytest.raises(UsageError, match="the url names no object: expected s3://bucket/key"):
        make_target("s3://bucket")
    keys = {"key": "k", "secret": "s"}
    assert type(make_target("gs://bucket/a.tif", storage_options=keys)) is MultipartTarget
    monkeypatch.setattr("tinycog.targets.numbered.find_spec", lambda _: object())
    assert type(make_target("gs://bucket/a.tif")) is StreamTarget


@pytest.mark.parametrize(
    ("endpoint", "rules"),
    [
        (None, S3),
        ("http://127.0.0.1:9000", S3),
        ("https://account.r2.cloudflarestorage.com", R2),
        ("https://ns.compat.objectstorage.eu-frankfurt-1.oraclecloud.com", OCI),
        ("https://storage.googleapis.com/", GCS),
    ],
)
def test_parts_are_those_that_the_endpoint_takes(endpoint, rules):
    assert rules_of({"endpoint_url": endpoint}) is rules
