"""Nothing is erased by accident: who may be cloned without being asked, and until when a word holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cloned.core import capture, erasing
from cloned.core.catalogue import choose
from cloned.core.clocks import SLACK_SECONDS, over
from cloned.core.disk_meant import disk_against, with_disk
from cloned.core.disk_names import tells_itself
from cloned.core.disks import Disk
from cloned.core.events import Command
from cloned.core.evidence import claimed
from cloned.core.happened import Actor, Happened, actor, happened
from cloned.core.ids import LaptopId
from cloned.core.laptop import Confirmation, Laptop, State, VerdictKind, add_history, called, transition, unconfirmed
from cloned.core.reasons import Reason
from cloned.core.refusals import Refusal, Refused
from cloned.core.secure_boot import against
from cloned.core.triage import REASONS, Course, worse
from cloned.core.verbs import Holds, Role, Target, Verb, Word, laptop_of
from cloned.core.workshop import Batch, Workshop
from cloned.saying import Phrase

NEW_SECONDS = 900.0
"""Seconds from its first boot script within which a laptop that never said hello is still a new one."""

_AUTO = "configuration (auto)"

ONLY_IMAGE = Phrase("the only image there is")


def choose_image(workshop: Workshop, laptop: Laptop) -> Laptop:
    """`laptop` with the image that a person or a rule gives it."""
    if laptop.goal.chosen.startswith("chosen by"):
        return laptop
    if laptop.triage.image:
        rule = next((each.rule for each in laptop.triage.remarks), "triage")
        chosen = Phrase("triage: {rule}", rule=rule)
        return replace(laptop, goal=replace(laptop.goal, image=laptop.triage.image, chosen=chosen))
    choice = choose(workshop.settings.rules, workshop.settings.default_image, workshop.machine(laptop))
    if choice is None and len(workshop.images) == 1:
        return replace(laptop, goal=replace(laptop.goal, image=next(iter(workshop.images)), chosen=ONLY_IMAGE))
    image, why = (choice.image, choice.why) if choice else ("", "")
    return replace(laptop, goal=replace(laptop.goal, image=image, chosen=why))


def by_itself(laptop: Laptop) -> bool:
    """Whether no person confirmed this very laptop, but a batch or the configuration."""
    given = laptop.goal.confirmation
    return given is not None and given.unasked


def void(workshop: Workshop, laptop: Laptop, now: float) -> Reason | None:
    """Why the laptop's confirmation no longer holds, if it has one that does not."""
    given = laptop.goal.confirmation
    if given is None:
        return None
    if over(given, now):
        return Reason.CONFIRMATION_OLD
    disk = laptop.disk_called(given.disk)
    if disk is None or not disk.eligible or (given.onto is not None and not given.onto.is_same(disk)):
        return Reason.DISK_CHANGED
    if workshop.settings.judging > 1 and _may_be_anothers(laptop, disk, given):
        return Reason.DISK_NAMELESS
    if not _same_card(given.mac, laptop.contact.came_by):
        return Reason.MAC_CHANGED
    if worse(laptop.triage.course, given.knowing):
        return REASONS[laptop.triage.course]
    image = workshop.images.get(given.image)
    if image is None or image.image_hash != given.image_hash:
        return Reason.IMAGE_CHANGED
    return None if given.anyway or not refused_by_firmware(workshop, laptop, given.image) else Reason.LOADER_REFUSED


def _may_be_anothers(laptop: Laptop, disk: Disk, given: Confirmation) -> bool:
    """Whether it started again since, and is known by one card, maybe a dock's, and a disk without serial number."""
    again = (laptop.contact.booted_at or 0.0) > given.given
    own = {*(laptop.contact.cards or laptop.identity.macs)} - {*laptop.facts.dongles}
    return again and not tells_itself(disk) and len(own) < 2


def refused_by_firmware(workshop: Workshop, laptop: Laptop, image_name: str) -> str:
    """Why its Secure Boot, which is on, would not start this image once it is cloned; empty if it would, or is off."""
    image = workshop.images.get(image_name)
    on = laptop.facts.firmware == "secureboot"
    return against(laptop.facts.keys, image.loaders) if on and image is not None else ""


def _detail(workshop: Workshop, laptop: Laptop, reason: Reason | None) -> str:
    """What there is more to say of a confirmation that is void."""
    given = laptop.goal.confirmation
    if given is None or reason is not Reason.LOADER_REFUSED:
        return ""
    return refused_by_firmware(workshop, laptop, given.image)


