"""What the documents say is true: their examples run, their commands are those that CI runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tinycog.testing import serve_in_thread

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
COG = ROOT / "src" / "tinycog" / "data" / "demo.tif"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_long_example_of_the_readme_runs():
    (example,) = [block for block in blocks("python") if "asyncio.run" in block]
    with serve_in_thread({"image.tif": COG}) as server:
        code = example.replace("https://example.com/image.tif", server.url("image.tif"))
        run = subprocess.run(  # noqa: S603 - our own example
            [sys.executable, "-X", "dev", "-W", "error", "-c", code],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert (run.returncode, run.stderr) == (0, "")
    assert "Level 0" in run.stdout


def test_the_architecture_names_every_module():
    text = (ROOT / "ARCHITECTURE.md").read_text()
    modules = {path.stem for path in (ROOT / "src" / "tinycog").glob("[a-z]*.py")}

    assert {name for name in modules if name not in text} == set()
