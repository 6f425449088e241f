"""`incumbent run`: its exit codes, and what it says."""

import os
import re
import signal

import pytest
from processes import children


@pytest.mark.parametrize("code", [0, 1, 7, 75, 255])
def test_code_of_the_command_is_passed_on(bench, code):
    """The command ends by itself: the wrapper ends too, with the same exit code and without a word."""
    assert bench.run(command=["sh", "-c", f"exit {code}"]) == (code, "", "")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_command_dead_by_signal_gives_128_and_its_number(bench, number):
    """A command that a signal ended shows as a shell would show it."""
    code, _, _ = bench.run(command=["sh", "-c", f"kill -{int(number)} $$"])
    assert code == 128 + number


@pytest.mark.parametrize("name", ["no-such-command", "./no-such-command", "/nowhere/at/all", ""])
def test_missing_command_gives_127_without_campaigning(bench, name):
    """A command that is not there is found out before a term could be wasted on it."""
    code, _, err = bench.run(command=[name])
    assert (code, err) == (127, f"incumbent: '{name}': not found\n")
    assert not (bench.directory / "state").exists()


@pytest.mark.parametrize("mode", [0o644, 0o755])
def test_command_that_cannot_be_executed_gives_126(bench, mode):
    """A file without the right, and one that the kernel cannot execute: there is no shell to try it instead."""
    file = bench.directory / "script"
    file.write_text("exit 0\n")
    file.chmod(mode)
    code, _, err = bench.run(command=[str(file)])
    assert code == 126
    assert err.count("\n") == 1
    assert str(file) in err


def test_directory_as_command_gives_126(bench):
    """A directory has the right bit, and cannot be executed all the same."""
    assert bench.run(command=[str(bench.directory)])[0] == 126


def test_script_without_its_interpreter_gives_127_and_hands_over(bench):
    """What only executing it can show is told after winning; the next candidate has the election at once."""
    script = bench.directory / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    code, _, err = bench.run(command=[str(script)])
    assert (code, err) == (127, f"incumbent: {script}: No such file or directory\n")
    assert bench.run("--wait-timeout", "20", command=["true"])[0] == 0


def test_waiting_too_long_gives_124(bench):
    """Another leads for longer than one cares to wait: it is named."""
    bench.start("--id", "first", command=bench.worker())
    bench.begun()
    code, out, err = bench.run("--wait-timeout", "2", command=["echo", "never"])
    assert (code, out, err) == (124, "", "incumbent: not elected within 2 s: 'first' leads, token 1\n")


def test_waiting_for_a_backend_that_is_down_gives_124(bench):
    """Nobody could be elected: the last line says so, with the error and since when."""
    (bench.directory / "down-me").touch()
    waiting = ["--id", "me", "--wait-timeout", "1"]
    code, out, err = bench.run(*waiting, command=["echo", "never"], elector=bench.ttlfile)
    assert (code, out) == (124, "")
    last = r"incumbent: not elected within 1 s: the backend has failed for \d.\d s: the file server is down"
    assert re.fullmatch(last, err.splitlines()[-1])


def test_once_gives_75_when_the_term_is_over(bench):
    """With --once the wrapper ends with its first term, whatever the command's own code was."""
    command = ["sh", "-c", "trap 'exit 3' TERM; sleep 60 & wait"]
    assert bench.run("--once", "--relinquish-interval", "0.5", command=command)[0] == 75


def test_command_runs_again_in_each_term(bench):
    """Without --once a lost term is campaigned after, and the command is started anew with the new token."""
    bench.start("--relinquish-interval", "300ms", "--ttl", "2", command=bench.worker())
    first, second, third = bench.begun(3)[:3]
    assert first.token < second.token < third.token
    assert len({first.pid, second.pid, third.pid}) == 3
    assert not bench.log("overlap")


def test_permanent_error_of_the_backend_gives_125(bench):
    """A backend that refuses for good ends the wrapper, with the cause in one line."""
    (bench.directory / "refused-me").touch()
    code, out, err = bench.run("--id", "me", command=["echo", "never"], elector=bench.ttlfile)
    assert (code, out, err) == (125, "", "incumbent: the file server refuses me\n")


