"""The mail providers this plugin knows by itself. Each number has its source and the month in which it was read."""

from crm_comm_hookspecs import Limit, MailServer, Window

AS_OF = "2026-11"

GMAIL = MailServer(
    key="gmail",
    label="Gmail",
    host="smtp.gmail.com",
    port=587,
    security="starttls",
    domains=("gmail.com", "googlemail.com"),
    sign_in=("password", "oauth"),
    limit=Limit(500, Window.DAY),
    per_message=100,
    help="Gmail wants an app password here, not your usual one. It needs 2-step verification.",
    help_url="https://support.google.com/accounts/answer/185833",
    source="https://support.google.com/mail/answer/22839",
    as_of=AS_OF,
)

OUTLOOK = MailServer(
    key="outlook",
    label="Outlook",
    host="smtp-mail.outlook.com",
    port=587,
    security="starttls",
    domains=("outlook.com", "hotmail.com", "live.com", "msn.com"),
    sign_in=("password", "oauth"),
    limit=Limit(300, Window.DAY),
    per_message=100,
    help="Outlook.com has not taken passwords since September 2024, except in few old accounts. Use OAuth.",
    help_url="https://support.microsoft.com/office/d088b986-291d-42b8-9564-9c414e2aa040",
    source="https://support.microsoft.com/office/279ee200-594c-40f0-9ec8-bb6af7735c2e",
    as_of=AS_OF,
)

MICROSOFT365 = MailServer(
    key="microsoft365",
    label="Microsoft 365",
    host="smtp.office365.com",
    port=587,
    security="starttls",
    domains=("onmicrosoft.com",),
    sign_in=("password", "oauth"),
    limit=Limit(10_000, Window.DAY),
    pace=Limit(30, Window.MINUTE),
    per_message=500,
    connections=3,
    help="Microsoft 365 is switching passwords off for SMTP. Use OAuth where your organisation allows it.",
    help_url="https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/authenticated-client-smtp-submission",
    source="https://learn.microsoft.com/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits",
    as_of=AS_OF,
)

YAHOO = MailServer(
    key="yahoo",
    label="Yahoo",
    host="smtp.mail.yahoo.com",
    port=465,
    security="tls",
    domains=("yahoo.com", "yahoo.co.uk", "yahoo.de", "yahoo.fr", "yahoo.it", "yahoo.es", "ymail.com", "rocketmail.com"),
    limit=Limit(500, Window.DAY),
    per_message=100,
    per_connection=20,  # https://help.yahoo.com/kb/SLN3433.html; the limits are those of its business mail
    help="Yahoo wants an app password here, not your usual one.",
    help_url="https://help.yahoo.com/kb/SLN15241.html",
    source="https://help.smallbusiness.yahoo.net/s/article/SLN17518",
    as_of=AS_OF,
)

ICLOUD = MailServer(
    key="icloud",
    label="iCloud",
    host="smtp.mail.me.com",
    port=587,
    security="starttls",
    domains=("icloud.com", "me.com", "mac.com"),
    limit=Limit(1_000, Window.DAY),
    per_message=500,
    help="iCloud wants an app-specific password here, not your usual one.",
    help_url="https://support.apple.com/102654",
    source="https://support.apple.com/102198",
    as_of=AS_OF,
)

ZOHO = MailServer(
    key="zoho",
    label="Zoho",
    host="smtp.zoho.com",
    port=465,
    security="tls",
    domains=("zoho.com", "zohomail.com"),
    limit=Limit(50, Window.HOUR),
    per_message=100,
    help="Zoho wants an app password where two-factor sign-in is on. Paid plans may send more.",
    help_url="https://www.zoho.com/mail/help/zoho-smtp.html",
    source="https://www.zoho.com/mail/help/adminconsole/rates-and-limits.html",
    as_of=AS_OF,
)

FASTMAIL = MailServer(
    key="fastmail",
    label="Fastmail",
    host="smtp.fastmail.com",
    port=465,
    security="tls",
    domains=("fastmail.com", "fastmail.fm"),
    help="Fastmail wants an app password here, not your usual one.",
    help_url="https://www.fastmail.help/hc/en-us/articles/360058752854",
    source="https://www.fastmail.help/hc/en-us/articles/1500000278342",
    as_of=AS_OF,
)

GMX = MailServer(
    key="gmx",
    label="GMX",
    host="mail.gmx.net",
    port=587,
    security="starttls",
    domains=("gmx.net", "gmx.de", "gmx.at", "gmx.ch"),
    help="GMX lets other programs in only after POP3/IMAP was switched on in its settings.",
    help_url="https://hilfe.gmx.net/pop-imap/einschalten.html",
    source="https://hilfe.gmx.net/pop-imap/imap/imap-serverdaten.html",
    as_of=AS_OF,
)

PRESETS = (GMAIL, OUTLOOK, MICROSOFT365, YAHOO, ICLOUD, ZOHO, FASTMAIL, GMX)
"""The order in which people see them."""

FEATURED = ("gmail", "outlook", "smtp")
"""Shown first: what most people look for."""

ESTIMATED = frozenset({"outlook", "yahoo"})
"""Presets whose limit is a careful start: the provider states no exact number for these accounts."""

RATHER_OAUTH = frozenset({"outlook", "microsoft365"})
"""Presets that take a password from few accounts only, or not for much longer."""

MAIL_HOSTS = (
    ("google.com", "gmail"),
    ("googlemail.com", "gmail"),
    ("mail.protection.outlook.com", "microsoft365"),
    ("olc.protection.outlook.com", "outlook"),  # hotmail.fr, live.co.uk, outlook.de and many more
    ("mx.microsoft", "microsoft365"),
    ("yahoodns.net", "yahoo"),
    ("mail.icloud.com", "icloud"),
    ("zoho.com", "zoho"),
    ("messagingengine.com", "fastmail"),
    ("gmx.net", "gmx"),
)
"""Whose customer a domain is, by the end of the name of the server that takes its mail in (MX)."""
