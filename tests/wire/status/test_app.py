"""The running page: what it answers, how lists come, what is not there."""

import json
import re
from base64 import urlsafe_b64encode

import pytest
from aiohttp import ClientSession, CookieJar
from pydantic import TypeAdapter

from cloned.core.shown import ShownLaptop, ShownSession, Snapshot
from cloned.status import live, schema
from cloned.status.app import ROUTES
from cloned.status.openapi import document
from tests.wire.status.acting import next_event

pytestmark = pytest.mark.wire


async def test_every_route_is_in_the_document_and_the_other_way_round():
    described = {(method.upper(), path) for path, operations in document()["paths"].items() for method in operations}
    assert described == {(method, path) for method, path, _ in ROUTES} | {("GET", "/static/{name}")}


def test_every_reference_in_the_document_leads_somewhere():
    text = json.dumps(document())
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert names <= document()["components"]["schemas"].keys()


ANSWERS = {
    "/api/v1/state": Snapshot,
    "/api/v1/laptops": list[ShownLaptop],
    "/api/v1/laptops/00000009": schema.LaptopDetails,
    "/api/v1/netboot": list[schema.BootAsked],
    "/api/v1/netboot/d8:9e:f3:10:00:01": list[schema.BootAsked],
    "/api/v1/sessions": list[ShownSession],
    "/api/v1/sessions/5e551011": ShownSession,
    "/api/v1/inventory": schema.Inventory,
    "/api/v1/scan?text=nobody": schema.Scan,
    "/api/v1/ledger?limit=1": list[schema.LedgerLine],
}


@pytest.mark.parametrize("path", ANSWERS)
async def test_answers_are_as_the_document_says(machine, path):
    async with machine.get(path) as answer:
        assert (answer.status, answer.content_type) == (200, "application/json")
        TypeAdapter(ANSWERS[path]).validate_json(await answer.text(), strict=True)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html"),
        ("/laptops/00000009", "text/html"),
        ("/metrics", "text/plain"),
        ("/healthz", "text/plain"),
        ("/readyz", "text/plain"),
        ("/sign-in", "text/html"),
        ("/laptops", "text/html"),
        ("/laptops?search=latitude&show=done&sort=tag&page=7", "text/html"),
        ("/sessions", "text/html"),
        ("/images", "text/html"),
        ("/switch", "text/html"),
        ("/inventory", "text/html"),
        ("/settings", "text/html"),
        ("/check", "text/html"),
        ("/help", "text/html"),
        ("/help/no-disk", "text/html"),
        ("/api/v1/openapi.json", "application/json"),
        ("/static/page.css", "text/css"),
    ],
)
async def test_reading_is_free_and_nothing_comes_from_elsewhere(machine, path, kind):
    async with machine.get(path) as answer:
        assert (answer.status, answer.content_type) == (200, kind)
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert not re.findall(r"(?:src|href|url)\W+https?://", await answer.text())


async def test_triage_is_explained_rule_by_rule(house, machine):
    laptop = house.workshop.state["laptops"][0]["id"]
    async with machine.get(f"/api/v1/laptops/{laptop}/triage") as answer:
        told = await answer.json()
    assert told["laptop"] == laptop
    assert {"locked", "battery-worn"} <= {rule["name"] for rule in told["rules"]}
    async with machine.get("/api/v1/laptops/nosuch/triage") as answer:
        assert answer.status == 404


async def test_a_number_leads_to_its_laptop(house, machine):
    laptop = next(each for each in house.workshop.state["laptops"] if each["tag"])
    async with machine.get(f"/laptops/{laptop['tag']}?lang=fr", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, f"/laptops/{laptop['id']}?lang=fr")
    async with machine.get("/api/v1/scan", params={"text": laptop["tag"]}) as answer:
        assert (await answer.json())["laptop"] == laptop["id"]
    async with machine.get("/api/v1/scan", params={"text": "D?)éàé§)ààà&"}) as answer:
        found = await answer.json()
        assert (found["laptop"], found["meant"]) == (None, "DM-2026-0001")
        assert laptop["id"] not in found["untagged"]
        assert found["untagged"]


@pytest.mark.parametrize(
    "path",
    [
        "/laptops/nobody",
        "/api/v1/laptops/nobody",
        "/api/v1/sessions/none",
        "/static/nothing.js",
        "/static/..%2f..%2fpyproject.toml",
        "/x",
    ],
)
async def test_what_is_not_there_is_not_found(machine, path):
    async with machine.get(path) as answer:
        assert answer.status == 404


