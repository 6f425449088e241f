"""What finds the mistakes that stand for a kind: `python -m zoo [MISTAKE ...]` runs the whole suite on each."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from .kinds import KINDS, found_by

#: How many are tried at a time: they do little but wait.
AT_ONCE = 4


def main(names: list[str]) -> int:
    """Return 0 if of the whole suite nothing but tests of its kind found each."""
    chosen = [(kind, name) for kind in KINDS for name in kind.shown_by if not names or name in names]
    is_shown = bool(chosen)
    with ProcessPoolExecutor(AT_ONCE, mp_context=get_context("spawn")) as pool:
        for (kind, name), failed in zip(chosen, pool.map(found_by, [name for _, name in chosen]), strict=True):
            found = {outcome.test for outcome in failed}
            is_shown = is_shown and bool(found) and found <= kind.tests
            told = [f"{test}{'' if test in kind.tests else ', which is not for it'}" for test in sorted(found)]
            print(f"{kind.what}: {name}", *told or ["nothing"], sep="\n    ", flush=True)
    return 0 if is_shown else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
