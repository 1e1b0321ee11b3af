"""One connection to an SMTP server: smtplib with a time-out for every phase, and replies as values."""

import io
import smtplib
import socket
import ssl
import time
from collections.abc import Sequence
from typing import Any

from crm_comm_plugin.transports.replies import Phase, Reply, read_reply

MAX_REPLY = 65_536
"""More bytes than this in one reply are no reply."""
_PIECE = 65_536


class LineBroken(Exception):
    """The connection is gone. phase: what was going on; timed_out: the server was silent for too long."""

    def __init__(self, phase: Phase, timed_out: bool = False) -> None:
        super().__init__(phase)
        self.phase = phase
        self.timed_out = timed_out


class _TimedReader(io.RawIOBase):
    """Reads from a socket until the phase's time is over, however slowly the bytes drip in."""

    def __init__(self, line: "SmtpLine") -> None:
        self._line = line

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        line = self._line
        if line.peeking:
            return None
        left = line.deadline - time.monotonic()
        if left <= 0 or line.sock is None:
            raise TimeoutError("timed out")
        line.sock.settimeout(left)
        count: int = line.sock.recv_into(buffer)
        line.sock.settimeout(line.timeout)
        line.read += count
        if line.read > MAX_REPLY:
            raise OSError("the reply has no end")
        return count


class SmtpLine(smtplib.SMTP):
    """A line over a connected socket. seconds: the longest wait of each phase."""

    timeout: float

    def __init__(self, connected: socket.socket, host: str, seconds: float) -> None:
        super().__init__(local_hostname=own_name(), timeout=seconds)
        self._host = host  # smtplib checks a certificate's name against this
        self.sock: Any = connected
        self.file: Any = None
        self.deadline = 0.0
        self.read = 0
        self.peeking = False
        self.encrypted = isinstance(connected, ssl.SSLSocket)

    def getreply(self) -> tuple[int, bytes]:
        """A reply within the phase's time; raises SMTPServerDisconnected."""
        self.deadline, self.read = time.monotonic() + self.timeout, 0
        if self.file is None and self.sock is not None:
            self.file = io.BufferedReader(_TimedReader(self))
        if self.file is None:
            raise smtplib.SMTPServerDisconnected("not connected")
        return super().getreply()

    def send(self, s: Any) -> None:
        """Bytes in pieces, so that a long message may take longer than one time-out."""
        raw = s.encode(self.command_encoding) if isinstance(s, str) else bytes(s)
        for start in range(0, len(raw), _PIECE):
            super().send(raw[start : start + _PIECE])

    def greeting(self) -> Reply:
        """The server's first words."""
        return self.answer(Phase.GREETING)

    def hello(self) -> Reply:
        """EHLO, or HELO for old servers."""
        try:
            code, text = self.ehlo()
            if not 200 <= code < 300 and code != 421:
                code, text = self.helo()
        except (smtplib.SMTPException, OSError) as error:
            raise self._broken(Phase.HELLO, error) from None
        return read_reply(code, text)

    def encrypt(self, context: ssl.SSLContext) -> Reply:
        """STARTTLS. Raises ssl.SSLError and its kind for what is wrong with the certificate."""
        try:
            code, text = self.starttls(context=context)
        except smtplib.SMTPResponseException as error:
            return read_reply(error.smtp_code, _bytes(error.smtp_error))
        except ssl.SSLError:
            self.close()
            raise
        except (smtplib.SMTPException, OSError) as error:
            raise self._broken(Phase.TLS, error) from None
        self.encrypted = True
        return read_reply(code, text)

    def ask(self, command: str, phase: Phase) -> Reply:
        """One command and its reply; raises LineBroken."""
        try:
            self.putcmd(command)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise self._broken(phase, error) from None
        return self.answer(phase)

    def has_more(self) -> bool:
        """True when the server has said more than it was asked: then no reply can be trusted any more."""
        self.peeking = True
        try:
            return self.file is not None and bool(self.file.peek(1))
        finally:
            self.peeking = False

    def put(self, commands: Sequence[str], phase: Phase) -> None:
        """Several commands in one go (RFC 2920); their replies are read with `answer`. Raises LineBroken."""
        if any("\r" in command or "\n" in command for command in commands):
            raise LineBroken(phase)
        try:
            self.send("\r\n".join([*commands, ""]))
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise self._broken(phase, error) from None

    def give(self, content: bytes) -> Reply:
        """A message after 354, with its dots doubled (RFC 5321 section 4.5.2); raises LineBroken."""
        dotted = content.replace(b"\r\n.", b"\r\n..")
        if dotted.startswith(b"."):
            dotted = b"." + dotted
        whole = dotted + (b".\r\n" if dotted.endswith(b"\r\n") else b"\r\n.\r\n")
        last = (len(whole) - 1) // _PIECE * _PIECE
        phase = Phase.DATA  # until the piece with the last dot goes, nothing can have been delivered
        try:
            if last:
                self.send(whole[:last])
            phase = Phase.CONTENT
            self.send(whole[last:])
        except (smtplib.SMTPException, OSError) as error:
            raise self._broken(phase, error) from None
        return self.answer(Phase.CONTENT)

    def leave(self) -> None:
        """QUIT, without waiting long, and close; nothing that goes wrong here matters."""
        try:
            self.timeout = min(self.timeout, 2.0)
            if self.sock is not None:
                self.docmd("QUIT")
        except (smtplib.SMTPException, OSError):
            pass
        finally:
            self.close()

    def answer(self, phase: Phase) -> Reply:
        """The next reply; raises LineBroken."""
        try:
            code, text = self.getreply()
        except (smtplib.SMTPException, OSError) as error:
            raise self._broken(phase, error) from None
        reply = read_reply(code, text)
        if reply.closes:
            self.close()
        return reply

    def _broken(self, phase: Phase, error: Exception) -> LineBroken:
        self.close()
        return LineBroken(phase, "timed out" in str(error))


def own_name() -> str:
    """What to call ourselves: never asks DNS, which could take long."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() and name.isprintable() else "[127.0.0.1]"


def _bytes(text: Any) -> bytes:
    return text if isinstance(text, bytes) else str(text).encode(errors="replace")
