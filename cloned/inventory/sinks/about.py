"""What is known of each kind of sink: the TOML file beside it. Tests hold the code against it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Recording:
    """When the real program was asked what, and from which documents the rest comes."""

    date: str
    program: str
    exchanges: int
    docs: tuple[str, ...]


@dataclass(frozen=True)
class SinkAbout:
    """One kind of sink."""

    kind: str
    title: str
    stability: Literal["stable", "beta"]
    keeps: Literal["state", "log"]
    versions: tuple[str, ...]
    writes: tuple[str, ...]
    """What it writes there."""
    reads: tuple[str, ...]
    """What it reads there, beside what it wrote: nothing else is kept or told."""
    rights: tuple[str, ...]
    """What its token must be allowed."""
    limits: dict[str, object]
    notes: tuple[str, ...]
    recorded: tuple[Recording, ...]


@cache
def about(kind: str) -> SinkAbout:
    """What is known of a kind; csv, xlsx and jsonl share one file."""
    name = "files" if kind in ("csv", "xlsx", "jsonl") else kind
    with (FOLDER / f"{name}.toml").open("rb") as file:
        told = tomllib.load(file)
    recorded = tuple(
        Recording(each["date"], each["program"], each["exchanges"], tuple(each["docs"])) for each in told["recorded"]
    )
    lists = {key: tuple(told[key]) for key in ("versions", "writes", "reads", "rights", "notes")}
    return SinkAbout(
        kind, told["title"], told["stability"], told["keeps"], limits=told["limits"], recorded=recorded, **lists
    )
