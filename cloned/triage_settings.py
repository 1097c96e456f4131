"""`[triage]` of the configuration: what a laptop is held against before anything is written to it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, create_model, model_validator

from cloned.core.triage import Course, TriageRule, contradictions
from cloned.core.triage_facts import CONDITIONS, Condition
from cloned.core.triage_shipped import SHIPPED, combined
from cloned.saying import Phrase
from cloned.sections import Section

_Need = Annotated[str, Field(min_length=1, max_length=40)]


def _condition(condition: Condition) -> Any:
    """A field that may be left out."""
    if condition.words:
        return (Literal[condition.words] | None, None)
    if condition.kind in (int, float):
        return (Annotated[condition.kind, Field(ge=0, le=1_000_000)] | None, None)
    return (condition.kind | None, None)


_Conditions: type[Section] = create_model(
    "_Conditions", __base__=Section, **{name: _condition(each) for name, each in CONDITIONS.items()}
)


class TriageRuleSettings(_Conditions):  # type: ignore[misc, valid-type]
    """`[[triage.rule]]`: every rule that fits counts; the gravest `do`, the lowest grade, all needs."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    do: Course = Course.CLONE
    say: Annotated[str, Field(max_length=120)] = ""
    grade: Literal["", "A", "B", "C", "D"] = ""
    needs: tuple[_Need, ...] = ()
    image: str = ""

    @model_validator(mode="after")
    def _looks_at_something(self) -> TriageRuleSettings:
        if not self.rule().when:
            raise ValueError(Phrase("rule {name} has no condition, so it would fit every laptop", name=self.name))
        return self

    def rule(self) -> TriageRule:
        """As the core has it."""
        when = tuple((name, value) for name in CONDITIONS if (value := getattr(self, name)) is not None)
        return TriageRule(
            name=self.name,
            when=when,
            course=self.do,
            say=self.say,
            grade=self.grade,
            needs=self.needs,
            image=self.image,
        )


class TriageSettings(Section):
    """`[triage]`: rules that ship, and the workshop's own."""

    shipped: bool = True
    without: tuple[str, ...] = ()
    """Rules that ship and are left out, by name."""
    rule: tuple[TriageRuleSettings, ...] = ()

    @model_validator(mode="after")
    def _known(self) -> TriageSettings:
        names = [rule.name for rule in self.rule]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(Phrase("there are two rules called {name}: each needs its own name", name=twice))
        known = {rule.name for rule in SHIPPED}
        unknown = sorted(set(self.without) - known)
        if unknown:
            raise ValueError(
                Phrase(
                    "no rule that ships is called {name}; there are {known}",
                    name=unknown[0],
                    known=", ".join(sorted(known)),
                )
            )
        return self

    def rules(self) -> tuple[TriageRule, ...]:
        """All that count, the workshop's first."""
        own = tuple(rule.rule() for rule in self.rule)
        return combined(own, self.without) if self.shipped else own

    def doubts(self) -> list[str]:
        """Where rules contradict each other, in words."""
        return contradictions(self.rules())
