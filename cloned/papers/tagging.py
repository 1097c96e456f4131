"""The structure of a PDF that a screen reader follows (ISO 32000-1, §14.7 and §14.8).

fpdf2 builds such a tree for pictures only, flat, and looks through all of it for each new element; this one has
headings, paragraphs and tables, and takes no longer for the five-hundredth page than for the first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from fpdf.structure_tree import StructElem, StructureTreeBuilder
from fpdf.syntax import PDFObject


class Element(StructElem):
    """An element that may hold others; where fpdf2 tells it its page, they learn it too."""

    @property  # type: ignore[override]  # fpdf2 declares None, and sets a page
    def pg(self) -> PDFObject | None:
        """The page object that its content is on."""
        return self._pg

    @pg.setter
    def pg(self, page: PDFObject | None) -> None:
        self._pg = page
        for kid in getattr(self, "k", ()):
            if isinstance(kid, Element):
                kid.pg = page

    def serialize(self, obj_dict: dict[str, object] | None = None, _security_handler: object = None) -> str:
        """What stands in the file; fpdf2's own way looks at every attribute of every element."""
        kids = " ".join(kid.ref if isinstance(kid, PDFObject) else str(kid) for kid in self.k)
        page = f" /Pg {self.pg.ref}" if self.pg is not None else ""
        spoken = f" /Alt {self.alt.serialize()}" if self.alt is not None else ""
        return f"{self.id} 0 obj\n<</Type /StructElem /S {self.s} /P {self.p.ref} /K [{kids}]{page}{spoken}>>\nendobj"


class StructureTree(StructureTreeBuilder):
    """Elements in the order in which they were written."""

    def __init__(self) -> None:
        super().__init__()
        self._marks: Counter[int] = Counter()
        self._all: list[Element] = []

    def group(self, kind: str, page: int, within: StructElem | None = None) -> Element:
        """An element without content of its own: a table or a row."""
        parent = within or self.doc_struct_elem
        element = Element(f"/{kind}", parent, [], page)
        parent.k.append(element)
        self._all.append(element)
        return element

    def leaf(self, kind: str, page: int, within: StructElem | None, spoken: str | None) -> tuple[int, int]:
        """An element with content, which `spoken` stands for where it is no text.

        Returns the content's mark on its page, and the number of that page in the tree.
        """
        parent = within or self.doc_struct_elem
        mark, number = self._marks[page], self.spid_per_page_number.setdefault(page, len(self.spid_per_page_number))
        self._marks[page] += 1
        element = Element(f"/{kind}", parent, [mark], page, alt=spoken)
        parent.k.append(element)
        self._all.append(element)
        self.struct_tree_root.parent_tree.nums[number].append(element)
        return mark, number

    def __iter__(self) -> Iterator[PDFObject]:
        yield from (self.struct_tree_root, self.doc_struct_elem, self.struct_tree_root.parent_tree, *self._all)
