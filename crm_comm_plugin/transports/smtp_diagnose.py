"""Test Connection: every step up to MAIL and RCPT; nothing is sent. What fails names its field and the next step."""

from crm_comm_hookspecs import Diagnosis, Reason, Step
from crm_comm_plugin.domain.scrub import Scrubber
from crm_comm_plugin.transports.replies import Phase, Reply, meaning_of
from crm_comm_plugin.transports.smtp_hints import Hint
from crm_comm_plugin.transports.smtp_line import LineBroken, SmtpLine
from crm_comm_plugin.transports.smtp_open import OpenFailed, open_line
from crm_comm_plugin.transports.smtp_target import Target


def diagnose(target: Target, seconds: float, ca_file: str, scrubber: Scrubber) -> Diagnosis:
    """Steps resolve, connect, TLS, greeting, sign-in, sender, recipient, as far as they go."""
    steps: list[Step] = []

    def passed(step: str, detail: str) -> None:
        steps.append(Step(name=str(step), ok=True, detail=detail))

    try:
        line = open_line(target, seconds, ca_file, passed)
    except OpenFailed as failed:
        signing_in = failed.step == Phase.SIGN_IN
        steps.append(_failed(failed.step, failed.hint, failed.reply, scrubber, signing_in))
        return Diagnosis(ok=False, steps=tuple(steps))
    try:
        steps += _envelope(line, target, scrubber)
    finally:
        line.leave()
    return Diagnosis(ok=all(step.ok for step in steps), steps=tuple(steps))


def _envelope(line: SmtpLine, target: Target, scrubber: Scrubber) -> list[Step]:
    """MAIL and RCPT with the account's own sender; RSET ends it."""
    if not target.sender:
        hint = Hint("The account has no sender address.", "sender", "Enter the address that recipients shall see.")
        return [_failed(Phase.SENDER, hint, None, scrubber)]
    if not target.sender.isascii():
        if not line.has_extn("smtputf8"):
            hint = Hint(
                "The server does not take addresses with letters outside ASCII.", "sender", "Use another address."
            )
            return [_failed(Phase.SENDER, hint, None, scrubber)]
        line.command_encoding = "utf-8"
    option = "" if target.sender.isascii() else " SMTPUTF8 BODY=8BITMIME"
    steps: list[Step] = []
    for phase, command in (
        (Phase.SENDER, f"MAIL FROM:<{target.sender}>{option}"),
        (Phase.RECIPIENT, f"RCPT TO:<{target.sender}>"),
    ):
        try:
            reply = line.ask(command, phase)
        except LineBroken:
            hint = Hint("The server closed the line.", "", "Try again in a few minutes.")
            return [*steps, _failed(phase, hint, None, scrubber)]
        if not reply.good:
            return [*steps, _failed(phase, _refused(reply, phase), reply, scrubber)]
        steps.append(Step(name=str(phase), ok=True))
    return steps


def _refused(reply: Reply, phase: Phase) -> Hint:
    meaning = meaning_of(reply, phase)
    if meaning.reason == Reason.PROVIDER_LIMIT:
        return Hint(meaning.detail, "", "Wait until the provider lets the account send again.")
    if "sign in" in meaning.detail or "encrypted" in meaning.detail:
        return Hint(meaning.detail, "user" if "sign in" in meaning.detail else "security", "")
    if phase is Phase.SENDER:
        return Hint(meaning.detail, "sender", "Use an address that belongs to this account.")
    detail = "The server does not take mail for the account's own address, which is what was tried."
    return Hint(detail, "sender", "Check the sender address. Other recipients may still work.")


def _failed(step: str, hint: Hint, reply: Reply | None, scrubber: Scrubber, signing_in: bool = False) -> Step:
    """The server's own words follow the sentence, without secrets."""
    words = scrubber.words(f"{reply.shown} {reply.words}".strip(), signing_in) if reply is not None else ""
    detail = f"{hint.detail} ({words})" if words else hint.detail
    return Step(name=str(step), ok=False, detail=detail, hint=hint.hint, field=hint.field)
