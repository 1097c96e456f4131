"""A laptop asks for its boot script, and its agent says hello: who it is, and what becomes of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from cloned.core import capture, deliveries, erasing, triage, trials, weighing
from cloned.core.boot import answer_kind, taken_for, unbelieved
from cloned.core.confirm import ask_or_wait
from cloned.core.derived import built_in, first_id
from cloned.core.disk_names import tells_itself
from cloned.core.events import Booted, Hello
from cloned.core.evidence import Evidence, Words, perhaps, recognise, words
from cloned.core.happened import Happened, happened
from cloned.core.hardware import Hardware
from cloned.core.ids import Identity, LaptopId, derive_id
from cloned.core.known import KnownToLedger
from cloned.core.laptop import (
    ACTIVE,
    Attachment,
    CloneJob,
    Facts,
    Laptop,
    State,
    Unweighed,
    add_history,
    transition,
    unconfirmed,
)
from cloned.core.reasons import Reason
from cloned.core.workshop import MAX_BOOTS, MAX_SILENT, BootGiven, Workshop
from cloned.saying import Phrase


def booted(workshop: Workshop, event: Booted, now: float, entropy: str) -> Workshop:
    """A boot script was rendered: its token is the laptop's only one from now on, if it is this laptop that asked."""
    if workshop.settings.judging and unbelieved(workshop, event, now):
        return workshop
    known = taken_for(workshop, event, now)
    if known is None:
        workshop = _room_for_one(workshop)
    laptop = known or _newcomer(workshop, event.identity, entropy, now, event.known)
    came_by = event.boot_mac if workshop.settings.judging else ""
    heard = workshop.settings.judging > 1 and laptop.contact.hellos  # its hello says who it is: this may be another
    identity = laptop.identity if heard else laptop.identity.merged(event.identity)
    laptop = replace(
        laptop,
        facts=replace(laptop.facts, identity=identity, boot_mac=event.boot_mac),
        contact=replace(laptop.contact, came_by=came_by, address=event.address, booted_at=now),
    )
    laptop = capture.cut_short(laptop, Phrase("it started again"), now)
    if laptop.state in ACTIVE or laptop.state in (State.WAITING, State.ERASING):
        laptop = transition(replace(laptop, session=None), State.GONE, now, reason=Reason.RESTARTED)
    elif answer_kind(workshop, laptop, now)[0] == "clone":
        laptop = add_history(laptop, now, happened(Happened.STARTS))
    elif laptop.state is State.GONE:
        laptop = transition(laptop, State.ASKING, now, reason=Reason.AT_MENU)
    else:
        laptop = add_history(laptop, now, happened(Happened.MENU))
    boot = BootGiven(event.token, event.boot_mac, event.address, now, laptop.id, event.identity)
    kept = {key: old for key, old in workshop.boots.items() if old.mac != event.boot_mac and old.laptop != laptop.id}
    if len(kept) > MAX_BOOTS:
        for oldest in sorted(kept, key=lambda key: kept[key].at)[: len(kept) - MAX_BOOTS]:
            del kept[oldest]
    return replace(workshop.with_laptop(laptop), boots={**kept, event.token: boot})


def _room_for_one(workshop: Workshop) -> Workshop:
    """Without the silent laptops that were seen longest ago, where there are too many of them."""
    silent = [laptop for laptop in workshop.laptops.values() if laptop.silent]
    if len(silent) < MAX_SILENT:
        return workshop
    silent.sort(key=lambda laptop: laptop.contact.booted_at or laptop.first_seen)
    gone = {laptop.id for laptop in silent[: len(silent) - MAX_SILENT + 1]}
    return replace(workshop, laptops={key: each for key, each in workshop.laptops.items() if key not in gone})


