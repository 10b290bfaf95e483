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


def test_values_can_be_put_in_found_replaced_and_forgotten():
    cache = RecentlyUsed(10, len)
    for key, text in (("a", "aaaaaa"), ("b", "bbbb"), ("a", "aa"), ("c", "cccc")):  # ten at last, as "a" is shorter
        cache.put(key, text)
    assert [cache.find(key) for key in "abc"] == ["aa", "bbbb", "cccc"]
    cache.put("b", "b" * 11)
    assert [cache.find(key) for key in "abc"] == ["aa", None, "cccc"], "no outdated value of a key is left"
    cache.clear()
    cache.put("d", "d" * 10)
    assert [cache.find(key) for key in "acd"] == [None, None, "d" * 10]
    nothing = RecentlyUsed(0)
    nothing.put("a", "a")
    assert nothing.find("a") is None


def test_two_that_make_a_missing_value_at_once_get_the_same_one():
    cache = RecentlyUsed(2)

    def make():  # while another thread has made it, too
        cache.put("a", "first")
        return "second"

    assert cache.get("a", make) == cache.find("a") == "first"
