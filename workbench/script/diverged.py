"""What a person is told when a run does not fit its workflow any more: short, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from workbench.errors import Diverged
from workbench.plain import one_line

_MOST = 150
_MOST_DIFFERENCES = 12


def diverged_lines(error: Diverged, *, whole: bool = False) -> list[str]:
    """The sentence, recorded against asked, why, and the choices as commands.

    Args:
        error: as a resume or a check raised it.
        whole: say also each argument that differs, what else is asked for, and what fitted.
    """
    data = error.data
    report: Mapping[str, Any] | None = data.get("report")
    if report is None:
        return [str(error)]
    told = [*sides(report), *(_whole(report) if whole else ())]
    lines = [error.message, *(f"  {line}" for line in told)]
    lines += [f"  {'because':<9} {data['cause']}"] if data.get("cause") else []
    choices: Sequence[Mapping[str, str]] = data.get("choices", ())
    if choices:
        widest = max(len(one["command"]) for one in choices)
        lines.append("nothing was started, and the run is as it was; you can")
        lines += [f"  {one['command']:<{widest}}  {one['does']}" for one in choices]
    else:
        lines.append(f"nothing was started. {error.hint}")
    return lines


def sides(report: Mapping[str, Any]) -> Iterator[str]:
    """Two lines: what the log has, and what is asked for instead."""
    recorded: Mapping[str, Any] | None = report["recorded"]
    if recorded is not None:
        said = effect_line(recorded["effect"])
        if recorded["preview"]:
            said += f"  → {recorded['preview']}"
        yield f"{'recorded':<9} {_cut(said)}"
    asked: Sequence[Mapping[str, Any]] = report["asked"]
    if asked:
        more = f"  (and {len(asked) - 1} more)" if len(asked) > 1 else ""
        yield f"{'asked':<9} {_cut(effect_line(asked[0]))}{more}"
    else:
        yield f"{'asked':<9} nothing" + (f": it {report['ended']}" if report["ended"] else "")


def effect_line(effect: Mapping[str, Any], most: int = _MOST) -> str:
    """``tool write_file path="a.txt"  at story.py:12``: the place stays when the rest is cut."""
    place = f"  at {effect['place']}" if effect["place"] else ""
    words = [str(effect["kind"]), str(effect["name"]), *_given(effect["arguments"])]
    return _cut(" ".join(word for word in words if word), most - len(place)) + place


def _given(arguments: Any) -> Iterator[str]:
    if arguments is None:
        yield "(its arguments are not in the log)"
    elif isinstance(arguments, Mapping):
        for name, value in cast("Mapping[str, Any]", arguments).items():
            yield f"{name}={value!r}"


def _whole(report: Mapping[str, Any]) -> Iterator[str]:
    differences: Sequence[Mapping[str, Any]] = report["differences"]
    for one in differences[:_MOST_DIFFERENCES]:
        yield f"- {one['name']} = {_cut(_or_nothing(one['recorded']))}"
        yield f"+ {one['name']} = {_cut(_or_nothing(one['asked']))}"
    if len(differences) > _MOST_DIFFERENCES:
        yield f"and {len(differences) - _MOST_DIFFERENCES} more arguments"
    recorded: Mapping[str, Any] | None = report["recorded"]
    if differences and recorded is not None and not recorded["is_exact"]:
        yield "(the recorded side is as it was performed, after hooks and edits)"
    asked: Sequence[Mapping[str, Any]] = report["asked"]
    for one in asked[1:9]:
        yield f"asked too  {effect_line(one)}"
    if report["last"] is not None:
        last = report["last"]
        yield f"row {last['seq']} still fitted: {effect_line(last['effect'])}"
    yield f"{report['left_over']} of {report['rows']} rows are left over"


def _or_nothing(value: Any) -> str:
    return "nothing" if value is None else str(value)


def _cut(text: str, most: int = _MOST) -> str:
    text = one_line(text)
    return text if len(text) <= most else f"{text[: most - 1]}…"
