"""The dispatcher: callbacks in order, one at a time (P6)."""

import pytest
from stage import ManualExecutor

from incumbent import CallbackError
from incumbent.engine.dispatch import Dispatcher


@pytest.fixture
def executor():
    return ManualExecutor()


@pytest.fixture
def failures():
    return []


@pytest.fixture
def dispatcher(executor, failures):
    return Dispatcher(executor, failures.append)


def test_callbacks_run_in_the_order_in_which_they_were_put(dispatcher, executor):
    """P6: first put, first run, on one job at a time."""
    ran = []
    for number in range(10):
        dispatcher.put("n", lambda number=number: ran.append(number))
    assert len(executor.jobs) == 1
    executor.run_one()
    assert ran == list(range(10))


def test_a_callback_that_is_not_wanted_any_more_is_left_out(dispatcher, executor):
    """P6: whether a callback still makes sense is asked right before it runs."""
    ran = []
    wanted = True
    dispatcher.put("n", lambda: ran.append(1), wanted=lambda: wanted)
    wanted = False
    executor.run_one()
    assert ran == []


def test_repeated_callbacks_do_not_pile_up(dispatcher, executor):
    """A level callback that still waits stands for the later ones, unless something else came between."""
    ran = []
    for name in "aaabaa":
        dispatcher.put(name, lambda name=name: ran.append(name), repeats=True)
    executor.run_one()
    assert ran == ["a", "b", "a"]


def test_a_step_of_the_engine_waits_for_no_thread_if_no_callback_is_left(dispatcher, executor):
    """P6: the engine's own step runs behind all callbacks that were put before, and at once if there are none."""
    ran = []
    dispatcher.then("step", lambda: ran.append("at once"))
    assert (ran, list(executor.jobs)) == (["at once"], [])
    dispatcher.put("on_deposed", lambda: ran.append("callback"))
    dispatcher.then("step", lambda: ran.append("behind it"))
    dispatcher.then("step", lambda: ran.append("never"), wanted=lambda: False)
    assert ran == ["at once"]
    executor.run_one()
    assert ran == ["at once", "callback", "behind it"]


def test_what_a_callback_raises_is_reported_and_the_rest_runs(dispatcher, executor, failures):
    """P6: an exception becomes a `CallbackError` with its cause, and later callbacks still run."""
    ran = []

    def fail():
        raise KeyError("x")

    dispatcher.put("on_elected", fail)
    dispatcher.put("on_deposed", lambda: ran.append(1))
    executor.run_one()
    assert [type(failure) for failure in failures] == [CallbackError]
    assert isinstance(failures[0].__cause__, KeyError)
    assert ran == [1]


def test_a_callback_knows_that_it_runs_inside_one(dispatcher, executor):
    """The dispatcher names the running callback, and knows its thread."""
    seen = []
    dispatcher.put("on_elected", lambda: seen.append((dispatcher.current, dispatcher.is_inside())))
    executor.run_one()
    assert seen == [("on_elected", True)]
    assert (dispatcher.current, dispatcher.is_inside()) == (None, False)
