"""What people read about credits, and a gateway's trouble as the answer to a button."""

from decimal import Decimal

from crm_comm_hookspecs import CommError, Credits, InvalidInput, Order, Reason, Result, TransportError
from crm_comm_plugin.domain.ports.credits import LOW_CREDITS, unit_of

CODE = "access_code"
"""The field of the access code."""


def amount(number: Decimal, unit: str) -> str:
    """ "37 credits", "1 credit", "12.5 EUR": exact, without the zeros behind."""
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{text} {unit_of(number, unit)}".strip()


def level_of(credits: Credits, low: object) -> str:
    """ok | warn | bad. low: the account's value `low_credits`; what is no number means the default."""
    if credits.balance <= 0:
        return "bad"
    chosen = low if isinstance(low, int) and not isinstance(low, bool) else LOW_CREDITS
    return "warn" if credits.balance <= chosen else "ok"


def left_in_words(number: Decimal, unit: str, level: str) -> str:
    """What is left, and the next step where that is little."""
    if level == "ok":
        return f"{amount(number, unit)} left."
    if level == "warn":
        return f"Only {amount(number, unit)} left. Buy more in time."
    return f"Nothing left ({amount(number, unit)}). Press Purchase Credits."


def order_in_words(order: Order, unit: str = "credits") -> tuple[str, str]:
    """(text, level) of a purchase's state."""
    bought = f" {amount(order.credits, unit)}" if order.credits is not None else ""
    if order.state == "open":
        return "The payment has not arrived yet. Finish it on the gateway's page.", "info"
    if order.state == "paid":
        next_step = "Copy the access code from the gateway's page into the account and activate it."
        return f"Paid:{bought or ' thank you'}. {next_step}", "ok"
    if order.state == "used":
        return f"Bought{bought and ':'}{bought}. They can be used now.", "ok"
    return "Nothing was bought: the payment was cancelled or did not go through.", "warn"


def trouble(error: CommError) -> Result:
    """An error of a gateway, at the field that it is about."""
    text = f"{error.message} {error.hint}".strip()
    if isinstance(error, InvalidInput) and error.code.endswith("_url"):
        return Result(ok=False, errors={error.code: [text]}, message=error.message, level="bad")
    if error.code.startswith(f"{CODE}_") or (isinstance(error, TransportError) and error.reason is Reason.AUTH):
        return Result(ok=False, errors={CODE: [text]}, message=error.message, level="bad")
    return Result(ok=False, message=text, level="bad")


def missing_code() -> Result:
    """There is nothing to activate or to ask with."""
    text = "Enter the access code first; you get it when you buy credits."
    return Result(ok=False, errors={CODE: [text]}, message=text, level="warn")
