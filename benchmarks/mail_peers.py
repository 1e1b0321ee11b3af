"""What our lines are measured against: a sender written by hand on a plain socket, and smtplib. Both send bytes."""

import smtplib
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

Built = Sequence[tuple[str, bytes]]
"""(recipient, the whole message with its line ends)."""
SENDER = "ann@example.com"


class Pipelining:
    """One connection; each message's envelope goes behind the dot of the one before (RFC 2920): one wait a message."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._replies: BinaryIO = self._socket.makefile("rb")
        self._expect(b"220")
        self._socket.sendall(b"EHLO [127.0.0.1]\r\n")
        assert b"PIPELINING" in self._expect(b"250")

    def send(self, built: Built) -> None:
        """All of them, each checked."""
        behind = b""
        for recipient, content in built:
            to = recipient.encode()
            self._socket.sendall(
                b"%sMAIL FROM:<%s> SIZE=%d\r\nRCPT TO:<%s>\r\nDATA\r\n" % (behind, SENDER.encode(), len(content), to)
            )
            if behind:
                self._expect(b"250")
            for code in (b"250", b"250", b"354"):
                self._expect(code)
            behind = content.replace(b"\r\n.", b"\r\n..") + b".\r\n"
        self._socket.sendall(behind)
        self._expect(b"250")

    def close(self) -> None:
        """Say goodbye."""
        self._socket.sendall(b"QUIT\r\n")
        self._expect(b"221")
        self._replies.close()
        self._socket.close()

    def _expect(self, code: bytes) -> bytes:
        said = b""
        while True:
            line = self._replies.readline()
            if not line.startswith(code):
                raise OSError(f"{code!r} was expected, not {line!r}")
            said += line
            if line[3:4] != b"-":
                return said


class Smtplib:
    """One connection of the standard library, a `sendmail` a message."""

    def __init__(self, port: int) -> None:
        self._line = smtplib.SMTP("127.0.0.1", port, local_hostname="[127.0.0.1]", timeout=30)
        self._line.ehlo()

    def send(self, built: Built) -> None:
        """All of them."""
        for recipient, content in built:
            self._line.sendmail(SENDER, [recipient], content)

    def close(self) -> None:
        """Say goodbye."""
        self._line.quit()


@contextmanager
def peer(kind: type[Pipelining] | type[Smtplib], port: int) -> Iterator[Pipelining | Smtplib]:
    """One that is signed on."""
    line = kind(port)
    try:
        yield line
    finally:
        line.close()