@pytest.mark.parametrize("limit", ["0", "-1", "x", "", "100001", "9" * 5000])
async def test_an_absurd_limit_is_refused(machine, limit):
    async with machine.get("/api/v1/ledger", params={"limit": limit}) as answer:
        assert answer.status == 400


async def test_readiness_says_what_is_wrong(machine, house):
    house.wrong = ["no interface has a link"]
    async with machine.get("/readyz") as answer:
        assert (answer.status, await answer.text()) == (503, "no interface has a link\n")


async def test_counters_of_other_rooms_are_scraped(machine):
    async with machine.get("/metrics") as answer:
        assert 'cloned_sent_bytes_total{class="pieces"} 7.0' in await answer.text()


async def test_a_page_of_work_follows_what_happens(machine, house, monkeypatch):
    monkeypatch.setattr(live, "INTERVAL_SECONDS", 0.02)
    async with machine.get("/laptops?show=aside") as answer:
        text = await answer.text()
    address = re.search(r'data-events="([^"]+)"', text)[1].replace("&amp;", "&")
    assert address == "/events?show=aside&of=laptops&lang=en"
    async with machine.get(address) as events:
        assert "0401" not in (await next_event(events))[1]["work"]
        house.workshop.state["laptops"][0] |= {"state": "aside", "why": "It is paused"}
        while "0401" not in (await next_event(events))[1]["work"]:
            pass


async def test_looking_again_needs_somebody_who_signed_in(machine):
    async with machine.get("/check?again=1") as answer:
        assert answer.status == 401


async def test_what_a_scanner_typed_for_nobody_is_offered_to_the_newest_without_a_number(machine, house):
    async with machine.get("/api/v1/scan", params={"text": "DM-2026-0077"}) as answer:
        told = await answer.json()
    assert told["called"].keys() == set(told["untagged"])
    assert house.workshop.state["laptops"][3]["serial"] in told["called"]["00000004"]


async def test_what_is_not_there_and_cannot_be_done_is_a_problem_too(machine):
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("DELETE", "/api/v1/laptops", 405),
        ("GET", "/static/no", 404),
    ):
        async with machine.request(method, path) as answer:
            told = await answer.json()
            assert (answer.status, answer.content_type, told["status"]) == (status, "application/problem+json", status)
            assert told["hint"] or path.startswith("/static")
            assert (status == 405) == ("Allow" in answer.headers)


async def test_a_fault_of_ours_is_a_problem_too_and_stands_in_the_log(machine, house, caplog):
    house.workshop.snapshot = lambda: 1 / 0
    async with machine.get("/api/v1/state") as answer:
        told = await answer.json()
        assert (answer.status, answer.content_type) == (500, "application/problem+json")
    assert (told["status"], told["error"]) == (500, "the daemon could not answer this")
    assert "log" in told["hint"]
    assert "division" not in str(told)
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("path", ["/", "/healthz", "/api/v1/laptops", "/api/v1/events", "/metrics"])
async def test_head_is_answered_like_get_without_a_body(machine, path):
    async with machine.head(path) as answer:
        assert answer.status == 200
        assert await answer.read() == b""


async def test_a_list_comes_in_pages(machine):
    whole = await (await machine.get("/api/v1/laptops")).json()
    found, path = [], "/api/v1/laptops?limit=5"
    while path:
        async with machine.get(path) as answer:
            found += await answer.json()
            path = answer.links["next"]["url"].raw_path_qs if "next" in answer.links else ""
    assert [each["id"] for each in found] == [each["id"] for each in whole]


async def test_the_ledger_comes_in_pages_the_newest_first(machine):
    async with machine.get("/api/v1/ledger", params={"limit": "1"}) as answer:
        newest, path = await answer.json(), answer.links["next"]["url"].raw_path_qs
    async with machine.get(path) as answer:
        older = await answer.json()
        assert "next" not in answer.links
    assert [each["attempt"] for each in (*older, *newest)] == [1, 2]


