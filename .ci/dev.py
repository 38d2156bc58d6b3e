#!/usr/bin/env python3
"""Every command of this checkout: run, test, check and what check is made of.

It needs Python 3.11 or newer and git, and nothing of the home directory: what it installs goes to
`.venv`, from the lock files. What is there and fresh is left alone: a second call starts at once.
"""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - an older Python is told so in words
    sys.exit(
        "kaizen-tui needs Python 3.11 or newer, and this is %d.%d: call it with a newer one."  # noqa: UP031
        % sys.version_info[:2]
    )

import hashlib
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
RUN_LOCK = ROOT / "requirements.lock"
DEV_LOCK = ROOT / "requirements-dev.lock"
USAGE = """\
usage: python3 .ci/dev.py COMMAND [ARGUMENTS]

  run      set up what is missing and start kaizen-tui (no arguments: the tour)
  test     run the tests (arguments go to pytest)
  check    format check, lint, types, import contracts, tests: what CI does
  lint, types, imports, format    one of them
  laws     the replay laws over 10,000 random programs (a number: over so many)
  crash    kill real processes at some 300 places and look what became of it (--full: at all)
  bench    what everything costs, beside its floor
  setup    make .venv with the tools of development, and nothing more
  lock     write both lock files anew (--upgrade: with the newest releases)
  clean    remove .venv and every cache
"""


def main(arguments: list[str]) -> int:
    """Carry out the command that ``arguments`` name and return its exit code."""
    name, *rest = arguments or ["help"]
    if name not in COMMANDS:
        asked_for_help = name in {"help", "-h", "--help"}
        print(USAGE, file=sys.stdout if asked_for_help else sys.stderr, end="")
        return 0 if asked_for_help else 2
    os.chdir(ROOT)
    try:
        return COMMANDS[name](rest)
    except subprocess.CalledProcessError as error:
        say(f"failed: {' '.join(map(str, error.cmd))}")
        return error.returncode or 1


# ---- the commands


def run(arguments: list[str]) -> int:
    """Become the program: its terminal, its signals and its exit code are the caller's own."""
    install(RUN_LOCK)
    program = BIN / "kaizen-tui"
    os.execv(program, [str(program), *(arguments or ["tour"])])  # noqa: S606 - no shell is wanted


def test(arguments: list[str]) -> int:
    """Run the tests: all of them on two cores, or what the arguments say."""
    install(DEV_LOCK)
    return tool("pytest", *(arguments or ["-n", "2", "--dist", "worksteal"]))


def check(_: list[str]) -> int:
    """Run every check, also after one has failed, and name the failed ones at the end."""
    install(DEV_LOCK)
    checks = {
        "format": format_check,
        "lint": lint,
        "types": types,
        "imports": imports,
        "test": test,
    }
    failed = [name for name, command in checks.items() if command([])]
    say(f"failed: {', '.join(failed)}" if failed else "every check passed")
    return 1 if failed else 0


def lint(arguments: list[str]) -> int:
    """Look for what ruff can see."""
    install(DEV_LOCK)
    return tool("ruff", "check", *(arguments or ["."]))


def format_check(_: list[str]) -> int:
    """Say which files are not as the formatter would write them."""
    install(DEV_LOCK)
    return tool("ruff", "format", "--check", ".")


def reformat(arguments: list[str]) -> int:
    """Write the files as the formatter would, imports sorted; `--check` only says which differ."""
    if arguments == ["--check"]:
        return format_check([])
    install(DEV_LOCK)
    tool("ruff", "check", "--select", "I", "--fix", "--quiet", *(arguments or ["."]))
    return tool("ruff", "format", *(arguments or ["."]))


def types(arguments: list[str]) -> int:
    """Check the types, strictly."""
    install(DEV_LOCK)
    return tool("pyright", *arguments)


def imports(_: list[str]) -> int:
    """Check that the rooms import one way."""
    install(DEV_LOCK)
    return tool("lint-imports", "--no-cache")


def laws(arguments: list[str]) -> int:
    """Try the replay laws on many random programs."""
    install(DEV_LOCK)
    return tool("python", "-m", "tests.laws", *arguments)


def crash(arguments: list[str]) -> int:
    """Run the crash matrix, or with ``--full`` the whole of it."""
    install(DEV_LOCK)
    return tool("python", "-m", "tests.crash", *arguments)


def bench(arguments: list[str]) -> int:
    """Run the benchmarks."""
    install(DEV_LOCK)
    return tool("python", "-m", "tests.benchmarks", *arguments)


def setup(_: list[str]) -> int:
    """Make the environment ready for every other command."""
    install(DEV_LOCK)
    return 0


