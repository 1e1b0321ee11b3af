"""The envelope of one message: MAIL, RCPT and DATA one by one, or in one go where the server offers PIPELINING.

RFC 2920: all replies are read, in order; DATA is the last of a group, so no content has gone when a reply refuses.
"""

from collections.abc import Sequence

from crm_comm_plugin.transports.replies import Phase, Reply
from crm_comm_plugin.transports.smtp_line import LineBroken, SmtpLine


class Talk:
    """Each method answers the next reply, in the order sender, recipient (once for each), data; raises LineBroken."""

    def __init__(self, line: SmtpLine, sender: str, recipients: Sequence[str], size: int, utf8: bool) -> None:
        self._line = line
        line.command_encoding = "utf-8" if utf8 else "ascii"
        options = f" SIZE={size}" if line.has_extn("size") else ""
        options += " SMTPUTF8 BODY=8BITMIME" if utf8 else ""
        self._waiting = [f"MAIL FROM:<{sender}>{options}", *(f"RCPT TO:<{to}>" for to in recipients), "DATA"]
        self._waiting.reverse()
        self._piped = line.has_extn("pipelining")
        if self._piped:
            line.put(self._waiting[::-1], Phase.SENDER)

    def sender(self) -> Reply:
        """To MAIL."""
        return self._next(Phase.SENDER)

    def recipient(self) -> Reply:
        """To the next RCPT."""
        return self._next(Phase.RECIPIENT)

    def data(self) -> Reply:
        """To DATA."""
        return self._next(Phase.DATA)

    def give_up(self) -> None:
        """Nobody was taken: read what is still to come, so that the line can be used again; else close it."""
        if not self._piped:
            return
        try:
            while self._waiting:
                reply = self._next(Phase.SENDER)
            if reply.code == 354:  # it waits for a message to nobody
                self._line.close()
        except LineBroken:
            return

    def _next(self, phase: Phase) -> Reply:
        command = self._waiting.pop()
        return self._line.answer(phase) if self._piped else self._line.ask(command, phase)
