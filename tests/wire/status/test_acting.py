"""Who may act at the running page and who may look, and what becomes of a command."""

import json
import re
import zlib

import pytest
from aiohttp import ClientSession, UnixConnector

from cloned.core.commands import TABLE
from cloned.core.refusals import Refusal, Refused
from cloned.core.verbs import Role
from cloned.errors import ClonedError, MissingError, RefusedError, UsageError
from cloned.status.app import ROUTES
from cloned.status.tokens import SCOPES, Tokens
from tests.wire.status.acting import RETRY, act, named, sign_in

pytestmark = pytest.mark.wire


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


ELSEWHERE = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://{host}.evil.example"},
    {"Origin": "http://{name}"},
    {"Origin": "http://{name}:1"},
    {"Origin": "http://evil.example", "Referer": "{url}/laptops"},
    {"Referer": "http://evil.example/"},
    {"Referer": "{url}/laptops"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "{url}"},
    {"Sec-Fetch-Site": "same-site", "Origin": "{url}"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": ""},
    {},
]
"""What a browser would send for another site's page, or one too old to say where it is."""


async def test_another_site_has_an_administrators_cookie_do_nothing(browser, house):
    house.people.add("Bart", Role.ADMINISTRATOR, "correct horse battery")
    assert (await named(browser, "Bart", "correct horse battery"))[0] == 200
    host = house.url.removeprefix("http://")
    places = {"url": house.url, "host": host, "name": host.partition(":")[0]}
    async with ClientSession(house.url, cookie_jar=browser.cookie_jar) as elsewhere:
        for headers in ELSEWHERE:
            sent = {key: text.format(**places) for key, text in headers.items()}
            for verb in ("forget", "confirm", "erase"):
                assert (await act(elsewhere, {"do": verb, "target": "00000009"}, headers=sent))[0] == 403, sent
            if headers.keys() - {"Referer"}:  # programs that say no origin may sign themselves out
                async with elsewhere.post("/api/v1/sign-out", headers=sent) as answer:
                    assert answer.status == 403, sent
    assert house.workshop.commands == []
    assert (await act(browser, {"do": "forget", "target": "00000009"}))[0] == 200  # its own page still may


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


async def test_nobody_signs_us_out_from_another_site(browser):
    async with browser.post("/api/v1/sign-out", headers={"Sec-Fetch-Site": "cross-site"}) as answer:
        assert answer.status == 403
        assert "Set-Cookie" not in answer.headers


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
