"""One HTTP line to a gateway: it tells a request that never left from one whose answer was lost, and hides secrets."""

import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from crm_comm_hookspecs import Reason, TransportError
from crm_comm_plugin.transports.network import Networks
from crm_comm_plugin.transports.sms.reaching import REFUSED, adapter

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session

    Auth = Callable[[PreparedRequest], PreparedRequest]

MAX_ANSWER = 8 * 1024 * 1024
"""Bytes of an answer, unpacked: above that the other side is no gateway."""
_SECRET_PARTS = re.compile(
    r"(?i)((?:api_?key|api_?secret|password|pass|access_?code|code|token|sig|user(?:name)?)=|/Accounts/)[^/&\s'\"]+"
)
"""Values in a query, and Twilio's account, which is the first part of its access code, in a path."""


class AnswerLost(Exception):
    """The request left, or may have left, and its answer did not come: nobody knows whether it was carried out."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A gateway's answer. header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def data(self) -> Any:
        """The body as JSON with exact decimals; None when it is not JSON."""
        try:
            return json.loads(self.body, parse_float=Decimal, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            return None

    def object(self) -> dict[str, Any]:
        """The body as a JSON object, empty when it is none."""
        data = self.data()
        return data if isinstance(data, dict) else {}

    def retry_after(self) -> int | None:
        """Seconds of the Retry-After header, at most a day."""
        text = self.headers.get("retry-after", "")
        return min(int(text), 86_400) if text.isascii() and text.isdigit() and len(text) < 10 else None


class HttpLine:
    """A requests Session for one gateway account. It follows no redirect, and repeats only what reads (GET).

    base: URL that paths are added to. auth: adds credentials to a request. timeout: seconds per phase (connect, each
    read); a whole answer may take four times that. networks: where it may connect to.
    """

    def __init__(self, base: str, timeout: float, networks: Networks, auth: "Auth | None" = None) -> None:
        self.base, self._timeout, self._auth = base.rstrip("/"), timeout, auth or _no_auth
        self._networks = networks
        self._session: Session | None = None

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        """Read something; a broken line is tried once more. Raises TransportError(UNREACHABLE)."""
        for _ in range(2):
            try:
                return self.call("GET", path, params=params)
            except AnswerLost:
                continue
        raise unreachable("The gateway did not answer in time.")

    def call(
        self,
        method: str,
        path: str,
        *,
        data: Any = None,
        form: Mapping[str, str] | None = None,
        body: bytes | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str | bytes] | None = None,
    ) -> Answer:
        """One request; data: a JSON body. Raises TransportError when it surely never left, AnswerLost when it may."""
        kind = {} if data is None else {"Content-Type": "application/json"}
        content = body if data is None else json.dumps(data, ensure_ascii=True).encode()
        sent = {"Accept": "application/json", **kind, **(headers or {})}
        return self._read(self._sent(method, path, params=params, data=form or content, headers=sent))

    def _sent(self, method: str, path: str, **parts: Any) -> "Response":
        """The answer's beginning."""
        import requests

        fixed: dict[str, Any] = {"auth": self._auth, "timeout": self._timeout, "allow_redirects": False, "stream": True}
        try:
            return self._open().request(method, self.base + path, **parts, **fixed)
        except requests.RequestException as error:
            problem = _never_left(error)
        self.close()  # whatever broke, the next request starts on a new connection
        raise unreachable(problem) if problem else AnswerLost

    def close(self) -> None:
        """Close its connections."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _read(self, response: "Response") -> Answer:
        import requests

        deadline, body, whole = time.monotonic() + 4 * self._timeout, bytearray(), False
        try:
            for piece in response.iter_content(65_536):
                body += piece
                if len(body) > MAX_ANSWER or time.monotonic() > deadline:
                    break
            else:
                whole = True
        except (requests.RequestException, OSError):
            whole = False
        response.close()
        if not whole:
            self.close()
            raise AnswerLost
        return Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, bytes(body))

    def _open(self) -> "Session":
        if self._session is None:
            import requests

            _hide_secrets_in_logs()
            session = requests.Session()
            for scheme in ("https://", "http://"):
                session.mount(scheme, adapter(self._networks))
            self._session = session
        return self._session


def unreachable(problem: str) -> TransportError:
    """The error for a line that does not work now."""
    return TransportError(problem, reason=Reason.UNREACHABLE, hint="Check the network; the same may then work.")


def _never_left(error: Exception) -> str:
    """In words why a request surely never reached the gateway; "" when it may have."""
    import requests
    from urllib3 import exceptions as low

    causes = [error, *error.args, getattr(error.args[0], "reason", None) if error.args else None]
    if isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "The gateway's certificate is not trusted."
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "The gateway could not be reached in time."
    if isinstance(error, requests.exceptions.ProxyError):
        return "The proxy server does not let us through."
    if any(isinstance(cause, low.NameResolutionError) for cause in causes):
        return "The gateway's name is not known."
    if REFUSED in str(error):
        return "This installation does not connect to the network in which the gateway is."
    if any(isinstance(cause, low.NewConnectionError) for cause in causes):
        return "The gateway does not accept connections."
    unsendable = (
        requests.exceptions.InvalidURL,
        requests.exceptions.MissingSchema,
        requests.exceptions.InvalidSchema,
        requests.exceptions.InvalidHeader,
    )
    if isinstance(error, unsendable):
        return "The gateway's address, the access code or the sender holds characters that cannot be sent."
    return ""


def checked_url(url: str, *, private: bool = False) -> str:
    """What is wrong with a gateway's address, in words, or "". Plain http is for loopback, or a private network."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "Please enter a web address, such as https://gateway.example/v1."
    if not host or port == 0 or parts.scheme not in ("https", "http") or parts.query or parts.fragment:
        return "Please enter a web address, such as https://gateway.example/v1."
    if parts.username is not None or parts.password is not None:
        return "Please leave user name and password out of the address; they belong into the access code."
    if parts.scheme == "http" and not _is_near(host, private):
        return "Please use https, so that nobody on the way can read the access code."
    return ""


def _is_near(host: str, private: bool) -> bool:
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or (private and address.is_private)


class _SecretFilter(logging.Filter):
    """urllib3 logs URLs; one gateway wants its key in the query, another its account in the path."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_hidden(part) for part in record.args)
        return True


def _hidden(part: object) -> object:
    text = part if isinstance(part, str) else repr(part) if isinstance(part, BaseException) else ""
    return _SECRET_PARTS.sub(r"\1***", text) if "=" in text or "/" in text else part


def _hide_secrets_in_logs() -> None:
    for name in ("urllib3.connectionpool", "urllib3.util.retry"):
        log = logging.getLogger(name)
        if not any(isinstance(known, _SecretFilter) for known in log.filters):
            log.addFilter(_SecretFilter())


def _no_auth(request: "PreparedRequest") -> "PreparedRequest":
    """Given on purpose: without any, requests looks into .netrc."""
    return request


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
