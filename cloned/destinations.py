"""The `[[sink]]` sections of the configuration: one class for each kind of inventory elsewhere.

What the keys of a kind mean, and what that system does with them, stands beside each sink
(`inventory/sinks/*.toml`).
"""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import AfterValidator, Field, SecretStr, model_validator

from cloned.saying import Phrase
from cloned.sections import Section, web_place

StatusType = Literal["deployable", "pending", "undeployable", "archived"]
Which = Literal["all", "newest"]


def _address(url: str) -> str:
    """An http or https URL with a host and without a password in it."""
    parts = web_place(url)
    if parts is None:
        raise ValueError(Phrase("an address such as https://inventory.example is expected"))
    if parts.username or parts.password:
        raise ValueError(Phrase("no name or password belongs into the address; use `token`"))
    return url.rstrip("/")


def _uuid(text: SecretStr) -> SecretStr:
    """Anything else makes DeviceHub answer 500."""
    try:
        uuid.UUID(text.get_secret_value())
    except ValueError as error:
        raise ValueError(Phrase("a DeviceHub token is a UUID such as 5018dd65-9abd-4a62-8896-80f34ac66150")) from error
    return text


def _given(text: SecretStr) -> SecretStr:
    if not text.get_secret_value().strip():
        raise ValueError(Phrase("it is empty"))
    return text


Url = Annotated[str, AfterValidator(_address)]
Token = Annotated[SecretStr, AfterValidator(_given)]


AtOnce = Annotated[int, Field(ge=1, le=32)]
OneAtATime = Annotated[int, Field(ge=1, le=1)]


class SinkSettings(Section):
    """What every `[[sink]]` has."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    past: Literal["all", "newest", "none", "ask"] = "all"
    """What of the results that are there it gets where it is new: all, the newest of each laptop, none; or it asks."""
    at_once: AtOnce = 1
    """Results of so many laptops may be on their way together."""
    can_be_asked: ClassVar[bool] = False
    """Whether it can say what it knows of a serial number."""


class WebhookSettings(SinkSettings):
    """`type = "webhook"`: every result is posted as signed JSON."""

    type: Literal["webhook"]
    at_once: AtOnce = 4
    url: str = ""
    secret: SecretStr = SecretStr("")
    ca: Path | None = None

    @model_validator(mode="after")
    def _complete(self) -> WebhookSettings:
        if not self.url:
            raise ValueError(Phrase("sink {name}: a webhook needs url", name=self.name))
        if web_place(self.url) is None:  # which may carry a key, so it is never repeated
            raise ValueError(Phrase("sink {name}: url begins with http:// or https:// and a host", name=self.name))
        return self


class FileSettings(SinkSettings):
    """`type = "csv" | "xlsx" | "jsonl"`: a file with a line for each result, or for each laptop its newest."""

    type: Literal["csv", "xlsx", "jsonl"]
    at_once: OneAtATime = 1
    path: Path | None = None
    rows: Which = "all"

    @model_validator(mode="after")
    def _complete(self) -> FileSettings:
        if self.path is None:
            raise ValueError(Phrase("sink {name}: a {kind} sink needs path", name=self.name, kind=self.type))
        return self


class StatusLabel(Section):
    """A status label of Snipe-IT: both its name and its type must be so."""

    name: str
    type: StatusType


class CarriedValues(Section):
    """`[sink.image.NAME]`: what a laptop with that image gets: fixed values, fields of the master's record."""

    set: dict[str, str] = Field(default_factory=dict)
    master: str = ""
    """Serial of the laptop that the image was made of."""
    copy_fields: tuple[str, ...] = ()


class SnipeItSettings(SinkSettings):
    """`type = "snipeit"`."""

    can_be_asked: ClassVar[bool] = True
    type: Literal["snipeit"]
    past: Literal["all", "newest", "none", "ask"] = "ask"
    at_once: OneAtATime = 1
    url: Url
    token: Token
    ca: Path | None = None
    create: bool = True
    """Make an asset for a serial that is not there."""
    numbers: Literal["ours", "server"] = "ours"
    """Who gives a new laptop its number."""
    done: StatusLabel | int = StatusLabel(name="Ready to Deploy", type="deployable")
    failed: StatusLabel | int | None = None
    erased: StatusLabel | int | None = None
    lent: StatusLabel | int | None = None
    back: StatusLabel | int | None = None
    """For one that goes out, and one that comes back: by `lent` or `swap`."""
    waiting: StatusLabel | int = StatusLabel(name="Pending", type="pending")
    """For an asset that is made before its laptop is done."""
    model: str = "{product}"
    """Its exact name or number there."""
    category: str | int = ""
    """Where new models are made; empty: none is made."""
    fieldset: str | int = ""
    """What new models get."""
    company: str = ""
    location: str = ""
    sheet: bool = False
    """Attach the hand-over sheet, once."""
    certificate: bool = False
    """Attach the certificate of each erasure."""
    audit: bool = False
    """Leave a line in the asset's history; this also sets its date of last audit."""
    fields: dict[str, str] = Field(default_factory=dict)
    image: dict[str, CarriedValues] = Field(default_factory=dict)


