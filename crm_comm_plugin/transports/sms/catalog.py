"""The gateways that come with the plugin, in the order in which they are offered."""

from crm_comm_hookspecs import SmsGateway
from crm_comm_plugin.transports.sms.bulksms import BulkSms
from crm_comm_plugin.transports.sms.clicksend import ClickSend
from crm_comm_plugin.transports.sms.credits_gateway import CreditsGateway
from crm_comm_plugin.transports.sms.gateway import GatewayTools
from crm_comm_plugin.transports.sms.kannel import Kannel
from crm_comm_plugin.transports.sms.twilio import Twilio
from crm_comm_plugin.transports.sms.vonage import Vonage


def gateways(tools: GatewayTools, credits_url: str = "") -> tuple[SmsGateway, ...]:
    """All of them. credits_url: the one address of the credits gateway (the sandbox); "" asks for it in the editor."""
    return (
        CreditsGateway(tools, credits_url),
        BulkSms(tools),
        ClickSend(tools),
        Kannel(tools),
        Twilio(tools),
        Vonage(tools),
    )
