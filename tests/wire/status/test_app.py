import asyncio
import json
import re
import zlib

import pytest
from aiohttp import ClientSession, CookieJar, UnixConnector
from pydantic import TypeAdapter

from cloned.core.commands import TABLE
from cloned.core.refusals import Refusal, Refused
from cloned.core.shown import ShownLaptop, ShownSession, Snapshot
from cloned.core.verbs import Role
from cloned.errors import ClonedError, MissingError, RefusedError, UsageError
from cloned.languages import language
from cloned.status import live, schema
from cloned.status.app import ROUTES
from cloned.status.openapi import document
from cloned.status.tokens import SCOPES, Tokens

pytestmark = pytest.mark.wire
RETRY = {"do": "retry", "target": "00000009"}


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


# Who may act.


async def act(client, body=None, **more):
    async with client.post("/api/v1/commands", json=body or RETRY, **more) as answer:
        return answer.status, await answer.json()


async def test_without_pin_or_token_nothing_acts(machine, browser, house):
    assert (await act(machine))[0] == 401
    assert (await act(browser))[0] == 401
    assert (await act(machine, headers={"Authorization": "Bearer guess"}))[0] == 401
    assert (await act(machine, headers={"Cookie": "cloned_signed_in=9999999999.aa.bb"}))[0] == 401
    assert house.workshop.commands == []


async def test_a_token_acts_in_its_name(machine, house):
    assert await act(machine, headers={"Authorization": f"Bearer {house.token}"}) == (
        200,
        {"done": "retry", "ok": True},
    )
    assert (house.workshop.commands[0].by, house.workshop.commands[0].target) == ("grafana", "00000009")


async def test_the_unix_socket_acts_without_pin(house):
    async with ClientSession("http://socket", connector=UnixConnector(house.socket)) as client:
        assert (await act(client))[0] == 200
    assert house.workshop.commands[0].by == "command line"


async def sign_in(client, pin, **more):
    async with client.post("/api/v1/sign-in", json={"pin": pin}, **more) as answer:
        return answer.status, answer.headers


async def test_the_pin_signs_in_for_the_evening(browser, house):
    status, headers = await sign_in(browser, house.pin)
    assert status == 200
    assert re.search(r"HttpOnly; .*SameSite=Strict", headers["Set-Cookie"])
    assert (await act(browser))[0] == 200
    async with browser.get("/") as answer:
        assert 'class="signed-in' in await answer.text()
    async with browser.post("/api/v1/sign-out") as answer:
        assert answer.status == 200
    assert (await act(browser))[0] == 401


async def test_a_cookie_that_was_copied_ends_with_the_signing_out(browser, machine, house):
    _, headers = await sign_in(browser, house.pin)
    stolen = {"Cookie": headers["Set-Cookie"].partition(";")[0], "Sec-Fetch-Site": "same-origin"}
    assert (await act(machine, headers=stolen))[0] == 200
    async with browser.post("/api/v1/sign-out") as answer:
        assert answer.status == 200
    assert (await act(machine, headers=stolen))[0] == 401


async def named(client, name, password):
    async with client.post("/api/v1/sign-in", json={"name": name, "password": password}) as answer:
        told = await answer.json()
        if answer.status == 200:
            TypeAdapter(schema.SignedIn).validate_python(told, strict=True)
        return answer.status, told


async def test_a_volunteer_may_what_volunteers_may_and_an_administrator_the_rest(browser, house):
    house.people.add("Bart", Role.ADMINISTRATOR, "correct horse battery")
    await sign_in(browser, house.pin)
    for verb in TABLE:
        status, told = await act(browser, {"do": verb.name})
        assert status == (200 if verb.role is Role.VOLUNTEER else 403), told
    assert {command.do for command in house.workshop.commands} >= {"confirm", "retry", "pause", "tag", "lent"}
    assert "administrator" in told["hint"]
    assert (await named(browser, "bart", "wrong horse battery"))[0] == 401
    assert await named(browser, "bart", "correct horse battery") == (
        200,
        {"ok": True, "role": "administrator", "name": "Bart"},
    )
    for verb in TABLE:
        assert (await act(browser, {"do": verb.name}))[0] == 200
    assert house.workshop.commands[-1].by == "Bart"
    async with browser.get("/") as answer:
        text = await answer.text()
        assert 'class="signed-in administrator' in text
        assert '<b class="who">Bart</b>' in text


