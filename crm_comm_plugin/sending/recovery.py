"""After a run that died: everybody it left open gets an outcome, and its hold is settled exactly."""

from contextlib import suppress

from crm_comm_hookspecs import ReservationMismatch, UnknownReservation
from crm_comm_plugin.domain.ports.limits import Limiter
from crm_comm_plugin.domain.ports.sends import SendRow
from crm_comm_plugin.domain.sends import RUNNING
from crm_comm_plugin.sending.books import Books


def take_over(row: SendRow, books: Books, limiter: Limiter) -> None:
    """Clear up if the last run was cut off. row: the send as `SendStore.begin` answered it."""
    if row.state == RUNNING and row.run > 1:
        books.recover()
        if row.hold:
            settle(limiter, row.hold, books.written.charged)


def settle(limiter: Limiter, hold: str, used: int) -> None:
    """Give back what a hold did not use; one that is settled already, or forgotten, counts as the ledger has it."""
    with suppress(UnknownReservation, ReservationMismatch):
        limiter.settle(hold, used)
