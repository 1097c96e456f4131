"""`cloned erase …`: erase whole laptops with proof, and check the papers of it anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import click

from cloned import certificates, client
from cloned.agent.failures import AgentError
from cloned.cli import acting
from cloned.cli.common import (
    config_option,
    confirm,
    echo,
    find_laptop,
    gigabytes,
    json_option,
    print_json,
    print_table,
    runtime,
    state,
)
from cloned.core.answer_data import ErasurePlanData, ExplainedDisk, ExplainedWords
from cloned.core.shown_data import ErasedDiskData, ErasureData, LaptopData
from cloned.errors import UsageError
from cloned.json_data import JsonObject, as_object, as_objects
from cloned.saying import Phrase, message
from cloned.signing import PublicKey

LONGEST_KEY_BYTES = 65536
"""Bytes of a file that holds a key."""


@click.group(cls=acting.VerbGroup, verbs={each: each for each in ("keep", "donation", "taken-out")})
def erase() -> None:
    """Erase every disk of a laptop, with proof; or check a certificate."""


@erase.command("start")
@click.argument("laptop")
@click.option(
    "--disk", "disks", multiple=True, metavar="SERIAL", help="Serial number of a built-in disk; name every one."
)
@click.option("--level", type=click.Choice(["clear", "purge"]), default=None, help="Else the workshop's.")
@click.option("--only", is_flag=True, help="Clone nothing afterwards: it goes off, erased.")
@click.option("--yes", is_flag=True, help="Do not ask once more.")
@config_option
@json_option
def start(
    laptop: str, disks: tuple[str, ...], level: str | None, only: bool, yes: bool, config: Path | None, as_json: bool
) -> None:  # fmt: skip
    """Erase every built-in disk of LAPTOP: all that is on them is lost for good."""
    if not disks:
        raise UsageError(
            "no disk was named", "name every built-in disk: --disk SERIAL; `cloned erase explain` lists them"
        )
    found = find_laptop(config, laptop)
    if not yes:
        _ask(config, found, level or "")
    words: dict[str, object] = {"target": found["id"], "disks": list(disks), **({"level": level} if level else {})}
    told = client.command(runtime(config), "erase", **words, **({"text": "only"} if only else {}))
    if as_json:
        return print_json(told)
    if told.get("second"):
        name = found["tag"] or found["number"]
        echo(Phrase("laptop {tag}: another user has to say the same before it begins", tag=name))
        return None
    echo(
        Phrase(
            "laptop {tag} is being erased: `cloned erase status` shows how far it is",
            tag=found["tag"] or found["number"],
        )
    )
    return None


def _ask(config: Path | None, laptop: LaptopData, level: str) -> None:
    """Say what will be done to which disk, and how long it takes; nothing happens without a yes."""
    plan = _plan(config, laptop["id"], level)
    for disk in plan["disks"]:
        if disk["built_in"]:
            echo(_said(disk))
    confirm("Everything on these disks is then lost for good. Erase them?")


def _said(disk: ExplainedDisk) -> str:
    how = message(Phrase.read(disk["told"]["why"]))
    if disk["method"]:
        known = {"technique": message(disk["technique"]), "level": disk["level"], "minutes": disk["minutes"]}
        how = Phrase("{technique} ({level}), about {minutes} min", **known)
    name = " ".join(filter(None, (disk["model"], disk["serial"])))
    return Phrase("  {name}, {size}: {how}", name=name, size=gigabytes(disk["size"]), how=how)


def _reason(told: ExplainedWords) -> str:
    """Why, and what to do where there is something to do."""
    why, then = (message(Phrase.read(each)) for each in (told["why"], told["next_step"]))
    return Phrase("{why}. {then}", why=why, then=then) if then else why


def _plan(config: Path | None, laptop: str, level: str) -> ErasurePlanData:
    told: ErasurePlanData = client.get(
        runtime(config), f"/api/v1/laptops/{quote(laptop, safe='')}/erasure?level={quote(level)}"
    )
    return told


@erase.command("explain")
@click.argument("laptop")
@click.option("--level", type=click.Choice(["clear", "purge"]), default=None, help="Else the workshop's.")
@config_option
@json_option
def explain(laptop: str, level: str | None, config: Path | None, as_json: bool) -> None:
    """Say which method each disk of LAPTOP would get, at which level, why, and what it could not have."""
    plan = _plan(config, find_laptop(config, laptop)["id"], level or "")
    if as_json:
        return print_json(plan)
    if not plan["disks"]:
        echo("its disks have not been looked at yet: start its live system, and wait some seconds")
    for disk in plan["disks"]:
        echo(
            Phrase(
                "{path}{said}\n      {filter}",
                path=disk["path"],
                said=_said(disk)[1:],
                filter=_reason(disk["told"]),
            )
        )
        for offer in disk["offers"]:
            mark = "+" if offer["possible"] else "-"
            echo(
                Phrase(
                    "      {mark} {method} ({level}): {why}",
                    mark=mark,
                    method=offer["method"],
                    level=offer["level"],
                    why=message(Phrase.read(offer["told"])),
                )
            )
    return None


@erase.command("status")
@config_option
@json_option
def status(config: Path | None, as_json: bool) -> None:
    """Show which laptops are being erased, and what became of the others."""
    laptops = [each for each in state(config)["laptops"] if each.get("erasure")]
    if as_json:
        return print_json([{"id": each["id"], "state": each["state"], "erasure": each["erasure"]} for each in laptops])
    rows = [_row(each, disk) for each in laptops if (erasure := each.get("erasure")) for disk in erasure["disks"]]
    print_table(["LAPTOP", "RESULT", "DISK", "METHOD", "PHASE", "WHAT"], rows)
    return None


def _row(laptop: LaptopData, disk: ErasedDiskData) -> list[str]:
    name, result = str(laptop["tag"] or laptop["number"]), (laptop["erasure"] or ErasureData())["result"]
    return [name, result, disk["serial"] or disk["path"], disk["technique"], disk["phase"], disk["said"]]


@erase.command("certificate")
@click.argument("laptop", required=False)
@click.option("--donation", "--batch", "donation", default="", help="Every laptop of a delivery, in one file.")
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The PDF to write."
)
@click.option("--lang", type=click.Choice(["nl", "fr", "en"]), default=None, help="Else the workshop's.")
@config_option
def certificate(
    laptop: str | None, donation: str, output: Path, lang: str | None, config: Path | None
) -> int:  # fmt: skip
    """Write the signed certificate of LAPTOP's erasure; exit 1 where something of it is not erased.

    Of a delivery it certifies the laptops that are erased and names the others as NOT ERASED, with exit 1 then.
    """
    if bool(laptop) == bool(donation):
        raise UsageError("name a laptop, or a delivery with --donation", "one of the two")
    code = quote(lang or "")
    if laptop:
        path = f"/laptops/{quote(find_laptop(config, laptop)['id'], safe='')}/certificate.pdf?lang={code}"
    else:
        path = f"/api/v1/certificate.pdf?donation={quote(donation, safe='')}&lang={code}"
    data = client.fetch(runtime(config), path)
    output.write_bytes(data)
    found = certificates.check(data)
    if not found.genuine:
        echo(Phrase("{output}: NOT a certificate: it says what is not erased", output=output))
        return 1
    echo(Phrase("{output}: certificate, signed", output=output))
    return 1 if _excepted(found.facts) else 0


@erase.command("check")
@click.argument("file", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option("--key", "key_file", type=click.Path(dir_okay=False, exists=True, path_type=Path),
              help="The site's public key, from its page.")  # fmt: skip
@json_option
def check(file: Path, key_file: Path | None, as_json: bool) -> int:
    """Say whether a certificate is genuine, by whom, and what it claims; exit 1 where anything was changed."""
    known = PublicKey.parse(_beginning(key_file, LONGEST_KEY_BYTES).decode("utf-8", "replace")) if key_file else None
    found = certificates.check(_beginning(file, certificates.LARGEST_BYTES + 1), known)
    if as_json:
        print_json({"genuine": found.genuine, "said": found.said, "key": found.fingerprint, "facts": dict(found.facts)})
        return 0 if found.genuine else 1
    echo(found.said)
    for laptop in as_objects(found.facts["laptops"]) if found.genuine else []:
        vendor, product, serial = (certificates.claimed(laptop, name) for name in ("vendor", "product", "serial"))
        tag = certificates.claimed(laptop, "tag") or "-"
        echo(Phrase("  {tag}  {vendor} {product} {serial}", tag=tag, vendor=vendor, product=product, serial=serial))
        for disk in as_objects(laptop.get("disks", [])):
            names = ("model", "serial", "technique", "level")
            told = {name: message(certificates.claimed(disk, name)) for name in names}
            echo(Phrase("    {model} {serial}: {technique} ({level})", **told))
    if found.genuine:
        _excepted(found.facts)
    return 0 if found.genuine else 1


def _excepted(facts: JsonObject) -> bool:
    """Name the laptops that a delivery's certificate does not cover; whether there are any."""
    others = as_objects(facts.get("not_erased", []))
    for laptop in others:
        tag, *names = (certificates.claimed(laptop, name) for name in ("tag", "vendor", "product", "serial"))
        known = {"tag": tag or "-", "name": " ".join(filter(None, names))}
        echo(Phrase("  {tag}  {name}: NOT ERASED, this certificate does not cover it", **known))
    return bool(others)