def _newcomer(
    workshop: Workshop,
    identity: Identity,
    entropy: str,
    now: float,
    known: KnownToLedger | None = None,
    dongles: Collection[str] = (),
) -> Laptop:
    """A laptop that is not on the screen: nobody has seen it before, or the ledger knows it."""
    number = 1 + max((laptop.number for laptop in workshop.laptops.values()), default=0)
    if not workshop.settings.judging:
        ident = LaptopId(derive_id(entropy, "laptop", 10))
    elif known is None or not known.weighed:
        ident = weighing.own_id(workshop, identity, entropy)
    else:
        ident = weighing.own_id(workshop, built_in(identity, dongles), entropy, known.taken)
    laptop = Laptop(ident, number, Facts(identity), State.ASKING, since=now, first_seen=now)
    if known is not None:
        laptop = replace(laptop, namesake=known.namesake, perhaps=known.perhaps, unweighed=_open_question(known))
        if known.laptop and LaptopId(known.laptop) not in workshop.laptops:
            laptop = _out_of_the_ledger(workshop, laptop, known, now)
    return transition(laptop, State.ASKING, now, reason=Reason.AT_MENU)


def _open_question(known: KnownToLedger) -> Unweighed:
    return Unweighed.AWAY if known.away else Unweighed.NO


def _out_of_the_ledger(workshop: Workshop, laptop: Laptop, known: KnownToLedger, now: float) -> Laptop:
    """The id that it had, its count of clones (the next is no earlier one's), and its number if nobody else has it."""
    given = workshop.tags.get(known.tag.casefold())
    tag = known.tag if given is None or given.laptop in ("", known.laptop) else ""
    laptop = replace(laptop, id=LaptopId(known.laptop), job=CloneJob(known.jobs), erasures=known.erasures, tag=tag)
    laptop = replace(laptop, lendings=known.lendings, lent=known.lent, came_back=known.came_back)
    laptop = replace(laptop, recalled=known.weighed)
    return add_history(laptop, now, happened(Happened.IN_THE_LEDGER, jobs=known.jobs, erasures=known.erasures))


def misfit(boot: BootGiven, facts: Facts) -> str:
    """Why a hello cannot be of the machine that this boot script was given to; empty if it can."""
    told = words(boot.identity, facts.identity)
    if told is Words.CONTRADICT:
        return Phrase("its UUID or serial number is not the one that its boot script was asked for with")
    if told is Words.SILENT and boot.mac and boot.mac not in (*facts.identity.macs, facts.boot_mac):
        return Phrase("it has no network card {mac}, which its boot script was asked for by", mac=boot.mac)
    return ""


def hello(workshop: Workshop, event: Hello, now: float, entropy: str) -> Workshop:
    """An agent introduced itself; one that is not the machine its token was given to changes nothing."""
    boot = workshop.boots.get(event.token)
    if boot is None or (workshop.settings.judging and misfit(boot, event.facts)):
        return workshop
    thought = recognised(workshop, boot, event.facts)
    if thought is not None and thought.unweighed and not thought.unheard and event.known is not None:
        workshop, ident = weighing.settled(workshop, thought.id, event.known, entropy, now)
        boot, thought = workshop.boots[event.token], workshop.laptops[ident]
    found = _settled(workshop, thought, event)
    workshop = _without(workshop, boot, thought, found) if workshop.settings.judging else workshop
    if found is None:
        workshop = _room_for_one(workshop)
    laptop = found or _newcomer(workshop, event.facts.identity, entropy, now, event.known, event.facts.dongles)
    if not laptop.contact.hellos:
        laptop = _at_first_sight(workshop, laptop, event)
    laptop = _introduced(_counted_on(laptop, event.known), boot, event, now)
    laptop = replace(laptop, contact=replace(laptop.contact, came_by=boot.mac)) if workshop.settings.judging else laptop
    laptop = trials.newly_here(laptop, workshop.settings.tests)
    laptop = triage.judged(workshop.settings.triage, laptop, now)
    workshop = replace(workshop, boots=_bound(workshop, event.token, laptop.id))
    return workshop.with_laptop(what_now(workshop, laptop, now))


