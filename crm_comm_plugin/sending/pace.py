"""How much is taken at once: measured, so that no hold runs out, little is held in vain, and a crash costs little."""

from dataclasses import dataclass

from crm_comm_plugin.domain.ledger import LONGEST_HOLD
from crm_comm_plugin.domain.ledger_log import SECOND

BEGIN_SECONDS = 150.0
GRACE_SECONDS = 150.0
PHASES = 5
"""How many phases may each use up their time-out before a recipient who was begun counts at the provider: the content
of the message before, behind which pipelined SMTP begins the next one, then MAIL, RCPT, DATA and content."""

CHUNK_SECONDS = 20.0
BATCH_SECONDS = 1.0
MAX_CHUNK = 5_000
FIRST_CHUNK = 250
FIRST_BATCH = 16
_GROWTH = 4
_INSTANT = 1e-6


@dataclass(frozen=True, slots=True)
class HoldTime:
    """How long a hold lasts, and its last part in which no recipient is begun: what was begun arrives within it."""

    seconds: float = BEGIN_SECONDS + GRACE_SECONDS
    grace: float = GRACE_SECONDS

    @classmethod
    def of(cls, timeout: float) -> "HoldTime":
        """For transports that wait so many seconds in each phase."""
        grace = min(max(GRACE_SECONDS, PHASES * timeout), LONGEST_HOLD / SECOND - BEGIN_SECONDS)
        return cls(BEGIN_SECONDS + grace, grace)


USUAL_HOLD = HoldTime()


class Pace:
    """Sizes for one send: how many recipients are read (chunk), held (hold) and handed over (batch) at once."""

    def __init__(self) -> None:
        self._most = 1
        self._rate = 0.0
        self.chunk = self.hold = FIRST_CHUNK
        self.batch = 1

    def likes(self, batch: object) -> None:
        """What the transport asks for; anything that is no sensible number counts as one."""
        sensible = isinstance(batch, int) and not isinstance(batch, bool) and batch > 0
        self._most = min(int(batch), MAX_CHUNK) if sensible else 1  # type: ignore[call-overload]
        self.batch = min(self._most, FIRST_BATCH)

    def took(self, recipients: int, seconds: float) -> None:
        """So many recipients took so long."""
        if recipients <= 0:
            return
        rate = recipients / max(seconds, _INSTANT)
        self._rate = rate if not self._rate else (self._rate + rate) / 2
        self.chunk = self.hold = _sized(self._rate * CHUNK_SECONDS, self.hold, MAX_CHUNK)
        self.batch = _sized(self._rate * BATCH_SECONDS, self.batch, self._most)

    def idle(self) -> None:
        """A chunk went by with nobody to send to: the next may be larger."""
        self.chunk = min(self.chunk * _GROWTH, MAX_CHUNK)


def _sized(wanted: float, now: int, most: int) -> int:
    return max(1, min(int(min(wanted, most)), now * _GROWTH, most))