def obstacle(
    workshop: Workshop, laptop: Laptop, disk_key: str, image_name: str, *, anyway: bool = False
) -> tuple[Reason, str] | None:
    """Why this image must not go onto this disk, before anything is erased. `anyway`: whether it could start or not."""
    image = workshop.images.get(image_name)
    if image is None:
        return Reason.IMAGE_UNUSABLE, Phrase("there is no image {image_name}", image_name=image_name)
    disk = laptop.disk_called(disk_key)
    if disk is None or not disk.eligible:
        return Reason.WRONG_DISK, ""
    if disk.size < image.min_size:
        return Reason.DISK_TOO_SMALL, Phrase(
            "{size:size} where {image} needs {needed:size}", size=disk.size, image=image.name, needed=image.min_size
        )
    if disk.sector_size != image.sector_size:
        return Reason.SECTOR_SIZE, Phrase(
            "{found} bytes where {image} has {wanted}",
            found=disk.sector_size,
            image=image.name,
            wanted=image.sector_size,
        )
    refused = "" if anyway else refused_by_firmware(workshop, laptop, image_name)
    return (Reason.LOADER_REFUSED, refused) if refused else None


def confirm(
    workshop: Workshop,
    laptop: Laptop,
    disk: str,
    image: str,
    by: str,
    now: float,
    *,
    anyway: bool = False,
    unasked: bool = False,
) -> Laptop:
    """`laptop` with a confirmation, waiting for its place; or set aside where the image cannot go there."""
    refused = obstacle(workshop, laptop, disk, image, anyway=anyway)
    if refused is not None:
        return transition(
            replace(laptop, goal=replace(laptop.goal, image=image)),
            State.ASIDE,
            now,
            reason=refused[0],
            detail=refused[1],
        )
    until = now + workshop.settings.confirmation_seconds
    onto = laptop.disk_called(disk) if workshop.settings.judging else None
    image_hash, knowing, came_by = workshop.images[image].image_hash, str(laptop.triage.course), laptop.contact.came_by
    given = Confirmation(
        disk, image, image_hash, by, until, now, mac=came_by, onto=onto, knowing=knowing, anyway=anyway, unasked=unasked
    )
    goal = replace(laptop.goal, confirmation=given, cloned_by=came_by)
    laptop = replace(laptop, left_out=False, namesake="", perhaps=None, goal=goal, wants="")
    laptop = _meaning_disk(replace(laptop, goal=replace(laptop.goal, image=image)), disk, onto)
    laptop = _mention(workshop, laptop, now)
    if erasing.under_way(laptop):
        return add_history(laptop, now, happened(Happened.CONFIRMED_ONCE_ERASED, by=actor(by), image=image, disk=disk))
    return transition(laptop, State.WAITING, now, happened(Happened.CONFIRMED, by=actor(by), image=image, disk=disk))


def _mention(workshop: Workshop, laptop: Laptop, now: float) -> Laptop:
    """Note what would happen with Secure Boot on, where it is off."""
    image, facts = workshop.images.get(laptop.goal.image), laptop.facts
    why = against(facts.keys, image.loaders) if facts.firmware == "uefi" and image is not None else ""
    return add_history(laptop, now, happened(Happened.NOT_WITH_SECURE_BOOT, why=why)) if why else laptop


def _meaning_disk(laptop: Laptop, key: str, onto: Disk | None) -> Laptop:
    """`laptop` with the disk that is to be written; what is known of another disk's contents does not count for it."""
    if onto is not None and laptop.goal.onto is not None and not onto.is_same(laptop.goal.onto):
        laptop = replace(
            laptop, goal=replace(laptop.goal, written=False), job=replace(laptop.job, verdict=VerdictKind.NONE)
        )
    return replace(laptop, goal=replace(laptop.goal, disk=key, onto=onto))


def ask_or_wait(workshop: Workshop, laptop: Laptop, now: float) -> Laptop:
    """What becomes of a laptop whose agent said hello: it waits for a place, or asks, with the reason."""
    master = capture.as_master(laptop, now)
    if master is not None:
        return master
    if laptop.wants:
        return transition(unconfirmed(laptop), State.ASKING, now, reason=Reason.WANTS_ERASURE)
    if awaited(workshop, laptop):
        return transition(laptop, State.ASKING, now, reason=Reason.INVENTORY_ASKED)
    reason = void(workshop, laptop, now)
    if laptop.goal.confirmation is not None and reason is None:
        given = laptop.goal.confirmation
        laptop = _meaning_disk(replace(laptop, goal=replace(laptop.goal, image=given.image)), given.disk, given.onto)
        return transition(laptop, State.WAITING, now, happened(Happened.CONFIRMED_BEFORE, by=actor(given.by)))
    detail = _detail(workshop, laptop, reason)
    laptop = choose_image(workshop, unconfirmed(laptop))
    if (held := _held(laptop, reason, detail, now)) is not None:
        return held
    if laptop.perhaps is not None:
        return transition(laptop, State.ASKING, now, reason=Reason.PERHAPS, detail=maybe_called(workshop, laptop))
    return _confirmed_by_itself(workshop, laptop, now)


