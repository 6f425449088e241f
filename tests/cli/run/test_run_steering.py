"""`incumbent run` heeds requests: its command ends in order, and that of the named candidate begins."""

from incumbent import read_leader
from incumbent.steer import Result, hand_over


def test_command_moves_to_the_named_candidate(bench):
    """The leader's command has ended before that of the named candidate begins; the token is larger."""
    bench.start("--id", "a", command=bench.worker())
    bench.begun()
    for candidate in ("b", "c"):
        bench.start("--id", candidate, command=bench.worker())
        bench.eventually(lambda to=candidate: hand_over(bench.local, "job", to=to, timeout=60).result is Result.DONE)
    tokens = [line.token for line in bench.begun(3)]
    assert tokens == sorted(set(tokens))
    assert bench.log("overlap") == []


def test_command_moves_to_the_preferred_candidate(bench):
    """INCUMBENT_PREFERENCE and `--preference` are the same; the command of the lower one has ended before."""
    bench.start("--id", "a", "--preference", "99", "--min-term", "0.5", command=bench.worker())
    bench.begun()
    bench.environment["INCUMBENT_PREFERENCE"] = "100"
    bench.start("--id", "b", "--min-term", "0.5", command=bench.worker())
    first, second = bench.begun(2)[:2]
    assert second.token > first.token
    assert bench.log("overlap") == []
    assert read_leader(bench.local, "job").candidate == "b"
