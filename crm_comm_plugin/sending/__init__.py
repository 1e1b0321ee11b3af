"""Floor 2: sending. Recipients in, outcomes out, under the limit, and on again with the same key after any crash."""

from crm_comm_plugin.sending.service import Sending

__all__ = ["Sending"]
