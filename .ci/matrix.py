"""Run the tests on several Pythons and versions of the dependencies, then the linters.

    python3 .ci/matrix.py             # all parts, below
    python3 .ci/matrix.py versions    # the whole suite on the lowest and the newest versions

Every part runs, whatever the others did; the exit code is 1 if any failed. They run two at a time,
except what changes an environment that others use. The environments are made anew (`.venv-*`),
except the `.venv` of the README's command.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CORPUS = "TINYCOG_CORPUS"
NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
"""Tests start hundreds of interpreters: without bytecode each of them compiles the package."""
MARK = "<!-- test command -->"
QUICK = "-m quick"
BASH = shutil.which("bash") or "/bin/bash"
CLOSING = re.compile(r"\d+ (passed|failed|error|errors|skipped)\b.* in [\d.]+s|no tests ran")

Version = tuple[int, int]


@dataclass(frozen=True)
class Part:
    """Shell commands to run one after the other, up to the first that fails.

    `runs_alone`: what others use changes meanwhile.
    """

    name: str
    commands: tuple[str, ...]
    has_corpus: bool = False
    runs_alone: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a part ended: seconds it took, and the test runner's closing line, if it ran tests."""

    name: str
    failed: bool
    seconds: float
    closing: str


# --- what the project declares ------------------------------------------------------------------


def readme_command() -> str:
    """Return the README's test command, to the letter."""
    found = re.search(rf"{MARK}\n```sh\n(.*?)\n```", (ROOT / "README.md").read_text(), re.DOTALL)
    if found is None:
        sys.exit(f"README.md: no command after {MARK}")
    return found[1]


def supported() -> list[Version]:
    """Return the Pythons of the classifiers that `requires-python` allows, oldest first."""
    at_least = re.fullmatch(r">=(\d+)\.(\d+)", PROJECT["requires-python"])
    if at_least is None:
        sys.exit(f"requires-python: expected >=3.x, found {PROJECT['requires-python']}")
    named = re.findall(
        r":: Python :: (\d+)\.(\d+)$", "\n".join(PROJECT["classifiers"]), re.MULTILINE
    )
    versions = sorted((int(major), int(minor)) for major, minor in named)
    return [version for version in versions if version >= (int(at_least[1]), int(at_least[2]))]


def lowest() -> list[str]:
    """Return the lowest declared version of each dependency, as requirements (`numpy==2.0`)."""
    pins: list[str] = []
    for requirement in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["geo"]:
        found = re.match(r"([\w.-]+)>=([\d.]+)", requirement)
        if found is None:
            sys.exit(f"dependencies: expected name>=version, found {requirement}")
        pins.append(f"{found[1]}=={found[2]}")
    return pins


# --- which Pythons are there --------------------------------------------------------------------


def pyenv_root() -> Path:
    """Return the folder that pyenv keeps its Pythons in, whether it exists or not."""
    if root := os.environ.get("PYENV_ROOT"):
        return Path(root)
    if pyenv := shutil.which("pyenv"):
        told = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False)
        if told.returncode == 0:
            return Path(told.stdout.strip())
    return Path.home() / ".pyenv"


def candidates(version: Version) -> Iterator[Path]:
    """Yield where that Python may be: on PATH, then in pyenv's folder, newest patch first."""
    name = f"python{dotted(version)}"
    for folder in os.get_exec_path():
        yield Path(folder, name)
    kept = (pyenv_root() / "versions").glob(f"{dotted(version)}.*/bin/{name}")
    yield from sorted(kept, key=lambda path: [int(n) for n in re.findall(r"\d+", str(path))])[::-1]


def can_make_environments(python: Path, version: Version) -> bool:
    """Tell whether it runs, is of that version, and has venv and pip (a shim may not)."""
    code = "import ensurepip, sys, venv; print(*sys.version_info[:2], sep='.')"
    if not os.access(python, os.X_OK):
        return False
    ran = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return ran.stdout.strip() == dotted(version)


def interpreters() -> dict[Version, Path]:
    """Find one interpreter of each supported version, oldest first."""
    found: dict[Version, Path] = {}
    for version in supported():
        for python in candidates(version):
            if can_make_environments(python, version):
                found[version] = python
                break
    return found


def dotted(version: Version) -> str:
    """Write a version as 3.11."""
    return ".".join(map(str, version))


# --- the parts ----------------------------------------------------------------------------------


def suite(
    name: str,
    python: Path,
    environment: str,
    options: str,
    pins: Iterable[str] = (),
    extras: str = "test",
) -> Part:
    """Run the tests in a fresh environment, with the newest packages or those pinned."""
    installed = shlex.join(["-e", f".[{extras}]", *pins])
    return Part(
        name,
        commands=(
            f"{shlex.quote(str(python))} -m venv --clear {environment}",
            f"{environment}/bin/pip install -q --only-binary :all: {installed}",
            f"{environment}/bin/python -m pytest -q {options}".rstrip(),
        ),
    )


def on_newest(found: Mapping[Version, Path]) -> Part:
    """Run the whole suite on the newest Python, with the newest packages that it takes.

    The libraries that tinycog is used with are there, too, and what builds the site: many need a
    newer Python than it does.
    """
    version, python = max(found.items())
    environment = environment_of(version)
    extras = "test,ecosystem,docs"
    return suite(f"Python {dotted(version)}", python, environment, "", extras=extras)


