"""What follows a failure: rules, the host's limits, the breaker of a slot."""

from __future__ import annotations

import dataclasses
import json

import pytest

from trainer.agents.breaker import Breaker
from trainer.agents.failure_signs import FailureKind
from trainer.agents.failures import Failure
from trainer.agents.host_life import HostLife, Retry, ShelvedRun
from trainer.agents.policy import Ending, Place, Rule, RunPolicy, decide
from trainer.durations import parse_duration, short_duration
from trainer.errors import InputError
from trainer.records import AgentCommand

POLICY = RunPolicy()


def failure(kind: str, fingerprint: str = "") -> Failure:
    return Failure(FailureKind(kind), f"{kind} at train.py:1", f"{kind} at train.py:1: words", fingerprint or kind)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cuda_oom=retry:2", "retry:2"),
        ("cuda-oom=retry:2@other,stop:5", "retry:2@other,stop:5"),
        ("unknown=retry", "retry:1"),
        ("unknown=skip", "skip"),
        ("bad_flag=stop", "stop:1"),
        ("oom_killed=retry:1@alone", "retry:1@alone"),
        ("assertion=stop-sweep:2", "stop-sweep:2"),
    ],
)
def test_a_rule_is_read_as_it_is_shown(text: str, shown: str) -> None:
    policy = POLICY.with_rule(text)
    kind = FailureKind(text.partition("=")[0].replace("-", "_"))
    assert str(policy.rule(kind)) == shown
    assert f"{kind}={shown}" in str(policy)
    again = RunPolicy.from_json(json.loads(json.dumps(policy.to_json())))
    assert again.rule(kind) == policy.rule(kind)


@pytest.mark.parametrize(
    "text", ["", "cuda_oom", "nokind=skip", "unknown=", "unknown=retry:x", "unknown=stop@other", "unknown=skip:2"]
)
def test_what_is_no_rule_is_refused_with_the_way_out(text: str) -> None:
    with pytest.raises(InputError, match="classes|Write"):
        POLICY.with_rule(text)


def test_retries_change_alone_and_a_policy_survives_its_file() -> None:
    policy = dataclasses.replace(POLICY.with_retries("lost_server=5"), timeout_seconds=7200.0, slot_rests=(1.0,))
    assert policy.rule(FailureKind.LOST_SERVER) == dataclasses.replace(POLICY.rule(FailureKind.LOST_SERVER), retries=5)
    assert policy.rule(FailureKind.LOST_SERVER).wait_seconds(9) == 300
    assert RunPolicy.from_json(json.loads(json.dumps(policy.to_json()))) == policy
    assert RunPolicy.from_json({}) == POLICY
    assert str(policy).startswith("timeout 2h; ")
    with pytest.raises(InputError):
        POLICY.with_retries("unknown=many")


@pytest.mark.parametrize(
    ("text", "seconds", "shown"),
    [("90s", 90, "90s"), ("10m", 600, "10m"), ("2h", 7200, "2h"), ("1h30m", 5400, "1h30m"), ("1.5h", 5400, "1h30m"),
     ("45", 45, "45s"), ("1d", 86_400, "1d"), ("0.5s", 0.5, "0.5s")],
)  # fmt: skip
def test_durations_are_read_and_shown(text: str, seconds: float, shown: str) -> None:
    assert parse_duration(text) == seconds
    assert short_duration(seconds) == shown


