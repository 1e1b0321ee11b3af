"""Key files: read with care for who else may read or write them, and made once however many processes try."""

import base64
import contextlib
import os
import secrets
import stat
from pathlib import Path

from crm_comm_hookspecs import SecretsUnavailable
from crm_comm_plugin.domain.ports.secrets import Finding

KEY_FILE = "crm_comm_secret_key"
MAX_BYTES = 65_536


def read_key_file(path: Path, ours: bool) -> tuple[str, tuple[Finding, ...]]:
    """The text of a key file and what is wrong with its permissions.

    ours: we made it beside the data, so it must be a plain file of this user's (or root's) that nobody else can write;
    one that an administrator named may be a link or belong to somebody else, as containers mount them.
    Raises SecretsUnavailable (missing), FileNotFoundError.
    """
    nofollow = getattr(os, "O_NOFOLLOW", 0) if ours else 0
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | nofollow
    try:
        handle = os.open(path, flags)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode) or about.st_size > MAX_BYTES:
            raise SecretsUnavailable(
                f"The key file {path} is not a file of keys.", hint="Name a text file with the key.", code="missing"
            )
        findings = _permissions(path, about, ours)
        return os.read(handle, MAX_BYTES).decode("utf-8-sig", errors="replace"), findings
    except OSError as error:
        raise _unreadable(path, error) from error
    finally:
        os.close(handle)


def make_key_file(path: Path) -> None:
    """Write a new random key with mode 0600, complete and on disk or not at all; harmless when another was first.

    The content goes into a file of its own first; linking it to its name fails when the name is taken, so of two
    processes exactly one wins and nobody ever sees half a key. Raises SecretsUnavailable (missing).
    """
    text = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode() + "\n"
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            _write_new(draft, text)
            _publish(draft, path, text)
        finally:
            draft.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as error:
        raise SecretsUnavailable(
            f"The key file {path} cannot be made ({error.strerror}).",
            hint="Make its folder writable, or set CRM_COMM_SECRET_KEY_FILE to a key file of yours.",
            code="missing",
        ) from error


def _publish(draft: Path, path: Path, text: str) -> None:
    with contextlib.suppress(FileExistsError):
        try:
            os.link(draft, path)
        except FileExistsError:
            raise
        except OSError:  # a file system without links: the window for half a key is one write of 44 bytes
            _write_new(path, text)


def _write_new(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(handle)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return  # Windows cannot open a folder, and needs no such thing
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _permissions(path: Path, about: os.stat_result, ours: bool) -> tuple[Finding, ...]:
    if os.name != "posix":
        return ()
    mode, hint = stat.S_IMODE(about.st_mode), f"Run `chmod 600 {path}`."
    if ours and about.st_uid not in {0, os.geteuid()}:
        raise SecretsUnavailable(
            f"The key file {path} belongs to another user.",
            hint="Run as the user whose data this is, or give the file to this user.",
            code="missing",
        )
    if mode & 0o022:
        if ours:
            raise SecretsUnavailable(f"Others may write the key file {path}.", hint=hint, code="missing")
        return (Finding(level="bad", text=f"Others may write the key file {path}.", hint=hint),)
    if mode & 0o044:
        return (Finding(level="warn", text=f"Others may read the key file {path}.", hint=hint),)
    return ()


def _unreadable(path: Path, error: OSError) -> SecretsUnavailable:
    return SecretsUnavailable(
        f"The key file {path} cannot be read ({error.strerror}).",
        hint="Let the user who runs this read it: it should belong to that user, with mode 600.",
        code="missing",
    )
