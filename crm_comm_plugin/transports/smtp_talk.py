"""The envelope of one message: MAIL, RCPT and DATA one by one, or in one go where the server offers PIPELINING.

RFC 2920: all replies are read, in order; DATA is the last of a group, so no content has gone when a reply refuses. The
content of the message before may be the first of the group: then there is one wait for each message, not two.
"""

from collections.abc import Sequence

from crm_comm_plugin.transports.replies import Phase, Reply
from crm_comm_plugin.transports.smtp_line import LineBroken, SmtpLine


class Talk:
    """sender, recipient (once for each) and data answer the next reply in this order; they raise LineBroken.

    line: where it is said; after_refusal: the message before was refused when this envelope was already behind it.
    """

    def __init__(self, line: SmtpLine, sender: str, recipients: Sequence[str], size: int, utf8: bool) -> None:
        self.line, self._utf8 = line, utf8
        options = f" SIZE={size}" if line.has_extn("size") else ""
        options += " SMTPUTF8 BODY=8BITMIME" if utf8 else ""
        self._waiting = [f"MAIL FROM:<{sender}>{options}", *(f"RCPT TO:<{to}>" for to in recipients), "DATA"]
        self._waiting.reverse()
        self._piped = line.has_extn("pipelining")
        self.after_refusal = False

    def begin(self) -> None:
        """Say what can be said at once; raises LineBroken."""
        self.line.command_encoding = "utf-8" if self._utf8 else "ascii"
        if self._piped:
            self.line.put(self.packed(), Phase.SENDER)

    def packed(self) -> bytes:
        """The whole envelope in one go; raises LineBroken for what would be further commands."""
        if any("\r" in command or "\n" in command for command in self._waiting):
            raise LineBroken(Phase.SENDER)
        try:
            return "\r\n".join([*self._waiting[::-1], ""]).encode("utf-8" if self._utf8 else "ascii")
        except UnicodeError:
            raise LineBroken(Phase.SENDER) from None

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
                self.line.close()
        except LineBroken:
            return

    def _next(self, phase: Phase) -> Reply:
        command = self._waiting.pop()
        return self.line.answer(phase) if self._piped else self.line.ask(command, phase)