@pytest.mark.parametrize("text", ["", "0", "-1s", "2 hours", "h", "1x", "inf", "99999999999h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no duration"):
        parse_duration(text)


def test_a_failure_is_retried_only_so_often_and_where_it_can_be() -> None:
    rule = Rule(retries=1, place=Place.OTHER)
    assert decide(rule, tried=0, in_a_row=1, has_other_slot=True).retries
    assert not decide(rule, tried=1, in_a_row=1, has_other_slot=True).retries
    assert not decide(rule, tried=0, in_a_row=1, has_other_slot=False).retries
    both = Rule(retries=9, ending=Ending.STOP, in_a_row=2)
    assert decide(both, tried=0, in_a_row=1, has_other_slot=False).retries
    assert decide(both, tried=0, in_a_row=2, has_other_slot=False).ending is Ending.STOP
    waits = [decide(POLICY.rule(FailureKind.LOST_SERVER), tried=n, in_a_row=1, has_other_slot=False) for n in range(4)]
    assert [(each.retries, each.wait_seconds) for each in waits] == [(True, 10), (True, 60), (True, 300), (False, 0)]
    assert decide(POLICY.rule(FailureKind.DISK_FULL), tried=0, in_a_row=1, has_other_slot=False).needs_room


def test_three_alike_that_all_runs_would_have_stop_the_host() -> None:
    life = HostLife(POLICY, 2)
    life.ended(1, 1.0, failure("bad_flag", "a"))
    life.ended(2, 1.0, failure("bad_flag", "b"))
    life.ended(1, 1.0, failure("bad_flag", "a"))
    assert life.why_no_more() == ""
    life.ended(2, 1.0, None)
    for _ in range(2):
        life.ended(1, 1.0, failure("bad_flag", "a"))
        assert life.why_no_more() == ""
    life.ended(2, 1.0, failure("bad_flag", "a"))
    assert "3 runs in a row failed alike: bad_flag at train.py:1: words" in life.why_no_more()
    assert life.is_failure


def test_the_first_runs_failing_at_once_end_the_host_when_all_slots_agree() -> None:
    life = HostLife(POLICY, 2)
    for _ in range(6):
        life.ended(1, 0.1, failure("assertion"))
    assert life.why_no_more() == ""  # the other slot has not had its say
    life.ended(2, 0.1, failure("assertion"))
    assert "The first 7 runs all failed at once" in life.why_no_more()
    late = HostLife(POLICY, 1)
    late.ended(1, 31.0, failure("unknown"))
    for _ in range(9):
        late.ended(1, 0.1, failure("unknown"))
    assert late.why_no_more() == ""


def test_failures_for_good_are_bounded_and_retries_are_none() -> None:
    life = HostLife(dataclasses.replace(POLICY.with_rule("timeout=retry:1"), max_failures=2), 1)
    assert life.ended(1, 99.0, failure("timeout")).decision.retries
    assert not life.ended(1, 99.0, failure("timeout"), tried=1).decision.retries
    assert life.why_no_more() == ""
    life.ended(1, 99.0, failure("assertion"))
    assert life.why_no_more().startswith("2 runs failed, as many as were allowed")
    assert not life.ended(1, 99.0, failure("lost_server")).decision.retries


def test_the_budget_ends_asking_and_is_no_failure() -> None:
    life = HostLife(dataclasses.replace(POLICY, budget_seconds=1e-9), 1)
    assert "budget" in life.why_no_more()
    assert not life.is_failure
    assert HostLife(dataclasses.replace(POLICY, budget_seconds=60.0), 1).why_no_more() == ""


def test_a_run_that_needs_the_machine_alone_waits_for_the_others_and_they_for_it() -> None:
    woken: list[bool] = []
    life = HostLife(POLICY, 2, on_change=lambda: woken.append(True))
    assert life.begin(1)
    assert not life.begin(2, alone=True)
    assert not life.may_ask(1)
    life.ended(1, 1.0, None)
    assert woken
    assert not life.begin(1)
    assert life.begin(2, alone=True)
    life.ended(2, 1.0, None)
    assert life.begin(1)


def test_a_shelved_run_goes_to_another_slot_or_back_when_there_is_none() -> None:
    life = HostLife(POLICY, 2)
    shelved = ShelvedRun(Retry(AgentCommand("run", "r1"), 2, {}), "agent1", 1)
    life.shelve(shelved)
    assert life.take(1) is None
    assert life.take(2, own_only=True) is None  # it drains
    assert life.take(2) == shelved
    life.shelve(shelved)
    life.slot_left(2)
    assert life.take(1, own_only=True) == shelved
    assert not life.drop(shelved)


def test_a_run_that_found_too_little_memory_goes_to_the_idle_slot_with_the_most() -> None:
    life = HostLife(POLICY, 5)
    for slot, uuid in enumerate(("a", "a", "b", "c", "d"), start=1):
        life.set_device(slot, f"GPU {uuid}", (uuid,))
    shelved = ShelvedRun(Retry(AgentCommand("run", "r1"), 2, {}), "agent1", 1, {"a": 1, "b": 20, "c": 30, "d": 40})
    life.begin(5)  # has the most, and is at work
    life.shelve(shelved)
    assert life.take(2) is None  # its GPU is the one that was too full
    assert life.take(3) is None
    assert life.take(4) == shelved
    life.shelve(dataclasses.replace(shelved, since=shelved.since - 60.0))
    assert life.take(3) is not None  # whoever had more did not come for it


def test_slots_with_the_same_device_are_no_other_place() -> None:
    life = HostLife(POLICY, 2)
    life.set_device(1, "GPU 0")
    life.set_device(2, "GPU 0")
    assert not life.ended(1, 50.0, failure("cuda_oom")).decision.retries
    life.set_device(2, "GPU 1")
    assert life.ended(1, 50.0, failure("cuda_oom")).decision.place is Place.OTHER


def test_a_slot_rests_longer_and_longer_and_is_closed_at_last() -> None:
    breaker = Breaker(POLICY)
    sick = failure("cuda_error")
    rests = [breaker.failed(sick, others_get_on=False) for _ in range(6)]
    assert [rest.seconds if rest else None for rest in rests] == [None, None, 60, 300, 900, 900]
    assert [rest.closes for rest in rests if rest] == [False, False, False, True]
    breaker.ended_well()
    assert breaker.failed(sick, others_get_on=False) is None


def test_a_slot_is_blamed_for_unknown_failures_only_where_others_get_on() -> None:
    breaker = Breaker(POLICY)
    assert all(breaker.failed(failure("unknown"), others_get_on=False) is None for _ in range(9))
    assert [bool(breaker.failed(failure("unknown"), others_get_on=True)) for _ in range(3)] == [False, False, True]
    assert all(breaker.failed(failure("bad_flag"), others_get_on=True) is None for _ in range(9))
    never = Breaker(dataclasses.replace(POLICY, slot_failures=0))
    assert all(never.failed(failure("cuda_error"), others_get_on=True) is None for _ in range(9))


def test_a_slot_whose_runs_fail_while_another_gets_on_rests() -> None:
    life = HostLife(POLICY, 2)
    life.begin(1)
    life.ended(1, 1.0, failure("unknown"))
    life.begin(2)
    life.ended(2, 1.0, None)
    assert life.ended(1, 0.1, failure("unknown")).rest is None
    life.ended(1, 0.1, failure("unknown"))
    assert life.ended(1, 0.1, failure("unknown")).rest is not None
