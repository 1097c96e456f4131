from cloned.agent.status import Status


def test_seconds_are_counted_by_state() -> None:
    status = Status()
    status.begin("s1")
    status.set("receiving", round=1)
    status.progress({"bytes": 5})
    status.set("verifying")
    report = status.report()
    assert (report["state"], report["session"], report["round"], report["bytes"]) == ("verifying", "s1", 1, 5)
    assert set(report["seconds"]) == {"preparing", "receiving"}
    assert set(status.seconds) == {"preparing", "receiving", "verifying"}


def test_a_new_session_starts_from_nothing() -> None:
    status = Status()
    status.set("failed", reason={"code": "x", "detail": ""}, bytes=9)
    status.begin("s2")
    assert status.report() == {"state": "preparing", "session": "s2", "round": 0, "seconds": {}, "reason": None}


def test_what_is_learnt_of_the_laptop_is_in_every_report_also_of_the_next_session() -> None:
    status = Status()
    assert "parts" not in status.report()
    status.learn({"late": ["batteries"]})
    status.learn({"panel": {"width": 1920}, "late": []})
    status.begin("s2")
    assert status.report()["parts"] == {"panel": {"width": 1920}, "late": []}
