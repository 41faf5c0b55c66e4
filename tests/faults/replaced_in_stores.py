"""Many reads of an object that is replaced in a store meanwhile: never bytes of two generations.

python tests/faults/replaced_in_stores.py s3 --runs 10000      # s3fs against moto
python tests/faults/replaced_in_stores.py gs --runs 10000      # gcsfs against fake-gcs-server
python tests/faults/replaced_in_stores.py azure                # adlfs against Azurite
python tests/faults/replaced_in_stores.py obstore --runs 10000 # obstore's S3Store against moto
python tests/faults/replaced_in_stores.py memory               # a file system that only has `info`
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from random import Random
from typing import Any

if __package__ in (None, ""):  # run as a script
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import fsspec
from store_servers import Store, azure_store, by_obstore, gs_store, s3_store

import tinycog
from faults.replaced import RETRIES, generations, main, outcome_of
from tinycog import Limits
from tinycog.tiff.spec import Compression

MOST_SECONDS = 0.1
"""Longest time until an object is replaced, where the server does not say when it is asked."""


class InStore:
    """Runs against one store: a function of `faults.replaced.run`."""

    def __init__(self, store: Store, *, tells: bool) -> None:
        """Take a store, and whether it calls before each request."""
        self.store = store
        self.tells = tells

    async def __call__(self, seed: int) -> str:
        """Read while the object is replaced, maybe again, at a random request or time."""
        random = Random(seed)  # noqa: S311 - a seeded run
        files = generations(random.choice((Compression.NONE, Compression.DEFLATE)))
        before = self.store.before
        before.clear()
        self.store.put("a.tif", files[0])
        timers: list[threading.Timer] = []
        if self.tells:
            before += [_nothing] * random.randrange(9)
            before.append(lambda: self.store.put("a.tif", files[1]))
            before += [_nothing] * random.randrange(6)
            if random.random() < 0.5:
                before.append(lambda: self.store.put("a.tif", files[2]))
        else:
            seconds = random.random() * MOST_SECONDS
            timers.append(threading.Timer(seconds, self.store.put, ("a.tif", files[1])))
            timers[0].start()
        options: dict[str, Any] = {"limits": Limits(retries=RETRIES), "head_bytes": 2048}
        is_given = not {"fs", "store"}.isdisjoint(self.store.options)
        options |= self.store.options if is_given else {"storage_options": self.store.options}
        where = "a.tif" if "store" in options else f"{self.store.url}/a.tif"
        try:
            return await outcome_of(tinycog.open(where, **options), self.store.url, random)
        finally:
            await asyncio.gather(*(asyncio.to_thread(timer.join) for timer in timers))


def _nothing() -> None:
    """Be called before a request at which nothing is replaced."""


def memory_store() -> Store:
    """An in-memory file system: before each read and each `info` it may be replaced."""
    memory: Any = fsspec.filesystem("memory")
    before: list[Callable[[], object]] = []

    class Told(type(memory)):
        cachable = False

        def cat_file(self, *args: Any, **options: Any) -> bytes:
            self._ask()
            return super().cat_file(*args, **options)

        def info(self, *args: Any, **options: Any) -> dict[str, Any]:
            self._ask()
            return super().info(*args, **options)

        def _ask(self) -> None:
            if before:
                before.pop(0)()

    def put(name: str, data: bytes) -> str:
        memory.pipe_file(f"/replaced/{name}", data)
        return ""

    return Store("/replaced", {"fs": Told()}, put, [], before, {})


@contextmanager
def obstore_store() -> Iterator[Store]:
    """The bucket at moto, by obstore."""
    with s3_store("obstore") as store:
        yield store._replace(options={"store": by_obstore(store)})


STORES: dict[str, Callable[[], Any]] = {
    "s3": s3_store,
    "gs": gs_store,
    "azure": azure_store,
    "obstore": obstore_store,
    "memory": lambda: nullcontext(memory_store()),
}


if __name__ == "__main__":
    name, *rest = sys.argv[1:]
    with STORES[name]() as made:
        sys.exit(main(rest, InStore(made, tells=name in ("s3", "obstore", "memory"))))
