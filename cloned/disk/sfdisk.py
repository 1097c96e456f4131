"""sfdisk's dump format, read (`X-pt.sf` of a Clonezilla image) and written (sfdisk(8), "script-file")."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cloned.disk.gpt import entry_count
from cloned.disk.partitions import MIB, Layout, LayoutError, Partition
from cloned.saying import Phrase

_NODE = re.compile(r"^(?P<node>\S.*?)\s*:\s*(?P<fields>.*=.*)$")
_FIELD = re.compile(r'\s*([A-Za-z-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^,\s]*))?\s*(?:,|$)')
_MISSPELT = {"RequiredPartiton": "RequiredPartition"}
"""As older versions of sfdisk wrote it."""
_ATTRIBUTES = {"RequiredPartition": 0, "NoBlockIOProtocol": 1, "LegacyBIOSBootable": 2}


def parse_dump(text: str, sector_size: int = 512) -> Layout:
    """A Layout from `sfdisk --dump`; `sector_size` where an old dump does not say; LayoutError if it is no such thing.

    Also reads the form before util-linux 2.26 (`Id=83`), which knows no label and no disk id.
    """
    head: dict[str, str] = {}
    parts: list[Partition] = []
    for line in text.splitlines():
        node = _NODE.match(line)
        key, colon, value = line.partition(":")
        if node:
            part = _partition(node["node"], node["fields"], head)
            parts += [part] if part.size and part.type != "0" else []
        elif colon and not line.startswith("#"):
            head[key.strip()] = value.strip()
    if head.get("unit", "sectors") != "sectors" or not ({"label", "unit"} & head.keys()):
        raise LayoutError("this is not a dump of sfdisk")
    label = head.get("label", "dos")
    if label not in ("gpt", "dos"):
        raise LayoutError(
            Phrase("partition tables of kind {label} are not supported, only gpt and dos", label=repr(label))
        )
    ident = head.get("label-id", "")
    ident = ident.upper() if label == "gpt" else ident.lower()
    parts.sort(key=lambda part: part.number)
    return Layout(label, ident, _sector_size(head.get("sector-size", str(sector_size))), tuple(parts))


def _sector_size(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise LayoutError(Phrase("the dump's sector size is {size}, not a number", size=repr(text)))
    return int(text)


def _partition(node: str, fields: str, head: Mapping[str, str]) -> Partition:
    values = {match[1].lower(): _value(match[2]) for match in _FIELD.finditer(fields)}
    kind = values.get("type") or values.get("id", "0")
    gpt = head.get("label") == "gpt"
    try:
        start, size = int(values["start"]), int(values["size"])
    except (KeyError, ValueError) as error:
        raise LayoutError(Phrase("the dump gives no start or size for {node}", node=repr(node))) from error
    attrs = _attributes(values.get("attrs", "")) if gpt else "active" if "bootable" in values else ""
    kind = kind.upper() if gpt else kind.lower().lstrip("0") or "0"
    return Partition(
        number=_number(node),
        start=start,
        size=size,
        type=kind,
        uuid=values.get("uuid", "").upper(),
        attrs=attrs,
        name=values.get("name", ""),
    )


def _number(node: str) -> int:
    digits = re.search(r"(\d+)$", node)
    if not digits:
        raise LayoutError(Phrase("{node} has no partition number", node=repr(node)))
    return int(digits[1])


def _value(raw: str | None) -> str:
    """A field's value; sfdisk quotes names, writes odd bytes as \\xNN and UTF-16 pairs as two characters."""
    if raw is None or not raw.startswith('"'):
        return raw or ""
    data = raw[1:-1].encode("utf-8", "surrogateescape")
    plain = re.sub(rb"\\x([0-9a-fA-F]{2})", lambda match: bytes.fromhex(match[1].decode()), data)
    try:
        text = plain.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise LayoutError(Phrase("the name {name} in the dump is not UTF-8", name=raw)) from error
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _attributes(text: str) -> str:
    """`RequiredPartition GUID:60,63` as 16 hex digits."""
    bits = 0
    for word in text.replace("GUID:", "").replace(",", " ").split():
        known = _MISSPELT.get(word, word)
        try:
            bits |= 1 << (_ATTRIBUTES[known] if known in _ATTRIBUTES else range(64)[int(known)])
        except (ValueError, IndexError) as error:
            raise LayoutError(Phrase("partition attribute {word} is unknown", word=repr(word))) from error
    return f"{bits:016x}" if bits else ""


def sfdisk_script(layout: Layout, disk_sectors: int | None = None) -> str:
    """A script for sfdisk that makes this layout; on a larger disk the second GPT goes to its end.

    LayoutError if a partition ends after `disk_sectors`. Names beyond ASCII need a UTF-8 locale.
    """
    lines = [f"label: {layout.label}", f"label-id: {layout.id}", "unit: sectors"]
    if layout.label == "gpt":
        lowest = min((part.start for part in layout.partitions), default=MIB)
        lines.append(f"first-lba: {min(lowest, MIB // layout.sector_size)}")
        if entry_count(layout) > 128:
            lines.append(f"table-length: {entry_count(layout)}")
    lines.append("")
    for part in layout.partitions:
        if disk_sectors is not None and part.end > disk_sectors:
            raise LayoutError(
                Phrase(
                    "partition {number} ends at sector {end}, the disk at {disk_sectors}",
                    number=part.number,
                    end=part.end,
                    disk_sectors=disk_sectors,
                )
            )
        lines.append(_script_line(part))
    return "".join(f"{line}\n" for line in lines)


def _script_line(part: Partition) -> str:
    fields = [f"start={part.start}", f"size={part.size}", f"type={part.type}"]
    if part.uuid:
        fields.append(f"uuid={part.uuid}")
    if part.name:
        fields.append(f'name="{_escape(part.name)}"')
    if part.attrs == "active":
        fields.append("bootable")
    elif part.attrs:
        fields.append(f'attrs="{_attribute_words(int(part.attrs, 16))}"')
    return f"/dev/disk{part.number} : {', '.join(fields)}"


def _escape(name: str) -> str:
    """Bytes that sfdisk would not write plainly as \\xNN."""
    raw = name.encode("utf-8", "surrogatepass")
    return "".join(chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\`$' else f"\\x{byte:02x}" for byte in raw)


def _attribute_words(bits: int) -> str:
    words = [word for word, bit in _ATTRIBUTES.items() if bits >> bit & 1]
    high = [str(bit) for bit in range(48, 64) if bits >> bit & 1]
    return " ".join([*words, *([f"GUID:{','.join(high)}"] if high else [])])