def test_killed_guard_gives_125_and_no_survivor(bench):
    """Without its guard the command has no protection: it is killed with all its family, and the claim given up."""
    wrapper = bench.start(command=bench.worker("family"), stderr=-1)
    bench.begun(2)
    os.kill(bench.child_of(wrapper.pid), signal.SIGKILL)
    _, err = wrapper.communicate(timeout=60)
    assert (wrapper.returncode, err) == (125, "incumbent: the guard process was killed, and the command with it\n")
    assert bench.is_quiet()
    assert bench.run("--wait-timeout", "20", command=["true"])[0] == 0


def test_killed_guard_leaves_nobody_who_left_the_group(bench):
    """The claim is given up when all that the command started is dead, also what went into a session of its own."""
    family = " ".join(bench.worker("stubborn"))
    wrapper = bench.start(command=["sh", "-c", f"setsid {family} & sleep 60"], elector=bench.ttlfile)
    bench.begun()
    os.kill(bench.child_of(wrapper.pid), signal.SIGKILL)
    assert wrapper.wait(60) == 125
    assert bench.is_quiet()


def test_killed_guard_costs_no_stranger_its_life(bench):
    """A process that the wrapper was a parent of before it was a wrapper is not the command's."""
    program = ["sh", "-c", 'sleep 60 & echo $!; exec "$@"', "sh", *bench.incumbent]
    wrapper = bench.start(command=bench.worker(), program=program, stdout=-1)
    stranger = int(wrapper.stdout.readline())
    bench.begun()
    (guard,) = {*children(wrapper.pid)} - {stranger}
    os.kill(guard, signal.SIGKILL)
    assert wrapper.wait(60) == 125
    os.kill(stranger, signal.SIGTERM)  # which fails if it is dead


BAD_TIMES = ["0", "-1", "nan", "inf", "1e9", "", "1x", "ten", "\0.", "٣", "1" * 10_000]


@pytest.mark.parametrize("flag", ["--ttl", "--wait-timeout", "--grace", "--relinquish-interval"])
@pytest.mark.parametrize("value", [value for value in BAD_TIMES if "\0" not in value])
def test_bad_time_gives_2_and_one_line(bench, flag, value, capsys):
    """Each time is checked before anything is started; the line names the flag, and stays short."""
    from incumbent.cli import main

    code = main(["run", "--elector", bench.local, "--name", "job", flag, value, "--wait-timeout=1", "--", "/nowhere"])
    err = capsys.readouterr().err
    if (flag, value) == ("--grace", "0"):
        assert code == 127  # at once: a grace of nothing is a wish
        return
    assert code == 2
    assert flag in err
    assert err.count("\n") == 1
    assert len(err) < 300


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--name", "job"], "CMD"),
        (["--", "true"], "--name"),
        (["--name", "", "--", "true"], "lock_id"),
        (["--name", "job", "--id", "a\nb", "--", "true"], "candidate"),
        (["--name", "job", "--elector", "loca://", "--", "true"], "local"),
        (["--name", "job", "--relinquish-spec", "0 0 31 2 *", "--", "true"], "0 0 31 2 *"),
        (["--name", "job", "--onse", "--", "true"], "--once"),
        (["--name", "job", "--name", "job", "--", "true"], "twice"),
        (["--name", "job", "true", "--ttl5"], "--ttl5"),
    ],
)
def test_wrong_arguments_give_2_and_one_line(arguments, says, capsys):
    """Whatever is wrong is said in one line that names it."""
    from incumbent.cli import main

    assert main(["run", *arguments]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1


def test_grace_that_does_not_fit_shows_the_arithmetic(capsys):
    """SIGKILL must come before the deadline: what is left for the grace is computed when it starts (P3)."""
    from incumbent.cli import main

    assert main(["run", "--elector", "memory://", "--name", "job", "--grace", "10", "--", "true"]) == 2
    err = capsys.readouterr().err
    for number in ("--grace 10", "--ttl 15", "13.85 s", "10.39 s", "0.25 s", "3.21 s"):
        assert number in err
    assert main(["run", "--elector", "memory://", "--name", "job", "--ttl", "2", "--", "true"]) == 2
    assert "--ttl 2 is too short" in capsys.readouterr().err


def test_grace_is_free_where_the_claim_does_not_expire(bench):
    """A claim that lives until the command is dead leaves all the time that is asked for."""
    assert bench.run("--grace", "10m", command=["true"])[0] == 0
