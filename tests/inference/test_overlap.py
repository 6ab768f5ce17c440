"""Tests of threads that read and write beside the networks."""

import threading

import pytest

from dpde_tf.inference.overlap import read_ahead, write_behind


def test_calls_of_write_behind_follow_each_other_in_a_thread():
    written, threads = [], set()

    def write(number, text):
        threads.add(threading.get_ident())
        written.append((number, text))

    with write_behind(write) as submit:
        for number in range(5):
            submit(number, "text")
            # The call before has ended.
            assert len(written) >= number
    assert written == [(number, "text") for number in range(5)]
    assert threading.get_ident() not in threads


@pytest.mark.parametrize(("calls", "last"), [(3, 1), (1, 0)])
def test_error_of_a_write_is_raised_by_the_next_call_or_at_the_end(calls, last):
    submitted = []

    def write(number):
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"), write_behind(write) as submit:
        for number in range(calls):
            submitted.append(number)
            submit(number)
    assert submitted[-1] == last


def test_nothing_to_write_is_no_error():
    with write_behind(print):
        pass


def test_read_ahead_keeps_the_order_and_passes_errors_on():
    def read(number):
        return 1 / number

    found = list(read_ahead(read, [2, 0, 4], count=2))
    assert [item for item, _ in found] == [2, 0, 4]
    assert found[0][1].result() == 0.5
    assert isinstance(found[1][1].exception(), ZeroDivisionError)
    assert found[2][1].result() == 0.25
