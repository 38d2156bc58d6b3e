"""The walls of the repository that a linter cannot hold."""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(p for room in ("workbench", "plugins") for p in (ROOT / room).rglob("*.py"))
EMPTY_SUFFIX = re.compile(
    r"(Manager|Engine|Handler|Helper|Service|Processor|Controller|Factory|Utils?)$"
)
MACHINE_PATH = re.compile(r"/(?:wor[k]|far[m])/|\.\./share[d]")
BROAD = {"Exception", "BaseException"}


def named(path: Path, line: int = 0) -> str:
    return f"{path.relative_to(ROOT)}:{line}" if line else str(path.relative_to(ROOT))


def nodes() -> Iterator[tuple[Path, ast.AST]]:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield path, node


def lines_without_docstring(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    end = function.end_lineno or function.lineno
    documented = ast.get_docstring(function) is not None
    docstring = function.body[0]
    told = (docstring.end_lineno or 0) - docstring.lineno + 1 if documented else 0
    return end - function.lineno + 1 - told


def is_broad(kind: ast.expr | None) -> bool:
    match kind:
        case None:
            return True
        case ast.Name(name):
            return name in BROAD
        case ast.Tuple(kinds):
            return any(is_broad(each) for each in kinds)
        case _:
            return False


def catches_everything(node: ast.AST) -> bool:
    match node:
        case ast.ExceptHandler(kind):
            return is_broad(kind)
        case ast.Call(ast.Name("suppress") | ast.Attribute(attr="suppress"), kinds):
            return any(is_broad(kind) for kind in kinds)
        case _:
            return False


def repository_files() -> list[Path]:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    listing = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for name in names.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_file_has_more_than_400_lines() -> None:
    sizes = {named(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {name: size for name, size in sizes.items() if size > 400} == {}


def test_no_function_has_more_than_40_lines() -> None:
    sizes = {
        f"{named(path, node.lineno)} {node.name}": lines_without_docstring(node)
        for path, node in nodes()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: size for name, size in sizes.items() if size > 40} == {}


def test_no_class_has_a_suffix_that_says_nothing() -> None:
    classes = [
        f"{named(path, node.lineno)} {node.name}"
        for path, node in nodes()
        if isinstance(node, ast.ClassDef) and EMPTY_SUFFIX.search(node.name)
    ]
    assert classes == []


def test_everything_is_caught_in_three_places_at_most() -> None:
    places = [
        named(path, node.lineno)
        for path, node in nodes()
        if isinstance(node, ast.ExceptHandler | ast.Call) and catches_everything(node)
    ]
    assert len(places) <= 3, places


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_names_no_address(name: str) -> None:
    assert "://" not in (ROOT / name).read_text(encoding="utf-8")


def test_the_development_lock_holds_all_of_the_other() -> None:
    run, development = (
        set(re.findall(r"^\S+==\S+", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))
        for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert run <= development


def test_no_file_names_a_path_of_the_machine_it_was_written_on() -> None:
    telling = [
        named(path)
        for path in repository_files()
        if MACHINE_PATH.search(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert telling == []