GLPIS_OWN = frozenset({"id", "comment", "contact", "serial", "otherserial", "entities_id", "is_deleted"})
"""Columns of a computer in GLPI that a template may not replace: what people wrote there, who has it, what it is."""


def _texts_of_glpi(fields: dict[str, str]) -> dict[str, str]:
    """Plain text columns alone: a number in a list's place is stored even where there is none such [046]."""
    for name in fields:
        listed = re.fullmatch(r".*s_id(_.*)?|is_.*|date_.*", name) is not None
        if listed or name in GLPIS_OWN or re.fullmatch("[a-z][a-z0-9_]*", name) is None:
            said = Phrase("{name} is no text of a computer in GLPI that a template may replace; for a line in its "
                          "comment there is `comment`, for states `done` and `failed`", name=name)  # fmt: skip
            raise ValueError(said)
    return fields


def _accounts_of_ocs(fields: dict[str, str]) -> dict[str, str]:
    """What it has of an account: anything else it leaves out without a word."""
    for name in fields:
        if re.fullmatch("TAG|fields_[0-9]+", name) is None:
            raise ValueError(Phrase("OCS knows TAG and fields_1, fields_2 and so on, not {name}", name=name))
    return fields


class GlpiSettings(SinkSettings):
    """`type = "glpi"`: GLPI 10 and 11 through apirest.php."""

    can_be_asked: ClassVar[bool] = True
    type: Literal["glpi"]
    past: Literal["all", "newest", "none", "ask"] = "ask"
    at_once: AtOnce = 1
    url: Url
    token: Token
    """The user's API token."""
    app_token: SecretStr = SecretStr("")
    ca: Path | None = None
    create: bool = True
    done: str = ""
    failed: str = ""
    erased: str = ""
    lent: str = ""
    back: str = ""
    """Names of states; empty: the state is left as it is."""
    make: bool = False
    """Make states, models and manufacturers that are missing."""
    comment: str = ""
    """A line that is put below the comment that is there."""
    note: str = ""
    """A line for the notepad."""
    sheet: bool = False
    inventory: bool = False
    """Send the native inventory document first."""
    fields: Annotated[dict[str, str], AfterValidator(_texts_of_glpi)] = Field(default_factory=dict)
    """Text columns of a computer, such as `contact_num`."""


class OcsSettings(SinkSettings):
    """`type = "ocs"`: OCS Inventory NG, spoken to as its agents do."""

    can_be_asked: ClassVar[bool] = True
    type: Literal["ocs"]
    past: Literal["all", "newest", "none", "ask"] = "ask"
    at_once: AtOnce = 1
    url: Url
    user: str = ""
    password: SecretStr = SecretStr("")
    """Basic authentication, where the web server in front asks for it."""
    ca: Path | None = None
    api: str = ""
    """Address of its REST service, where there is one, to read back: `https://ocs.example/ocsapi`."""
    tag: str = "{tag}"
    """TAG of its account, taken at the first inventory only."""
    description: str = "cloned: {image}, {verdict}, {date}"
    fields: Annotated[dict[str, str], AfterValidator(_accounts_of_ocs)] = Field(default_factory=dict)
    """Account fields (`fields_3`), taken at the first inventory only."""


PROPERTIES = {
    "cloned_image": "{image}",
    "cloned_image_hash": "{image_hash}",
    "cloned_verdict": "{verdict}",
    "cloned_on": "{date}",
    "cloned_erasure": "{erasure.result} ({erasure.level}), {erasure.methods}, {erasure.date}",
    "cloned_report": "{report}",
}
"""What DeviceHub is told of a result where nothing else is asked for: it has no state, note or file to put it in."""


class DeviceHubSettings(SinkSettings):
    """`type = "devicehub"`: eReuse DeviceHub, the Django one."""

    can_be_asked: ClassVar[bool] = True
    type: Literal["devicehub"]
    past: Literal["all", "newest", "none", "ask"] = "ask"
    at_once: AtOnce = 1
    url: Url
    token: Annotated[SecretStr, AfterValidator(_uuid)]
    ca: Path | None = None
    lot: str = ""
    """Name or number of the lot that laptops are put in."""
    fields: dict[str, str] = Field(default_factory=lambda: dict(PROPERTIES))
    """Properties."""


AnySink = Annotated[
    WebhookSettings | FileSettings | SnipeItSettings | GlpiSettings | OcsSettings | DeviceHubSettings,
    Field(discriminator="type"),
]
KINDS: tuple[str, ...] = tuple(
    kind for each in get_args(get_args(AnySink)[0]) for kind in get_args(each.model_fields["type"].annotation)
)
"""What `type` may be."""
