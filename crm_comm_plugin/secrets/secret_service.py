"""The desktop's Secret Service (GNOME Keyring, KWallet, KeePassXC): is it there and unlocked? Never shows a prompt."""

from contextlib import closing

from crm_comm_hookspecs import SecretsUnavailable

NAME = "keyring.backends.SecretService.Keyring"
OTHERWISE = "or set `secret_backend` to database"


def check_secret_service() -> None:
    """Pass when the default collection is there and open; else SecretsUnavailable (missing, locked).

    keyring itself would ask for the password on the screen, and a server would wait for ever.
    """
    import secretstorage

    try:
        with closing(secretstorage.dbus_init()) as bus:
            if not secretstorage.check_service_availability(bus):
                raise _missing()
            locked = secretstorage.get_collection_by_alias(bus, "default").is_locked()
    except (secretstorage.SecretStorageException, OSError, KeyError):
        raise _missing() from None
    if locked:
        raise SecretsUnavailable(
            "The desktop's keyring (Secret Service) is locked.",
            hint=f"Unlock it: sign in to the desktop, or open its passwords program; {OTHERWISE}.",
            retryable=True,
            code="locked",
        )


def _missing() -> SecretsUnavailable:
    return SecretsUnavailable(
        "The desktop's keyring (Secret Service) is not running, or has no default collection.",
        hint=f"Start this from the desktop session, where it is; {OTHERWISE}.",
        code="missing",
    )
