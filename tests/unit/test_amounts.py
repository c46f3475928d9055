"""Numbers as people read them: three significant digits and always a unit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.domain import amounts


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1.0, "1"),
        (0.1, "0.1"),
        (1.23, "1.23"),
        (1.234, "1.23"),
        (1.236, "1.24"),
        (12.34, "12.3"),
        (123.4, "123"),
        (999.6, "1000"),
        (9.996, "10"),
        (1234.5, "1234"),
        (0.001234, "0.00123"),
        (-0.5, "-0.5"),
        (-12.36, "-12.4"),
        (100.0, "100"),
        (1200.0, "1200"),
        (10.0, "10"),
    ],
)
def test_a_number_has_three_digits_and_no_idle_zero(value: float, text: str) -> None:
    assert amounts.number(value) == text


def test_a_number_may_have_fewer_digits_when_asked_to() -> None:
    assert [amounts.number(v, 2) for v in (1.26, 41.4, 0.444)] == ["1.3", "41", "0.44"]


@given(st.floats(1e-6, 1e9))
def test_a_number_is_true_to_half_of_its_third_digit(value: float) -> None:
    assert abs(float(amounts.number(value)) - value) <= value * 0.005 + 1e-12


@given(st.floats(1e-6, 1e9))
def test_a_number_and_its_opposite_differ_by_the_sign_alone(value: float) -> None:
    assert amounts.number(-value) == f"-{amounts.number(value)}"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999, "999"), (1000, "1 000"), (61_204, "61 204"), (1_234_567, "1 234 567")],
)
def test_a_count_stands_in_groups_of_three(value: int, text: str) -> None:
    assert amounts.count(value) == text


@given(st.integers(0, 10**15))
def test_a_count_loses_no_digit(value: int) -> None:
    assert int(amounts.count(value).replace(" ", "")) == value


@pytest.mark.parametrize(
    ("weight_bp", "text"),
    [(0, "0 %"), (1, "0.01 %"), (500, "5 %"), (3333, "33.3 %"), (10_000, "100 %")],
)
def test_a_weight_is_told_in_per_cent(weight_bp: int, text: str) -> None:
    assert amounts.weight(weight_bp) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0 %"), (0.0012, "0.12 %"), (0.9, "90 %"), (1.0, "100 %")]
)
def test_a_share_is_told_in_per_cent(value: float, text: str) -> None:
    assert amounts.share(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0003, "+0.03 pp"), (-0.0009, "-0.09 pp"), (0.0, "+0 pp"), (0.02, "+2 pp")],
)
def test_a_difference_of_shares_is_told_in_points_with_its_sign(value: float, text: str) -> None:
    assert amounts.points(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.056, "+5.6 %"), (-0.031, "-3.1 %"), (0.0, "+0 %"), (2.36, "+236 %")],
)
def test_a_relative_difference_is_told_in_per_cent_with_its_sign(value: float, text: str) -> None:
    assert amounts.relative(value) == text


@pytest.mark.parametrize(
    ("value_ms", "text"),
    [
        (0.0, "0 ms"),
        (0.25, "0.25 ms"),
        (182.0, "182 ms"),
        (999.0, "999 ms"),
        (1000.0, "1 s"),
        (2940.0, "2.94 s"),
        (9999.0, "10 s"),
        (10_000.0, "10 s"),
        (12_340.0, "12.3 s"),
    ],
)
def test_milliseconds_become_seconds_at_a_whole_second(value_ms: float, text: str) -> None:
    assert amounts.duration_ms(value_ms) == text


@pytest.mark.parametrize(
    ("seconds_s", "text"),
    [
        (0.0, "0 ms"),
        (0.008, "8 ms"),
        (0.0994, "99 ms"),
        (0.1, "0.1 s"),
        (0.44, "0.44 s"),
        (1.0, "1 s"),
        (41.4, "41 s"),
        (59.4, "59 s"),
        (60.0, "1 min"),
        (60.4, "1 min"),
        (89.0, "1 min 29 s"),
        (91.0, "1 min 31 s"),
        (119.6, "2 min"),
        (599.4, "9 min 59 s"),
        (599.6, "10 min"),
        (600.0, "10 min"),
        (629.0, "10 min"),
        (725.0, "12 min"),
        (3600.0, "1 h"),
        (3659.0, "1 h"),
        (3660.0, "1 h 1 min"),
        (9660.0, "2 h 41 min"),
        (86_399.0, "23 h 59 min"),
        (86_400.0, "1 d"),
        (86_400.0 + 3599.0, "1 d"),
        (136_800.0, "1 d 14 h"),
        (864_000.0, "10 d"),
    ],
)
def test_a_length_of_time_has_the_unit_that_fits_it(seconds_s: float, text: str) -> None:
    assert amounts.duration(seconds_s) == text


@given(st.floats(0.0, 1e8))
def test_a_length_of_time_always_ends_with_a_unit(seconds_s: float) -> None:
    number, unit = amounts.duration(seconds_s).split()[-2:]
    assert unit in {"ms", "s", "min", "h", "d"}
    assert float(number) >= 0.0
