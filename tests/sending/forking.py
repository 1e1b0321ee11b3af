"""A sender that forks a helper while it holds a send, for a test that kills it: `forking.py URL`."""

import os
import sys
import time

from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.locks import SqlSendLocks

if __name__ == "__main__":
    with SqlSendLocks(Database(sys.argv[1])).hold("s"):
        helper = os.fork()
        if helper:
            print(helper, flush=True)
        time.sleep(60)
        os._exit(0)
