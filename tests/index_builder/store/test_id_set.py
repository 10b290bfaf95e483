import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import index_builder.store.id_set
from index_builder.store.id_set import IdSet

numbers = st.integers(0, 60)


@settings(max_examples=60, deadline=None)
@given(st.lists(numbers | st.lists(numbers, max_size=20), max_size=40), st.integers(1, 5))
def test_it_behaves_as_a_set(steps, recent):
    index_builder.store.id_set.RECENT = recent
    ids, plain = IdSet(), set()
    for step in steps:
        if isinstance(step, int):
            assert ids.add(f"{step:016x}") == (step not in plain)
            plain.add(step)
        else:
            ids.update(np.array(step, np.int64))
            plain.update(step)
        assert len(ids) == len(plain)
    assert [number for number in range(61) if f"{number:016x}" in ids] == sorted(plain)