async def test_volunteers_erase_only_where_the_configuration_says_so(browser, machine, house):
    erase = {"do": "erase", "target": "00000009", "disks": ["S4"]}
    token = {"headers": {"Authorization": f"Bearer {house.token}"}}
    await sign_in(browser, house.pin)
    assert (await act(browser, erase))[0] == 403
    assert (await act(machine, erase, **token))[0] == 403
    house.rules["erase_by"] = "volunteer"
    assert (await act(browser, erase))[0] == 200
    assert (await act(machine, erase, **token))[0] == 200
    assert (await act(browser, {"do": "forget", "target": "00000009"}))[0] == 403


async def test_a_page_of_work_follows_what_happens(machine, house, monkeypatch):
    monkeypatch.setattr(live, "INTERVAL", 0.02)
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


READABLE = sorted(path for method, path, _ in ROUTES if method == "GET" and path not in ("/healthz", "/sign-in"))


@pytest.mark.parametrize("path", READABLE)
async def test_where_reading_is_closed_nothing_is_shown_to_strangers(machine, house, path):
    house.rules["read"] = "signed-in"
    path = path.format(id="00000009", mac="d8:9e:f3:10:00:01", code="no-disk")
    async with machine.get(path, allow_redirects=False) as answer:
        assert answer.status == 401
        assert "Latitude" not in await answer.text()
    async with machine.get(path, headers={"Accept": "text/html"}, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, f"/sign-in?to={path}")


async def test_where_reading_is_closed_whoever_signs_in_or_has_a_token_reads(browser, machine, house):
    house.rules["read"] = "signed-in"
    for path in ("/healthz", "/sign-in", "/static/page.js"):
        async with browser.get(path) as answer:
            assert answer.status == 200
    await sign_in(browser, house.pin)
    async with browser.get("/sign-in?to=/laptops/00000009", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/laptops/00000009")
    for elsewhere in ("//evil.example", "https://evil.example", "/\\evil.example"):
        async with browser.get("/sign-in", params={"to": elsewhere}, allow_redirects=False) as answer:
            assert answer.headers["Location"] == "/"
    async with browser.get("/") as answer:
        assert answer.status == 200
    async with machine.get("/metrics", headers={"Authorization": f"Bearer {house.token}"}) as answer:
        assert answer.status == 200


async def test_another_site_cannot_use_the_cookie(browser, house):
    await sign_in(browser, house.pin)
    for site in ("cross-site", "same-site", "none"):
        assert (await act(browser, headers={"Sec-Fetch-Site": site}))[0] == 403
    async with ClientSession(house.url, cookie_jar=browser.cookie_jar) as old:
        assert (await act(old))[0] == 403
        assert (await act(old, headers={"Origin": "http://evil.example"}))[0] == 403
        assert (await act(old, headers={"Origin": house.url}))[0] == 200
    async with browser.post(
        "/api/v1/commands", data=json.dumps(RETRY), headers={"Content-Type": "text/plain"}
    ) as answer:
        assert answer.status == 415
    assert len(house.workshop.commands) == 1


async def test_wrong_pins_get_slow_but_the_command_line_still_works(machine, house):
    wrong = "000000" if house.pin != "000000" else "111111"
    seen = [(await sign_in(machine, wrong))[0] for _ in range(7)]
    assert seen[:5] == [401] * 5
    status, headers = await sign_in(machine, house.pin)
    assert (status, int(headers["Retry-After"]) > 0) == (429, True)
    async with ClientSession("http://socket", connector=UnixConnector(house.socket)) as client:
        assert (await act(client))[0] == 200


@pytest.mark.parametrize("body", ["", "{", "[" * 100_000, '{"pin": 1}', "[]", '"x"', "\ud800"])
async def test_a_body_that_is_none_is_refused_not_tripped_over(machine, house, body):
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {house.token}"}
    for path in ("/api/v1/commands", "/api/v1/sign-in"):
        async with machine.post(path, data=body.encode("utf-8", "surrogatepass"), headers=headers) as answer:
            assert answer.status in (400, 413)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UsageError("there is no laptop x", "see `cloned laptops`"), 400),
        (ClonedError("it is at work", "cancel it first"), 409),
        (MissingError("no switch", "plug it in"), 503),
    ],
)
async def test_what_the_engine_says_no_to_is_told_with_the_next_step(machine, house, error, status):
    house.workshop.error = error
    found, told = await act(machine, headers={"Authorization": f"Bearer {house.token}"})
    assert (found, told["status"], told["error"], told["hint"]) == (status, status, error.message, error.hint)
    assert (told["type"], told["detail"]) == ("about:blank", error.message)


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


