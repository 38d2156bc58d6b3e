"""Types that users bring along: records, choices and pydantic models."""

from __future__ import annotations

import dataclasses
from enum import Enum
from typing import Annotated, Literal, NotRequired, TypedDict

from pydantic import BaseModel, Field, field_validator


class Mood(Enum):
    CALM = "calm"
    LOUD = "loud"


@dataclasses.dataclass(frozen=True)
class Point:
    x: float
    y: float = 0.0
    tags: list[str] = dataclasses.field(default_factory=list[str])


@dataclasses.dataclass
class Node:
    name: Annotated[str, "what it is called"]
    children: list[Node] = dataclasses.field(default_factory=list["Node"])


@dataclasses.dataclass
class Link:
    weight: float
    next: Link | None = None


@dataclasses.dataclass
class Positive:
    n: int

    def __post_init__(self) -> None:
        if self.n <= 0:
            raise ValueError("n must be positive")


class Address(TypedDict):
    street: str
    number: NotRequired[int]


class Item(BaseModel):
    name: str
    price: float = Field(ge=0)


class Order(BaseModel):
    """An order."""

    items: list[Item]
    mood: Literal["calm", "loud"] = "calm"


class Tree(BaseModel):
    name: str
    children: list[Tree] = []


class Aliased(BaseModel):
    inner: int = Field(alias="outer")


class Checked(BaseModel):
    n: int

    @field_validator("n")
    @classmethod
    def even(cls, n: int) -> int:
        if n % 2:
            raise ValueError("odd")
        return n


TYPES = {
    kind.__name__: kind
    for kind in (Mood, Point, Node, Link, Positive, Address, Item, Order, Tree, Aliased, Checked)
}
