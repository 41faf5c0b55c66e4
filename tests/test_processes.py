"""One handle in several loops, threads and processes, and a reader that is interrupted."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import tinycog
from tinycog.testing import Fault, make_pyramid, make_tiff, serve_in_thread

PIXELS = np.arange(256 * 256, dtype=np.uint16).reshape(1, 256, 256)
DATA = make_tiff(make_pyramid(PIXELS, (2,), tile=(64, 64)))

HEAD = """
import asyncio, multiprocessing, os, sys, threading, time
import tinycog

cog = tinycog.open(sys.argv[1])

async def work(cog):
    return int((await cog.read_tile(0, 3, 3)).data.astype(int).sum())

def run(cog):
    return asyncio.run(work(cog))
"""

SCRIPTS = {
    "pool-spawn": """
        if __name__ == "__main__":
            expected = run(cog)
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                assert pool.apply(run, (cog,)) == expected
            assert run(cog) == expected
    """,
    "fork": """
        def child():
            assert run(cog) == run(tinycog.open(sys.argv[1])) == expected

        expected = run(cog)
        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        process.join()
        assert process.exitcode == 0
        assert run(cog) == expected
    """,
    "fork-in-a-loop": """
        async def main():
            expected = await work(cog)
            pid = os.fork()
            if not pid:
                found = []
                thread = threading.Thread(target=lambda: found.append(run(cog)))
                thread.start()
                thread.join()
                os._exit(found != [expected])  # a loop that runs cannot end in a child
            assert os.waitpid(pid, 0)[1] == 0
            assert await work(cog) == await work(tinycog.open(sys.argv[1])) == expected

        asyncio.run(main())
    """,
    "fork-during-an-import": """
        from pathlib import Path
        from tinycog.sources.lazy_import import import_ahead

        Path(__file__).with_name("slow.py").write_text("import time; time.sleep(0.3)")

        async def main():
            import_ahead("slow")
            await asyncio.sleep(0.1)
            assert "slow" in sys.modules
            if not os.fork():
                import slow  # a lock of the parent's thread would never be given back
                os._exit(0)
            assert os.wait()[1] == 0

        asyncio.run(main())
    """,
    "loop-left-open": """
        loop = asyncio.new_event_loop()
        expected = loop.run_until_complete(work(cog))
        if not os.fork():
            sys.exit(run(cog) != expected)
        assert os.wait()[1] == 0
        assert loop.run_until_complete(work(tinycog.open(sys.argv[1]))) == expected
        loop.close()
    """,
    "many-loops": """
        found = {run(cog) for _ in range(20)}
        assert len(found) == 1
    """,
}


@pytest.fixture
def url():
    with serve_in_thread({"a.tif": DATA}) as server:
        yield server.url("a.tif")


def script(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "script.py"
    path.write_text(HEAD + textwrap.dedent(text))
    return [sys.executable, "-W", "default", "-W", "ignore::DeprecationWarning", str(path)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_handle_goes_from_process_to_process(url, name, tmp_path):
    command = [*script(tmp_path, SCRIPTS[name]), url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own
    assert (done.returncode, done.stderr) == (0, "")


def test_a_handle_is_read_in_several_threads_at_once(url):
    cog = tinycog.open(url)

    async def tiles() -> list[tinycog.Raster]:
        return await asyncio.gather(*(cog.read_tile(0, x, y) for x in range(4) for y in range(4)))

    with ThreadPoolExecutor(4) as pool:
        for rasters in pool.map(lambda _: asyncio.run(tiles()), range(12)):
            for raster in rasters:
                col, row, width, height = (int(v) for v in raster.window)
                part = PIXELS[:, row : row + height, col : col + width]
                np.testing.assert_array_equal(raster.data, part)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to another process here")
@pytest.mark.parametrize("at", [None, 1000], ids=["before-the-head", "in-the-body"])
def test_who_is_interrupted_ends_at_once_without_a_word(tmp_path, at):
    text = """
        import signal

        # whoever runs the tests in the background has it ignored, and so has every child
        signal.signal(signal.SIGINT, signal.default_int_handler)

        async def main():
            reads = [cog.read_tile(0, x, y) for x in range(4) for y in range(4)]
            print("begun", flush=True)
            await asyncio.gather(*reads)

        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            sys.exit(7)
    """
    with serve_in_thread({"a.tif": DATA}, faults=[Fault.stall(at=at, times=None)]) as server:
        command = [*script(tmp_path, text), server.url("a.tif")]
        with subprocess.Popen(  # noqa: S603 - our own
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            while not server.log:
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (7, "", "")


EXHAUSTED = """
import asyncio, os, resource, sys
import tinycog

async def main(where, left):
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    held = []
    try:
        while True:
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass
    for fd in held[:left]:
        os.close(fd)
    limits = tinycog.Limits(retries=tinycog.Retries(tries=1))
    try:
        await tinycog.open(where, limits=limits).read_tile(0, 0, 0)
    except tinycog.SourceError as exc:
        found = str(exc).lower()
    else:
        found = "read"
    for fd in held[left:]:
        os.close(fd)
    assert found == "read" or "too many" in found and "open" in found, found
    print(found)
    await tinycog.open(where).read_tile(0, 0, 0)    # afterwards all is well

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


@pytest.mark.parametrize("left", range(4))
@pytest.mark.parametrize("kind", ["url", "path"])
def test_too_many_open_files_are_an_error_of_ours(kind, left, tmp_path):
    pytest.importorskip("resource", reason="there are no such limits here")
    path = tmp_path / "a.tif"
    path.write_bytes(DATA)
    with serve_in_thread({"a.tif": DATA}) as server:
        where = server.url("a.tif") if kind == "url" else str(path)
        command = [sys.executable, "-c", EXHAUSTED, where, str(left)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    assert done.stdout != "read\n" or left
