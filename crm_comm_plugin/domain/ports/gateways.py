"""What a gateway may be able to do besides the contract's SmsGateway: the plugin asks with isinstance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from crm_comm_hookspecs import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What pressing Purchase would charge at once. token: changes with package and price."""

    text: str
    token: str


@runtime_checkable
class ChargesCard(Protocol):
    """A gateway whose `purchase` charges a stored card at once and cannot be repeated safely."""

    def offer(self, values: Mapping[str, Any]) -> Offer:
        """What would be bought, for how much."""
        ...


@runtime_checkable
class KnowsCode(Protocol):
    """A gateway that can tell the form of its access codes."""

    def code_problem(self, code: str) -> str:
        """What is wrong with it, in words without the code; "" = it may be right."""
        ...


@runtime_checkable
class SetsUpReports(Protocol):
    """A gateway that says where the address for delivery reports is entered; others are taken to need it, too."""

    report_setup: str
    """In words, where on the gateway's page; "" when the address goes with each text."""


@runtime_checkable
class AnswersQueries(Protocol):
    """A gateway that can be asked what became of a text."""

    def look_up(self, refs: Sequence[str], values: Mapping[str, Any], secrets: Mapping[str, str]) -> Sequence[Outcome]:
        """Outcomes (REF_FIELD set) of those references that the gateway knows."""
        ...
