"""The tests that need nobody: each by a well-kept program, with a limit in time and a result in words."""

from __future__ import annotations

import errno
import json
import mmap
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from cloned.agent import disks, parts, sysfs
from cloned.agent.tools import ToolError, run
from cloned.agent.trial_tools import Hands, hottest, throttled
from cloned.saying import Phrase, chained, headed, spoken

MEMORY_MB, MEMORY_LIMIT = 256, 120.0
"""Most memory that is tested, and seconds for it: the live system and a session's start must have the rest."""
LOAD_SECONDS = 30
LOAD_PATIENCE_SECONDS = 90
"""Seconds that an old laptop gets beyond that to start and end it."""
TOO_HOT = 97
"""Degrees at which a processor that slows itself down fails: dust, or dried paste."""
SELFTEST_LIMIT = 240.0
_BAD_SECTOR = (errno.EIO, errno.ENODATA, errno.EREMOTEIO)
"""What the kernel makes of a sector that cannot be read (block/blk-core.c): a drive that says so is told as ENODATA."""
READ_AT, READ_BYTES, READ_BLOCK = (0.0, 0.5, 0.95), 64 << 20, 1 << 20
READ_SECONDS = 20.0
"""Seconds for each of these places: of a slow disk less is read."""
GIVES_WAY = 8
"""Percent points that a battery may lose in half a minute under load."""
SCAN_LIMIT = 60.0
_USB = "/sys/bus/usb/devices"
_SUPPLY = "/sys/class/power_supply"


@dataclass(frozen=True)
class TrialFinding:
    """passed, failed or skipped, and what was found."""

    result: str
    why: str


