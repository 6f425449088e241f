"""The store's own rule, on which Rule 3 of the contract rests: threads take turns."""

# CHANGE: what your own client needs tests for. This one goes when SQLite goes.

import threading
import time
from pathlib import Path

from incumbent_leader._store import Store


def test_threads_are_served_in_the_order_they_came(tmp_path: Path) -> None:
    """Nobody is passed by those who came later, however many they are."""
    store = Store(f"{tmp_path}/elections.db", timeout=60)
    served = []

    def call(number: int) -> None:
        with store.transaction():
            served.append(number)

    end = time.monotonic() + 60
    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    with store.transaction():
        for number, thread in enumerate(threads, 1):
            thread.start()
            while len(store.queue) <= number:
                assert time.monotonic() < end
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert served == list(range(8))
