"""The certificate of erasure: what happened to each disk and nothing else, with the signed facts inside the PDF.

A laptop that is not erased gets no certificate but a page that says so, fit to lie on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cloned import certificates
from cloned.certificates import CertificateFacts, CertifiedLaptop
from cloned.core.erasure_row import why_failed
from cloned.core.row_types import CheckRow, ErasedDiskRow, HiddenRow, TakenOutRow
from cloned.disk.erase import LEVELS, STANDARD, Technique
from cloned.errors import UsageError
from cloned.json_data import as_list, as_object
from cloned.languages import Language, to_translate
from cloned.papers.codes import qr
from cloned.papers.document import Document
from cloned.papers.media import A4, Box
from cloned.papers.wording import SMART
from cloned.saying import Phrase
from cloned.signing import SiteKey

LEFT, WIDTH, BOTTOM = 18.0, 174.0, 262.0
_LABEL = 46.0
_SIZE, _STEP = 3.2, 4.9
CLAIMS = (
    to_translate("“Completed” means that the device itself said so; “verified” means that we looked afterwards."),
    to_translate("Nothing else is claimed. Firmware passwords, Computrace/Absolute and Autopilot stay as they were."),
)
MEDIA = {"nvme": "NVMe SSD", "mmc": "eMMC", "sata": "SATA", "scsi": "SCSI", "virtio": "virtio"}
NO = to_translate("NOT ERASED")
FOUND = (to_translate("zeros"), to_translate("one pattern"), to_translate("noise"))
"""What a disk may hold after its erasure (disk/erase_check.py)."""
TAKEN_OUT = {"destroyed": to_translate("destroyed"), "kept": to_translate("kept apart")}
STANDING = {
    "never": to_translate("no erasure of it was recorded with this delivery"),
    "erasing": to_translate("its erasure is not through"),
}
"""Why a laptop of a delivery is not erased, where no disk says so."""
LISTED = 12
"""Stretches that were not reached which a paper lists."""
LOCKS = {
    "firmware-password": to_translate("a firmware password is set"),
    "absolute": to_translate("Computrace/Absolute is switched on in the firmware"),
    "planted-program": to_translate("the firmware hands Windows a program of its own (WPBT), as Absolute does"),
}


def certificate(facts: CertificateFacts, key: SiteKey, language: Language) -> bytes:
    """The PDF. UsageError where a laptop that it certifies is not erased: there is no certificate of that.

    Of a delivery those that are not are named apart, as `not_erased`: it must not look as if there were none.
    """
    if not facts["laptops"] or any(each["result"] != "erased" for each in facts["laptops"]):
        raise UsageError("not every disk of these laptops is erased", "there is no certificate of that")
    data = certificates.canonical({**facts, "language": language.code})
    paper = _Paper(_document(language.gettext("Certificate of erasure"), language), facts, language)
    paper.cover(certificates.digest(data), key.public.fingerprint)
    paper.excepted()
    for laptop in facts["laptops"]:
        paper.laptop(laptop)
    paper.sign()
    certificates.attach(paper.attach, data, key)
    return certificates.seal(paper.document.done(), key)


def failure(facts: CertificateFacts, language: Language) -> bytes:
    """A page that says what is not erased, in letters that are seen from afar. It is no certificate."""
    paper = _Paper(_document(language.gettext(NO), language), facts, language)
    for laptop in facts["not_erased"]:
        paper.failed(laptop)
    return paper.document.done()


def _document(title: str, language: Language) -> Document:
    return Document(A4, title, language, datetime.now(UTC))


@dataclass
class _Paper:
    """The pages while they are drawn; `y` is where the next line goes."""

    document: Document
    facts: CertificateFacts
    words: Language
    y: float = field(default=BOTTOM)

    def attach(self, name: str, data: bytes) -> None:
        """Put a file into the PDF."""
        self.document.embed_file(bytes=data, basename=name, desc=name)

    def cover(self, digest: str, fingerprint: str) -> None:
        """Who, when, by which standard; the code of the facts."""
        _ = self.words.gettext
        self._page()
        self._line(str(self.facts["site"]), 3.6)
        self._line(_("Certificate of erasure"), 8, bold=True, kind="H1")
        self.y += 3
        qr(self.document, digest, Box(LEFT + WIDTH - 38, 12, 38, 38))
        rows = (
            (_("Given by"), str(self.facts.get("donation", ""))),
            (_("Laptops"), self._count()),
            (_("Date"), self.words.day(str(self.facts["made"]))),
            (_("Standard"), STANDARD),
            (_("Made with"), str(self.facts["program"])),
            (_("Hash of the facts"), digest),
            (_("Signed with the key"), fingerprint),
        )
        self._facts(rows)
        for claim in CLAIMS:
            self._words(_(claim))
        self.y += 2

    def _count(self) -> str:
        """How many are erased, and how many came with them that are not."""
        _, words = self.words.gettext, self.words
        erased, others = len(self.facts["laptops"]), len(self.facts["not_erased"])
        if not others:
            return words.number(erased)
        known = {"erased": words.number(erased), "all": words.number(erased + others), "others": words.number(others)}
        return _("%(erased)s of %(all)s erased, %(others)s NOT ERASED", **known)

    def excepted(self) -> None:
        """Before everything else: laptops that came with the others and are not erased, with each disk and why."""
        _ = self.words.gettext
        if not self.facts["not_erased"]:
            return
        self._heading(_(NO))
        self._words(_("This certificate does not cover these laptops:"), bold=True)
        for laptop in self.facts["not_erased"]:
            self._room(24)
            name = " ".join(filter(None, (laptop["tag"], laptop["vendor"], laptop["product"])))
            rows = [(_("Laptop"), name), (_("Serial number"), laptop["serial"])]
            rows += [(_("Why"), _(STANDING[laptop["result"]]))] if laptop["result"] in STANDING else []
            self._facts((*rows, *(row for disk in laptop["disks"] for row in self._excepted(disk))))

    def _excepted(self, disk: ErasedDiskRow) -> Sequence[tuple[str, str]]:
        """A disk of a laptop that is not erased: one that is needs no words."""
        if disk["verified"]:
            return ()
        _ = self.words.gettext
        why = f"{disk['model']} {disk['serial']}: {self.words.say(why_failed(disk))}"
        return (_("Why"), why), (_("Taken out"), self._taken_out(disk.get("taken_out")))

    def laptop(self, laptop: CertifiedLaptop) -> None:
        """One laptop and each of its disks."""
        _ = self.words.gettext
        self._room(34)
        name = f"{laptop['vendor']} {laptop['product']}".strip() or _("Laptop")
        self._heading(f"{laptop['tag']}  {name}".strip())
        rows = (
            (_("Serial number"), laptop["serial"]),
            (_("Level asked for"), _(str(laptop["level"]).capitalize())),
            (_("Not freed by it"), self._locks(laptop)),
        )
        self._facts(rows)
        for number, disk in enumerate(laptop["disks"], 1):
            self._room(60)
            self._words(_("Disk %(number)s of %(count)s", number=number, count=len(laptop["disks"])), bold=True)
            self._facts(self._disk(disk))

    def _locks(self, laptop: CertifiedLaptop) -> str:
        """What was seen of passwords and of programs in the firmware."""
        return "; ".join(self.words.gettext(LOCKS[code]) for code in laptop.get("locks") or () if code in LOCKS)

    def _hidden(self, hidden: HiddenRow | None) -> str:
        """Host protected area and overlay, which only ATA disks have."""
        _, words = self.words.gettext, self.words
        if hidden is None:
            return ""
        if not (hidden["hpa"] or hidden["dco"]):
            return _("the drive does not tell") if hidden.get("untold") else _("none")
        hpa, dco = words.number(int(hidden["hpa"])), words.number(int(hidden["dco"]))
        return _("sectors hidden by HPA: %(hpa)s, by DCO: %(dco)s", hpa=hpa, dco=dco)

    def _disk(self, disk: ErasedDiskRow) -> Sequence[tuple[str, str]]:
        _, words = self.words.gettext, self.words
        rating = LEVELS[Technique(method)] if (method := disk.get("method")) else None
        return (
            (_("Model and serial number"), f"{disk['model']} {disk['serial']}".strip()),
            (_("WWN"), disk["wwn"]),
            (_("Medium"), f"{MEDIA.get(disk['bus'], disk['bus'])}, {words.size(int(disk['size']))}"),
            (_("SMART says"), _(SMART.get(str(disk.get("smart")), SMART["unknown"]))),
            (_("HPA and DCO"), self._hidden(disk.get("hidden"))),
            (_("Technique"), words.say(disk["technique"])),
            (
                _("Level reached"),
                f"{_(str(disk['level']).capitalize())} ({words.say(rating.source)})" if rating else "",
            ),
            (_("Begun, ended"), f"{words.moment(disk['started'])}, {words.moment(disk['ended'])}"),
            (_("Tool"), self._said(disk, "tools", ", ")),
            (_("Completed"), self._said(disk, "answers")),
            (_("Verified"), self._verified(disk["check"])),
            (_("Not reached"), self._unreached(disk) or _("nothing")),
            (_("Notes"), self._said(disk, "notes")),
        )

    def _said(self, disk: ErasedDiskRow, name: str, between: str = "; ") -> str:
        """Sentences of a disk in this language; rows of before 0.3 have them in English only."""
        told = as_object(disk.get("told", disk)).get(name) or ()
        return between.join(self.words.say(Phrase.read(each)) for each in as_list(told))

    def _unreached(self, disk: ErasedDiskRow) -> str:
        """Stretches that nothing could be written to: the first of them, and how many more there are."""
        words, stretches = self.words, disk["unreached"]
        shown = [f"{words.number(at)} - {words.number(at + length - 1)}" for at, length in stretches[:LISTED]]
        more = words.gettext("and %(count)s more", count=words.number(len(stretches) - LISTED))
        listed = "; ".join(shown if len(stretches) <= LISTED else [*shown, more])
        return words.gettext("bytes %(list)s", list=listed) if listed else ""

    def _verified(self, check: CheckRow) -> str:
        _, words = self.words.gettext, self.words
        how = _("all of it") if check["how"] == "all" else _("samples")
        return words.ngettext(
            "%(how)s: %(bytes)s at %(num)s place, %(remembered)s of them known from before; found: %(found)s",
            "%(how)s: %(bytes)s at %(num)s places, %(remembered)s of them known from before; found: %(found)s",
            int(check["places"]),
            how=how,
            bytes=words.size(int(check["bytes"])),
            remembered=words.number(int(check["remembered"])),
            found=words.listed([_(each) for each in FOUND if each in str(check["found"])]),
        )

    def failed(self, laptop: CertifiedLaptop) -> None:
        """A page to lie on the laptop."""
        _ = self.words.gettext
        told = _(STANDING[laptop["result"]]) if laptop["result"] in STANDING else ""
        self._page()
        self._line(_(NO), 22, bold=True, kind="H1")
        self.y += 8
        name = f"{laptop['vendor']} {laptop['product']}".strip()
        what = ((_("Laptop"), name), (_("Tag"), laptop["tag"]), (_("Serial number"), laptop["serial"]))
        self._facts((*what, (_("Why"), told)))
        for disk in laptop["disks"]:
            self._room(30)
            state = _("erased") if disk["verified"] else _(NO)
            self._heading(f"{state}: {disk['model']} {disk['serial']}".strip())
            rows = ((_("Why"), self.words.say(why_failed(disk))), (_("What to do"), self.words.say(disk["next_step"])))
            medium = (_("Medium"), f"{MEDIA.get(disk['bus'], disk['bus'])}, {disk['path']}")
            gone = (_("Taken out"), self._taken_out(disk.get("taken_out")))
            notes = (_("Notes"), self._said(disk, "notes"))
            self._facts((*rows, gone, (_("Not reached"), self._unreached(disk)), notes, medium))
        self._words(_("Old data may still be on it. Do not give it away."), bold=True)

    def _taken_out(self, told: TakenOutRow | None) -> str:
        """What became of a disk that is no longer in the laptop, and who said so."""
        if not told:
            return ""
        what = self.words.gettext(TAKEN_OUT.get(str(told["what"]), TAKEN_OUT["kept"]))
        known = {"what": what, "day": self.words.day(str(told["at"])), "who": " + ".join(told["by"])}
        return self.words.gettext("%(what)s on %(day)s, said by %(who)s", **known)

    def sign(self) -> None:
        """Lines to be filled in by hand."""
        _ = self.words.gettext
        self._room(24)
        self.y += 14
        for column, name in enumerate((_("Date"), _("Name"), _("Signature"))):
            x = LEFT + column * 60
            with self.document.decoration():
                self.document.set_line_width(0.25)
                self.document.line(x, self.y, x + 54, self.y)
            with self.document.tagged("P"):
                self.document.put(name, x, self.y + 0.8, 54, 2.8)

    # -- drawing ----------------------------------------------------------------------------------

    def _page(self) -> None:
        self.document.add_page()
        self.y = 14.0
        foot = f"{self.facts['site']}   {self.document.page_no()}"
        with self.document.tagged("P"):
            self.document.put(foot, LEFT, 284, WIDTH, 2.6)

    def _room(self, height: float) -> None:
        if self.y + height > BOTTOM + 16:
            self._page()

    def _line(self, text: str, size: float, *, bold: bool = False, kind: str = "P") -> None:
        with self.document.tagged(kind):
            self.document.put(text, LEFT, self.y, WIDTH - 42, size, bold=bold)
        self.y += size * 1.5

    def _heading(self, text: str) -> None:
        with self.document.tagged("H2"):
            self.document.put(text, LEFT, self.y, WIDTH, 4.3, bold=True)
        with self.document.decoration():
            self.document.set_line_width(0.2)
            self.document.line(LEFT, self.y + 6, LEFT + WIDTH, self.y + 6)
        self.y += 7.6

    def _words(self, text: str, *, bold: bool = False) -> None:
        with self.document.tagged("P"):
            self.y = self.document.lines(text, LEFT, self.y, WIDTH, _SIZE, 3, bold=bold)
        self.y += 1.2

    def _facts(self, rows: Sequence[tuple[str, str]]) -> None:
        """Names and values; a fact that was not told is left out."""
        table = self.document.grid()
        for name, value in rows:
            if value:
                row = self.document.row(table)
                with self.document.tagged("TH", row):
                    self.document.put(name, LEFT, self.y, _LABEL - 2, _SIZE)
                wide = WIDTH - _LABEL - (40 if self.y < 52 else 0)
                with self.document.tagged("TD", row):
                    below = self.document.lines(str(value), LEFT + _LABEL, self.y, wide, _SIZE, 4, bold=True)
                self.y = max(self.y + _STEP, below + 0.7)
        self.y += 2.0
