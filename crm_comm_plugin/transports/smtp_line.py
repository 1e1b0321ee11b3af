"""One connection to an SMTP server: smtplib with a time-out for every phase, and replies as values."""

import smtplib
import socket
import ssl
import time
from typing import Any

from crm_comm_plugin.domain.addresses import ascii_domain
from crm_comm_plugin.transports.replies import Phase, Reply, read_reply

MAX_REPLY = 65_536
"""More bytes than this in one reply are no reply."""
MAX_LINE = 8_192
"""The same for one line of a reply."""
_PIECE, _READ = 65_536, 8_192


class LineBroken(Exception):
    """The connection is gone. phase: what was going on; timed_out: the server was silent for too long."""

    def __init__(self, phase: Phase, timed_out: bool = False) -> None:
        super().__init__(phase)
        self.phase = phase
        self.timed_out = timed_out


class SmtpLine(smtplib.SMTP):
    """A line over a connected socket. seconds: the longest wait of each phase."""

    timeout: float

    def __init__(self, connected: socket.socket, host: str, seconds: float) -> None:
        super().__init__(local_hostname=own_name(), timeout=seconds)
        self._host = host  # smtplib checks a certificate's name against this
        self.sock: Any = connected
        self._held = b""  # read and not looked at yet
        self._usual: dict[Phase, tuple[int, bytes, Reply]] = {}
        self.encrypted = isinstance(connected, ssl.SSLSocket)

    def getreply(self) -> tuple[int, bytes]:
        """A reply within the phase's time, however slowly its bytes drip in; raises SMTPServerDisconnected."""
        deadline, left, lines = time.monotonic() + self.timeout, MAX_REPLY, []
        while True:
            line = self._read_line(deadline)
            left -= len(line)
            if left < 0:
                raise self._gone("the reply has no end")
            lines.append(line[4:].strip(b" \t\r\n"))
            if not line[:3].isdigit():
                return -1, b"\n".join(lines)
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(lines)

    def _read_line(self, deadline: float) -> bytes:
        """The next line with its end; raises SMTPServerDisconnected."""
        while True:
            line, end, rest = self._held.partition(b"\n")
            if end:
                self._held = rest
                return line + end
            left = deadline - time.monotonic()
            if left <= 0 or self.sock is None:
                raise self._gone("timed out" if self.sock is not None else "not connected")
            try:
                self.sock.settimeout(left)
                more = self.sock.recv(_READ)
            except OSError as error:
                raise self._gone(str(error)) from None
            if not more or len(line) > MAX_LINE:
                raise self._gone("the line ended" if not more else "the line has no end")
            self._held = line + more

    def _gone(self, why: str) -> smtplib.SMTPServerDisconnected:
        self.close()
        return smtplib.SMTPServerDisconnected(why)

    def send(self, s: Any) -> None:
        """Bytes in pieces, so that a long message may take longer than one time-out."""
        raw = s.encode(self.command_encoding) if isinstance(s, str) else s
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("not connected")
        try:
            self.sock.settimeout(self.timeout)
            for start in range(0, len(raw), _PIECE):
                self.sock.sendall(raw[start : start + _PIECE])
        except OSError as error:
            raise self._gone(str(error)) from None

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
        self.encrypted, self._held = True, b""  # what came before in clear may be from anybody
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
        return bool(self._held)

    def put(self, commands: bytes, phase: Phase) -> None:
        """Several commands in one go (RFC 2920); their replies are read with `answer`. Raises LineBroken."""
        try:
            self.send(commands)
        except (smtplib.SMTPException, OSError) as error:
            raise self._broken(phase, error) from None

    def give(self, content: bytes, behind: bytes = b"") -> Reply:
        """A message after 354, with its dots doubled (RFC 5321 section 4.5.2); raises LineBroken.

        behind: commands that go in the same breath (RFC 2920); their replies are read afterwards.
        """
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
            self.send(whole[last:] + behind)
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
        usual = self._usual.get(phase)
        if usual is not None and usual[0] == code and usual[1] == text:
            return usual[2]
        reply = read_reply(code, text)
        if reply.closes:
            self.close()
        elif reply.code < 400:
            self._usual[phase] = code, text, reply
        return reply

    def _broken(self, phase: Phase, error: Exception) -> LineBroken:
        self.close()
        return LineBroken(phase, "timed out" in str(error))


def own_name() -> str:
    """What to call ourselves: never asks DNS, which could take long."""
    name = socket.gethostname()
    try:
        return ascii_domain(name) if "." in name and name.isascii() else "[127.0.0.1]"
    except ValueError:  # an underscore, say, which Exim refuses
        return "[127.0.0.1]"


def _bytes(text: Any) -> bytes:
    return text if isinstance(text, bytes) else str(text).encode(errors="replace")