ODD = [["2026", "x", 10**30], ["2026", "x", -1], ["\ud800", "x", 1], ["2026", "x\0", 1], [10**30, "x", 1]]
"""Places that a database cannot even be asked for."""


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "W10",
        "WzEsMl0=",
        "WyJhIl0=",
        "WzldXQ",
        *(urlsafe_b64encode(json.dumps(odd).encode()).decode() for odd in ODD),
    ],
)
async def test_a_cursor_that_nobody_gave_leads_nowhere(machine, cursor):
    for path in ("/api/v1/laptops", "/api/v1/ledger"):
        async with machine.get(path, params={"cursor": cursor}) as answer:
            assert answer.status == 404


async def test_who_has_it_already_gets_304(machine, house):
    async with machine.get("/api/v1/state") as answer:
        tag = answer.headers["ETag"]
    async with machine.get("/api/v1/state", headers={"If-None-Match": tag}) as answer:
        assert (answer.status, await answer.read()) == (304, b"")
    house.workshop.state["capacity"]["taken"] += 1
    async with machine.get("/api/v1/state", headers={"If-None-Match": tag}) as answer:
        assert answer.status == 200


async def test_large_answers_are_packed_for_who_takes_that(house):
    async with ClientSession(house.url, auto_decompress=False) as plain:
        async with plain.get("/api/v1/state", headers={"Accept-Encoding": "gzip"}) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            packed = await answer.read()
        async with plain.get("/api/v1/state", headers={"Accept-Encoding": "identity"}) as answer:
            assert "Content-Encoding" not in answer.headers
            assert len(await answer.read()) > 2 * len(packed)


@pytest.mark.parametrize(
    ("host", "answered"),
    [
        ("127.0.0.1", True),
        ("localhost:8080", True),
        ("[::1]:80", True),
        ("evil.example", False),
        ("10.9.9.9", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
        ("[::1", False),
        ("[::1]]:80", False),
        ("127.0.0.1@evil.example", False),
        ("127.0.0.1:80:80", False),
        ("a b", False),
    ],
)
async def test_only_our_names_are_answered(machine, host, answered):
    for path in ("/", "/api/v1/state", "/metrics"):
        async with machine.get(path, headers={"Host": host}) as answer:
            assert (answer.status == 200) is answered, host
            if answer.status == 421:
                assert "[page] hosts" in (await answer.json())["hint"]
    async with machine.get("/healthz", headers={"Host": host or "x"}) as answer:
        assert answer.status in (200, 400)


async def test_a_page_speaks_as_its_address_says_then_as_the_cookie_then_as_the_browser(house):
    async with ClientSession(house.url, cookie_jar=CookieJar(unsafe=True)) as reader:
        french = {"Accept-Language": "fr-BE, fr;q=0.9"}

        async def spoken(path, headers=None):
            async with reader.get(path, headers=headers or {}) as answer:
                return re.search(r'<html lang="(\w\w)">', await answer.text())[1]

        assert await spoken("/") == "en"
        assert await spoken("/", french) == "fr"
        assert await spoken("/?lang=nl", french) == "nl"
        assert await spoken("/laptops/00000007", french) == "nl"
        assert await spoken("/?lang=xx") == "nl"


async def test_json_is_never_translated_but_our_page_asks_for_words(house, browser):
    dutch = {"Accept-Language": "nl"}
    async with browser.post("/api/v1/sign-in", json={}, headers=dutch) as answer:
        assert (await answer.json())["error"] == "no PIN was given"
    async with browser.get("/api/v1/laptops/nobody", headers=dutch | {"Accept": "text/plain"}) as answer:
        assert (answer.status, answer.content_type, answer.headers["Content-Language"]) == (404, "text/plain", "nl")
        assert "nobody" in (await answer.text()).split("\n")[0]


async def test_who_opens_an_address_in_a_browser_that_is_not_there_is_told_so_on_a_page(machine):
    for path, words in (("/nothing", "hier"), ("/help/nothing", "nothing"), ("/static/nothing.css", "nothing")):
        async with machine.get(f"{path}?lang=nl", headers={"Accept": "text/html,*/*"}) as answer:
            text = await answer.text()
            assert (answer.status, answer.content_type) == (404, "text/html")
            assert '<html lang="nl">' in text
            assert words in text.lower()
    async with machine.get("/nothing") as answer:
        assert answer.content_type == "application/problem+json"
    async with machine.get("/api/v1/nothing", headers={"Accept": "text/html"}) as answer:
        assert answer.content_type == "application/problem+json"