def memory(hands: Hands) -> TrialFinding:
    """memtester(8) on half of what is free: exit status 1 says that it could not begin, 2 and 4 what failed."""
    if not hands.has("memtester"):
        return _without(hands, "memtester")
    size = min(MEMORY_MB, _free_memory() // 2 // 2**20)
    if size < 16:
        return TrialFinding("skipped", "too little memory is free")
    ran = hands.run(["memtester", f"{size}M", "1"], MEMORY_LIMIT)
    if (ran.status is not None and ran.status & 6) or "FAILURE" in ran.output:
        return TrialFinding(
            "failed", Phrase("of {size} MB: {output}", size=size, output=_last_words(ran.output, "FAILURE"))
        )
    if ran.status is None:
        return TrialFinding(
            "passed",
            Phrase(
                "{size} MB, no fault in {memory_limit} s; not to the end", size=size, memory_limit=f"{MEMORY_LIMIT:.0f}"
            ),
        )
    return (
        TrialFinding("passed", Phrase("{size} MB, no fault", size=size))
        if ran.status == 0
        else TrialFinding("skipped", _last_words(ran.output))
    )


def processor(hands: Hands) -> TrialFinding:
    """stress-ng(1) on all cores, its results verified, with the temperatures and how often heat slowed it down."""
    if not hands.has("stress-ng"):
        return _without(hands, "stress-ng")
    heat: list[int] = []
    before = throttled()

    def feel() -> None:
        if (found := hottest()) is not None:
            heat.append(found)

    command = ["stress-ng", "--cpu", "0", "--cpu-method", "matrixprod", "--verify", "--timeout", f"{LOAD_SECONDS}s"]
    ran = hands.run([*command, "--temp-path", "/tmp"], LOAD_SECONDS + LOAD_PATIENCE_SECONDS, feel)  # noqa: S108 - it wants one, empty
    slowed, most = throttled() - before, max(heat, default=None)
    told: str = Phrase(
        "{load_seconds} s on {cpu_count} {cpu_count:thread|threads}",
        load_seconds=LOAD_SECONDS,
        cpu_count=os.cpu_count(),
    )
    found = [Phrase("up to {most} °C", most=most) if most is not None else Phrase("no temperature is told")]
    found += [Phrase("slowed itself {slowed} {slowed:time|times}", slowed=slowed)] if slowed else []
    told = chained([told, *found])
    if ran.status is None:
        return TrialFinding(
            "skipped", headed(told, Phrase("it did not end {count} s later either", count=LOAD_PATIENCE_SECONDS))
        )
    if ran.status != 0:
        return TrialFinding("failed", headed(told, _last_words(ran.output, "fail")))
    return TrialFinding("failed" if slowed and most is not None and most >= TOO_HOT else "passed", told)


def disk_read(hands: Hands) -> TrialFinding:
    """Pieces from the beginning, the middle and the end of each disk, past the page cache."""
    found = [(name, _read(hands, name)) for name in _disks(hands)]
    if not found:
        return TrialFinding("skipped", "there is no disk to read")
    bad = [headed(os.path.basename(name), each) for name, each in found if isinstance(each, str)]
    words = [f"{os.path.basename(name)} {each:.0f} MB/s" for name, each in found if not isinstance(each, str)]
    return TrialFinding("failed", chained(bad)) if bad else TrialFinding("passed", ", ".join(words))


def _read(hands: Hands, path: str) -> float | str:
    """Megabytes a second, or where it could not be read."""
    buffer = mmap.mmap(-1, READ_BLOCK)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
    except OSError as error:
        return Phrase("cannot be opened ({strerror})", strerror=error)
    count, began = 0, time.monotonic()
    try:
        size = os.lseek(fd, 0, os.SEEK_END)
        for share in READ_AT:
            start, end = int(size * share) // READ_BLOCK * READ_BLOCK, time.monotonic() + READ_SECONDS
            for at in range(start, min(start + READ_BYTES, size - READ_BLOCK + 1), READ_BLOCK):
                hands.pause(0)
                os.lseek(fd, at, os.SEEK_SET)
                count += os.readv(fd, [buffer])
                if time.monotonic() > end:
                    break
    except OSError as error:
        where = os.lseek(fd, 0, os.SEEK_CUR)
        told = Phrase("cannot be read at {where:size}", where=where)
        return told if error.errno in _BAD_SECTOR else headed(told, spoken(error))
    finally:
        os.close(fd)
    return count / max(1e-6, time.monotonic() - began) / 1e6


def disk_selftest(hands: Hands) -> TrialFinding:
    """The drives' own short test (smartctl(8) -t short), all at once; where a session begins it is broken off."""
    begun = [name for name in _disks(hands) if _begin(name)]
    if not begun:
        return TrialFinding("skipped", "no disk offers a test of its own")

    def break_off() -> None:
        for name in begun:
            _smartctl("-X", name)

    hands.on_cancel(break_off)
    end = time.monotonic() + SELFTEST_LIMIT
    results: dict[str, str] = {}
    while len(results) < len(begun) and time.monotonic() < end:
        hands.pause(5)
        results |= {name: said for name in begun if name not in results and (said := selftest_result(_told(name)))}
    named = [_named(name, results.get(name, "no end")) for name in begun]
    failed = any(said != "passed" for said in results.values())
    unfinished = len(results) < len(begun)
    return TrialFinding("failed" if failed else "skipped" if unfinished else "passed", chained(named))


def _named(path: str, said: str) -> str:
    """`sda: passed`; what smartctl says in words of its own stays as it is."""
    own = {"passed": Phrase("passed"), "failed": Phrase("failed"), "no end": Phrase("no end")}
    return headed(os.path.basename(path), own.get(said, said))


def _begin(name: str) -> bool:
    """Whether the drive began its test."""
    return "Testing has begun" in (said := _smartctl("-t", "short", name)) or "Self-test has begun" in said


def _told(name: str) -> object:
    try:
        return json.loads(_smartctl("--json", "-c", "-l", "selftest", name) or "{}")
    except ValueError:
        return {}


def selftest_result(said: object) -> str:
    """`passed`, what failed in smartctl's words, or empty while it goes on; from its JSON, ATA or NVMe."""
    if not isinstance(said, dict):
        return ""
    ata = said.get("ata_smart_data", {}).get("self_test", {}).get("status", {})
    if "value" in ata:
        if ata["value"] >> 4 == 15:  # ATA8-ACS, self-test execution status: in progress
            return ""
        return "passed" if ata.get("passed", ata["value"] >> 4 == 0) else str(ata.get("string", "failed"))
    nvme = said.get("nvme_self_test_log", {})
    if nvme.get("current_self_test_operation", {}).get("value", 1) != 0:
        return ""
    newest = (nvme.get("table") or [{}])[0].get("self_test_result", {})
    return "passed" if newest.get("value") == 0 else str(newest.get("string", "failed"))


def _smartctl(*words: str) -> str:
    try:
        return run(["smartctl", *words], timeout=30, accept=range(256))
    except ToolError:
        return ""


def battery(hands: Hands) -> TrialFinding:
    """What it does for half a minute: under load where no charger is plugged in."""
    names = [each["name"] for each in parts.batteries()]
    if not names:
        return TrialFinding("skipped", "no battery is in it")
    before = [_charge(name) for name in names]
    if not any(state == "Discharging" for state, _ in before):
        pairs = zip(names, before, strict=True)
        told = ", ".join(f"{name} {percent} %" for name, (_, percent) in pairs)
        return TrialFinding("skipped", Phrase("the charger is plugged in, so it is not under load: {told}", told=told))
    if hands.has("stress-ng"):
        hands.run(["stress-ng", "--cpu", "0", "--timeout", f"{LOAD_SECONDS}s"], LOAD_SECONDS + 30)
    else:
        hands.pause(LOAD_SECONDS)
    after = [_charge(name) for name in names]
    lost = max(first[1] - then[1] for first, then in zip(before, after, strict=True))
    told = Phrase("{lost} % {lost:point|points} in {load_seconds} s under load", lost=lost, load_seconds=LOAD_SECONDS)
    return TrialFinding("failed" if lost > GIVES_WAY else "passed", told)


def _charge(name: str) -> tuple[str, int]:
    return sysfs.text(f"{_SUPPLY}/{name}/status") or "Unknown", sysfs.number(f"{_SUPPLY}/{name}/capacity")


def wifi(hands: Hands) -> TrialFinding:
    """iw(8): how many networks the wireless card hears, and how loud the loudest is. Their names are not kept."""
    card = parts.wifi()
    name = next((each for each in sysfs.names("/sys/class/net") if os.path.exists(f"/sys/class/net/{each}/wireless")
                 or os.path.exists(f"/sys/class/net/{each}/phy80211")), "")  # fmt: skip
    if not name:
        no_driver = Phrase("there is no driver here for {card}", card=card)
        return TrialFinding("skipped", lacking(hands, no_driver) if card else "there is no wireless card")
    if not hands.has("iw"):
        return _without(hands, "iw")
    run(["ip", "link", "set", name, "up"], timeout=10, accept=range(256))
    ran = hands.run(["iw", "dev", name, "scan"], SCAN_LIMIT)
    if ran.status != 0:
        endless = Phrase("{program} did not end within {timeout} s", program="iw", timeout=f"{SCAN_LIMIT:.0f}")
        said = endless if ran.status is None else _last_words(ran.output)
        return TrialFinding("failed", Phrase("its scan failed: {output}", output=said))
    return scan_result(ran.output)


def scan_result(output: str) -> TrialFinding:
    """What iw's scan says: a card that hears nothing may have its antenna off, or there is nothing to hear."""
    loudness = [float(each) for each in re.findall(r"^\s*signal: (-?\d+\.\d+) dBm", output, re.MULTILINE)]
    if not loudness:
        return TrialFinding("skipped", "it hears no network: there is none here, or its antenna is off")
    return TrialFinding(
        "passed",
        Phrase(
            "networks heard: {count}, the loudest at {loudness} dBm",
            count=len(loudness),
            loudness=f"{max(loudness):.0f}",
        ),
    )


def usb(hands: Hands, base: str = _USB) -> TrialFinding:
    """The ports that the root hubs have, those in which something answers, and those that drew too much current."""
    ports = [
        f"{base}/{hub}/{inside}/{port}"
        for hub in sysfs.names(base) if re.fullmatch(r"usb\d+", hub)
        for inside in sysfs.names(f"{base}/{hub}") if ":" in inside
        for port in sysfs.names(f"{base}/{hub}/{inside}") if "-port" in port
    ]  # fmt: skip
    if not ports:
        return TrialFinding("skipped", "no USB port is known")
    over = sum(sysfs.number(f"{port}/over_current_count") > 0 for port in ports)
    used = sum(os.path.exists(f"{port}/device") for port in ports)
    told = Phrase("something answers at {used} of {count} {count:port|ports}", used=used, count=len(ports))
    return (
        TrialFinding("failed", Phrase("{told}; too much current at {over}", told=told, over=over))
        if over
        else TrialFinding("passed", told)
    )


def _without(hands: Hands, program: str) -> TrialFinding:
    """Not tested, and why: that the pack is missing or does not fit says more than that a program is."""
    return TrialFinding("skipped", lacking(hands, Phrase("there is no {program} here", program=program)))


def lacking(hands: Hands, what: str) -> str:
    """What is not there, and why the test pack is not."""
    return headed(what, hands.lacks) if hands.lacks else what


def _free_memory() -> int:
    """Bytes that programs may still take."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB", sysfs.text("/proc/meminfo"), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _disks(hands: Hands) -> list[str]:
    """Paths of the disks that may be looked at."""
    return [each["path"] for each in disks.scan(hands.disk, {}) if each["eligible"]]


def _last_words(output: str, about: str = "") -> str:
    """The last line that says something, about `about` if any does."""
    lines = [line.strip() for line in output.replace("\r", "\n").splitlines() if line.strip()]
    chosen = [line for line in lines if about.lower() in line.lower()] or lines
    return re.sub(r"[\x00-\x1f\x08]+", " ", chosen[-1])[:200] if chosen else Phrase("it said nothing")


KINDS: dict[str, Callable[[Hands], TrialFinding]] = {
    "usb": usb,
    "battery": battery,
    "wifi": wifi,
    "disk-read": disk_read,
    "processor": processor,
    "memory": memory,
    "disk-selftest": disk_selftest,
}
"""By the names that the server asks with."""