def _beginning(file: Path, most: int) -> bytes:
    """At most so many bytes of a file: it may be of any size, or have no end."""
    with file.open("rb") as opened:
        return opened.read(most)


@erase.command("key")
@config_option
@json_option
def key(config: Path | None, as_json: bool) -> None:
    """Print the site's public key, which certificates are checked with."""
    told = client.get(runtime(config), "/api/v1/site-key")
    if as_json:
        return print_json(told)
    echo(told["pem"], nl=False)
    echo(Phrase("fingerprint {fingerprint}", fingerprint=told["fingerprint"]), err=True)
    return None


@erase.command("selftest")
@click.argument("device", type=click.Path(exists=True))
@click.option("--level", type=click.Choice(["clear", "purge"]), default="clear", show_default=True)
@click.option("--yes", is_flag=True, help="This drive can be spared: everything on it is lost.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Where the recording goes."
)
def selftest(device: str, level: str, yes: bool, output: Path | None) -> int:
    """Erase a spare drive DEVICE with all the checks there are, and write a recording of what it answered."""
    from cloned.agent import selftest as spare

    if not yes:
        confirm(Phrase("Everything on {device} is lost for good. Erase it?", device=device))
    try:
        recording = spare.run(device, level, echo)
    except AgentError as error:
        raise UsageError(error.detail, "name a drive that can be spared") from error
    text = json.dumps(recording, indent=1, ensure_ascii=False)
    if output is not None:
        output.write_text(text + "\n", encoding="utf-8")
    echo(text if output is None else Phrase("recording: {output}", output=output))
    return 0 if as_object(recording["record"])["phase"] == "verified" else 1
