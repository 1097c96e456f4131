"""The steps that a laptop goes through in an evening, and what they are called. Pure."""

from __future__ import annotations

from cloned.saying import Phrase

STEPS = {
    "boot": Phrase("booting"),
    "wait": Phrase("waiting"),
    "receive": Phrase("receiving"),
    "verify": Phrase("checking"),
    "finish": Phrase("finishing"),
    "erase": Phrase("erasing"),
    "test": Phrase("testing alone"),
}
"""In the order in which they come; a table of evenings has a column for each."""
