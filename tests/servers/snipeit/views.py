"""The JSON of a Snipe-IT 8.1.4: escaped in GETs, raw in the answers to writes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.servers.snipeit.state import Field, Fieldset, Model, State, User

HOST = "http://127.0.0.1:8801"


def e(text: Any) -> Any:
    """Laravel's e(): what every GET does to every text [080]."""
    if not isinstance(text, str):
        return text
    for char, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#039;")):
        text = text.replace(char, name)
    return text


def when(at: str | None) -> dict[str, str] | None:
    if at is None:
        return None
    parsed = datetime.fromisoformat(at)
    return {"datetime": at, "formatted": parsed.strftime("%Y-%m-%d %I:%M %p")}


def day(at: str | None) -> dict[str, str] | None:
    return None if at is None else {"date": at, "formatted": at}


def iso(at: str | None) -> str | None:
    return None if at is None else at.replace(" ", "T") + ".000000Z"


def rows(each: list[dict[str, Any]], total: int | None = None) -> dict[str, Any]:
    return {"total": len(each) if total is None else total, "rows": each}


def named(table: dict[int, Any], number: int | None) -> dict[str, Any] | None:
    return None if number is None else {"id": number, "name": e(table[number].name)}


def person(state: State, number: int | None) -> dict[str, Any] | None:
    if number is None:
        return None
    first, last, _ = state.people[number]
    return {"id": number, "name": f"{first} {last}"}


def asset(state: State, each: dict[str, Any], user: User) -> dict[str, Any]:
    """One asset as GET shows it [050]."""
    model, label = state.models[each["model_id"]], state.labels[each["status_id"]]
    lent, gone = each["assigned_to"] is not None, each["deleted_at"] is not None
    return {
        "id": each["id"], "name": e(each["name"] or ""), "asset_tag": e(each["asset_tag"]), "serial": e(each["serial"] or ""),
        "model": {"id": model.id, "name": e(model.name)}, "byod": False, "requestable": False,
        "model_number": e(model.number), "eol": None, "asset_eol_date": None,
        "status_label": {"id": label.id, "name": e(label.name), "status_type": label.type,
                         "status_meta": "deployed" if lent else label.type},
        "category": named(state.categories, model.category), "manufacturer": named(state.manufacturers, model.manufacturer),
        "supplier": None, "notes": e(each["notes"]), "order_number": e(each["order_number"]),
        "company": named(state.companies, each["company_id"]), "location": named(state.locations, each["location_id"]),
        "rtd_location": named(state.locations, each["rtd_location_id"]), "image": None, "qr": None,
        "alt_barcode": f"{HOST}/uploads/barcodes/-{each['asset_tag'].lower()}.png", "assigned_to": holder(state, each),
        "warranty_months": None, "warranty_expires": None, "created_by": person(state, each["created_by"]),
        "created_at": when(each["created_at"]), "updated_at": when(each["updated_at"]),
        "last_audit_date": when(each["last_audit_date"]), "next_audit_date": day(each["next_audit_date"]),
        "deleted_at": when(each["deleted_at"]), "purchase_date": None, "age": "", "last_checkout": when(each["last_checkout"]),
        "last_checkin": when(each["last_checkin"]), "expected_checkin": day(each["expected_checkin"]), "purchase_cost": None,
        "checkin_counter": each["checkin_counter"], "checkout_counter": each["checkout_counter"], "requests_counter": 0,
        "user_can_checkout": label.type == "deployable" and not lent and not gone, "book_value": None,
        "custom_fields": {field.name: custom(each, field, user) for field in state.columns(model).values()},
        "available_actions": actions(user, lent, gone),
    }  # fmt: skip


def actions(user: User, lent: bool, gone: bool) -> dict[str, bool]:
    out = user.may("assets.checkout") and not gone
    return {
        "checkout": out, "checkin": user.may("assets.checkin") and not gone, "clone": True, "restore": gone,
        "update": not gone, "audit": user.may("assets.audit"), "delete": user.may("assets.delete") and not lent and not gone,
    }  # fmt: skip


def holder(state: State, each: dict[str, Any]) -> dict[str, Any] | None:
    number = each["assigned_to"]
    if number is None:
        return None
    if each["assigned_type"] == "location":
        return {"id": number, "name": e(state.locations[number].name), "type": "location"}
    first, last, username = state.people[number]
    return {
        "id": number, "username": username, "name": f"{first} {last}", "first_name": first, "last_name": last,
        "email": None, "employee_number": None, "type": "user",
    }  # fmt: skip


def custom(each: dict[str, Any], field: Field, user: User) -> dict[str, Any]:
    value = each.get(field.column)
    if field.encrypted:
        if not user.may("assets.view.encrypted_custom_fields"):
            value = "ENCRYPTED"
        elif field.column in each["_clear"]:
            value = "Error Decrypting: The payload is invalid."
    if field.element == "checkbox" and value:
        value = ",".join(part.strip() for part in value.split(","))
    if field.format == "DATE" and value:
        value = value[:10]  # kept as sent, shown as a day [068] [196]
    return {"field": field.column, "value": e(value) or "", "field_format": field.format, "element": field.element}