@pytest.mark.parametrize("cursor", ["x", "W10", "WzEsMl0=", "WyJhIl0=", "WzldXQ"])
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


async def test_who_comes_back_misses_no_event(machine, house, monkeypatch):
    monkeypatch.setattr(live, "INTERVAL", 0.02)
    async with machine.get("/api/v1/events") as answer:
        block = b""
        while not block.startswith(b"id: "):
            block = await answer.content.readuntil(b"\n\n")
        ident = block.split(b"\n")[0].removeprefix(b"id: ").decode()
    house.workshop.state["capacity"]["taken"] = 77
    async with asyncio.timeout(20), machine.get("/api/v1/events", headers={"Last-Event-ID": ident}) as answer:
        name, told = await next_event(answer)
    assert (name, told["capacity"]["taken"]) == ("some", 77)


async def test_a_refusal_has_its_code_and_values(machine, house):
    house.workshop.error = RefusedError(Refusal(Refused.NO_SUCH_IMAGE, {"name": "schol"}))
    status, told = await act(machine, headers={"Authorization": f"Bearer {house.token}"})
    assert (status, told["error"]) == (404, "there is no image schol")
    assert (told["code"], told["values"]) == ("no-such-image", {"name": "schol"})


async def test_a_verb_that_is_not_there_names_those_that_are(machine, house):
    status, told = await act(machine, {"do": "explode"}, headers={"Authorization": f"Bearer {house.token}"})
    assert (status, told["code"]) == (404, "no-such-command")
    assert "retry" in told["hint"]


async def test_an_older_name_of_a_verb_is_understood(house):
    body = {"do": "label", "laptop": "00000009", "text": "x"}
    async with ClientSession("http://socket", connector=UnixConnector(house.socket)) as client:
        assert (await act(client, body))[0] == 200
    assert (house.workshop.commands[0].do, house.workshop.commands[0].text) == ("mark", "x")


# Live.


async def next_event(answer):
    async with asyncio.timeout(5):
        while True:
            block = (await answer.content.readuntil(b"\n\n")).decode()
            if block.startswith("id: "):
                _, name, data = block.strip().split("\n")
                return name[7:], json.loads(data[6:])


async def test_events_bring_the_snapshot_and_then_changes(machine, house, monkeypatch):
    monkeypatch.setattr(live, "INTERVAL", 0.02)
    async with machine.get("/api/v1/events") as answer:
        assert answer.content_type == "text/event-stream"
        name, everything = await next_event(answer)
        assert (name, everything["workshop"]) == ("all", house.workshop.state["workshop"])
        assert "history" not in everything["laptop/00000003"]
        TypeAdapter(schema.LaptopBrief).validate_python(everything["laptop/00000003"])
        house.workshop.state["laptops"][2]["progress"]["bytes"] += 1
        name, some = await next_event(answer)
        assert (name, list(some)) == ("some", ["laptop/00000003"])
        house.workshop.state["laptops"].pop()
        name, everything = await next_event(answer)
        assert (name, "laptop/0000001e" in everything) == ("all", False)


async def test_pages_get_the_tiles_that_changed(machine, house, monkeypatch):
    monkeypatch.setattr(live, "INTERVAL", 0.02)
    async with machine.get("/events") as wall, machine.get("/events?laptop=00000003") as one:
        assert "floor" in (await next_event(wall))[1]
        assert "laptop" in (await next_event(one))[1]
        house.workshop.state["laptops"][2] |= {"state": "verifying"}
        name, some = await next_event(wall)
        assert (name, set(some)) == ("some", {"tile-00000003"})
        assert "Checks" in some["tile-00000003"]
        assert "Checks" in (await next_event(one))[1]["laptop"]


async def test_too_many_watchers_are_turned_away(machine, house):
    house.hub.counted.most = 1
    async with machine.get("/api/v1/events") as answer:
        await next_event(answer)
        async with machine.get("/events") as second:
            assert second.status == 503


async def test_a_watcher_that_leaves_is_forgotten(machine, house, monkeypatch):
    monkeypatch.setattr(live, "INTERVAL", 0.02)
    monkeypatch.setattr(live, "KEEPALIVE", 0.02)
    async with machine.get("/events") as answer:
        await next_event(answer)
        assert house.hub.watchers == 1
        answer.close()
    async with asyncio.timeout(5):
        while house.hub.watchers:
            await asyncio.sleep(0.02)


