"""Assets of the Snipe-IT that tests deliver to."""

from __future__ import annotations

from typing import Any

WORN = {"batteries": [{"design_wh": 50, "full_wh": 44}]}


def lone(server: Any, **wanted: Any) -> dict[str, Any]:
    [asset] = [
        each for each in server.state.assets.values() if all(each[key] == value for key, value in wanted.items())
    ]
    return asset


def put(server: Any, **values: Any) -> dict[str, Any]:
    """An asset that somebody made by hand."""
    given = {"model_id": 1, "status_id": 1, "serial": "PF0AAAA1", "asset_tag": "DM-0412"} | values
    return server.state.create(given, server.state.users["TOKEN-ADMIN"], server.state.next_tag())


def writes(server: Any) -> list[tuple[str, str, Any]]:
    return [each for each in server.requests if each[0] != "GET"]


def label(server: Any, asset: dict[str, Any]) -> str:
    return server.state.labels[asset["status_id"]].name
