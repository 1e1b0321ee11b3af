"""AES-256-GCM for one secret, with its place bound in: a row moved to another name does not open there."""

import os

from crm_comm_hookspecs import SecretsUnavailable
from crm_comm_plugin.domain.ports.secrets import SealedRow
from crm_comm_plugin.secrets.keys import Key, Keys

VERSION = b"\x01"
NONCE_BYTES, TAG_BYTES = 12, 16
BLOCK = 64
"""Secrets are padded to whole blocks, so that a copied database does not tell how long a password is."""


def seal(key: Key, service: str, username: str, secret: bytes) -> SealedRow:
    """Encrypt: version byte, nonce (random, 96 bits), ciphertext with tag."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(NONCE_BYTES)
    padded = secret + b"\x80" + bytes(-(len(secret) + 1) % BLOCK)
    sealed = AESGCM(key.reveal()).encrypt(nonce, padded, _place(service, username, key.id))
    return SealedRow(service=service, username=username, key_id=key.id, data=VERSION + nonce + sealed)


def unseal(keys: Keys, row: SealedRow) -> bytes:
    """Decrypt. Raises SecretsUnavailable (wrong_key) without its key, or when the row was changed or damaged."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key = keys.get(row.key_id)
    if key is None:
        raise SecretsUnavailable(
            f"A stored password was encrypted with another key (id {row.key_id}).",
            hint="Set that key again, beside the present one; `crm-comm secrets status` lists key ids.",
            code="wrong_key",
        )
    nonce, sealed = row.data[1 : 1 + NONCE_BYTES], row.data[1 + NONCE_BYTES :]
    if row.data[:1] == VERSION and len(sealed) >= TAG_BYTES:
        try:
            padded = AESGCM(key.reveal()).decrypt(nonce, sealed, _place(row.service, row.username, row.key_id))
            return padded.rstrip(b"\0")[:-1]
        except InvalidTag:
            pass
    raise SecretsUnavailable(
        "A stored password was changed or damaged in the database.",
        hint="Enter the password again, or restore the database from a copy.",
        code="wrong_key",
    )


def _place(service: str, username: str, key_id: str) -> bytes:
    fields = (part.encode() for part in ("crm-comm secret", service, username, key_id))
    return VERSION + b"".join(len(part).to_bytes(4, "big") + part for part in fields)