def _at_first_sight(workshop: Workshop, laptop: Laptop, event: Hello) -> Laptop:
    """One whose agent speaks for the first time: its delivery, and which other it may be."""
    known = event.known
    if known is None or known.away or (known.weighed and not known.laptop):
        laptop = deliveries.at_first_sight(workshop, laptop)
    if workshop.settings.judging < 2 or (known is not None and known.laptop):
        return laptop
    other = perhaps(workshop.laptops, sight_of(event.facts), laptop.id)
    return laptop if other is None else replace(laptop, perhaps=KnownToLedger(other.id))


def recognised(workshop: Workshop, boot: BootGiven, facts: Facts) -> Laptop | None:
    """The laptop that an agent's facts are of, None for one that nobody has seen."""
    if not workshop.settings.judging:
        return workshop.find(facts.identity)
    docks = workshop.settings.judging > 1
    return recognise(workshop.laptops, sight_of(facts), boot.laptop or LaptopId(""), docks=docks)


def sight_of(facts: Facts) -> Evidence:
    """A machine as its agent shows it."""
    return Evidence(facts.identity, facts.disks, frozenset(facts.dongles))


def _settled(workshop: Workshop, found: Laptop | None, event: Hello) -> Laptop | None:
    """`found`; where only a boot menu made that row, under the id that is its own now that disks and cards are seen.

    None where it is another than it was taken for: one of the ledger's, or none of them.
    """
    known = event.known
    if found is None or known is None or not found.unheard:
        return found
    if known.away:  # what the ledger said of one card at the boot menu is not enough
        return None if found.recalled else replace(found, unweighed=Unweighed.AWAY)
    if not known.weighed:
        return found
    if known.laptop == found.id and found.recalled:
        return replace(found, namesake=known.namesake, perhaps=known.perhaps)
    if found.recalled or (known.laptop and LaptopId(known.laptop) not in workshop.laptops):
        return None
    others = {*workshop.laptops, *known.taken} - ({found.id} - {*known.taken})
    own = first_id(built_in(event.facts.identity, event.facts.dongles), others)
    if own is None:
        return None
    return replace(found, id=own, namesake=known.namesake, perhaps=known.perhaps, unweighed=Unweighed.NO)


def _counted_on(laptop: Laptop, known: KnownToLedger | None) -> Laptop:
    """Its next clone, erasure and lending is no earlier one's: another site or an older journal counts too."""
    laptop = replace(laptop, recalled=False)
    if known is None or known.laptop != laptop.id or laptop.job.open:
        return laptop
    job = replace(laptop.job, number=max(laptop.job.number, known.jobs))
    erasures, lendings = max(laptop.erasures, known.erasures), max(laptop.lendings, known.lendings)
    return replace(laptop, job=job, erasures=erasures, lendings=lendings)


def _without(workshop: Workshop, boot: BootGiven, thought: Laptop | None, found: Laptop | None) -> Workshop:
    """Where the hello is of another laptop than was thought: without that row, if nothing else is in it."""
    rows = (workshop.laptops.get(boot.laptop) if boot.laptop is not None else None, thought)
    gone = {each.id for each in rows if each is not None and each.unheard} - {found.id if found is not None else ""}
    if not gone:
        return workshop
    return replace(workshop, laptops={key: each for key, each in workshop.laptops.items() if key not in gone})


def _bound(workshop: Workshop, token: str, laptop: LaptopId) -> dict[str, BootGiven]:
    """The boots, with this one known to be of `laptop`, whose older ones are revoked."""
    boots = {
        key: each
        for key, each in workshop.boots.items()
        if key == token or each.laptop != laptop or not workshop.settings.judging
    }
    return {**boots, token: replace(workshop.boots[token], laptop=laptop)}


def _known_screen(before: Hardware, told: Hardware) -> Hardware:
    """`told` with the screen of before where it tells of none: whoever starts again has no driver for it yet."""
    return replace(told, panel=before.panel) if told.panel is None else told


