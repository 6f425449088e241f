"""The reference system, row by row: every name of its table, and every fault that is not kept."""

import inspect
import threading
from datetime import timedelta

import pytest

import incumbent
from incumbent import (
    BackendUnavailableError,
    CallbackError,
    ConfigurationError,
    InvalidStateError,
    LeaderElection,
    LeaderElectionConfig,
    LeaderElector,
    State,
)

# ---------------------------------------------------------------- the names


def test_row_default_relinquish_interval():
    """`DefaultRelinquishInterval` = 300 s is `DEFAULT_RELINQUISH_INTERVAL`, in seconds."""
    assert incumbent.DEFAULT_RELINQUISH_INTERVAL == 300.0


def test_row_invalid_state():
    """`ErrInvalidState` "invalid election state" is `InvalidStateError` with that message."""
    assert str(InvalidStateError()) == "invalid election state"
    assert issubclass(InvalidStateError, incumbent.ElectionError)


def test_row_state():
    """`State` is an enum with the values bootstrap, follower, leader."""
    assert [state.value for state in State] == ["bootstrap", "follower", "leader"]


def test_row_callback(stage):
    """`Callback(ctx) error`: a callback gets the election, and an exception is the error."""
    seen = []
    election = stage.election(stage.puppet(), leader_callback=seen.append)
    assert seen == [election]
    assert incumbent.Callback is not None


def test_row_elector():
    """`LeaderElector` is an ABC with AcquireLeadership, CheckLeadership, RelinquishLeadership and Close."""
    assert inspect.isabstract(LeaderElector)
    verbs = {"acquire_leadership", "check_leadership", "relinquish_leadership", "close"}
    assert LeaderElector.__abstractmethods__ == verbs


def test_row_run_blocks_until_stopped():
    """`Run(ctx)` is `run(stop)`: it blocks, campaigns, and returns when told to stop."""
    stop, led = threading.Event(), threading.Event()
    config = LeaderElectionConfig(lock_id="run-row", leader_callback=lambda _: led.set())
    election = LeaderElection(config, "memory://run-row")
    thread = threading.Thread(target=election.run, args=(stop,))
    thread.start()
    assert led.wait(30)
    assert thread.is_alive()
    stop.set()
    thread.join(30)
    assert not thread.is_alive()
    assert not election.is_leader()


def test_row_init_is_the_constructor(stage):
    """`Init(cfg)` is the constructor: nothing campaigns before `run`, `start` or a `with` block."""
    puppet = stage.puppet()
    election = stage.election(puppet, start=False)
    assert (election.state, puppet.calls) == (State.BOOTSTRAP, [])


def test_row_states_are_questions(stage):
    """`Close, GetState, IsBootstrap, IsFollower, IsLeader` are `close()`, `state` and the `is_…()` methods."""
    election = stage.election(stage.puppet(), start=False)
    assert election.is_bootstrap()
    election.start()
    stage.settle()
    assert election.is_leader()
    assert not election.is_follower()
    stage.close(election)
    assert election.is_follower()
    assert not election.is_leader()


def test_row_config():
    """`LeaderElectionConfig` is a frozen dataclass with the reference's seven fields."""
    config = LeaderElectionConfig(
        lock_id=7,
        relinquish_interval=timedelta(minutes=5),
        relinquish_interval_spec="@hourly",
        leader_check_interval=1,
        follower_check_interval=timedelta(seconds=2),
        leader_callback=print,
        follower_callback=print,
    )
    assert config.name == "7"
    assert (config.leader_check_interval, config.follower_check_interval) == (1.0, 2.0)
    with pytest.raises(AttributeError):
        config.lock_id = 8


# ---------------------------------------------------------------- the behaviour that is kept


def test_a_spec_overrides_the_interval():
    """A relinquish spec wins over a relinquish interval."""
    config = LeaderElectionConfig(lock_id="x", relinquish_interval=10, relinquish_interval_spec="@every 2h")
    assert config.schedule.seconds == 7200.0


@pytest.mark.parametrize("options", [{}, {"relinquish_interval": 0}])
def test_relinquish_interval_zero_or_left_out_means_the_default(options):
    """Relinquish interval 0, or leaving it out, means 300 s."""
    assert LeaderElectionConfig(lock_id="x", **options).schedule.seconds == 300.0


def test_leader_callback_runs_at_entry_and_at_every_check(stage):
    """A callback runs when its state is entered and at every check while it lasts."""
    runs = []
    puppet = stage.puppet()
    stage.election(puppet, leader_callback=lambda _: runs.append(stage.clock.now()), leader_check_interval=3)
    stage.advance(9.5)
    assert puppet.calls == ["acquire", "check", "check", "check"]
    assert len(runs) == 4


def test_follower_callback_runs_at_entry_and_at_every_check(stage):
    """The follower callback runs when the first attempt is refused, and at every further one."""
    runs = []
    puppet = stage.puppet()
    puppet.answers["acquire"] = None
    stage.election(puppet, follower_callback=lambda _: runs.append(stage.clock.now()), follower_check_interval=2)
    stage.advance(6.5)
    assert puppet.calls == ["acquire"] * 4
    assert len(runs) == 4


