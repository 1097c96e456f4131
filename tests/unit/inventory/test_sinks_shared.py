"""What all sinks stand on: secrets that are not said, a memory that never changes its mind, what is known of each kind."""

import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloned.config_file import parse
from cloned.destinations import KINDS
from cloned.errors import UsageError
from cloned.inventory import rows
from cloned.inventory.sinks import make
from cloned.inventory.sinks.about import about
from cloned.inventory.sinks.base import Delivery, Sink
from cloned.inventory.sinks.http import Hush, certificate_words, trust
from cloned.inventory.sinks.matching import MatchedEntry, choose
from cloned.inventory.sinks.memory import FolderMemory
from cloned.inventory.sinks.record import record_of
from cloned.inventory.sinks.snipeit_asset import read_asset, text
from cloned.inventory.sinks.told import Expectation
from tests.unit.test_config import uncommented

EXAMPLES = parse(uncommented()).sink


def test_secrets_are_taken_out_of_what_is_said():
    hush = Hush()
    hush.never("to")
    hush.learn(["hunter22", "Bea", "verified", None, 4711])
    hush.allow(["verified"])
    assert hush.clean("to Bea's\nhunter22 is 4711, verified") == "••• Bea's ••• is •••, verified"
    assert len(hush.clean("x" * 1000)) == 300


def test_only_the_latest_are_remembered():
    hush = Hush()
    hush.learn(f"value-{n}" for n in range(3000))
    assert hush.clean("value-2999 value-100") == "••• value-100"


@given(st.lists(st.text(min_size=4), max_size=5), st.text())
def test_no_secret_survives_whatever_it_is(secrets, around):
    hush = Hush()
    hush.learn(secrets)
    words = {" ".join(secret.split()) for secret in secrets if len(" ".join(secret.split())) >= 4}
    told = hush.clean(around.join(secrets), 10_000)
    assert not [word for word in words if word and word in told and word not in "•••"]


async def test_a_memory_keeps_the_first_whatever_comes_later(tmp_path):
    memory = FolderMemory(tmp_path)
    kept = await asyncio.gather(*(memory.keep("ocs", "../../etc/passwd", f"name-{n}") for n in range(8)))
    assert len(set(kept)) == 1
    assert await FolderMemory(tmp_path).keep("ocs", "../../etc/passwd", "later") == kept[0]
    assert await memory.keep("ocs", "other", "x") == "x"
    assert {path.parent for path in tmp_path.rglob("*") if path.is_file()} == {tmp_path / "ocs"}


def test_a_certificate_file_that_is_none_is_a_mistake(tmp_path):
    (tmp_path / "ca.pem").write_text("hello")
    for name in ("ca.pem", "not-there.pem"):
        with pytest.raises(UsageError, match=r"is no certificate"):
            trust(tmp_path / name, "https://inventory.example")


@pytest.mark.parametrize(
    ("openssl", "said"),
    [
        ("certificate has expired", "expired: renew"),
        ("Hostname mismatch, certificate is not valid for 'x'", "another name"),
        ("self-signed certificate", "give the authority's"),
        ("unable to get local issuer certificate", "give the authority's"),
        ("odd", "not accepted: odd"),
    ],
)
def test_what_is_wrong_with_a_certificate(openssl, said):
    assert said in certificate_words(openssl)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_says_what_is_known_of_the_other_side(kind):
    known = about(kind)
    assert known.stability in ("stable", "beta")
    assert known.keeps in ("state", "log")
    assert known.writes
    assert known.notes
    assert known.limits
    for each in known.recorded:
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", each.date)
        assert all(url.startswith("https://") for url in each.docs)


@pytest.mark.parametrize("kind", KINDS)
async def test_each_kind_of_the_example_is_made_and_is_what_is_known_of_it(kind):
    [settings] = [each for each in EXAMPLES if each.type == kind]
    sink = make(settings.model_copy(update={"ca": None}))  # its file is nowhere
    await sink.close()
    assert (sink.name, sink.at_once, sink.keeps) == (settings.name, settings.at_once, about(kind).keeps)
    assert settings.can_be_asked == (type(sink).known is not Sink.known)
    assert (settings.past == "ask") == (sink.keeps == "state")


def test_a_line_of_a_rehearsal():
    line = Expectation("label done", "missing", "no such", "make it")
    assert line.line() == "missing: label done: no such (make it)"
    assert line.to_json() == {"what": "label done", "judgement": "missing", "said": "no such", "next": "make it"}
    assert not line.possible


@pytest.mark.parametrize(
    "body", [{}, {"id": 1}, {"id": None}, [], {"id": 1, "asset_tag": 1, "serial": 1, "name": 1, "model": 3}]
)
def test_an_asset_of_another_form_is_no_crash(body):
    with pytest.raises(ValueError, match="another form"):
        read_asset(body)


def test_nothing_found_means_that_one_may_be_made():
    assert choose("S1", "T1", [], None) == MatchedEntry()


@given(st.text())
def test_texts_are_unescaped_once(value):
    import html

    assert text(html.escape(value)) == value.strip()


def test_the_mac_that_is_told_is_a_card_of_its_own(make_row):
    own, dongle = "d8:9e:f3:00:00:01", "00:e0:4c:68:01:02"
    for macs, dongles, told in (
        ([dongle, own], [dongle], own),
        ([dongle], [dongle], dongle),
        ([own], None, own),
        ([], None, ""),
    ):
        row = rows.clean(make_row(macs=macs, dongles=dongles))
        assert record_of(Delivery(row.key, row.laptop, row.attempt, 1, row.data))["mac"] == told