def _confirmed_by_itself(workshop: Workshop, laptop: Laptop, now: float) -> Laptop:
    """`laptop` confirmed by a batch or the configuration; else it asks."""
    batch = _batch(workshop, laptop, now)
    barred = _not_by_itself(laptop, batch) or _odd(workshop, laptop)
    if barred is not None:
        return transition(laptop, State.ASKING, now, reason=barred)
    unasked = batch is not None or workshop.settings.confirm == "auto"
    if unasked and workshop.settings.inventory_required and not laptop.known:
        return transition(laptop, State.ASKING, now, reason=Reason.INVENTORY_AWAY)
    disk = laptop.eligible()[0].key
    if batch is not None:
        laptop = replace(laptop, erase_first=batch.level, organisation=batch.organisation or laptop.organisation)
        by = Phrase.of(Actor.BATCH, {"by": actor(batch.by)})
        return confirm(workshop, laptop, disk, batch.image, by, now, unasked=True)
    if workshop.settings.confirm == "auto":
        return confirm(workshop, laptop, disk, laptop.goal.image, _AUTO, now, unasked=True)
    return transition(laptop, State.ASKING, now, reason=Reason.NOT_CONFIRMED)


def maybe_called(workshop: Workshop, laptop: Laptop) -> str:
    """What the laptop is called that this one may be."""
    if laptop.perhaps is None:
        return ""
    other = workshop.laptops.get(LaptopId(laptop.perhaps.laptop))
    return laptop.perhaps.tag or laptop.perhaps.laptop if other is None else called(other)


def _held(laptop: Laptop, void_by: Reason | None, detail: str, now: float) -> Laptop | None:
    """A laptop that needs a person: triage holds it back, or the word that was given for it no longer holds."""
    if laptop.triage.course is not Course.CLONE:
        return _told(laptop, now)
    return None if void_by is None else transition(laptop, State.ASKING, now, reason=void_by, detail=detail)


def _told(laptop: Laptop, now: float) -> Laptop:
    """A laptop that triage holds back: it asks, or is set aside, with what the rules say. A person may overrule it."""
    state = State.ASKING if laptop.triage.course is Course.ASK else State.ASIDE
    return transition(laptop, state, now, reason=REASONS[laptop.triage.course], detail=laptop.triage.words)


def may_start_unasked(workshop: Workshop, laptop: Laptop, now: float) -> bool:
    """Whether a laptop that just asked for its boot script should start the live system by itself."""
    if laptop.state in (State.DONE, State.ASIDE) or laptop.left_out or laptop.wants:
        return False
    if laptop.goal.confirmation is not None:
        given = laptop.goal.confirmation
        return not over(given, now) and _same_card(given.mac, laptop.contact.came_by)
    if not (_is_new(laptop, now) and laptop.identity.usable) or claimed(workshop.laptops.values(), laptop):
        return False
    return workshop.settings.confirm == "auto" or _batch(workshop, laptop, now) is not None


def _same_card(one: str, other: str) -> bool:
    """Whether a laptop came through the same card both times, as far as both are known."""
    return not one or not other or one == other


def _is_new(laptop: Laptop, now: float) -> bool:
    """Whether `laptop` was never seen before this boot (or the tries just before it)."""
    fresh = (
        laptop.job.number == 0
        and laptop.contact.hellos <= 1
        and -SLACK_SECONDS <= now - laptop.first_seen <= NEW_SECONDS
    )
    return fresh and laptop.job.verdict is VerdictKind.NONE and not laptop.lent


def _not_by_itself(laptop: Laptop, batch: Batch | None) -> Reason | None:
    """What keeps a laptop from being confirmed by a batch or by `confirm = "auto"`."""
    if not laptop.goal.image and batch is None:
        return Reason.NO_IMAGE
    disks = laptop.eligible()
    if len(disks) != 1:
        return Reason.SEVERAL_DISKS if disks else Reason.NO_DISK
    if not laptop.identity.usable:
        return Reason.NO_IDENTITY
    if laptop.lent:
        return Reason.LENT_OUT
    return None if _is_new(laptop, laptop.contact.last_hello) else Reason.KNOWN_BEFORE


def awaited(workshop: Workshop, laptop: Laptop) -> bool:
    """Whether inventories are still to say what they know of it since it booted."""
    return workshop.settings.inventories and laptop.asked_at < (laptop.contact.booted_at or 0.0)