# ---------------------------------------------------------------- the faults that are not kept


def test_fault_a_backend_error_ends_the_run(stage):
    """Not kept: a backend error is retried for ever, and the candidate leads when the backend is back."""
    puppet = stage.puppet()
    puppet.answers["acquire"] = BackendUnavailableError("down")
    election = stage.election(puppet)
    stage.advance(600)
    assert election.is_bootstrap()
    del puppet.answers["acquire"]
    stage.advance(10)
    assert election.is_leader()


def test_fault_cancelling_leaves_the_claim_held(stage):
    """Not kept: stopping calls back, relinquishes, and then returns with `is_leader()` false."""
    puppet = stage.puppet()
    order = []
    puppet.answers["relinquish"] = lambda: order.append("relinquished") or True
    election = stage.election(puppet, follower_callback=lambda _: order.append("follower callback"))
    stage.close(election)
    assert order == ["follower callback", "relinquished"]
    assert not election.is_leader()
    assert puppet.closed == 1


def test_fault_a_hung_call_means_leader_for_ever(stage):
    """Not kept: a check that never returns ends the leadership at its deadline."""
    election = stage.election(stage.puppet())
    stage.advance(60, calls=False)
    assert not election.is_leader()
    assert ("deposed", 1, "not renewed in time") in stage.heard


def test_fault_callbacks_run_inside_the_loop(stage):
    """Not kept: a callback that does not return delays no renewal."""
    puppet = stage.puppet()
    election = stage.election(puppet, leader_callback=print)
    stage.advance(150, callbacks=False)
    assert election.is_leader()
    assert puppet.calls.count("check") > 40


def test_fault_a_callback_error_leaves_the_claim_held(stage):
    """Not kept: a callback that raises makes the leader relinquish, and then `run` raises it."""
    puppet = stage.puppet()

    def fail(_):
        raise ValueError("no paper")

    election = stage.election(puppet, leader_callback=fail)
    assert puppet.calls[-1] == "relinquish"
    with pytest.raises(CallbackError, match="leader_callback raised ValueError: no paper") as caught:
        election.wait_for_leadership(0)
    assert isinstance(caught.value.__cause__, ValueError)


def test_fault_a_bad_spec_is_found_after_winning():
    """Not kept: a malformed spec is refused when the config is built."""
    with pytest.raises(ConfigurationError, match="relinquish_interval_spec"):
        LeaderElectionConfig(lock_id="x", relinquish_interval_spec="61 * * * *")


def test_fault_a_stale_schedule_ends_the_next_term(stage):
    """Not kept: each term arms its own schedule; one that was armed for a lost term does not end the next."""
    puppet = stage.puppet()
    election = stage.election(puppet, relinquish_interval=100)
    stage.advance(90)
    puppet.answers["check"] = None
    stage.advance(4)
    del puppet.answers["check"]
    stage.advance(50)
    assert election.term.token == 2
    assert stage.heard == [("elected", 1), ("deposed", 1, "lost"), ("elected", 2)]
    stage.advance(60)
    assert ("deposed", 2, "schedule") in stage.heard


def test_fault_the_same_candidate_wins_again(stage):
    """Not kept: after a hand-over the candidate stands aside for the cool-down."""
    puppet = stage.puppet()
    puppet.answers["observe"] = lambda: incumbent.LeaderRecord("reports", None, None)
    election = stage.election(puppet, cooldown=20)
    election.relinquish()
    stage.advance(19)
    assert puppet.calls.count("acquire") == 1
    stage.advance(2)
    assert election.is_leader()


def test_fault_standing_aside_ends_when_another_leads(stage):
    """The cool-down is over as soon as another candidate was seen leading: it is back in the queue at once."""
    puppet = stage.puppet()
    election = stage.election(puppet, cooldown=1000)
    puppet.answers["acquire"] = None
    seen = iter([None, None, "b"])

    def observe():
        leader = next(seen)
        if leader is None:
            puppet.notify()  # so it looks again, until another leads
        return incumbent.LeaderRecord("reports", leader, 2)

    puppet.answers["observe"] = observe
    election.relinquish()
    stage.advance(1)
    assert puppet.calls == ["acquire", "relinquish", "observe", "observe", "observe", "acquire"]


def test_fault_relinquishing_cannot_be_turned_off(stage):
    """Not kept: `relinquish_interval=None` keeps the leader for as long as it can renew."""
    election = stage.election(stage.puppet(), relinquish_interval=None)
    stage.advance(5000)
    assert election.term.token == 1


def test_fault_no_identity_no_token_no_observing_no_step_down(stage):
    """Not kept: a candidate has an id, a term a token, others can watch, and a leader can step down."""
    election = stage.election(stage.puppet(candidate="host:1"))
    assert election.candidate == "host:1"
    assert election.term.token == 1
    election.relinquish()
    assert not election.is_leader()
    assert callable(incumbent.observe)
