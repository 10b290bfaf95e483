"""Work done ahead leaves its time to others."""

import time

from safeclip.runtime.unhurried import unhurried


def test_each_piece_of_work_is_followed_by_a_rest_as_long_and_no_more_than_asked_for_is_done():
    done, started = [], time.perf_counter()
    for thing in unhurried(range(100), 3):
        time.sleep(0.02)
        done.append(thing)
    assert done == [0, 1, 2]
    assert time.perf_counter() - started >= 3 * 2 * 0.02
