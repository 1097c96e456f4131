"""What our Snipe-IT lists beside assets: labels, models, fields and the like."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.servers.snipeit import views
from tests.servers.snipeit.state import State, User

MADE = {"labels": "Status Label", "manufacturers": "Manufacturer", "categories": "Category", "fields": "Field",
        "fieldsets": "Fieldset", "models": "Model", "companies": "Company", "locations": "Location"}  # fmt: skip
PATHS = {"statuslabels": "labels"} | {kind: kind for kind in MADE if kind != "labels"}
RIGHTS = {"labels": "statuslabels.view", "models": "models.view", "fields": "customfields.view",
          "fieldsets": "customfields.view", "companies": "companies.view", "locations": "locations.view",
          "manufacturers": "manufacturers.view", "categories": "categories.view"}  # fmt: skip


def envelope(messages: Any, payload: Any = None, status: str = "success", code: int = 200) -> web.Response:
    return web.json_response({"status": status, "messages": messages, "payload": payload}, status=code)


def error(messages: Any, payload: Any = None, code: int = 200) -> web.Response:
    return envelope(messages, payload, "error", code)


class RefusedError(Exception):
    """An answer that ends the handling."""

    def __init__(self, answer: web.Response) -> None:
        super().__init__()
        self.answer = answer


class Catalogue:
    """Answers about whatever an asset can have."""

    def __init__(self) -> None:
        self.state = State()

    @staticmethod
    def _need(user: User, right: str) -> None:
        if not user.may(right):
            raise RefusedError(web.json_response({"message": "This action is unauthorized."}, status=403))

    def _catalogue(self, request: web.Request, user: User, kind: str, rest: list[str], body: Any) -> web.Response:
        table: dict[int, Any] = getattr(self.state, kind)
        if rest == ["selectlist"]:
            return web.json_response(views.choices(self._choices(kind, request.query.get("search", ""))))
        self._need(user, RIGHTS[kind])
        if request.method == "POST" and not rest:
            return self._make(kind, body, user)
        if not rest:
            return web.json_response(self._listed(request, kind, table))
        each = table.get(int(rest[0]))
        if each is None:
            return error(f"{MADE[kind]} not found")
        if rest[1:]:
            return self._associate(each, rest[1], body)
        if request.method == "GET":
            return web.json_response(self._shape(kind, each))
        return self._change(request.method, kind, each, body)

    def _choices(self, kind: str, search: str) -> list[tuple[int, str]]:
        texts = [
            (each.id, views.model_text(self.state, each) if kind == "models" else each.name)
            for each in getattr(self.state, kind).values()
        ]
        return sorted(((n, text) for n, text in texts if search.lower() in text.lower()), key=lambda each: each[1])

    def _make(self, kind: str, body: Any, user: User) -> web.Response:
        if kind == "fields" and body.get("format") == "":
            return web.json_response({"message": "Server Error"}, status=500)
        made = self.state.add(kind, body, user.id)
        shown = {key: body[key] for key in body} | {"id": made.id}
        if kind == "labels":
            flags = {flag: int(made.type == flag) for flag in ("deployable", "pending", "archived")}
            shown = {"name": made.name, **flags, "id": made.id}
        if kind == "fields":
            shown["db_column"] = made.column
        return envelope(f"{MADE[kind]} created successfully.", shown)

    def _listed(self, request: web.Request, kind: str, table: dict[int, Any]) -> dict[str, Any]:
        query = request.query
        found = [
            each for each in table.values()
            if ("name" not in query or each.name.lower() == query["name"].lower())
            and ("model_number" not in query or (each.number or "").lower() == query["model_number"].lower())
            and ("category_type" not in query or each.type == query["category_type"])
            and query.get("search", "").lower() in f"{each.name} {getattr(each, 'number', '')}".lower()
        ]  # fmt: skip
        if query.get("sort") == "name":
            found.sort(key=lambda each: each.name.lower())
        limit = min(int(query.get("limit", 0)) or 500, 500)
        begin = int(query.get("offset", 0))
        return views.rows([self._shape(kind, each) for each in found[begin : begin + limit]], len(found))

    def _shape(self, kind: str, each: Any) -> dict[str, Any]:
        if kind == "labels":
            return views.label(self.state, each)
        if kind == "fields":
            return views.field(each)
        if kind == "fieldsets":
            return views.fieldset(self.state, each)
        return views.model(self.state, each) if kind == "models" else views.simple(each)

    def _associate(self, each: Any, verb: str, body: Any) -> web.Response:
        fieldset = self.state.fieldsets[int(body["fieldset_id"])]
        if verb == "associate":
            fieldset.fields[each.id] = bool(body.get("required"))
        else:
            fieldset.fields.pop(each.id, None)
        return envelope("Fieldset updated successfully.", {"id": fieldset.id, "name": fieldset.name})

    def _change(self, method: str, kind: str, each: Any, body: Any) -> web.Response:
        if method == "DELETE" and kind == "labels":
            return error("This Status Label is currently associated with at least one Asset and cannot be deleted. "
                         "Please update your assets to no longer reference this status and try again. ")  # fmt: skip
        if kind == "labels" and not body.get("type"):
            return error("Status label type is required.")
        if kind == "models" and "fieldset_id" in body:
            each.fieldset = body["fieldset_id"]
            return envelope("Model updated successfully.", views.raw_model(self.state, each, False))
        return envelope(f"{MADE[kind]} updated successfully.", {"id": each.id, "name": each.name})