async def test_ten_screens_of_fifty_laptops_are_served(machine, house, monkeypatch):
    monkeypatch.setattr(live, "INTERVAL", 0.02)
    answers = [await machine.get("/events") for _ in range(10)]
    for answer in answers:
        await next_event(answer)
    house.workshop.state["laptops"][2] |= {"state": "done"}
    for answer in answers:
        while "tile-00000003" not in (await next_event(answer))[1]:
            pass
        answer.close()


async def test_one_address_watches_so_much_and_not_more(machine, house):
    answers = [await machine.get("/events") for _ in range(live.PER_PLACE)]
    async with machine.get("/api/v1/events") as one_more:
        assert one_more.status == 503
    for answer in answers:
        answer.close()


@pytest.mark.parametrize(
    "body",
    [
        b'{"pin": "\\ud800"}',
        b'{"pin": "\xff"}',
        b'{"pin": NaN}',
        b"[" * 100_000,
        b'{"pin": ' + b"9" * 5000 + b"}",
        b"{" + b'"a":' * 10,
        b'{"pin": "' + b"x" * 100_000 + b'"}',
    ],
)
async def test_no_body_makes_the_page_stumble(machine, body):
    headers = {"Content-Type": "application/json; charset=punycode"}
    async with machine.post("/api/v1/sign-in", data=body, headers=headers) as answer:
        assert answer.status in (400, 401, 413)
        assert (await answer.json())["error"]


async def test_what_is_packed_is_refused(machine):
    headers = {"Content-Type": "application/json", "Content-Encoding": "deflate"}
    async with machine.post("/api/v1/sign-in", data=zlib.compress(b" " * 10**6), headers=headers) as answer:
        assert (answer.status, answer.content_type) == (415, "application/problem+json")
        assert (await answer.json())["hint"] == "leave Content-Encoding out"


async def test_no_token_makes_the_page_stumble(machine):
    for given in ("Bearer \xff", "Bearer", "Bearer " + "x" * 4000):
        async with machine.post("/api/v1/commands", json={"do": "pause"}, headers={"Authorization": given}) as answer:
            assert answer.status == 401
    async with machine.get("/", headers={"Cookie": "cloned_signed_in=\xff.1.2"}) as answer:
        assert answer.status == 200


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


async def test_nobody_signs_us_out_from_another_site(browser):
    async with browser.post("/api/v1/sign-out", headers={"Sec-Fetch-Site": "cross-site"}) as answer:
        assert answer.status == 403
        assert "Set-Cookie" not in answer.headers


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


async def test_what_changes_comes_in_the_language_of_the_page(house, browser):
    async with browser.get("/events?lang=nl") as stream:
        await stream.content.readline()
        text = (await stream.content.readuntil(b"\n\n")) + (await stream.content.readuntil(b"\n\n"))
    assert language("nl").gettext("Set aside") in text.decode()


async def test_json_is_never_translated_but_our_page_asks_for_words(house, browser):
    dutch = {"Accept-Language": "nl"}
    async with browser.post("/api/v1/sign-in", json={}, headers=dutch) as answer:
        assert (await answer.json())["error"] == "no PIN was given"
    async with browser.get("/api/v1/laptops/nobody", headers=dutch | {"Accept": "text/plain"}) as answer:
        assert (answer.status, answer.content_type, answer.headers["Content-Language"]) == (404, "text/plain", "nl")
        assert "nobody" in (await answer.text()).split("\n")[0]


async def test_tokens_do_what_their_scope_says(machine, house, tmp_path):
    tokens = Tokens(tmp_path)
    house.rules["read"] = "signed-in"
    given = {scope: {"Authorization": f"Bearer {tokens.make(scope, scope)}"} for scope in SCOPES}
    for scope in SCOPES:
        async with machine.get("/metrics", headers=given[scope]) as answer:
            assert answer.status == 200
    assert [(await act(machine, headers=each))[0] for each in given.values()] == [403, 200, 200]
    forget = {"do": "forget", "target": "00000009"}
    assert [(await act(machine, forget, headers=each))[0] for each in given.values()] == [403, 403, 200]
    async with machine.get("/metrics") as answer:
        assert answer.status == 401
