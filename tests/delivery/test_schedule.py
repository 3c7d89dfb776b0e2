"""When a delivery is tried again."""

from datetime import UTC, datetime

from app.delivery.schedule import PAUSES, pause, rest


def test_pauses_grow_for_a_day() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    for number, base in enumerate(PAUSES, 1):
        assert {base * 0.8 <= pause(number, None, now) <= base * 1.2 for _ in range(50)} == {True}
    assert list(PAUSES) == sorted(PAUSES)
    assert 12 < sum(PAUSES) / 3_600 < 24
    assert pause(1, "Sun, 01 Mar 2026 00:10:00 GMT", now) == 600
    assert pause(1, "Sun, 01 Mar 2026 00:10:00", now) == 600
    for odd in ("", "soon", "-1", "1.5", "Sun, 99 Mar 2026 00:10:00 GMT", "²"):
        assert pause(1, odd, now) <= 2.4
    assert rest(50, None, now) <= 900