def lock(arguments: list[str]) -> int:
    """Resolve the dependencies; the development lock holds all that the other one does."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run(
            [f"{folder}/bin/pip", "install", "--quiet", "uv"], check=True, env=environment()
        )
        resolve = [
            f"{folder}/bin/uv",
            "pip",
            "compile",
            "--quiet",
            "--universal",
            "--generate-hashes",
        ]
        resolve += ["--python-version", "3.11", "--no-emit-index-url", "--no-emit-find-links"]
        resolve += [
            "--custom-compile-command",
            "python3 .ci/dev.py lock",
            "pyproject.toml",
            *arguments,
        ]
        for path, more in (
            (RUN_LOCK, ["--group", "build"]),
            (DEV_LOCK, ["--group", "dev", "--constraint", RUN_LOCK.name]),
        ):
            subprocess.run([*resolve, *more, "--output-file", path.name], check=True)
    return 0


def clean(_: list[str]) -> int:
    """Remove what the other commands made; the user's sessions stay."""
    made = [
        VENV,
        *ROOT.glob(".*_cache"),
        *(ROOT / name for name in (".hypothesis", "build", "dist")),
    ]
    caches = (
        p
        for part in ("workbench", "plugins", "tests", "examples")
        for p in (ROOT / part).rglob("__pycache__")
    )
    for path in [*made, *caches]:
        shutil.rmtree(path, ignore_errors=True)
    return 0


COMMANDS = {
    "run": run,
    "test": test,
    "check": check,
    "lint": lint,
    "types": types,
    "imports": imports,
    "format": reformat,
    "bench": bench,
    "laws": laws,
    "crash": crash,
    "setup": setup,
    "lock": lock,
    "clean": clean,
}


# ---- the environment


def install(wanted: Path) -> None:
    """Bring `.venv` to what the lock ``wanted`` says, doing nothing where it is there already."""
    lock_digest, project_digest = digest(wanted), digest(ROOT / "pyproject.toml")
    make_venv()
    if stamp(wanted) != lock_digest:
        started = time.monotonic()
        say(f"installing {wanted.name} into .venv, about a minute the first time")
        pip("--require-hashes", "--no-compile", "--requirement", wanted.name)
        write_stamp(wanted, lock_digest)
        if wanted == DEV_LOCK:  # it holds all that the other one does
            write_stamp(RUN_LOCK, digest(RUN_LOCK))
        else:
            stamp_path(DEV_LOCK).unlink(missing_ok=True)
        say(f"installed in {time.monotonic() - started:.0f} s")
    if stamp(ROOT / "pyproject.toml") != project_digest:
        pip("--no-build-isolation", "--editable", ".")
        write_stamp(ROOT / "pyproject.toml", project_digest)


def make_venv() -> None:
    """Make `.venv`, anew where it does not start or was made in another place."""
    here = f"{ROOT}\n"
    place = VENV / ".stamp-place"
    if starts(BIN / "python") and (not place.exists() or place.read_text() == here):
        place.write_text(here)
        return
    say(f"making .venv with Python {sys.version_info.major}.{sys.version_info.minor}")
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", VENV], check=False, capture_output=True, text=True
    )
    if made.returncode:
        say(made.stdout + made.stderr)
        sys.exit(
            "no environment could be made: on Debian and Ubuntu install python3-venv and try again"
        )
    place.write_text(here)


def starts(python: Path) -> bool:
    """Tell whether ``python`` is there, starts, is new enough and has pip."""
    asked = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    try:
        return not subprocess.run(
            [python, "-c", asked], check=False, capture_output=True
        ).returncode
    except OSError:
        return False


def pip(*arguments: str) -> None:
    """Install without asking what else is needed: the lock says it. Progress goes to stderr."""
    command = [BIN / "python", "-m", "pip", "install", "--quiet", "--no-deps", *arguments]
    subprocess.run(
        command, check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr, env=environment()
    )


def tool(name: str, *arguments: str) -> int:
    """Run a program of `.venv` and return its exit code."""
    return subprocess.run([BIN / name, *arguments], check=False, env=environment()).returncode


def environment() -> dict[str, str]:
    """Return the caller's environment, with the tools first and no cache without a home."""
    settings = {
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYRIGHT_PYTHON_GLOBAL_NODE": "0",  # the one that the lock names
        "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1",
    }
    home = os.environ.get("HOME")
    if not home or not os.access(home, os.W_OK):
        settings["PIP_NO_CACHE_DIR"] = "1"
    return {**os.environ, **settings}


def stamp_path(source: Path) -> Path:
    """Return where it is noted which ``source`` stands installed."""
    return VENV / f".stamp-{source.name}"


def stamp(source: Path) -> str:
    """Return the digest of the ``source`` that is installed, empty if none is."""
    path = stamp_path(source)
    return path.read_text() if path.exists() else ""


def write_stamp(source: Path, value: str) -> None:
    """Note that the ``source`` with the digest ``value`` is installed."""
    stamp_path(source).write_text(value)


def digest(source: Path) -> str:
    """Return what tells one content of ``source`` from another."""
    return hashlib.sha256(source.read_bytes()).hexdigest()


def say(line: str) -> None:
    """Tell the person at the terminal; stdout belongs to the program."""
    print(line.rstrip(), file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
