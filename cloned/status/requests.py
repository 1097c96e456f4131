"""What may be asked for over HTTP, straight into the core's `Command`; made from the table of commands."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, create_model

from cloned.core.commands import TABLE, VERBS, verb_of
from cloned.core.events import Command
from cloned.core.refusals import Refusal
from cloned.core.verbs import Holds, Target
from cloned.errors import RefusedError, UsageError
from cloned.saying import Phrase
from cloned.wallclock import moment

OURS = ("kind", "by")
"""Fields of a Command that nobody sends."""
LONGEST = {"target": 64, "text": 80, "vendor": 80}
"""Characters of a text; 255 where it says nothing."""


_CLOCK = r"([01]?\d|2[0-3]):[0-5]\d"
_DAY = (
    r"\d{4}-((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))"
    r"|\d{2}([02468][048]|[13579][26])-02-29"
)
_HOUR = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|[+-](0\d|1[0-3]):[0-5]\d)?"
_Moment = Annotated[str, Field(pattern=f"^({_CLOCK}|({_DAY})([T ]{_HOUR})?)?$")]
_Time = Annotated[int, Field(ge=0, lt=10**11)] | Annotated[float, Field(ge=0, lt=1e11)] | _Moment
"""What wallclock.moment understands."""


def _described(field: str) -> str:
    """Which verbs take a field, and what it then is."""
    words = [f"{verb.name}: {word.help}" for verb in TABLE for word in verb.takes if word.field == field]
    return "; ".join(words) + "."


def _targets() -> str:
    """What the target of each verb is."""
    found: dict[Target, list[str]] = {}
    for verb in TABLE:
        found.setdefault(verb.target, []).append(verb.name)
    told = (f"{', '.join(names)}: {target}" for target, names in found.items() if target is not Target.NOTHING)
    return "; ".join(told) + ". Every name that people use will do; may also be called `laptop` or `session`."


def _field(name: str, default: Any) -> tuple[Any, Any]:
    """One field of the model: its type and the rest, from Command's own default."""
    if name == "do":
        return str, Field(description="What to do.", json_schema_extra={"enum": list(VERBS)})
    if name == "target":
        aliases = AliasChoices("target", "laptop", "session", "batch", "sink")
        return str, Field(default, max_length=LONGEST["target"], validation_alias=aliases, description=_targets())
    if any(word.field == name and word.holds is Holds.TIME for verb in TABLE for word in verb.takes):
        words = "Seconds since 1970, ISO 8601, or HH:MM of the coming 24 hours where the server is."
        return _Time, Field(default, description=f"{_described(name)} {words}")
    if isinstance(default, tuple):
        return list[str], Field([], max_length=32, description=_described(name))
    if isinstance(default, int):
        return int, Field(default, ge=0, le=2**31, description=_described(name))
    return str, Field(default, max_length=LONGEST.get(name, 255), description=_described(name))


_FIELDS: dict[str, Any] = {
    field.name: _field(field.name, "" if field.default is MISSING else field.default)
    for field in fields(Command)
    if field.name not in OURS
}
CommandRequest: type[BaseModel] = create_model(
    "CommandRequest",
    __config__=ConfigDict(extra="forbid"),
    __doc__="One command.\n\n" + "\n".join(f"- `{verb.name}` ({verb.role}): {verb.help}" for verb in TABLE),
    **_FIELDS,
)


def _whole(body: dict[str, Any]) -> dict[str, Any]:
    """The same with 5.0 as 5: JSON Schema knows no difference."""
    return {name: int(each) if isinstance(each, float) and each.is_integer() else each for name, each in body.items()}


def parse(body: object, by: str, clock: Callable[[], float] = time.time) -> Command:
    """Understand a JSON body as what `by` asks for. Raises UsageError that names each mistake."""
    if not isinstance(body, dict):
        raise UsageError("a command is a JSON object", 'for example {"do": "retry", "target": "1f2e3d4c"}')
    try:
        told = CommandRequest.model_validate(_whole(body), strict=True).model_dump()
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'command'}: {item['msg']}" for item in error.errors())
        raise UsageError(Phrase("this is no command: {wrong}", wrong=wrong), "see /api/v1/openapi.json") from error
    if isinstance(verb := verb_of(told["do"]), Refusal):
        raise RefusedError(verb)
    until, disks = moment(told["until"], clock), tuple(disk[:255] for disk in told["disks"])
    return Command(**{**told, "do": verb.name, "by": by, "until": until, "disks": disks})
