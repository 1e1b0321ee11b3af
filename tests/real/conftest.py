"""Real mail servers for the tests marked `real`; a missing Debian package fails them."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.email.oauth_server import Server as OAuthServer
from tests.email.oauth_server import oauth_server
from tests.real.mail_servers import MailServers


@pytest.fixture(scope="session")
def oauth() -> Iterator[OAuthServer]:
    with oauth_server() as server:
        yield server


@pytest.fixture(scope="session")
def mail_ca(tmp_path_factory) -> tuple[trustme.CA, str]:
    authority = trustme.CA()
    path = tmp_path_factory.mktemp("mail-ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return authority, str(path)


@pytest.fixture(scope="session")
def _servers(oauth, mail_ca) -> Iterator[MailServers]:
    assert shutil.which("postfix"), "install the Debian package postfix"
    assert shutil.which("dovecot"), "install the Debian package dovecot-core"
    folder = Path(tempfile.mkdtemp(prefix="comm-mail-"))
    mail_ca[0].issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.write_to_path(folder / "chain.pem")
    servers = MailServers(folder, folder / "chain.pem", f"{oauth.url}/introspect")
    try:
        servers.start()
        yield servers
    finally:
        servers.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def mail(_servers, oauth) -> MailServers:
    """The servers as new: nothing arrived, nothing forbidden."""
    _servers.sink.got.clear()
    _servers.policy.decide = lambda asked: ""
    oauth.book.__init__()
    return _servers
