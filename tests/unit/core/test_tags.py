"""Numbers on stickers: given once, to one laptop, by one pattern; and known before a computer is named by them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloned.config import Tags
from cloned.core.commands import accept
from cloned.core.disks import Disk
from cloned.core.events import Command, Configured, ImageInfo, Settings
from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import CloneJob, Confirmation, Contact, Facts, Goal, Laptop, State, VerdictKind
from cloned.core.ledger_events import TagsUsed
from cloned.core.naming import find_laptop
from cloned.core.orders import order
from cloned.core.reasons import Reason
from cloned.core.reducer import step
from cloned.core.refusals import Refusal, Refused
from cloned.core.tagged import TagGiven, TagPattern
from cloned.core.tags import NEXT, VERBS
from cloned.core.workshop import Workshop
from tests.unit.core.test_scanning import KEYBOARDS

NOW = 1795950000.0
"""2026-11-29."""
NEXT_YEAR = NOW + 60 * 86400
PATTERN = "DM-{year}-{seq:04}"


def laptop(number: int, **more: object) -> Laptop:
    disk = Disk("/dev/sda", 256 * 10**9, serial=f"D{number}")
    identity = Identity(serial=f"PF{number}", vendor="Dell Inc.", product="Latitude 5490")
    made = Laptop(
        LaptopId(f"id{number}"), number, Facts(identity, disks=(disk,)), State.ASKING, 0, 0, contact=Contact(hellos=1)
    )
    return replace(made, **more)  # type: ignore[arg-type]


def shop(*laptops: Laptop, **settings: object) -> Workshop:
    known = Settings(**{"tag_pattern": PATTERN, **settings})  # type: ignore[arg-type]
    workshop = Workshop(known, images={"school": ImageInfo("school", "9f", 10**9, 2 * 10**9)})
    for each in laptops:
        workshop = workshop.with_laptop(each)
    return workshop


def act(workshop: Workshop, do: str, target: str, text: str = "", now: float = NOW) -> tuple[Workshop, object]:
    """The state after somebody asked, and what was answered."""
    command = accept(workshop, Command(do, "page", target, text=text))  # type: ignore[arg-type]
    if isinstance(command, Refusal):
        return workshop, command
    after, _ = step(workshop, command, now, "e")
    return after, VERBS[0].answer(after, command) if do == "tag" else {}


def tag(workshop: Workshop, target: str, text: str, now: float = NOW) -> tuple[Workshop, object]:
    return act(workshop, "tag", target, text, now)


def refused(answer: object, code: Refused) -> str:
    assert isinstance(answer, Refusal), answer
    assert answer.code is code
    return answer.sentence()


def test_the_next_number_is_above_all_that_were_given_or_typed() -> None:
    workshop, answer = tag(shop(laptop(1), laptop(2), laptop(3)), "1", NEXT)
    assert answer == {"tag": "DM-2026-0001"}
    workshop, answer = tag(workshop, "2", "dm-2026-0040")
    assert answer == {"tag": "DM-2026-0040"}
    workshop, answer = tag(workshop, "3", NEXT)
    assert answer == {"tag": "DM-2026-0041"}
    assert tag(workshop, "3", NEXT, NEXT_YEAR)[1] == {"tag": "DM-2027-0001"}


def test_a_number_that_another_has_is_refused_by_that_ones_name() -> None:
    workshop, _ = tag(shop(laptop(1), laptop(2)), "1", "DM-2026-0007")
    after, answer = tag(workshop, "2", "DM-2026-0007")
    assert "laptop 1 (DM-2026-0007, Dell Inc. Latitude 5490, PF1)" in refused(answer, Refused.TAG_TAKEN)
    assert after == workshop


def test_the_second_of_two_at_once_is_refused() -> None:
    workshop = shop(laptop(1), laptop(2))
    first, second = (accept(workshop, Command("tag", "page", each, text="DM-2026-0007")) for each in ("1", "2"))
    assert isinstance(first, Command)
    assert isinstance(second, Command)
    workshop, _ = step(workshop, first, NOW, "a")
    workshop, _ = step(workshop, second, NOW, "b")
    assert [each.tag for each in workshop.laptops.values()] == ["DM-2026-0007", ""]
    assert VERBS[0].answer(workshop, first) == {"tag": "DM-2026-0007"}
    refused(VERBS[0].answer(workshop, second), Refused.TAG_TAKEN)


def test_two_who_ask_for_the_next_at_once_get_two() -> None:
    workshop = shop(laptop(1), laptop(2))
    for command in [accept(workshop, Command("tag", "page", each, text=NEXT)) for each in ("1", "2")]:
        assert isinstance(command, Command)
        workshop, _ = step(workshop, command, NOW, "a")
    assert sorted(each.tag for each in workshop.laptops.values()) == ["DM-2026-0001", "DM-2026-0002"]


def test_forgetting_a_laptop_frees_no_number() -> None:
    workshop, _ = tag(shop(laptop(1), laptop(2)), "1", NEXT)
    workshop, _ = act(workshop, "forget", "1")
    assert tag(workshop, "2", NEXT)[1] == {"tag": "DM-2026-0002"}
    assert "PF1" in refused(tag(workshop, "2", "DM-2026-0001")[1], Refused.TAG_TAKEN)
    workshop = workshop.with_laptop(laptop(9, facts=Facts(Identity(serial="PF1"))))
    assert tag(workshop, "id9", "DM-2026-0001")[1] == {"tag": "DM-2026-0001"}
    found = find_laptop(workshop, "DM-2026-0001")
    assert isinstance(found, Laptop)
    assert found.id == "id9"


def test_an_old_number_still_leads_to_its_laptop_and_is_no_others() -> None:
    workshop, _ = tag(shop(laptop(1), laptop(2)), "1", "DM-2026-0001")
    workshop, _ = tag(workshop, "1", "DM-2026-0002")
    found = find_laptop(workshop, "dm-2026-0001")
    assert isinstance(found, Laptop)
    assert found.tag == "DM-2026-0002"
    assert found.history[-1].why == "number DM-2026-0002, given by page"
    refused(tag(workshop, "2", "DM-2026-0001")[1], Refused.TAG_TAKEN)
    workshop, answer = tag(workshop, "1", "DM-2026-0001")
    assert answer == {"tag": "DM-2026-0001"}
    workshop, answer = tag(workshop, "1", "")
    assert answer == {"tag": ""}
    refused(tag(workshop, "2", "DM-2026-0001")[1], Refused.TAG_TAKEN)


@pytest.mark.parametrize("text", ["DM-2026-42", "DM-26-0042", "XX-2026-0042", "DM-2026-00042", "PC250200"])
def test_what_does_not_look_like_the_pattern_is_refused(text: str) -> None:
    assert PATTERN in refused(tag(shop(laptop(1)), "1", text)[1], Refused.TAG_PATTERN)


@pytest.mark.parametrize("typed", ["DM-2026-0042", *("DM-2026-0042".translate(each) for each in KEYBOARDS.values())])
@pytest.mark.parametrize("pattern", [PATTERN, ""])
def test_a_number_scanned_into_its_own_field_is_read_on_any_keyboard(typed: str, pattern: str) -> None:
    assert tag(shop(laptop(1), tag_pattern=pattern), "1", typed)[1] == {"tag": "DM-2026-0042"}


@pytest.mark.parametrize("pattern", [PATTERN, ""])
def test_an_address_scanned_into_the_field_for_a_number_is_that_laptops_number(pattern: str) -> None:
    address = "http://cloned.example/laptops/DM-2026-0042"
    assert tag(shop(laptop(1), tag_pattern=pattern), "1", address)[1] == {"tag": "DM-2026-0042"}
    workshop, _ = tag(shop(laptop(1), laptop(2), tag_pattern=pattern), "1", "DM-2026-0042")
    refused(tag(workshop, "2", address)[1], Refused.TAG_TAKEN)


def test_a_text_that_is_no_pattern_is_told_what_one_has() -> None:
    with pytest.raises(ValueError, match=re.escape("{seq} or {seq:04} once, and beside it only {year}")):
        TagPattern("{0.__class__}{seq}")


def test_without_a_pattern_any_short_text_is_a_number_but_there_is_no_next() -> None:
    workshop = shop(laptop(1), tag_pattern="")
    assert tag(workshop, "1", " Desk\u202e\x00  7 ")[1] == {"tag": "Desk 7"}
    for text in ("7" * 33, "Jan Peeters", "é7", "<b>7", "\u0661"):
        refused(tag(workshop, "1", text)[1], Refused.TAG_SIGNS)
    refused(tag(workshop, "1", NEXT)[1], Refused.NO_TAG_PATTERN)


def test_the_last_digits_are_unique_too() -> None:
    workshop = shop(laptop(1), laptop(2), tag_pattern="{site}{seq:06}", tag_site="PC", tag_tail=6)
    workshop, _ = tag(workshop, "1", "pc250200")
    workshop = replace(workshop, settings=replace(workshop.settings, tag_site="LT"))
    assert "PC250200" in refused(tag(workshop, "2", "LT250200")[1], Refused.TAG_TAIL)
    assert tag(workshop, "2", "LT250201")[1] == {"tag": "LT250201"}


def test_a_next_number_whose_last_digits_are_taken_is_passed_over() -> None:
    workshop = shop(laptop(1), laptop(2), tag_pattern="", tag_tail=4)
    workshop, _ = tag(workshop, "1", "OLD-0001")
    workshop = replace(workshop, settings=replace(workshop.settings, tag_pattern=PATTERN))
    assert tag(workshop, "2", NEXT)[1] == {"tag": "DM-2026-0002"}


def test_a_pattern_runs_out_and_says_so() -> None:
    workshop, _ = tag(shop(laptop(1), laptop(2), tag_pattern="A{seq:1}"), "1", "A9")
    assert "A{seq:1}" in refused(tag(workshop, "2", NEXT)[1], Refused.TAGS_OUT)


def test_numbers_given_since_a_backup_are_left_out_after_a_restore() -> None:
    workshop, _ = tag(shop(laptop(1), laptop(2)), "1", NEXT)
    workshop, _ = step(workshop, TagsUsed(skip=100), NOW, "e")
    assert tag(workshop, "2", NEXT)[1] == {"tag": "DM-2026-0102"}
    empty, _ = step(shop(laptop(2)), TagsUsed(skip=100), NOW, "e")
    assert tag(empty, "2", NEXT)[1] == {"tag": "DM-2026-0101"}


def test_numbers_that_only_the_ledger_knows_are_used() -> None:
    known = TagGiven("DM-2026-0050", LaptopId("long ago"), serial="OLD1")
    workshop, _ = step(shop(laptop(1)), TagsUsed((known,)), NOW, "e")
    assert "OLD1" in refused(tag(workshop, "1", "DM-2026-0050")[1], Refused.TAG_TAKEN)
    assert tag(workshop, "1", NEXT)[1] == {"tag": "DM-2026-0051"}


def confirmed(number: int) -> Laptop:
    given = Confirmation(f"D{number}", "school", "9f", "page", NOW + 3600)
    goal = Goal(image="school", disk=f"D{number}", confirmation=given)
    return laptop(number, state=State.WAITING, goal=goal)


def test_given_by_itself_when_a_laptop_is_to_be_cloned() -> None:
    workshop, _ = step(
        shop(laptop(1), confirmed(2)), Configured(Settings(tag_pattern=PATTERN, tag_given="auto")), NOW, "e"
    )
    assert [each.tag for each in workshop.laptops.values()] == ["", "DM-2026-0001"]
    again, _ = step(workshop, Configured(workshop.settings), NOW, "e")
    assert [each.tag for each in again.laptops.values()] == ["", "DM-2026-0001"]


def finishing() -> Laptop:
    job = CloneJob(1, open=True, verdict=VerdictKind.VERIFIED)
    return laptop(1, state=State.FINISHING, job=job, goal=Goal(image="school", disk="D1"))


def test_no_computer_is_named_by_a_number_it_has_not() -> None:
    settings = Settings(tag_pattern=PATTERN, tag_needed=True)
    workshop, effects = step(shop(finishing()), Configured(settings), NOW, "e")
    found = workshop.laptops[LaptopId("id1")]
    assert (found.state, found.reason, found.job.verdict) == (State.ASIDE, Reason.NO_TAG, VerdictKind.VERIFIED)
    assert order(workshop, found)["do"] == "wait"
    assert [effect.row["verdict"] for effect in effects if hasattr(effect, "row")] == ["verified"]
    workshop, _ = tag(workshop, "1", NEXT)
    found = workshop.laptops[LaptopId("id1")]
    assert (found.state, found.tag, found.job.number, found.unfinished) == (State.FINISHING, "DM-2026-0001", 2, True)
    assert order(workshop, found)["do"] == "finish"


def test_retrying_does_not_get_past_a_missing_number() -> None:
    workshop, _ = step(shop(finishing()), Configured(Settings(tag_pattern=PATTERN, tag_needed=True)), NOW, "e")
    workshop, _ = act(workshop, "retry", "1")
    assert workshop.laptops[LaptopId("id1")].reason is Reason.NO_TAG


def test_a_journal_of_before_is_obeyed_as_it_was() -> None:
    workshop = shop(laptop(1), laptop(2))
    for each in ("id1", "id2"):
        workshop, _ = step(workshop, Command("tag", "page", each, text="any " + "x" * 60), NOW, "e")
    assert [each.tag for each in workshop.laptops.values()] == [("any " + "x" * 60)[:40]] * 2


@pytest.mark.parametrize("text", ["DM", "{seq}{seq}", "{seq:04", "{number}-{seq}", "{seq:x}", "{}"])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a pattern has"):
        TagPattern(text)


@given(
    st.sampled_from([PATTERN, "{site}-{yy}-{seq}", "{seq:3}/{year}", "PC{seq:06}", "{site}{seq}"]),
    st.integers(1, 999),
    st.floats(0, 4e9),
)
def test_what_a_pattern_makes_it_reads(text: str, number: int, now: float) -> None:
    pattern = TagPattern(text, "Mechelen")
    made = pattern.made(number, now)
    assert made is not None
    assert pattern.read(made.upper()) == (made, pattern.prefix(now), number)


@pytest.mark.parametrize(
    ("text", "site"), [("Ä-{seq}", ""), ("{site}-{seq}", "Zürich"), ("-{seq}", ""), ("DM:{seq}", "")]
)
def test_a_pattern_whose_numbers_the_ledger_would_drop_gives_none_and_is_no_configuration(text: str, site: str) -> None:
    """The count went on for ever, and nothing else happened any more."""
    workshop = shop(laptop(1))
    workshop = replace(workshop, settings=replace(workshop.settings, tag_pattern=text, tag_site=site))
    assert text in refused(tag(workshop, "1", NEXT)[1], Refused.TAGS_OUT)
    with pytest.raises(ValueError, match="cannot be a number on a sticker"):
        Tags(pattern=text, site=site)
