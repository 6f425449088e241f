"""`incumbent run` heeds requests: its command ends in order, and that of the named candidate begins."""

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
