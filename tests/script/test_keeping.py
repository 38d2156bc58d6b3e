"""Keeping runs, as a person does it: clean up, pin, delete, back up, repair."""

from __future__ import annotations

import asyncio
import io
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.script.conftest import Opened
from tests.store.making import event, started
from workbench.errors import StoreDamaged, UsageError
from workbench.script import storing
from workbench.script.amounts import seconds, shown, size
from workbench.script.command_line import Asked
from workbench.script.execute import execute
from workbench.script.session import Session
from workbench.store.store import Store


def filled(session: Session, count: int = 4) -> None:
    for number in range(count):
        name = f"old{number}"
        if session.bench.store.last_seq(name):
            continue
        rows = [started(name), event(name, 2, "run.finished", outcome="returned", result="r" * 100)]
        session.bench.store.append(rows)
    session.bench.store.flush()


def done(opened: Opened, *lines: str) -> list[Any]:
    async def main() -> list[Any]:
        async with opened() as bench:
            session = Session(bench)
            filled(session)
            return [await execute(session, line) for line in lines]

    return asyncio.run(main())


def test_a_clean_up_says_what_would_go_and_what_went(opened: Opened) -> None:
    pinned, dry, real, rest = done(
        opened,
        "pin old2",
        "gc older-than=1d keep=1 dry-run=true",
        "gc older-than=1d keep=1",
        "runs",
    )
    assert pinned.lines == ("run old2 is pinned: no clean-up takes it",)
    assert dry.lines[-1] == "2 runs would go"
    assert real.data["runs"] == dry.data["would_go"] == ["old1", "old0"]
    assert real.lines[0].startswith("2 runs deleted: 4 rows")
    assert [row["run_id"] for row in rest.data] == ["old3", "old2"]


def test_a_clean_up_without_a_rule_is_refused(opened: Opened) -> None:
    with pytest.raises(UsageError, match=r"nothing says which runs may go.*keep\.days"):
        done(opened, "gc")
    with pytest.raises(UsageError, match="'a while' is no age"):
        done(opened, "gc older-than='a while'")


def test_a_run_is_deleted_by_name(opened: Opened) -> None:
    told, *_ = done(opened, "delete old1")
    assert told.data["runs"] == ["old1"]


def test_a_pinned_run_is_not_deleted(opened: Opened) -> None:
    with pytest.raises(UsageError, match="run old1 is pinned"):
        done(opened, "pin old1", "delete old1")


def test_a_backup_is_made_from_the_command_line(opened: Opened, workspace: Path) -> None:
    (told,) = done(opened, "backup safe.backup")
    assert told.data["runs"] == 4
    assert (workspace / "safe.backup").is_file()
    assert "read again and whole" in told.lines[0]


@pytest.mark.parametrize(
    ("text", "number"), [("30d", 2_592_000), ("12h", 43_200), ("1.5m", 90), ("2w", 1_209_600)]
)
def test_ages_are_read(text: str, number: float) -> None:
    assert seconds(text) == number


@pytest.mark.parametrize(
    ("text", "number"), [("10", 10), ("1k", 1024), ("1.5G", 1_610_612_736), ("500MiB", 524_288_000)]
)
def test_sizes_are_read(text: str, number: int) -> None:
    assert size(text) == number


@pytest.mark.parametrize("text", ["", "d", "30", "-1d", "1y", "1 month", "nan"])
def test_what_is_no_age_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        seconds(text)


def test_sizes_are_shown_for_people() -> None:
    assert [shown(n) for n in (0, 1023, 2048, 5 * 2**20, 3.5 * 2**30)] == [
        *("0 bytes", "1023 bytes", "2 KiB", "5 MiB", "3.5 GiB")
    ]


@pytest.fixture
def asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Asked]:
    monkeypatch.setenv("KAIZEN_TUI_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / "work"
    folder.mkdir(exist_ok=True)

    def made() -> Asked:
        return Asked(workspace=folder, form="json", out=io.StringIO(), err=io.StringIO())

    return made


def said(asked: Asked) -> Any:
    assert isinstance(asked.out, io.StringIO)
    return json.loads(asked.out.getvalue())


def database(asked: Asked) -> Path:
    path = storing._database(asked)
    store = Store.open(path)
    store.append([started("a"), *(event("a", n, result="x" * 3000) for n in range(2, 60))])
    store.close()
    return path


def test_nothing_is_repaired_that_is_whole(asking: Callable[..., Asked]) -> None:
    database(asking())
    asked = asking()
    assert storing.repair(asked, only_check=True, yes=False) == 0
    assert said(asked) == {"ok": True}


def test_damage_is_told_and_only_repaired_on_order(asking: Callable[..., Asked]) -> None:
    path = database(asking())
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = b"\x55" * 4096
    path.write_bytes(content)
    asked = asking()
    assert storing.repair(asked, only_check=True, yes=False) == 3
    assert said(asked)["faults"]
    with pytest.raises(StoreDamaged, match="--yes"):
        storing.repair(asking(), only_check=False, yes=False)
    assert path.read_bytes() == bytes(content)
    asked = asking()
    assert storing.repair(asked, only_check=False, yes=True) == 0
    (loss,) = said(asked)["losses"]
    assert loss["run_id"] == "a"
    assert loss["rows"] > 0
    assert Path(said(asked)["aside"]).read_bytes() == bytes(content)
    assert storing.repair(asking(), only_check=True, yes=False) == 0


def test_wrong_figures_are_computed_anew(asking: Callable[..., Asked]) -> None:
    path = database(asking())
    link = sqlite3.connect(path, isolation_level=None)
    link.execute("UPDATE run_states SET steps = 7")
    link.close()
    asked = asking()
    assert storing.repair(asked, only_check=False, yes=False) == 0
    assert said(asked)["stale"] == ["a"]
    store = Store.open(path, readonly=True)
    assert store.run("a").steps == 58
    store.close()


def test_a_backup_replaces_nothing_unless_told(
    asking: Callable[..., Asked], tmp_path: Path
) -> None:
    from workbench.store.backup import back_up

    path = database(asking())
    back_up(path, tmp_path / "copy")
    with pytest.raises(UsageError, match="--replace"):
        storing.restore(asking(), str(tmp_path / "copy"), replace=False)
    asked = asking()
    assert storing.restore(asked, str(tmp_path / "copy"), replace=True) == 0
    assert Path(said(asked)["aside"]).exists()
    assert storing.check_backup(asking(), str(tmp_path / "copy")) == 0
    assert storing.compacted(asking()) == 0
