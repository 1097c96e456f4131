"""What stands elsewhere for an organisation, once the laptop is for none.

It is taken back where it is on record that we wrote it and it still reads so; else it is told and left alone.

On record is what the ledger knows that this inventory took: nothing that was only read there is ever counted as ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cloned.errors import ClonedError
from cloned.inventory.sinks.base import Delivery, Surroundings, Unavailable
from cloned.inventory.sinks.record import ResultRecord
from cloned.inventory.sinks.templates import Template
from cloned.saying import Phrase

ORGANISATION = "organisation"


Text = Callable[[Mapping[str, object], Template], str | None]
"""What a result writes for a template; None where it leaves alone what is there."""


def always(record: Mapping[str, object], wanted: Template) -> str:
    """The text of what is written whatever a result tells of: erasures and lendings too."""
    return wanted.fill(record)


async def withdrawn(
    sink: str,
    around: Surroundings,
    record: ResultRecord,
    templates: Mapping[str, tuple[Template, Text]],
    read: Callable[[Delivery], ResultRecord],
) -> dict[str, str]:
    """By name what each text was that this result takes back; "" where it is not on record that it came there.

    Raises Unavailable where the ledger cannot be asked.
    """
    asked = {name: each for name, each in templates.items() if ORGANISATION in each[0].paths}
    if record.get(ORGANISATION) or not asked:
        return {}
    try:
        earlier = await around.told(sink, record["laptop"])
    except ClonedError as error:
        raise Unavailable(str(error)) from error
    before = [(read(each.delivery), each.taken) for each in earlier]
    gone = {name: (wanted, text) for name, (wanted, text) in asked.items() if text(record, wanted) == ""}
    found = {
        name: _last([(text(each, wanted), taken) for each, taken in before]) for name, (wanted, text) in gone.items()
    }
    return {name: text for name, text in found.items() if text is not None}


def _last(before: Sequence[tuple[str | None, bool]]) -> str | None:
    """What was written last, the newest being first; "" where nobody knows whether it was, None where nothing was."""
    doubtful = None
    for text, taken in before:
        if text is None:  # it left alone what had been written
            continue
        if taken:
            return text or doubtful
        doubtful = "" if text else doubtful
    return doubtful


def left_alone(what: str) -> str:
    """That something is not what we wrote, or not known to be."""
    return Phrase("{what} was left: it is not on record that the workshop wrote what stands there", what=what)
