"""The configuration: one TOML file, one model for each section, all mistakes told at once.

Every key is shown, with its default and meaning, in systemd/cloned.toml.example.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PrivateAttr, SecretStr, field_validator, model_validator

from cloned.config_boot import DAY, BootSettings, Dhcp, Mbps, NetworkSettings, Port
from cloned.config_images import Images
from cloned.core.finishing import VALUES
from cloned.core.settings import Settings
from cloned.core.tagged import TagPattern, is_tag
from cloned.core.trial_result import AttendedName, TrialName
from cloned.destinations import AnySink
from cloned.saying import Phrase
from cloned.sections import Section, web_place
from cloned.triage_settings import TriageSettings


class WorkshopSettings(Section):
    """`[workshop]`: who we are and where our files are."""

    name: str = "Workshop"
    language: str = "en"
    state: Path = Path("/var/lib/cloned")
    runtime: Path = Path("/run/cloned")
    group: str = "cloned"


class Page(Section):
    """`[page]`: the workshop's screen and the API."""

    address: str = "0.0.0.0"  # noqa: S104 - the screen on the wall is another machine; acting needs the PIN
    port: Port = 8080
    url: str = ""
    """Where people find it, e.g. `https://cloned.example.org`: what the codes on papers lead to, for as long as the
    stickers last. Empty: this server's address on the laptops' network."""
    hosts: tuple[str, ...] = ()
    """Further names that the page is asked by; our addresses and loopback always are."""
    read: Literal["open", "signed-in"] = "open"
    """Who may look: everybody on the network, or whoever signed in."""
    certificate: Path | None = None
    """PEM with the chain. With it the page speaks TLS, and HTTP only leads there."""
    key: Path | None = None
    tokens: dict[str, SecretStr] = Field(default_factory=dict)
    """Name of a machine and the SHA-256 (hex) of its bearer token."""

    def found_at(self, host: str) -> str:
        """Where people find the page: `url`, else at `host`, one of our addresses."""
        return self.url or f"http{'s' if self.certificate else ''}://{host}:{self.port}"

    @model_validator(mode="after")
    def _both(self) -> Page:
        if (self.certificate is None) != (self.key is None):
            raise ValueError(Phrase("certificate and key belong together: name both files, or neither"))
        return self

    @field_validator("address")
    @classmethod
    def _an_address(cls, value: str) -> str:
        try:
            ip_address(value)
        except ValueError:
            raise ValueError(Phrase("an IP address to listen on, such as 0.0.0.0 for all")) from None
        return value

    @field_validator("url")
    @classmethod
    def _a_url(cls, value: str) -> str:
        return web_url(value) if value else value

    @field_validator("hosts")
    @classmethod
    def _host_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if re.fullmatch(r"[A-Za-z0-9_.-]{1,253}|\[[0-9a-fA-F:.]+\]", name) is None:
                raise ValueError(Phrase("names of hosts, without scheme and port"))
        return value

    @field_validator("tokens")
    @classmethod
    def _digests(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, digest in value.items():
            if re.fullmatch(r"\s*[0-9a-fA-F]{64}\s*", digest.get_secret_value()) is None:
                raise ValueError(
                    Phrase(
                        "the SHA-256 of the token of {name}, 64 hexadecimal digits (`cloned token` makes one), not the "
                        "token itself",
                        name=name,
                    )
                )
        return value


class Switch(Section):
    """`[[switch]]`: a managed switch to read."""

    address: str
    community: SecretStr = SecretStr("public")
    v3_user: str = ""
    v3_auth_protocol: Literal["SHA", "SHA224", "SHA256", "SHA384", "SHA512"] = "SHA256"
    v3_auth_key: SecretStr = SecretStr("")
    v3_privacy_protocol: Literal["AES", "AES192", "AES256"] = "AES"
    v3_privacy_key: SecretStr = SecretStr("")
    v3_context: str = ""
    """SNMP v3 context, where the switch has several."""
    reserved: tuple[str, ...] = ()
    """Names or ifIndexes of ports that are never for laptops."""
    uplinks: tuple[str, ...] = ()
    """Names or ifIndexes of ports that lead to another switch, whatever the tables say."""
    uplink_macs: Annotated[int, Field(ge=2)] = 4
    """More MACs than this on a port mean that another switch is behind it."""


class Scheduling(Section):
    """`[sessions]`: how many at once, and what may start without asking."""

    confirm: Literal["ask", "auto"] = "ask"
    image: str = ""
    """Image for a laptop that no rule matches; empty: it asks."""
    ports: Annotated[int, Field(ge=1, le=4096)] = 24
    """Places where no switch is read."""
    rate_mbps: Mbps | None = None
    """Upper bound for all streams together; default: the link's speed."""
    confirmation_hours: Annotated[float, Field(gt=0, le=168)] = 12.0
    headway_seconds: Annotated[int, Field(ge=10, le=DAY)] = 300
    """A laptop that makes no headway for so long is set aside."""
    then: Literal["poweroff", "reboot", "disk", "stay"] = "poweroff"
    classic: tuple[str, ...] = ()
    """Images that go through Clonezilla's own programs though we could lay them out."""
    gather_seconds: Annotated[float, Field(ge=0, le=3600)] = 60.0
    """How long a classic session waits for further laptops after the last one joined."""


class Tags(Section):
    """`[tags]`: the numbers on stickers. One that was given is never given again."""

    pattern: str = ""
    """What they look like, e.g. `DM-{year}-{seq:04}`; also `{yy}` and `{site}`. Empty: any text."""
    given: Literal["auto", "typed", "inventory"] = "typed"
    """`auto`: a laptop gets the next one when it is to be cloned; `typed` or scanned; `inventory`: a sink knows it."""
    unique_tail: Annotated[int, Field(ge=0, le=12)] = 0
    """So many last digits are no other's either: payment references are made of them."""
    site: Annotated[str, Field(max_length=20)] = ""
    """What `{site}` stands for: two workshops that number by one pattern must differ in it."""

    @model_validator(mode="after")
    def _sound(self) -> Tags:
        if self.pattern:
            first = TagPattern(self.pattern, self.site).made(1, 0.0)
            if first is not None and not is_tag(first):
                raise ValueError(Phrase("{tag} cannot be a number on a sticker", tag=first))
        if "{site}" in self.pattern and not self.site:
            raise ValueError(Phrase("the pattern has {place}: say what it stands for", place="{site}"))
        if self.given == "auto" and not self.pattern:
            said = Phrase('given = "auto" needs a pattern, for example {example}', example='"DM-{year}-{seq:04}"')
            raise ValueError(said)
        return self


class Printing(Section):
    """`[print]`: papers, and the CUPS printers that they go to."""

    media: Literal["62", "62x29", "L7160", "L6009"] = "62"
    """What labels are printed on: a roll of 62 mm, die-cut 62x29 mm, or sheets of Avery labels (L6009 is foil)."""
    label: str = ""
    """CUPS name of the printer for labels; empty: none."""
    sheet: str = ""
    """CUPS name of the printer for hand-over sheets; empty: none."""
    when: Literal["never", "done"] = "never"
    """`done`: papers that have a printer come by themselves when a laptop is done."""


class FinishSettings(Section):
    """`[finish]`: what is done to a verified disk, after the verdict."""

    @field_validator("hostname")
    @classmethod
    def _names_each(cls, pattern: str) -> str:
        if pattern and not any(value in pattern for value in VALUES):
            raise ValueError(
                Phrase("a pattern with one of {values}: else all laptops get one name", values=", ".join(VALUES))
            )
        if re.search(r"[{}]", re.sub("|".join(map(re.escape, VALUES)), "", pattern)):
            raise ValueError(Phrase("no braces but those of {values}", values=", ".join(VALUES)))
        return pattern

    grow: bool = True
    hostname: str = ""
    """Pattern, e.g. `deelit-{tag}`; empty: left as it is."""
    machine_id: bool = False
    ssh_host_keys: bool = False
    efi_entry: bool = True
    stamp: bool = False
    """Write a file into the system that says which image, hash and date it carries."""


class EraseSettings(Section):
    """`[erase]`: erasing whole laptops, with proof."""

    before_cloning: Literal["never", "first", "always"] = "never"
    """Before a laptop is cloned: not at all, once when it was never cloned, or each time."""
    level: Literal["clear", "purge"] = "clear"
    """IEEE 2883 and SP 800-88: what is asked for where nobody says another; a weaker one is never taken."""
    verify: Literal["sample", "all"] = "sample"
    second: bool = False
    """Whether an erasure, and that a disk was set aside, is confirmed by another user than the first."""
    by: Literal["administrator", "volunteer"] = "administrator"
    """Who may have a laptop erased on page and API. Whoever may use `cloned` on the server always may."""


class DeliverySettings(Section):
    """`[deliveries]`: by which factors a donor's account tells weight and CO2; each with where it comes from."""

    weight_kg: Annotated[float, Field(ge=0, le=100)] = 0.0
    """What a laptop weighs; 0: weights are not told."""
    weight_source: str = ""
    co2_kg: Annotated[float, Field(ge=0, le=10_000)] = 0.0
    """Kilograms of CO2 equivalent that a laptop saves which is given out instead of a new one; 0: not told."""
    co2_source: str = ""

    @model_validator(mode="after")
    def _sourced(self) -> Self:
        for name in ("weight", "co2"):
            if getattr(self, f"{name}_kg") and not getattr(self, f"{name}_source").strip():
                raise ValueError(
                    Phrase(
                        "{name}_kg needs {name}_source: a factor that nobody can look up is told to no donor", name=name
                    )
                )
        return self


Years = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,3}[dwmy]$")]
"""A long time: a number of days, weeks, months or years, such as `5y`."""
LEDGER_FILE = "ledger.sqlite"
"""In the state directory, where `[ledger] url` names no other place."""