def raw(state: State, each: dict[str, Any], sent: dict[str, Any] | None, nested: bool = True) -> dict[str, Any]:
    """The row as the answer to a write shows it; after a POST (`sent`) only what was set [049], of a PATCH all [081]."""
    model = state.models[each["model_id"]]
    own = {
        column: "CIPHERTEXT"
        if field.encrypted and each.get(column) and column not in each["_clear"]
        else each.get(column)
        for column, field in ((field.column, field) for field in state.fields.values())
    }
    stamps = {"created_at": iso(each["created_at"]), "updated_at": iso(each["updated_at"]), "id": each["id"]}
    if sent is not None:
        given = ("name", "notes", "serial", "rtd_location_id", "order_number")
        shown = {key: State._text(sent[key]) for key in given if key in sent}  # as sent, not as cut [071]
        base = {"model_id": model.id, "status_id": each["status_id"], "asset_tag": each["asset_tag"],
                "company_id": each["company_id"], "serial": None, "created_by": each["created_by"]} | shown  # fmt: skip
        own = {column: own[column] for column in state.columns(model)}
    else:
        base = {key: each[key] for key in each if not key.startswith("_") and key not in stamps}
        base |= {"deleted_at": iso(each["deleted_at"]), "expected_checkin": american(each["expected_checkin"])}
        base["assigned_type"] = each["assigned_type"] and f"App\\Models\\{each['assigned_type'].capitalize()}"
    return base | own | stamps | {"model": raw_model(state, model, nested)}


def american(at: str | None) -> str | None:
    return None if at is None else f"{at[5:7]}-{at[8:10]}-{at[:4]}"


def raw_model(state: State, each: Model, nested: bool) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "id": each.id, "name": each.name, "model_number": each.number, "manufacturer_id": each.manufacturer,
        "category_id": each.category, "fieldset_id": each.fieldset, "created_at": iso(each.made), "deleted_at": None,
    }  # fmt: skip
    if nested:
        fieldset = state.fieldsets.get(each.fieldset or 0)
        shape["fieldset"] = None if fieldset is None else raw_fieldset(state, fieldset)
    return shape


def raw_fieldset(state: State, each: Fieldset) -> dict[str, Any]:
    return {"id": each.id, "name": each.name, "fields": [
        {"id": number, "name": state.fields[number].name, "format": state.fields[number].format,
         "element": state.fields[number].element, "field_values": state.fields[number].values,
         "field_encrypted": int(state.fields[number].encrypted), "db_column": state.fields[number].column,
         "pivot": {"custom_fieldset_id": each.id, "custom_field_id": number, "required": int(required), "order": place}}
        for place, (number, required) in enumerate(each.fields.items())
    ]}  # fmt: skip


def label(state: State, each: Any) -> dict[str, Any]:
    used = sum(asset["status_id"] == each.id for asset in state.alive())
    return {
        "id": each.id, "name": e(each.name), "type": each.type, "color": None, "show_in_nav": False, "default_label": False,
        "assets_count": used, "notes": e(each.notes), "created_by": person(state, each.by), "created_at": when(each.made),
        "updated_at": when(each.made),
    }  # fmt: skip


def field(each: Field, required: bool = False) -> dict[str, Any]:
    return {
        "id": each.id, "name": e(each.name), "db_column_name": each.column, "format": each.format,
        "field_values": each.values, "field_values_array": each.values.split("\r\n") if each.values else None,
        "type": each.element, "required": required,
    }  # fmt: skip


def fieldset(state: State, each: Fieldset) -> dict[str, Any]:
    used = [{"id": model.id, "name": e(model.name)} for model in state.models.values() if model.fieldset == each.id]
    shown = [field(state.fields[number], required) for number, required in each.fields.items()]
    return {"id": each.id, "name": e(each.name), "fields": rows(shown), "models": rows(used)}


def model(state: State, each: Model) -> dict[str, Any]:
    owned = state.fieldsets.get(each.fieldset or 0)
    return {
        "id": each.id, "name": e(each.name), "manufacturer": named(state.manufacturers, each.manufacturer), "image": None,
        "model_number": e(each.number), "category": named(state.categories, each.category),
        "fieldset": None if owned is None else {"id": owned.id, "name": e(owned.name)},
        "default_fieldset_values": [
            {"name": item.name, "db_column_name": item.column, "default_value": None, "format": item.format,
             "required": required}
            for item, required in ((state.fields[number], need) for number, need in (owned.fields.items() if owned else ()))
        ],
        "requestable": False, "notes": None, "deleted_at": None,
    }  # fmt: skip


def simple(each: Any) -> dict[str, Any]:
    return {"id": each.id, "name": e(each.name)} | ({"category_type": each.type.capitalize()} if each.type else {})


def model_text(state: State, each: Model) -> str:
    """`Laptops - LENOVO ThinkPad T480 (#20L6S0ABCD)` [147]."""
    category = state.categories[each.category].name
    maker = state.manufacturers[each.manufacturer].name + " " if each.manufacturer else ""
    return f"{category} - {maker}{each.name}" + (f" (#{each.number})" if each.number else "")


def choices(found: list[tuple[int, str]]) -> dict[str, Any]:
    return {
        "results": [{"id": number, "text": e(text), "image": None} for number, text in found],
        "pagination": {"more": False, "per_page": 50}, "total_count": len(found), "page": 1, "page_count": 1,
    }  # fmt: skip
