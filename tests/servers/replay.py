"""Recorded exchanges, and how an answer of a server of ours is held against the recorded one."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

FOLDER = Path(__file__).parents[1] / "data" / "inventories"


def recorded(system: str) -> list[dict[str, Any]]:
    """Every exchange of a system, in the order in which they happened."""
    text = (FOLDER / f"{system}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


VOLATILE = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?"), "TIME"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d [AP]M"), "TIME"),
    (re.compile(r"^20\d\d-\d\d-\d\d$"), "DAY"),
    (re.compile(r"https?://[\w.]+:\d+"), "HOST"),
    (re.compile(r"hardware-(\d+)-\w{8}-"), r"hardware-\1-RANDOM-"),
)


def plain(value: Any) -> Any:
    """Without what differs from run to run: times, hosts, random names; lists of rows in the order of their text."""
    if isinstance(value, str):
        for pattern, instead in VOLATILE:
            value = pattern.sub(instead, value)
        return value
    if isinstance(value, list):
        return sorted((plain(each) for each in value), key=_order)
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return value


def _order(each: Any) -> tuple[str, str]:
    """Rows by their id, so that two lists of the same rows are compared row by row."""
    return (str(each.get("ID", f"{each.get('id', 0):06}")), "") if isinstance(each, dict) else ("", json.dumps(each))


def differences(ours: Any, theirs: Any, where: str = "", free: frozenset[str] = frozenset()) -> list[str]:
    """Where `ours` says something else than `theirs`. What it leaves out of an object is no difference, a length is."""
    if where.rpartition(".")[2] in free:
        return []
    if isinstance(ours, dict) and isinstance(theirs, dict):
        told = []
        for key, each in ours.items():
            if key not in theirs and key not in free:
                told.append(f"{where}.{key}: not there in the recording")
            elif key in theirs:
                told += differences(each, theirs[key], f"{where}.{key}", free)
        return told
    if isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            return [f"{where}: {len(ours)} instead of {len(theirs)}"]
        return [
            line
            for n, pair in enumerate(zip(ours, theirs, strict=True))
            for line in differences(*pair, f"{where}[{n}]", free)
        ]
    return [] if ours == theirs and type(ours) is type(theirs) else [f"{where}: {ours!r:.90} instead of {theirs!r:.90}"]


PDF = b"%PDF-1.4\n%%EOF\n"
FILES = {
    "sheet.html": b"<!DOCTYPE html><html></html>", "report.json": b"{}", "fake.pdf": b"plain text", "a.pdf": PDF, "sheet.pdf": PDF,
    "big.pdf": b"%PDF" + bytes(3 << 20), "huge.pdf": b"%PDF" + bytes(9 << 20),
}  # fmt: skip


def multipart(parts: dict[str, str]) -> aiohttp.FormData:
    """The recordings name the file and describe its content."""
    form = aiohttp.FormData()
    for name, value in parts.items():
        file = str(value).split(" (")[0]
        if isinstance(value, dict):
            form.add_field(name, json.dumps(value), content_type="application/json")
        elif name.startswith("file"):
            form.add_field(name, io.BytesIO(FILES.get(file, PDF)), filename=file)
        else:
            form.add_field(name, value)
    return form


async def ask(session: aiohttp.ClientSession, url: str, request: dict[str, Any]) -> tuple[int, Any, Any]:
    body, headers = request["body"], dict(request["headers"])
    given: dict[str, Any] = {}
    if isinstance(body, dict) and "multipart" in body:
        given, _ = {"data": multipart(body["multipart"])}, headers.pop("content-type", None)
    elif isinstance(body, str):
        given = {"data": body}
    elif body is not None:
        long = isinstance(body, dict) and body.get("notes") == "n x 70000"
        given = {"json": {**body, "notes": "n" * 70000} if long else body}
    if "accept" not in headers:
        headers["accept"] = "*/*"  # aiohttp would say so anyway
    target = URL(url + request["path"], encoded=True)
    async with session.request(request["method"], target, headers=headers, allow_redirects=False, **given) as answer:
        kind = answer.headers.get("content-type", "")
        return answer.status, answer.headers, await answer.json() if "json" in kind else await answer.text()
