"""The cells of a row: a state as a badge, usage as a meter, in the person's words."""

from datetime import datetime

from crm_comm_hookspecs import Allowance, Badge, Meter, Window
from crm_comm_plugin.accounts.words import Words
from crm_comm_plugin.domain.accounts import Status, StoredAccount
from crm_comm_plugin.domain.ports.credits import CreditsLeft, unit_of

_STATES: dict[str, Badge] = {
    Status.CONNECTED: Badge(text="Connected", level="ok"),
    Status.UNTESTED: Badge(text="Never tested"),
    Status.AUTH_FAILED: Badge(text="Sign-in failed", level="bad"),
    Status.PAUSED: Badge(text="Paused", level="warn"),
    Status.NO_CREDITS: Badge(text="No credits", level="warn"),
    Status.SECRET_MISSING: Badge(text="Secret missing", level="bad"),
    Status.INACTIVE: Badge(text="Inactive"),
}
_PERIODS = {
    Window.MINUTE: "this minute",
    Window.HOUR: "this hour",
    Window.DAY: "today",
    Window.MONTH: "this month",
}
NO_LIMIT = "No limit"
_NEARLY = 0.8


def state(account: StoredAccount, words: Words, now: datetime) -> Badge:
    """How the account is now; a pause says until when."""
    if account.deleted_at is not None:
        return Badge(text=f"Deleted {words.moment(account.deleted_at)}")
    found, until = account.state(now), account.status_until
    if found == Status.PAUSED and until is not None:
        return Badge(text=f"Paused until {words.moment(until)}", level="warn")
    return _STATES.get(found, _STATES[Status.UNTESTED])


def usage(
    allowance: Allowance | None,
    left: CreditsLeft | None,
    freed: tuple[datetime, int] | None,
    words: Words,
    stopped: str = "",
) -> Meter | Badge | str:
    """ "132 of 500 today", what is free again when, the credits that are left, and what the provider said."""
    balance = _balance(left, words) if left is not None else ""
    if allowance is None or allowance.limit.count is None or allowance.limit.window is Window.NONE:
        if left is None:
            return " · ".join(filter(None, [NO_LIMIT, stopped]))
        return Badge(text=" · ".join(filter(None, [balance, stopped])), level=left.level if left.level != "ok" else "")
    count = allowance.limit.count
    taken = allowance.used + allowance.held
    text = f"{words.number(taken)} of {words.number(count)} {_PERIODS[allowance.limit.window]}"
    hint = " · ".join(filter(None, [_free_again(allowance, freed, words), balance, stopped]))
    return Meter(
        value=float(taken) if count else 1.0,
        max=float(count or 1),
        text=text,
        hint=hint,
        level=_level(taken, allowance),
    )


def _level(taken: int, allowance: Allowance) -> str:
    """Red where nothing is left, also when the provider has stopped the account below its count."""
    if not allowance.remaining:
        return "bad"
    return "warn" if taken >= _NEARLY * (allowance.limit.count or 0) else "ok"


def _free_again(allowance: Allowance, freed: tuple[datetime, int] | None, words: Words) -> str:
    if allowance.limit.count == 0:
        return "Blocked by a count of 0"
    if freed is not None:
        return f"{words.number(freed[1])} free again at {words.moment(freed[0])}"
    if allowance.remaining == 0 and allowance.next_free_at is not None:
        return f"Free again from {words.moment(allowance.next_free_at)}"
    return f"All free again at {words.moment(allowance.full_at)}" if allowance.full_at is not None else ""


def _balance(left: CreditsLeft, words: Words) -> str:
    whole = left.balance == left.balance.to_integral_value()
    number = words.number(int(left.balance)) if whole else words.decimal(left.balance)
    return f"{number} {unit_of(left.balance, left.unit)} left, read {words.moment(left.as_of)}"
