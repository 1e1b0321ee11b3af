"""Ports for servers that must be told theirs, also for one that is stopped and started again."""

import random
import socket

_CHOICE = random.SystemRandom()  # hypothesis seeds the usual one, so that all workers would choose the same


def free_port() -> int:
    """A port on loopback that nobody listens at, and that no system gives out by itself: while a server restarts, any
    other one's socket could get such a port."""
    while True:
        port = _CHOICE.randrange(10_000, 32_000)  # Linux gives out ports from 32768 on, others from 49152 on
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
