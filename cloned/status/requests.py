"""What people and machines may ask for over HTTP: one shape for all commands, checked before the engine sees it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from cloned.core.commands import MOST_GUESTS
from cloned.errors import UsageError

Verb = Literal[
    "confirm",
    "start",
    "cancel",
    "retry",
    "pause",
    "continue",
    "exclude",
    "move",
    "hold",
    "batch",
    "unbatch",
    "tag",
    "label",
    "lent",
    "forget",
    "capture",
    "inventory-retry",
]


class CommandRequest(BaseModel):
    """One command. Which fields a verb needs: see the table of the OpenAPI document's `/api/v1/commands`."""

    model_config = ConfigDict(extra="forbid")

    do: Verb
    target: str = Field(
        "",
        max_length=64,
        validation_alias=AliasChoices("target", "laptop", "session"),
        description="Id of a laptop (confirm, retry, pause, continue, exclude, move, tag, label, lent, forget, "
        "capture), "
        "session (cancel) or batch (unbatch), or name of a sink (inventory-retry). Empty: all (cancel, pause, "
        "continue, inventory-retry). May also be called `laptop` or `session`.",
    )
    image: str = Field(
        "",
        max_length=255,
        description="For confirm (empty: the one that the rules chose), move, batch, hold, start; for capture: the "
        "name that the new image gets.",
    )
    disk: str = Field(
        "",
        max_length=255,
        description="For confirm and capture: the disk's `key` or path; may be left out where there is but one.",
    )
    text: str = Field(
        "",
        max_length=80,
        description="For tag and label: the text; for batch: the product; for lent: `no` means it is back.",
    )
    vendor: str = Field("*", max_length=80, description="For batch.")
    until: Annotated[float, Field(ge=0, lt=1e11)] | Annotated[str, Field(max_length=40)] = Field(
        0.0,
        description="For hold and batch: seconds since 1970, ISO 8601, or HH:MM of the coming 24 hours where the "
        "server is. A batch without it lasts as long as confirmations do.",
    )

    guests: int = Field(
        0, ge=0, le=MOST_GUESTS, description="For start: open a classic session for so many stock Clonezilla clients."
    )

    def for_engine(self, by: str) -> dict[str, Any]:
        """The command as the engine takes it, with who asked."""
        return {**self.model_dump(), "by": by}


def parse(body: object) -> CommandRequest:
    """Understand a JSON body. Raises UsageError that names each mistake."""
    if not isinstance(body, dict):
        raise UsageError("a command is a JSON object", 'for example {"do": "retry", "target": "1f2e3d4c"}')
    try:
        return CommandRequest.model_validate(body)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'command'}: {item['msg']}" for item in error.errors())
        raise UsageError(f"this is no command: {wrong}", "see /api/v1/openapi.json") from error
