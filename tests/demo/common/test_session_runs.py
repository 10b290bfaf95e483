"""Runs of sessions: one at a time, each begun once, and none after the session has gone on."""

from demo.common import session_runs
from demo.common.session_runs import Run, SessionRuns


def test_a_new_run_ends_the_sessions_last_one():
    runs = SessionRuns()
    first, other = runs.start("a"), runs.start("b")
    second = runs.start("a")
    assert first.stop.is_set() and not other.stop.is_set() and not second.stop.is_set()
    assert not runs.is_latest("a", first) and runs.is_latest("a", second) and runs.is_latest("b", other)
    assert runs.take("a", first.ticket) is None


def test_a_ticket_is_good_for_one_run_of_its_session():
    runs = SessionRuns()
    run = runs.start("a", values={"text": "a dog"}, linked=True)
    assert runs.take("b", run.ticket) is None and runs.take("a", "0") is None and runs.take("a", None) is None
    assert runs.take("a", run.ticket) is run and run.linked
    assert runs.take("a", run.ticket) is None


def test_a_stopped_run_is_still_shown_and_an_abandoned_one_is_not():
    runs = SessionRuns()
    run = runs.start("a")
    runs.stop("a")
    runs.stop("nobody")
    assert run.stop.is_set() and runs.is_latest("a", run)
    assert runs.abandon("a", 0) and not runs.is_latest("a", run)


def test_what_a_browser_began_earlier_comes_to_nothing_when_it_arrives_later():
    runs = SessionRuns()
    run = runs.start("a", turn=2)
    late = runs.start("a", turn=1, linked=True)
    assert runs.is_latest("a", run) and not run.stop.is_set()
    assert runs.take("a", late.ticket) is None and not runs.abandon("a", 1)
    assert runs.start("b", turn=1).linked is False and runs.abandon("a", 3) and run.stop.is_set()


def test_a_run_that_another_overtakes_while_it_begins_is_not_the_latest(monkeypatch):
    runs, overtaking = SessionRuns(), []

    def overtaken(*given):
        if not overtaking:
            overtaking.append(None)
            overtaking.append(runs.start("a", turn=6))
        return Run(*given)

    monkeypatch.setattr(session_runs, "Run", overtaken)
    early = runs.start("a", turn=5)
    assert runs.is_latest("a", overtaking[1]) and not runs.is_latest("a", early)
