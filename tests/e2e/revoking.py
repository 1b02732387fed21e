"""
How soon a revoked key stops working (contract section 5), whichever worker is asked. Called by
test_admin.py, test_keys.py and test_session.py.
"""

import time

from support import RUNS

WITHIN_S = 5
KNOWN_S = 2.2  # a worker that has just seen a key asks for it again 2 s later (store_key.c)
IN_A_ROW = 20


def wait_until_refused(client, revoked_at):
    """
    Ask with a key that was revoked at that moment (time.monotonic) until no worker can know it any
    more: one that refuses it says nothing of the others. Fails when it works for too long.
    """
    refused = 0
    while refused < IN_A_ROW or time.monotonic() < revoked_at + KNOWN_S:
        asked_at = time.monotonic()
        if client.get(RUNS).status_code == 401:
            refused += 1
        else:
            refused = 0
            assert asked_at < revoked_at + WITHIN_S, f"it still works {WITHIN_S} s later"
        time.sleep(0.02)