def environment_of(version: Version) -> str:
    """Return the folder of the environment with a Python that is not the default one."""
    return f".venv-{dotted(version)}"


def on_lowest(found: Mapping[Version, Path], options: str = "") -> Part:
    """Run the tests on the oldest Python, with the lowest declared versions."""
    version, python = min(found.items())
    name = f"lowest versions, Python {dotted(version)}"
    return suite(name, python, ".venv-lowest", options, lowest())


def release() -> Part:
    """Build sdist and wheel as for a release; test the wheel with what the sdist holds.

    Away from the repository: the wheel is made of the sdist, and alone in its environment.
    """
    install = ".venv-wheel/bin/pip install -q --only-binary :all:"
    away = 'python="$PWD/.venv-wheel/bin/python"; cd build/release/contents'
    pytest = '"$python" -m pytest -q'
    return Part(
        "sdist and wheel",
        commands=(
            "rm -rf build/release && mkdir -p build/release/contents",
            ".venv/bin/python -m build --no-isolation --outdir build/release",
            "tar -xzf build/release/*.tar.gz --strip-components 1 -C build/release/contents",
            "python3 -m venv --clear .venv-wheel",
            f'{install} "$(echo build/release/*.whl)[test]"',
            f"{away}; {pytest} --collect-only >/dev/null; {pytest} {QUICK}",
        ),
    )


def tools(environment: str) -> Part:
    """Add what a release and the linters need to their environments."""
    return Part(
        "tools",
        (
            ".venv/bin/pip install -q build hatchling",
            f"{environment}/bin/pip install -q -e '.[test,ecosystem,docs,lint]'",
        ),
        runs_alone=True,
    )


def linters(environment: str) -> Part:
    """Run the linters where the libraries are whose types the adapters name."""
    command = f"make --no-print-directory lint LINT={environment}"
    return Part("linters", (command,))


def all_parts(found: Mapping[Version, Path], default: Version) -> list[Part]:
    """Return what CI runs, given the Pythons found and the one that `python3` is."""
    name = f"README's command, Python {dotted(default)}"
    parts = [Part(name, (readme_command(),), has_corpus=True)]
    newest = max(found, default=default)
    if newest > default:
        parts.append(on_newest(found))
    else:
        print(f"skipped: a newer Python; none is found above {dotted(default)}")
    for version in sorted(set(found) - {default, newest}):
        name = f"Python {dotted(version)}, quick"
        parts.append(suite(name, found[version], environment_of(version), QUICK))
    lint = environment_of(newest) if newest > default else ".venv"
    return [*parts, on_lowest(found, QUICK), tools(lint), release(), linters(lint)]


# --- running them -------------------------------------------------------------------------------


Say = Callable[[str], object]
"""Takes output, as it comes."""


def say(text: str) -> None:
    """Show output at once."""
    print(text, end="", flush=True)


def run_together(parts: Sequence[Part]) -> Iterator[Outcome]:
    """Run parts two at a time; the output of each is shown when it has ended."""

    def quietly(part: Part) -> tuple[Outcome, list[str]]:
        lines: list[str] = []
        return run(part, lines.append), lines

    with ThreadPoolExecutor(2) as pool:
        for outcome, lines in pool.map(quietly, parts):
            say("".join(lines))
            yield outcome


def run(part: Part, say: Say = say) -> Outcome:
    """Run one part, showing its output."""
    say(f"\n=== {part.name}\n")
    began = time.monotonic()
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    environment.pop(NO_BYTECODE, None)
    if not part.has_corpus:
        environment.pop(CORPUS, None)
    closing, failed = "", False
    for command in part.commands:
        say(f"+ {command}\n")
        code, line = shell(command, environment, say)
        closing = line or closing
        if code:
            failed = True
            break
    return Outcome(part.name, failed, time.monotonic() - began, closing)


def shell(command: str, environment: Mapping[str, str], say: Say) -> tuple[int, str]:
    """Run a command with bash, showing its output; its exit code and the closing line of pytest."""
    closing = ""
    with subprocess.Popen(
        [BASH, "-euo", "pipefail", "-c", command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            say(line)
            if CLOSING.search(line):
                closing = line.strip(" =\n")
    return process.returncode, closing


def main() -> int:
    """Run the parts and print how each ended; 1 if any failed."""
    found = interpreters()
    for version in supported():
        print(f"Python {dotted(version)}: {found.get(version, 'not found')}")
    if not found:
        sys.exit("none of these Pythons is found, with venv and ensurepip")
    if sys.argv[1:] == ["versions"]:
        parts = [on_lowest(found), on_newest(found)]
    else:
        parts = all_parts(found, sys.version_info[:2])
    began = time.monotonic()
    outcomes: list[Outcome] = []
    for _, together in groupby(parts, lambda part: part.runs_alone):
        outcomes += run_together(list(together))
    print()
    for one in outcomes:
        verdict = "FAILED" if one.failed else "ok"
        print(f"{verdict:6} {one.seconds / 60:5.1f} min  {one.name}  {one.closing}".rstrip())
    print(f"       {(time.monotonic() - began) / 60:5.1f} min in all")
    return int(any(one.failed for one in outcomes))


if __name__ == "__main__":
    sys.exit(main())