class LedgerKeep(Section):
    """How long results are kept; empty: for ever."""

    done: Years | Literal[""] = ""
    failed: Years | Literal[""] = ""
    erasure: Years | Literal["ever"] = "ever"
    """Erasures; without the row no certificate of one can be made any more."""


class LedgerSettings(Section):
    """`[ledger]`: our own record of every result."""

    url: SecretStr = SecretStr("")
    """PostgreSQL, e.g. `postgresql://cloned@db.example/cloned`; empty: a file in the state directory."""
    keep: LedgerKeep = LedgerKeep()

    @field_validator("url")
    @classmethod
    def _postgresql(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if text and not text.startswith(("postgresql://", "postgres://")):
            raise ValueError(Phrase("an address such as postgresql://cloned@db.example/cloned, or nothing"))
        return value


class HookSettings(Section):
    """`[hooks]`: executables that are run when something happened."""

    folder: Path = Path("/etc/cloned/hooks.d")
    seconds: Annotated[int, Field(ge=1, le=3600)] = 30
    """How long one may take."""


class InventorySettings(Section):
    """`[inventory]`: what is asked of inventories elsewhere, and for whom laptops are."""

    required: bool = False
    """Nothing is cloned by itself (batch, auto) before an inventory said what it knows of the laptop."""
    organisations: tuple[str, ...] = ()
    """Those that lend laptops out: one of them is chosen for a laptop or a batch."""


class TrialSettings(Section):
    """`[tests]`: tests of a laptop's parts, in time that is there anyway."""

    unattended: Literal["asked", "all"] | tuple[TrialName, ...] = "asked"
    """Of every laptop that comes: all that need nobody, or those that are named; `asked`: where somebody asks."""
    attended: Literal["asked", "all"] | tuple[AttendedName, ...] = "asked"
    """The same of those with a person at the laptop's keyboard, two minutes."""
    layout: Literal["be", "fr", "nl", "us"] = "be"
    """Of the laptops' keyboards."""

    def wanted(self) -> tuple[str, ...]:
        """Names of the tests that every laptop is asked for."""
        alone = () if self.unattended == "asked" else TrialName if self.unattended == "all" else self.unattended
        people = () if self.attended == "asked" else AttendedName if self.attended == "all" else self.attended
        return tuple(map(str, (*alone, *people)))


def _one_bridge(switch: Switch) -> tuple[str, ...]:
    """What makes a switch one: some show several bridges at one address, by community or context."""
    return switch.address, switch.community.get_secret_value(), switch.v3_user, switch.v3_context


class Config(Section):
    """The whole file."""

    @model_validator(mode="after")
    def _each_once(self) -> Config:
        once: tuple[tuple[str, list[tuple[str, ...]]], ...] = (
            ("sink", [(sink.name,) for sink in self.sink]),
            ("dhcp.lease", [(lease.interface,) for lease in self.dhcp.lease]),
            ("switch", [_one_bridge(switch) for switch in self.switch]),
        )
        for what, names in once:
            twice = [name for name in names if names.count(name) > 1]
            if twice:
                raise ValueError(
                    Phrase("there are two [[{what}]] called {name}: each needs its own", what=what, name=twice[0][0])
                )
        return self

    workshop: WorkshopSettings = WorkshopSettings()
    network: NetworkSettings = NetworkSettings()
    dhcp: Dhcp = Dhcp()
    boot: BootSettings = BootSettings()
    page: Page = Page()
    switch: tuple[Switch, ...] = ()
    sessions: Scheduling = Scheduling()
    images: Images = Images()
    triage: TriageSettings = TriageSettings()
    tests: TrialSettings = TrialSettings()
    tags: Tags = Tags()
    print: Printing = Printing()
    finish: FinishSettings = FinishSettings()
    erase: EraseSettings = EraseSettings()
    deliveries: DeliverySettings = DeliverySettings()
    ledger: LedgerSettings = LedgerSettings()
    inventory: InventorySettings = InventorySettings()
    hooks: HookSettings = HookSettings()
    sink: tuple[AnySink, ...] = ()

    _secret_files: tuple[Path, ...] = PrivateAttr(())

    def with_secrets_in(self, files: tuple[Path, ...]) -> Config:
        """The same, which knows what files its secrets were read from: `cloned check` looks who may read them."""
        self._secret_files = files
        return self

    @property
    def secret_files(self) -> tuple[Path, ...]:
        """Files that hold secrets, beside the state."""
        return self._secret_files

    @property
    def ledger_place(self) -> Path | str:
        """Where the ledger is: its file, or the URL of its database (with its password, if it has one)."""
        return self.ledger.url.get_secret_value() or self.workshop.state / LEDGER_FILE

    def settings(self) -> Settings:
        """What decisions depend on."""
        return Settings(
            confirm=self.sessions.confirm,
            default_image=self.sessions.image,
            rules=tuple(rule.core() for rule in self.images.rule),
            confirmation_seconds=self.sessions.confirmation_hours * 3600,
            then=self.sessions.then,
            gather_seconds=self.sessions.gather_seconds,
            tag_pattern=self.tags.pattern,
            tag_given=self.tags.given,
            tag_tail=self.tags.unique_tail,
            tag_site=self.tags.site,
            tag_needed="{tag}" in self.finish.hostname,
            inventory_required=self.inventory.required,
            organisations=self.inventory.organisations,
            erase_before=self.erase.before_cloning,
            erase_level=self.erase.level,
            erase_verify=self.erase.verify,
            erase_by=self.erase.by,
            erase_second=self.erase.second,
            triage=self.triage.rules(),
            tests=self.tests.wanted(),
            layout=self.tests.layout,
        )


def web_url(value: str) -> str:
    """`value`; ValueError if it is no http or https URL with a host."""
    if web_place(value) is None or not value.isascii():
        raise ValueError(Phrase("a URL that begins with http:// or https:// and a host"))
    return value
