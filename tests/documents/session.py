"""Run the blocks of a page, in order, as somebody who follows it would: `session.py STEPS RESULTS`.

Python that is no whole program shares one namespace and one event loop, and may await anywhere. A
coroutine function `main` that a block defines is called, with arguments of that namespace by name.
What a page takes for granted (a url, an array) is returned by `before` of a module in `before/`;
its `after`, if it has one, calls what the page only defines.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import runpy
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any, TypedDict

SECONDS = 120
RASTERIO = "-W", "ignore:Use `@` matmul:PendingDeprecationWarning"
"""Rasterio 1.4 multiplies by what affine 3 warns of."""

Names = dict[str, Any]


class Step(TypedDict):
    """A block; `kind` is "python", "program" or "sh"."""

    name: str
    kind: str
    code: str


class Work(TypedDict):
    """What a session does: modules of `before/`, blocks, and the server that plays example.com."""

    base: str
    before: list[str]
    steps: list[Step]


async def run_python(code: str, names: Names, filename: str) -> None:
    """Run code that may await at its top level."""
    compiled = compile(code, filename, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    names.pop("main", None)
    result = eval(compiled, names)  # noqa: S307 - our own page
    if inspect.isawaitable(result):
        await result
    if inspect.iscoroutinefunction(main := names.get("main")):
        await main(*(names[name] for name in inspect.signature(main).parameters))


def run_process(command: list[str], *, prints: bool) -> str:
    """Run a command; return what is wrong."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603
    # asyncio notes slow steps in development mode; a busy machine has them
    noise = [line for line in done.stderr.splitlines() if not line.startswith("Executing <")]
    if done.returncode or (prints and (noise or not done.stdout)):
        said = f"stdout {done.stdout[-2000:]!r}, stderr: {done.stderr[-4000:]}"
        return f"status {done.returncode}, {said}"
    return ""


async def run_step(step: Step, names: Names) -> str:
    """Run one step; return what is wrong, or nothing."""
    code, name = step["code"], step["name"]
    if step["kind"] == "sh":
        return await asyncio.to_thread(
            run_process, ["bash", "-euo", "pipefail", "-c", code], prints=False
        )
    if step["kind"] == "program":
        command = [sys.executable, "-X", "dev", "-W", "error", *RASTERIO, "-c", code]
        return await asyncio.to_thread(run_process, command, prints=True)
    try:
        async with asyncio.timeout(SECONDS):
            await run_python(code, names, name)
    except Exception:  # noqa: BLE001 - the block's
        return traceback.format_exc(limit=-4)
    return ""


async def main(work: Work) -> dict[str, str]:
    """Run all; return what is wrong, by name."""
    names: Names = {"__name__": "page"}
    modules = [runpy.run_path(path) for path in work["before"]]
    for module in modules:
        names |= await module["before"](work["base"])
    results = {step["name"]: await run_step(step, names) for step in work["steps"]}
    for module in modules:
        if after := module.get("after"):
            try:
                await after(names)
            except Exception:  # noqa: BLE001 - likewise
                results["after"] = traceback.format_exc(limit=-4)
    return results


if __name__ == "__main__":
    given, found = map(Path, sys.argv[1:])
    found.write_text(json.dumps(asyncio.run(main(json.loads(given.read_text())))))