def _introduced(laptop: Laptop, boot: BootGiven, event: Hello, now: float) -> Laptop:
    """`laptop` with what its agent says of it."""
    first = boot.laptop != laptop.id or laptop.contact.last_hello < boot.at
    before = {} if laptop.job.number and not laptop.job.open else dict(laptop.seconds)
    seconds = {**before, "boot": now - boot.at} if first else dict(laptop.seconds)
    if first and laptop.state is State.ASKING:
        laptop = replace(laptop, since=now)  # it was booting, not waiting
    identity = laptop.identity.merged(event.facts.identity)
    lent = {*laptop.facts.dongles, *event.facts.dongles}  # one that was unplugged is still nobody's own card
    told = replace(
        event.facts,
        identity=identity,
        boot_mac=event.facts.boot_mac or boot.mac,
        dongles=tuple(mac for mac in identity.macs if mac in lent),
        hardware=_known_screen(laptop.facts.hardware, event.facts.hardware),
    )
    contact = replace(laptop.contact, address=event.address, hellos=laptop.contact.hellos + 1, last_hello=now)
    laptop = replace(
        laptop,
        facts=told,
        contact=replace(contact, booted_at=boot.at, cards=event.facts.identity.macs),
        link=_linked(laptop.link, told, first=first),
        seconds=tuple(seconds.items()),
        session=None,
        wants=told.wants,
        first_word=None,
        media=laptop.media if erasing.under_way(laptop) else (),
    )
    return capture.cut_short(laptop, Phrase("its agent started again"), now)


def _linked(link: Attachment, told: Facts, *, first: bool) -> Attachment:
    """Where its cable ends now; what was done to its card holds until it starts again."""
    return replace(link, speed_mbps=told.speed_mbps, half_duplex=told.half_duplex, card="" if first else link.card)


def what_now(workshop: Workshop, laptop: Laptop, now: float) -> Laptop:
    """What becomes of a laptop whose agent said hello."""
    if laptop.left_out:
        return transition(laptop, State.ASIDE, now, reason=Reason.LEFT_OUT)
    if erasing.under_way(laptop):
        return _erase_on(laptop, now)
    if laptop.unfinished:
        return _finish(workshop, laptop, now)
    if laptop.state in (State.DONE, State.ASIDE) and not (laptop.wants or laptop.reason in triage.REASONS.values()):
        return _back_again(laptop, now)
    return ask_or_wait(workshop, laptop, now)


def _finish(workshop: Workshop, laptop: Laptop, now: float) -> Laptop:
    """A verified laptop goes on with its finishing steps, if it has the very disk that was read back."""
    reason = _doubted(laptop) if workshop.settings.judging else None
    if reason is None:
        return transition(laptop, State.FINISHING, now, happened(Happened.VERIFIED_BEFORE))
    return transition(laptop, State.ASIDE, now, reason=reason)


def _doubted(laptop: Laptop) -> Reason | None:
    """Why it may not have the very disk that was read back."""
    disk = laptop.target()
    if disk is None:
        return Reason.DISK_CHANGED
    if not tells_itself(disk):
        return Reason.DISK_NAMELESS
    return None if laptop.goal.cloned_by in ("", laptop.contact.came_by) else Reason.MAC_CHANGED


def _erase_on(laptop: Laptop, now: float) -> Laptop:
    """An erasure goes on where it was confirmed for this very machine; else a person must say so again."""
    assert laptop.erasure is not None
    if laptop.erasure.came_by not in ("", laptop.contact.came_by):
        return transition(laptop, State.ASIDE, now, reason=Reason.MAC_CHANGED)
    return erasing.taken_up(laptop, now) or laptop


def _back_again(laptop: Laptop, now: float) -> Laptop:
    """A finished or failed laptop whose live system was started on purpose: it asks, nothing starts by itself."""
    if laptop.state is State.DONE:
        changed = laptop.goal.onto is not None and laptop.target() is None
        reason = Reason.DISK_CHANGED if changed else Reason.KNOWN_BEFORE
        return transition(unconfirmed(laptop), State.ASKING, now, reason=reason)
    return add_history(laptop, now, happened(Happened.HERE_AGAIN))
