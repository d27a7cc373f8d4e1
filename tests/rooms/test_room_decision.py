# SPDX-License-Identifier: GPL-3.0-or-later
"""What a room decides, as a pure function."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from room_strategies import MINUTE, NOW, periods, policies, request, wishes

from calcore_caldav.core.calobject import PartStat
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.times import Period
from calcore_caldav.scheduling import slots
from calcore_caldav.scheduling.booking import decide, padded_period
from calcore_caldav.scheduling.policy import BookingPolicy
from calcore_caldav.scheduling.request import Booker, Reason, Role, Taken, TakenBy, Wanted

A, D, N, T = PartStat.ACCEPTED, PartStat.DECLINED, PartStat.NEEDS_ACTION, PartStat.TENTATIVE
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def at(hours: float, length: float = 1, **more) -> Wanted:
    start = NOW + hours * HOUR
    return Wanted(RecurrenceId(start), start, start + length * HOUR, **more)


def busy(hours: float, length: float = 1, by: TakenBy = TakenBy.BOOKING, **more) -> Taken:
    return Taken(NOW + hours * HOUR, NOW + (hours + length) * HOUR, by, **more)


def answers(policy, wanted, taken=(), **more):
    decision = decide(policy, request(wanted, taken, **more))
    return [(decision.verdicts[w.rid].partstat, decision.verdicts[w.rid].reason) for w in wanted]


def policy(**settings_) -> BookingPolicy:
    return BookingPolicy.from_mapping(settings_)


@pytest.mark.parametrize(
    ("mode", "free", "taken"),
    [
        ("none", N, N),
        ("automatic", A, D),
        ("accept-always", A, A),
        ("decline-always", D, D),
        ("accept-if-free", A, N),
        ("decline-if-busy", N, D),
        ("approval", T, D),
    ],
)
def test_each_mode_answers_as_its_name_says(mode, free, taken):
    found = answers(policy(mode=mode), [at(1), at(24)], [busy(24.5)])
    assert [partstat for partstat, _ in found] == [free, taken]


def test_the_group_gets_automatic_whatever_the_mode():
    found = answers(
        policy(mode="decline-always", auto_accept_group="chiefs"),
        [at(1)],
        booker=Booker(Role.BOOK, automatic=True),
    )
    assert found == [(A, Reason.FREE)]


def test_touching_bookings_do_not_conflict():
    assert answers(policy(), [at(2)], [busy(1), busy(3)]) == [(A, Reason.FREE)]


def test_an_instant_conflicts_with_what_holds_it():
    assert answers(policy(), [at(1, 0), at(2, 0)], [busy(1)]) == [(D, Reason.CONFLICT), (A, Reason.FREE)]


def test_buffers_of_both_sides_keep_bookings_apart():
    cleaned = policy(buffer_before="10m", buffer_after="20m")
    assert answers(cleaned, [at(2)], [busy(0.75)]) == [(D, Reason.CONFLICT)]
    assert answers(cleaned, [at(2.25)], [busy(0.75)]) == [(A, Reason.FREE)]
    # A closed time needs no cleaning.
    assert answers(cleaned, [at(2)], [busy(3, by=TakenBy.CLOSED)]) == [(A, Reason.FREE)]


@pytest.mark.parametrize(
    ("setting", "by", "default"),
    [
        ("tentative_blocks", TakenBy.TENTATIVE, True),
        ("pending_blocks", TakenBy.PENDING, True),
        ("transparent_blocks", TakenBy.TRANSPARENT, False),
        ("unscheduled_blocks", TakenBy.UNSCHEDULED, True),
    ],
)
def test_what_blocks_is_a_setting(setting, by, default):
    for blocks in (True, False):
        expected = (D, Reason.CONFLICT) if blocks else (A, Reason.FREE)
        assert answers(policy(**{setting: blocks}), [at(1)], [busy(1, by=by)]) == [expected]
    assert (answers(policy(), [at(1)], [busy(1, by=by)])[0][0] is D) == default


def test_an_instant_is_as_far_from_others_as_buffers_say_and_no_farther():
    apart = policy(buffer_before="30m", buffer_after="30m", max_conflict_share=1)
    wanted = [at(hours, 0) for hours in (4, 4.01, 6.99, 7)]
    assert [answer for answer, _ in answers(apart, wanted, [busy(5)])] == [A, D, D, A]


def test_concurrency_counts_what_overlaps_at_one_instant():
    desks = policy(concurrency=2)
    assert answers(desks, [at(0, 3)], [busy(0), busy(1), busy(2)]) == [(A, Reason.FREE)]
    assert answers(desks, [at(0, 3)], [busy(0, 2), busy(1), busy(2)]) == [(D, Reason.CONFLICT)]
    assert answers(policy(concurrency=0), [at(0)], [busy(0)] * 50) == [(A, Reason.FREE)]


def test_limits_of_time():
    limited = policy(lead_time="2h", min_duration="30m", max_duration="2h", horizon="30d")
    wanted = [at(1), at(3, 0.25), at(4, 3), at(10), at(24 * 31)]
    assert [reason for _, reason in answers(limited, wanted)] == [
        Reason.LEAD_TIME,
        Reason.DURATION,
        Reason.DURATION,
        Reason.FREE,
        Reason.HORIZON,
    ]


def test_a_day_on_which_clocks_change_is_a_day():
    paris = ZoneInfo("Europe/Paris")
    start = datetime(2026, 10, 25, tzinfo=paris).astimezone(UTC)
    end = datetime(2026, 10, 26, tzinfo=paris).astimezone(UTC)
    assert end - start == timedelta(hours=25)
    day = Wanted(None, start, end)
    assert answers(policy(horizon=0), [day], zone=paris) == [(A, Reason.FREE)]


def test_a_meeting_over_which_clocks_change_is_as_long_as_it_is():
    paris = ZoneInfo("Europe/Paris")
    back = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 02:30 by the clock, until 02:15 after it was put back
    forward = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    always = policy(horizon=0, hours="mon-sun 00:00-24:00", max_duration="1h")
    for start in (back, forward):
        meeting = Wanted(None, start, start + timedelta(minutes=45))
        assert answers(always, [meeting], zone=paris) == [(A, Reason.FREE)]
    long = Wanted(None, forward, forward + 2 * HOUR)
    assert answers(always, [long], zone=paris) == [(D, Reason.DURATION)]


def test_opening_hours_in_the_zone_of_the_room():
    office = policy(hours="mon-fri 08:00-12:00, 13:00-18:00; sat 9:00-12:00")
    paris = ZoneInfo("Europe/Paris")

    def local(day: int, hour: float, length: float = 1) -> Wanted:
        start = datetime(2026, 3, day, tzinfo=paris) + hour * HOUR
        return Wanted(RecurrenceId(start.astimezone(UTC)), start.astimezone(UTC), start + length * HOUR)

    open_ = [local(3, 8), local(3, 11), local(3, 17), local(7, 9, 3)]
    closed = [local(3, 7.5), local(3, 11.5), local(3, 17.5), local(7, 13), local(8, 10), local(3, 8, 10)]
    assert [r for _, r in answers(office, open_, zone=paris)] == [Reason.FREE] * 4
    assert [r for _, r in answers(office, closed, zone=paris)] == [Reason.HOURS] * 6


def test_hours_may_reach_over_midnight():
    bar = policy(hours="mon-sun 00:00-02:00, 18:00-24:00", max_duration=0)
    start = datetime(2026, 3, 3, 22, tzinfo=UTC)
    night = Wanted(RecurrenceId(start), start, start + 4 * HOUR)
    late = Wanted(RecurrenceId(start + DAY), start + DAY, start + DAY + 5 * HOUR)
    assert [r for _, r in answers(bar, [night, late])] == [Reason.FREE, Reason.HOURS]
    always = policy(hours="mon-sun 00:00-24:00", max_duration=0)
    assert answers(always, [at(0, 24 * 9)]) == [(A, Reason.FREE)]


def test_the_published_availability_closes_a_room():
    assert answers(policy(), [at(1)], [busy(1, by=TakenBy.CLOSED)]) == [(D, Reason.HOURS)]


def test_capacity_is_enforced_only_if_asked():
    crowd = [at(1, people=9)]
    assert answers(policy(capacity=8), crowd) == [(A, Reason.FREE)]
    assert answers(policy(capacity=8, enforce_capacity="off"), crowd) == [(A, Reason.FREE)]
    assert answers(policy(capacity=8, enforce_capacity="enforce"), crowd) == [(D, Reason.CAPACITY)]
    assert answers(policy(capacity=9, enforce_capacity=True), crowd) == [(A, Reason.FREE)]


def test_quota_counts_the_week_with_the_request_itself():
    thrifty = policy(quota="3h")
    monday = date(2026, 3, 2)
    found = answers(thrifty, [at(1), at(2), at(3), at(24 * 7)], booker=Booker(used={monday: HOUR}))
    assert [r for _, r in found] == [Reason.FREE, Reason.FREE, Reason.QUOTA, Reason.FREE]


def test_the_number_of_future_bookings():
    assert answers(policy(same_organizer_limit=2), [at(1)], booker=Booker(bookings=1)) == [(A, Reason.FREE)]
    assert answers(policy(same_organizer_limit=2), [at(1)], booker=Booker(bookings=2)) == [(D, Reason.QUOTA)]


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (Role.BOOK, (A, Reason.FREE)),
        (Role.REQUEST, (T, Reason.PENDING)),
        (Role.NOBODY, (D, Reason.NOT_ALLOWED)),
        (Role.OUTSIDER, (D, Reason.EXTERNAL)),
        (Role.OVERRIDE, (A, Reason.FREE)),
    ],
)
def test_who_books(role, expected):
    assert answers(policy(), [at(1)], booker=Booker(role)) == [expected]


def test_override_exceeds_limits_but_not_other_bookings():
    boss = Booker(Role.OVERRIDE)
    assert answers(policy(horizon="1d", max_duration="1h"), [at(99, 5)], booker=boss) == [(A, Reason.FREE)]
    assert answers(policy(), [at(1)], [busy(1)], booker=boss) == [(D, Reason.CONFLICT)]
    # Who approves need not ask.
    assert answers(policy(mode="approval"), [at(1)], booker=boss) == [(A, Reason.FREE)]


def test_priority_displaces_what_others_booked():
    boss = Booker(Role.OVERRIDE)
    taken = [busy(1, uid="a", displaceable=True), busy(1.5, uid="b", displaceable=True)]
    decision = decide(policy(priority=True), request([at(1)], taken, booker=boss))
    verdict = decision.verdicts[at(1).rid]
    assert verdict.partstat is A
    assert {t.uid for t in verdict.displaces} == {"a", "b"}
    guarded = [*taken, busy(1, uid="c")]
    assert answers(policy(priority=True), [at(1)], guarded, booker=boss) == [(D, Reason.CONFLICT)]
    # No more are displaced than must be, and others do not displace.
    verdict = decide(policy(priority=True, concurrency=2), request([at(1)], taken, booker=boss)).verdicts[
        at(1).rid
    ]
    assert len(verdict.displaces) == 1
    assert answers(policy(priority=True), [at(1)], taken) == [(D, Reason.CONFLICT)]


def test_only_what_awaits_an_answer_is_answered():
    wanted = [at(1, partstat=D), at(24, partstat=A)]
    assert answers(policy(), wanted, [busy(24)]) == [(D, Reason.KEPT), (A, Reason.KEPT)]
    again = answers(policy(manual_wins=False), wanted, [busy(24)])
    assert again == [(A, Reason.FREE), (D, Reason.CONFLICT)]


def test_what_is_long_over_is_left_alone():
    old, recent = at(-50), at(-40)
    assert answers(policy(), [old, recent]) == [(N, Reason.PAST), (A, Reason.FREE)]
    assert answers(policy(), [recent], past_grace=HOUR) == [(N, Reason.PAST)]


WEEKLY = [at(24 * 7 * n) for n in range(10)]


def test_a_series_is_accepted_but_for_its_taken_dates():
    found = answers(policy(), WEEKLY, [busy(24 * 7 * 3)])
    assert [p for p, _ in found] == [A, A, A, D, A, A, A, A, A, A]


@pytest.mark.parametrize(("conflicts", "accepted"), [(1, True), (3, True), (4, False)])
def test_too_large_a_share_of_conflicts_refuses_the_series(conflicts, accepted):
    found = answers(policy(), WEEKLY, [busy(24 * 7 * n) for n in range(conflicts)])
    assert found[9] == ((A, Reason.FREE) if accepted else (D, Reason.SERIES))


def test_too_many_conflicts_refuse_the_series():
    taken = [busy(24 * 7 * n) for n in range(3)]
    assert answers(policy(max_conflicts=2), WEEKLY, taken)[9] == (D, Reason.SERIES)
    assert answers(policy(max_conflicts=3), WEEKLY, taken)[9] == (A, Reason.FREE)


def test_one_taken_date_of_two_refuses_only_itself_unless_no_share_is_allowed():
    two = WEEKLY[:2]
    assert [p for p, _ in answers(policy(), two, [busy(0)])] == [D, A]
    assert [p for p, _ in answers(policy(max_conflict_share=0), two, [busy(0)])] == [D, D]


def test_all_or_nothing_and_no_series():
    assert {r for _, r in answers(policy(recurring="all-or-nothing"), WEEKLY, [busy(0)])} == {Reason.SERIES}
    assert {r for _, r in answers(policy(recurring="all-or-nothing"), WEEKLY)} == {Reason.FREE}
    assert {r for _, r in answers(policy(recurring="no"), WEEKLY)} == {Reason.RECURRING}
    assert answers(policy(recurring="no"), WEEKLY[:1]) == [(A, Reason.FREE)]


def test_the_horizon_truncates_declines_or_lets_pass():
    month = {"horizon": "30d"}
    assert [r for _, r in answers(policy(**month), WEEKLY)] == [Reason.FREE] * 5 + [Reason.HORIZON] * 5
    assert {r for _, r in answers(policy(**month, horizon_action="decline"), WEEKLY)} == {Reason.HORIZON}
    assert {r for _, r in answers(policy(**month, horizon_action="unlimited"), WEEKLY)} == {Reason.FREE}
    # What the horizon refuses is no conflict.
    assert answers(policy(**month, max_conflicts=0), WEEKLY)[0] == (A, Reason.FREE)


@pytest.mark.parametrize(
    ("action", "expected"),
    [("truncate", (D, Reason.HORIZON)), ("decline", (D, Reason.HORIZON)), ("unlimited", (A, Reason.FREE))],
)
def test_what_an_endless_series_gets_beyond_the_horizon(action, expected):
    decision = decide(policy(horizon_action=action), request(WEEKLY, endless=True))
    assert decision.beyond is not None
    assert (decision.beyond.partstat, decision.beyond.reason) == expected
    assert decision.verdicts[WEEKLY[0].rid].partstat is (D if action == "decline" else A)


@settings(max_examples=150, deadline=None)
@given(policies(), st.lists(wishes(), max_size=12))
def test_no_instant_ever_holds_more_bookings_than_the_policy_allows(room, requests):
    """Book request after request: the rows never overlap in a slot, and no slot beyond the limit is used."""
    taken: list[Taken] = []
    rows: list[tuple[Period, int]] = []
    for number, wanted in enumerate(requests):
        decision = decide(room, request(wanted, taken))
        granted = [w for w in wanted if decision.verdicts[w.rid].partstat in {A, T}]
        new = slots.assign([padded_period(room, w) for w in granted], rows, room.concurrency)
        for period, slot in new:
            assert slot < room.concurrency
            assert not any(s == slot and p.start < period.end and p.end > period.start for p, s in rows)
        rows += new
        taken += [Taken(w.start, w.end, uid=str(number)) for w in granted]


@settings(max_examples=150, deadline=None)
@given(policies(), wishes(), st.lists(periods(), max_size=6), st.randoms())
def test_deciding_again_or_in_another_order_changes_nothing(room, wanted, others, random):
    taken = [Taken(*p) for p in others]
    decision = decide(room, request(wanted, taken))
    assert decide(room, request(wanted, taken)) == decision
    shuffled, shuffled_taken = list(wanted), list(taken)
    random.shuffle(shuffled)
    random.shuffle(shuffled_taken)
    again = decide(room, request(shuffled, shuffled_taken))
    assert {r: v.partstat for r, v in again.verdicts.items()} == {
        r: v.partstat for r, v in decision.verdicts.items()
    }
    # The answers, once they stand, are kept.
    answered = [w._replace(partstat=decision.verdicts[w.rid].partstat) for w in wanted]
    kept = decide(room, request(answered, taken))
    assert all(kept.verdicts[w.rid].partstat is decision.verdicts[w.rid].partstat for w in wanted)


@settings(max_examples=200, deadline=None)
@given(st.lists(periods(days=1), max_size=12), periods(days=1), st.integers(1, 4))
def test_the_sweep_line_agrees_with_counting_at_every_minute(others, within, concurrency):
    minutes = [within.start + n * MINUTE for n in range(int((within.end - within.start) / MINUTE))]
    full = [m for m in minutes if sum(p.start <= m < p.end for p in others) >= concurrency]
    assert slots.full_at(others, within, concurrency) == (full[0] if full else None)