def _odd(workshop: Workshop, laptop: Laptop) -> Reason | None:
    """What makes a laptop a case for a person, though it is new and has one disk."""
    if not workshop.settings.judging:
        return None
    if claimed(workshop.laptops.values(), laptop):
        return Reason.TWIN
    return Reason.DISK_ASKS if laptop.eligible()[0].asks else None


def _batch(workshop: Workshop, laptop: Laptop, now: float) -> Batch | None:
    """The batch confirmation that covers a laptop: first seen after it was given, of that model, image unchanged."""
    for batch in workshop.batches.values():
        image = workshop.images.get(batch.image)
        current = image is not None and image.image_hash == batch.image_hash
        if current and batch.until > now and laptop.first_seen >= batch.given and _of_model(laptop, batch):
            return batch
    return None


def _of_model(laptop: Laptop, batch: Batch) -> bool:
    vendor = batch.vendor in ("", "*") or laptop.identity.vendor.lower() == batch.vendor.lower()
    return vendor and batch.product != "" and laptop.identity.product.lower() == batch.product.lower()


def settle(workshop: Workshop, laptop: Laptop, now: float) -> Laptop:
    """A waiting laptop whose confirmation ran out or became void asks again."""
    reason = void(workshop, laptop, now)
    if laptop.state is not State.WAITING or reason is None:
        return laptop
    detail, laptop = _detail(workshop, laptop, reason), unconfirmed(laptop)
    if reason in REASONS.values():
        return _told(laptop, now)
    return transition(laptop, State.ASKING, now, reason=reason, detail=detail)


def settle_all(workshop: Workshop, now: float) -> Workshop:
    """Waiting laptops whose confirmation no longer holds ask again."""
    changed = {
        laptop.id: after for laptop in workshop.waiting() if (after := settle(workshop, laptop, now)) is not laptop
    }
    return replace(workshop, laptops={**workshop.laptops, **changed}) if changed else workshop


def used_up(laptop: Laptop, now: float) -> Laptop:
    """`laptop` after a "verified": its confirmation is spent."""
    return add_history(unconfirmed(laptop), now, happened(Happened.USED_UP))


def give(workshop: Workshop, command: Command, now: float) -> Workshop:
    """A person's word: as `confirm`, for a laptop that is not at work."""
    laptop = workshop.laptops.get(LaptopId(command.target))
    if laptop is None or laptop.active or laptop.unfinished or laptop.capture.image:
        return workshop
    chosen = Phrase("chosen by {by}", by=actor(command.by))
    laptop = replace(laptop, goal=replace(laptop.goal, chosen=chosen))
    anyway = bool(command.anyway)
    made = confirm(workshop, laptop, command.disk, command.image, command.by, now, anyway=anyway)
    return workshop.with_laptop(made)


def _obey(workshop: Workshop, command: Command, now: float, _entropy: str) -> Workshop:
    return give(workshop, command, now)


def _against(workshop: Workshop, command: Command) -> Refusal | None:
    laptop = laptop_of(workshop, command)
    against = disk_against(laptop, command.disk)
    if against is not None:
        return against
    if (command.image or laptop.goal.image) not in workshop.images:
        return Refusal(Refused.NO_SUCH_IMAGE, {"name": laptop.goal.image or "(none named)"})
    if laptop.active or laptop.unfinished or laptop.capture.image:
        return Refusal(Refused.AT_WORK, {"name": laptop.tag or laptop.number})
    return None


def _in_full(workshop: Workshop, command: Command) -> Command:
    """The word names disk and image, whatever was left to us to fill in."""
    command = replace(command, image=command.image or laptop_of(workshop, command).goal.image)
    return with_disk(workshop, command)


def _given(workshop: Workshop, command: Command) -> Mapping[str, object] | Refusal:
    """Where the laptop stands now, or why its image cannot go onto that disk."""
    laptop = workshop.laptops.get(LaptopId(command.target))
    if laptop is None or (laptop.goal.confirmation is None and laptop.reason is None):
        return Refusal(Refused.OVERTAKEN)
    if laptop.state is State.ASIDE and laptop.reason is not None:
        return Refusal(laptop.reason, {"detail": laptop.detail})
    return {"laptop": laptop.id, "state": str(laptop.state)}


VERBS = (
    Verb(
        "confirm",
        "Confirm that a LAPTOP's disk may be erased and overwritten with an image.",
        _obey,
        Target.LAPTOP,
        (
            Word("image", "the image; else the one that was chosen for it", Holds.IMAGE),
            Word("disk", "which disk, where it has several: key, path, serial or WWN", Holds.DISK),
            Word("anyway", "also where its Secure Boot would not start the image", flag="yes"),
        ),
        Role.VOLUNTEER,
        refuse=_against,
        complete=_in_full,
        answer=_given,
    ),
)
"""Its line in the table of commands."""
