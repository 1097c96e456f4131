"""Why the agent gave up: a code that the daemon turns into a sentence, and the detail."""

from __future__ import annotations


class AgentError(Exception):
    """The order cannot be carried out; `code` is one of `cloned.core.reasons.Reason`."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code, self.detail = code, detail
