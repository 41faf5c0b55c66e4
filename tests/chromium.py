"""A real browser for tests: Chromium without a window, by the Chrome DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import tempfile
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""What the program may be called."""

SECONDS = 60
"""How long anything may take: the machine may be busy."""


def find_chromium():
    """Return where the program is, None if there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@asynccontextmanager
async def open_page(url, size=(1280, 800)):
    """Start a browser, and open a page in it."""
    program = find_chromium()
    assert program is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            program,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
            f"--window-size={size[0]},{size[1]}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            port = await _port(Path(profile) / "DevToolsActivePort", process)
            async with aiohttp.ClientSession() as session:
                page = await _connect(session, port)
                try:
                    await page.call(
                        "Emulation.setDeviceMetricsOverride",
                        width=size[0],
                        height=size[1],
                        deviceScaleFactor=1,
                        mobile=False,
                    )
                    await page.call("Page.enable")
                    await page.call("Runtime.enable")
                    await page.call("Page.navigate", url=url)
                    yield page
                finally:
                    await page.close()
        finally:
            process.terminate()
            await process.wait()


async def _port(path, process):
    for _ in range(SECONDS * 20):
        if path.exists() and (text := path.read_text()).count("\n"):
            return int(text.splitlines()[0])
        assert process.returncode is None, "the browser has ended"
        await asyncio.sleep(0.05)
    raise TimeoutError("the browser does not answer")


async def _connect(session, port):
    async with session.get(f"http://127.0.0.1:{port}/json/list") as response:
        targets = await response.json()
    target = next(one for one in targets if one["type"] == "page")
    socket = await session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0)
    return Page(socket)


class Page:
    """A page of the browser: scripts are run in it, and what goes wrong there is kept."""

    def __init__(self, socket):
        self._socket, self._numbers = socket, count(1)
        self._answers, self.errors = {}, []
        self._reader = asyncio.ensure_future(self._read())

    async def close(self):
        self._reader.cancel()
        await self._socket.close()

    async def call(self, method, **params):
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(SECONDS):
            return await answer

    async def run(self, script):
        """Return the value of an expression, of what it promises if it is a promise."""
        found = await self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    async def wait_for(self, script):
        """Wait until an expression is true, and return its value."""
        for _ in range(SECONDS * 20):
            found = await self.run(script)
            if found:
                return found
            await asyncio.sleep(0.05)
        message = f"{script} does not become true; {await self.run(TEXT)}"
        raise TimeoutError(message)

    async def move_to(self, x, y):
        """Move the pointer."""
        await self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    async def choose(self, name, value):
        """Choose a value of a control, as a person does."""
        await self.run(
            f"(() => {{ const it = document.getElementById({json.dumps(name)});"
            f" it.value = {json.dumps(value)};"
            " it.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )

    async def screenshot(self):
        """Return what is seen, as PNG."""
        found = await self.call("Page.captureScreenshot", format="png")
        return base64.b64decode(found["data"])

    async def _read(self):
        async for message in self._socket:
            found = json.loads(message.data)
            if "id" in found:
                answer = self._answers.pop(found["id"])
                if "error" in found:
                    answer.set_exception(RuntimeError(found["error"]["message"]))
                elif not answer.done():
                    answer.set_result(found["result"])
            elif found["method"] == "Runtime.exceptionThrown":
                self.errors.append(found["params"]["exceptionDetails"])


TEXT = "document.body && document.body.innerText"
