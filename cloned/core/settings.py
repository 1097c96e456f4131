"""What the configuration says that decisions depend on, as it is part of the journal."""

from __future__ import annotations

from dataclasses import dataclass

from cloned.core.catalogue import ImageRule
from cloned.core.triage import TriageRule


@dataclass(frozen=True)
class Settings:
    """What the configuration says that decisions depend on."""

    confirm: str = "ask"
    default_image: str = ""
    rules: tuple[ImageRule, ...] = ()
    confirmation_seconds: float = 12 * 3600.0
    linger_seconds: float = 600.0
    """How long a session stays open for latecomers after its last laptop left."""
    stream_mbps: int = 100
    """The least a stream is worth starting for."""
    then: str = "poweroff"
    erase_before: str = "never"
    """Before cloning: never, first (a laptop never cloned) or always."""
    erase_level: str = "clear"
    erase_verify: str = "sample"
    erase_second: bool = False
    """Whether an erasure, and a disk set aside, is confirmed by a second user."""
    erase_by: str = "administrator"
    """Who may have a laptop erased; `volunteer`: also whoever chose that in its boot menu and presses a key."""
    gather_seconds: float = 60.0
    """How long a classic session waits for further laptops after the last one joined."""
    judging: int = 2
    """By which rules laptops and disks are told apart and words hold; 0: as before 0.2, in journals of that time; 1: as
    later ones have it, where one card in common was proof though the disks were different."""
    tag_pattern: str = ""
    """What numbers look like (tags.TagPattern); empty: any text."""
    tag_given: str = "typed"
    """`auto`: the next one as soon as a laptop is to be cloned; `typed` or scanned; `inventory`: a sink knows it."""
    tag_tail: int = 0
    """So many last digits of a tag are no other's either."""
    tag_site: str = ""
    """What `{site}` stands for."""
    tag_needed: bool = False
    """The computer's name is made of the tag: no laptop is finished without one."""
    inventories: bool = False
    """Something elsewhere is asked of each laptop that comes: until then nothing is cloned onto it."""
    inventory_required: bool = False
    """Nothing is cloned by itself before an inventory said what it knows."""
    number_seconds: float = 0.0
    """How long a verified laptop waits for its number from an inventory; 0: none gives numbers."""
    organisations: tuple[str, ...] = ()
    """Those that lend laptops out."""
    triage: tuple[TriageRule, ...] = ()
    """What is looked at before a laptop is cloned; none in journals of before 0.3."""
    tests: tuple[str, ...] = ()
    """Tests (of trial_result.py) that are asked of every laptop when it is first here."""
    layout: str = "be"
    """Of the keyboards that are tested (trial_result.LAYOUTS)."""
