from safeclip.runtime.recently_used import RecentlyUsed


def test_the_least_recently_used_are_dropped():
    made = []

    def make(key):
        return lambda: made.append(key) or key

    cache = RecentlyUsed(2)
    assert [cache.get(key, make(key)) for key in "abaca"] == list("abaca")
    assert made == ["a", "b", "c"]
    cache.get("b", make("b"))
    assert made == ["a", "b", "c", "b"]


def test_costs_are_bounded_and_what_costs_too_much_is_not_kept():
    made = []
    cache = RecentlyUsed(10, len)

    def get(text):
        return cache.get(text, lambda: made.append(text) or text)

    for text in ("aaaa", "bbbb", "cc", "aaaa"):  # ten together
        get(text)
    assert made == ["aaaa", "bbbb", "cc"]
    get("dddd")  # in the place of the b's
    get("aaaa"), get("cc")
    assert made == ["aaaa", "bbbb", "cc", "dddd"]
    get("e" * 11), get("e" * 11)
    assert made[4:] == ["e" * 11, "e" * 11]
    get("aaaa"), get("cc"), get("dddd")  # which it drove out of nothing
    assert len(made) == 6
