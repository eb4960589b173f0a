"""The first signal unwinds; the end that it leads to is not interrupted."""

import os
import signal

import pytest

from demo.interruption import SIGNALS, InterruptedRunError, Interruptions


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_raises_and_gives_the_exit_status(number: signal.Signals) -> None:
    with Interruptions() as interruptions:
        with pytest.raises(InterruptedRunError):
            os.kill(os.getpid(), number)
        os.kill(os.getpid(), signal.SIGINT)
        assert interruptions.received is number
        assert interruptions.exit_status == 128 + number


def test_a_signal_while_everything_ends_is_remembered() -> None:
    with Interruptions() as interruptions:
        interruptions.ending()
        os.kill(os.getpid(), signal.SIGINT)
        assert interruptions.exit_status == 130


def test_without_a_signal_there_is_no_exit_status_and_the_handlers_return() -> None:
    before = [signal.getsignal(each) for each in SIGNALS]
    with Interruptions() as interruptions:
        assert interruptions.exit_status == 0
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_no_except_clause_for_errors_takes_it_for_one() -> None:
    assert not issubclass(InterruptedRunError, Exception)
