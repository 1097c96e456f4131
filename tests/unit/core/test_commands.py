"""The table of commands: each verb described once, and held by everything that is made from it."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from itertools import product

import click
import pytest

from cloned.assets import root
from cloned.cli import acting, main
from cloned.core.commands import TABLE, VERBS, accept, obey, refusal
from cloned.core.disks import Disk
from cloned.core.events import Command, ImageInfo
from cloned.core.ids import Identity, LaptopId, SessionId
from cloned.core.laptop import Attachment, CaptureWish, CloneJob, Contact, Facts, Goal, Laptop, State, VerdictKind
from cloned.core.naming import find_laptop
from cloned.core.reasons import Reason
from cloned.core.refusals import Refusal, Refused
from cloned.core.schedule import Wait
from cloned.core.session import Session
from cloned.core.snapshot import snapshot
from cloned.core.verbs import Role, Target, Verb
from cloned.core.workshop import Workshop

NOT_ON_THE_PAGE = {
    "forget-name": "rare, and for good: on the server",
    "reload": "its file is on the server",
    "unbatch": "",
    "recheck": "the page of what is wrong looks again by itself, and on a link",
    "mark": "for image rules: they are written on the command line",
}
GB = 10**9
SCHOOL = Goal(image="school")


def laptop(number: int, **more: object) -> Laptop:
    disk = Disk("/dev/sda", 256 * GB, serial=f"D{number}")
    identity = Identity(serial=f"PF{number}", macs=(f"02:00:00:00:00:0{number}",))
    made = Laptop(
        LaptopId(f"id{number}"),
        number,
        Facts(identity, disks=(disk,)),
        State.ASKING,
        0,
        0,
        contact=Contact(hellos=1, last_hello=1),
    )
    return replace(made, **more)  # type: ignore[arg-type]


@pytest.fixture
def workshop() -> Workshop:
    """Two laptops, one image that a session is open for; nothing fits at once, so nobody starts."""
    state = Workshop(images={"school": ImageInfo("school", "9f", GB, 2 * GB)})
    state = state.with_laptop(laptop(1, goal=SCHOOL, tag="A-7", link=Attachment("10.0.0.2/Gi1/0/3"))).with_laptop(
        laptop(2)
    )
    return state.with_session(Session(SessionId("5e55"), 4, "school", "9f", "aa", 0.0))


def accepted(workshop: Workshop, command: Command) -> Command:
    done = accept(workshop, command)
    assert isinstance(done, Command), done
    return done


@pytest.mark.parametrize("verb", TABLE, ids=lambda verb: verb.name)
def test_every_verb_is_on_the_command_line(verb: Verb) -> None:
    if verb.command_line == verb.name:
        assert verb.name in main._COMMANDS
    elif verb.command_line:
        group, name = verb.command_line.split()
        found = main.cloned.get_command(click.Context(main.cloned), group)
        assert isinstance(found, click.Group), group
        assert name in found.list_commands(click.Context(found))
    else:
        made = acting.made(verb.name)
        assert made is not None
        assert made.help
        assert verb.help in made.help


@pytest.mark.parametrize("verb", TABLE, ids=lambda verb: verb.name)
def test_every_verb_is_on_the_page_or_named_here(verb: Verb) -> None:
    pages = "".join(path.read_text() for path in (root("web") / "templates").rglob("*.html"))
    assert re.search(rf'"do": "{verb.name}"', pages) or verb.name in NOT_ON_THE_PAGE


def test_who_may_do_what() -> None:
    """A verb more for volunteers is a decision: it is made here, too."""
    volunteers = (
        "accept confirm continue delivery delivery-close donation evening-over fate grade keep lent note organisation pause "
        "print retry same skip swap tag test"
    )
    assert sorted(verb.name for verb in TABLE if verb.role is Role.VOLUNTEER) == volunteers.split()
    assert [verb.name for verb in TABLE if verb.role is Role.READER] == []


def test_every_button_is_for_a_verb() -> None:
    pages = "".join(path.read_text() for path in (root("web") / "templates").rglob("*.html"))
    assert set(re.findall(r'"do": "([\w-]+)"', pages)) <= VERBS.keys()


@pytest.mark.parametrize("verb", TABLE, ids=lambda verb: verb.name)
def test_what_a_verb_takes_are_fields_of_a_command(verb: Verb) -> None:
    assert {word.field for word in verb.takes} <= {field.name for field in fields(Command)}


def test_whatever_a_verb_is_asked_for_it_is_done_or_refused(workshop: Workshop) -> None:
    words = ("", "school", "[/x]", "1e999")
    for verb, target, word in product(TABLE, ("", "id1", "nobody", "\ud800", "5e55", "9" * 400), words):
        asked = Command(verb.name, "page", target, image=word, text=word, disk=word, level=word, why=word, kind=word)
        assert isinstance(accept(workshop, asked), Command | Refusal), asked


def test_no_name_means_two_verbs() -> None:
    assert len(VERBS) == sum(1 + len(verb.also) for verb in TABLE)


@pytest.mark.parametrize("name", ["id1", "1", "a-7", "PF1", "02:00:00:00:00:01", "10.0.0.2/gi1/0/3"])
def test_a_laptop_is_meant_by_any_of_its_names(workshop: Workshop, name: str) -> None:
    assert accepted(workshop, Command("exclude", "page", name)).target == "id1"


def test_one_that_is_left_out_says_so(workshop: Workshop) -> None:
    after = obey(workshop, accepted(workshop, Command("exclude", "page", "1")), 5.0, "e").laptops[LaptopId("id1")]
    assert (after.state, after.reason, after.left_out) == (State.ASIDE, Reason.LEFT_OUT, True)


def test_one_that_is_verified_and_being_finished_keeps_its_image(workshop: Workshop) -> None:
    """Another image would take the verdict from what is on its disk."""
    job = CloneJob(1, open=True, verdict=VerdictKind.VERIFIED)
    there = workshop.with_laptop(laptop(1, goal=SCHOOL, job=job, state=State.WAITING))
    assert accept(there, Command("move", "page", "1", image="school")) == Refusal(Refused.BEING_FINISHED)
    over = workshop.with_laptop(laptop(1, goal=SCHOOL, job=replace(job, open=False), state=State.DONE))
    assert isinstance(accept(over, Command("move", "page", "1", image="school")), Command)


@pytest.mark.parametrize(("reason", "verdict", "state"), [
    (Reason.FINISH_FAILED, VerdictKind.VERIFIED, State.FINISHING), (Reason.NO_TAG, VerdictKind.VERIFIED, State.FINISHING),
    (Reason.FINISH_FAILED, VerdictKind.DIFFERS, State.ASKING), (Reason.NO_HEADWAY, VerdictKind.VERIFIED, State.ASKING),
])  # fmt: skip
def test_only_a_verified_one_whose_finishing_failed_is_finished_again(
    workshop: Workshop, reason: Reason, verdict: VerdictKind, state: State
) -> None:
    aside = laptop(1, goal=SCHOOL, job=CloneJob(1, verdict=verdict), state=State.ASIDE, reason=reason)
    after = obey(workshop.with_laptop(aside), Command("retry", "page", "id1"), 5.0, "e")
    assert after.laptops[LaptopId("id1")].state is state


@pytest.mark.parametrize("more", [{"state": State.ERASING}, {"capture": CaptureWish(image="master")}])
def test_another_image_disturbs_no_erasure_and_no_capture(workshop: Workshop, more: dict[str, object]) -> None:
    busy = workshop.with_laptop(laptop(1, **more))
    moved = obey(busy, Command("move", "page", "id1", image="school"), 5.0, "e").laptops[LaptopId("id1")]
    assert (moved.state, moved.goal.image) == (busy.laptops[LaptopId("id1")].state, "school")


def test_an_image_that_is_named_must_be_there_whether_one_is_needed_or_not(workshop: Workshop) -> None:
    for do in ("move", "confirm"):
        assert accept(workshop, Command(do, "page", "1", image="old")) == Refusal(
            Refused.NO_SUCH_IMAGE, {"name": "old"}
        )
    none = Refusal(Refused.NO_SUCH_IMAGE, {"name": "(none was named)"})
    assert accept(workshop, Command("move", "page", "1")) == none
    assert accept(workshop, Command("confirm", "page", "1")) != none


@pytest.mark.parametrize(("name", "told"), [("Sharing Point", "Sharing Point"), ("", "-")])
def test_for_whom_it_is_stands_in_its_history(workshop: Workshop, name: str, told: str) -> None:
    lends = replace(workshop, settings=replace(workshop.settings, organisations=("Sharing Point",)))
    after = obey(lends, Command("organisation", "page", "id1", text=name), 5.0, "e").laptops[LaptopId("id1")]
    assert (after.organisation, after.history[-1].why.values["name"]) == (name, told)


def test_a_port_is_no_longer_that_of_a_laptop_that_went_away(workshop: Workshop) -> None:
    gone = workshop.with_laptop(replace(workshop.laptops[LaptopId("id1")], state=State.GONE))
    assert find_laptop(gone, "10.0.0.2/Gi1/0/3") == Refusal(Refused.NO_SUCH_LAPTOP, {"name": "10.0.0.2/Gi1/0/3"})


@pytest.mark.parametrize("name", ["5e55", "4", "school"])
def test_a_session_is_meant_by_any_of_its_names(workshop: Workshop, name: str) -> None:
    assert accepted(workshop, Command("cancel", "page", name)).target == "5e55"


def test_a_confirmation_stands_in_the_journal_in_full(workshop: Workshop) -> None:
    command = accepted(workshop, Command("confirm", "page", "A-7"))
    assert (command.target, command.image, command.disk) == ("id1", "school", "D1")
    after = obey(workshop, command, 5.0, "e")
    given = after.laptops[LaptopId("id1")].goal.confirmation
    assert given is not None
    assert (given.disk, given.image, given.by) == ("D1", "school", "page")


def test_a_disk_may_be_named_by_path_but_its_key_is_kept(workshop: Workshop) -> None:
    assert accepted(workshop, Command("confirm", "page", "1", disk="/dev/sda")).disk == "D1"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (Command("explode", "page"), Refused.NO_SUCH_COMMAND),
        (Command("retry", "page"), Refused.NO_SUCH_LAPTOP),
        (Command("retry", "page", "nobody"), Refused.NO_SUCH_LAPTOP),
        (Command("cancel", "page", "77"), Refused.NO_SUCH_SESSION),
        (Command("unbatch", "page", "77"), Refused.NO_SUCH_BATCH),
        (Command("hold", "page", image="school"), Refused.LACKS),
        (Command("batch", "page", image="school"), Refused.LACKS),
        (Command("hold", "page", image="schol", until=9.0), Refused.NO_SUCH_IMAGE),
        (Command("confirm", "page", "2"), Refused.NO_SUCH_IMAGE),
        (Command("confirm", "page", "1", disk="D9"), Refused.NO_SUCH_DISK),
        (Command("start", "page", image="school", guests=251), Refused.TOO_MANY_GUESTS),
        (Command("capture", "page", "1", "school"), Refused.NAME_TAKEN),
        (Command("capture", "page", "1", "../x"), Refused.NO_NAME),
    ],
)
def test_a_refusal_is_a_code(workshop: Workshop, command: Command, code: Refused) -> None:
    found = accept(workshop, command)
    assert isinstance(found, Refusal)
    assert found.code is code
    assert "{" not in found.sentence() + found.next_step()


def test_a_laptop_at_work_is_not_confirmed_moved_on_or_forgotten(workshop: Workshop) -> None:
    busy = workshop.with_laptop(laptop(1, state=State.RECEIVING, goal=SCHOOL))
    for do in ("confirm", "forget"):
        found = accept(busy, Command(do, "page", "1"))
        assert isinstance(found, Refusal)
        assert found.code is Refused.AT_WORK


def test_a_command_that_came_too_late_changes_nothing(workshop: Workshop) -> None:
    late = Command("confirm", "page", "id1", "school", disk="gone")
    assert refusal(workshop, late) is not None
    assert obey(workshop, late, 1.0, "e") is workshop


def test_an_empty_tag_takes_the_old_one_away(workshop: Workshop) -> None:
    command = accepted(workshop, Command("tag", "page", "1"))
    assert obey(workshop, command, 1.0, "e").laptops[LaptopId("id1")].tag == ""


def test_the_older_name_of_mark_is_understood(workshop: Workshop) -> None:
    command = accepted(workshop, Command("label", "page", "1", text="school"))
    assert command.do == "mark"
    assert obey(workshop, replace(command, do="label"), 1.0, "e").laptops[LaptopId("id1")].mark == "school"


def test_a_laptop_is_lent_and_back(workshop: Workshop) -> None:
    out = obey(workshop, Command("lent", "page", "id1"), 1.0, "e")
    assert out.laptops[LaptopId("id1")].lent
    assert not obey(out, Command("lent", "page", "id1", text="no"), 2.0, "e").laptops[LaptopId("id1")].lent


def test_a_hold_is_told_by_the_clock_of_whoever_reads(workshop: Workshop) -> None:
    state = replace(workshop, holds={"school": 90.0}, places=4).with_laptop(laptop(1, state=State.WAITING, goal=SCHOOL))
    (seen, *_) = snapshot(state, {}, 5.0, lambda at: f"half past {at:.0f}").laptops
    assert (seen.reason, seen.why) == ("held", "Its session is held until half past 90")
    assert Wait(Reason.HELD).detail == ""


def test_targets_say_whether_they_may_be_left_out() -> None:
    assert [each.noun for each in Target] == ["", "laptop", "laptop", "session", "batch", "sink"]
    assert [each for each in Target if each.optional] == [
        Target.LAPTOP_OR_ALL,
        Target.SESSION_OR_ALL,
        Target.SINK_OR_ALL,
    ]


def test_what_a_verb_takes_in_a_field_is_found_by_that_field() -> None:
    for verb in VERBS.values():
        for word in verb.takes:
            found = verb.word(word.field)
            assert found is not None
            assert found.field == word.field
        assert verb.word("none of its fields") is None
