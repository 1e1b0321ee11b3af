"""A reservation's id: it names its account, so that settling needs no search."""

import re
from dataclasses import dataclass
from hashlib import blake2b

from crm_comm_hookspecs import UnknownReservation

_FORM = re.compile(r"([A-Za-z0-9_-]{1,64})\.([hHkK])([0-9a-f]{8})([0-9a-f]{32})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Ref:
    """A reservation's id taken apart. keyed: it was made with a key; shared: the installation was charged too.

    nonce: with a key, tells it from an older reservation with the same key; without, the units that were granted.
    """

    account_id: str
    token: bytes
    nonce: int = 0
    keyed: bool = False
    shared: bool = False

    def __str__(self) -> str:
        kind = "k" if self.keyed else "h"
        return f"{self.account_id}.{kind.upper() if self.shared else kind}{self.nonce:08x}{self.token.hex()}"

    @property
    def shared_token(self) -> bytes:
        """What stands for it in the book of all accounts, where two accounts may have used the same key."""
        return blake2b(self.token, digest_size=16, key=self.account_id.encode()[:64]).digest()

    @classmethod
    def parse(cls, text: str) -> "Ref":
        """Take an id apart; UnknownReservation when it is none of ours."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise UnknownReservation
        account_id, kind, nonce, token = match.groups()
        return cls(account_id, bytes.fromhex(token), int(nonce, 16), keyed=kind in "kK", shared=kind in "HK")
