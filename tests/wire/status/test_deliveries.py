"""Deliveries over HTTP: the page, the accounts, the donor's paper and the yearly report; and nonsense that is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from pydantic import ValidationError

from cloned.accounts import DeliveryDesk
from cloned.config import DeliverySettings
from cloned.core.delivery import Booked, Donation
from cloned.core.ids import LaptopId
from cloned.core.workshop import Workshop
from cloned.status.app import create_app
from cloned.status.auth import Auth
from cloned.status.live import Hub
from cloned.status.schema import DeliveryAccount
from tests.unit.status.fakes import FakeRecords, FakeWorkshop

pytestmark = pytest.mark.wire
AT = 1_780_000_000.0


class FakeEngine:
    """What the desk asks of an engine."""

    workshop = Workshop(
        deliveries={
            "2026/17 <b>": Donation(
                "2026/17 <b>", "Stad & Co", AT, "Ann",
                laptops={LaptopId("a"): Booked("S1", "PC1", "HP <i>", AT, "given", AT + 1, "purge", AT)},
            )
        },
        booking="2026/17 <b>",
    )  # fmt: skip

    @staticmethod
    def clock() -> float:
        return AT


@pytest.fixture
async def session(tmp_path: Path) -> AsyncIterator[ClientSession]:
    factors = DeliverySettings(co2_kg=150, co2_source="maker's sheet")
    desk = DeliveryDesk(FakeEngine(), lambda: factors, "Digipunt", "nl")  # type: ignore[arg-type]
    app = create_app(FakeWorkshop(), FakeRecords(), Auth(tmp_path, {}), Hub(), accounts=desk)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as made:
        yield made
    await runner.cleanup()


@pytest.mark.parametrize(("code", "words"), [("nl", "uitgedeeld"), ("fr", "distribué"), ("en", "given out")])
async def test_the_page_shows_accounts_in_each_language(session: ClientSession, code: str, words: str) -> None:
    async with session.get(f"/deliveries?lang={code}") as response:
        text = await response.text()
    assert response.status == 200
    for told in ("2026/17 &lt;b&gt;", "Stad &amp; Co", "HP &lt;i&gt;", words, "150"):
        assert told in text
    assert "<b>2026" not in text


async def test_accounts_paper_and_report(session: ClientSession) -> None:
    async with session.get("/api/v1/deliveries") as response:
        (account,) = await response.json()
    assert (account["came"], account["given"], account["booking"], account["co2_kg"]) == (1, 1, True, 150.0)
    async with session.get("/api/v1/account.pdf", params={"donation": "2026/17 <b>", "lang": "fr"}) as response:
        assert (response.status, response.content_type) == (200, "application/pdf")
        assert (await response.read()).startswith(b"%PDF")
    async with session.get("/api/v1/deliveries.csv?year=2026&lang=fr") as response:
        assert "Livraison" in (await response.read()).decode("utf-8-sig")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/deliveries?year=20x6", 400), ("/api/v1/deliveries?year=-1", 400), ("/api/v1/deliveries.csv?year=٢٠٢٦", 400),
        ("/api/v1/account.pdf", 404), ("/api/v1/account.pdf?donation=nobody", 404), ("/deliveries?year=9999", 200),
    ],
)  # fmt: skip
async def test_what_is_not_there_is_said(session: ClientSession, path: str, status: int) -> None:
    async with session.get(path) as response:
        assert response.status == status


async def test_an_account_is_of_the_shape_that_the_document_names(session: ClientSession) -> None:
    async with session.get("/api/v1/deliveries") as answer:
        [account] = await answer.json()
    DeliveryAccount.model_validate(account)
    assert [each["fate"] for each in account["laptops"]] == ["given"]
    for wrong in ({**account, "donor": "Ann"}, {**account, "laptops": [{**account["laptops"][0], "given_to": "Bob"}]}):
        with pytest.raises(ValidationError):
            DeliveryAccount.model_validate(wrong)
