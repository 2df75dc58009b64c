use jiff::ToSpan;
use jiff::tz::TimeZone;
use weir_schemas::Timestamp;
use weir_schemas::event::Window;

const MINUTE_US: i64 = 60 * 1_000_000;
const HOUR_US: i64 = 60 * MINUTE_US;
const DAY_US: i64 = 24 * HOUR_US;
const WEEK_US: i64 = 7 * DAY_US;
/// 1970-01-05, the first Monday of the epoch.
const FIRST_MONDAY_US: i64 = 4 * DAY_US;

/// How a budget's window is cut, in UTC. A week begins on Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WindowKind {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    /// One window that never ends.
    Total,
}

impl WindowKind {
    pub const ALL: [Self; 6] = [Self::Minute, Self::Hour, Self::Day, Self::Week, Self::Month, Self::Total];

    /// The word of the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Total => "total",
        }
    }

    /// The window in which `at` lies (UTC).
    pub fn window_at(self, at: Timestamp) -> Window {
        match self {
            Self::Minute => fixed(at, MINUTE_US, 0),
            Self::Hour => fixed(at, HOUR_US, 0),
            Self::Day => fixed(at, DAY_US, 0),
            Self::Week => fixed(at, WEEK_US, FIRST_MONDAY_US),
            Self::Month => month(at),
            Self::Total => Window { start: Timestamp(0), end: None },
        }
    }
}

fn fixed(at: Timestamp, length: i64, anchor: i64) -> Window {
    let into = at.0.wrapping_sub(anchor).rem_euclid(length);
    let start = at.0.saturating_sub(into);
    Window { start: Timestamp(start), end: Some(Timestamp(start.saturating_add(length))) }
}

fn month(at: Timestamp) -> Window {
    let (min, max) = (jiff::Timestamp::MIN.as_microsecond(), jiff::Timestamp::MAX.as_microsecond());
    let utc = jiff::Timestamp::from_microsecond(at.0.clamp(min, max)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let first = utc.to_zoned(TimeZone::UTC).date().first_of_month();
    let midnight =
        |date: jiff::civil::Date| date.to_zoned(TimeZone::UTC).map(|z| Timestamp(z.timestamp().as_microsecond()));
    // Fails only in the first month of year −9999 and the last of 9999; there the window reaches to the end of time.
    let start = midnight(first).unwrap_or(Timestamp(min));
    let end = first.checked_add(1.month()).and_then(midnight).unwrap_or(Timestamp(max));
    Window { start, end: Some(end) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
    }

    #[test]
    fn windows_are_cut_in_utc_and_weeks_begin_on_monday() {
        let cases = [
            (WindowKind::Minute, "2026-02-28T23:59:59.999999Z", "2026-02-28T23:59:00Z", "2026-03-01T00:00:00Z"),
            (WindowKind::Hour, "2026-02-28T23:00:00Z", "2026-02-28T23:00:00Z", "2026-03-01T00:00:00Z"),
            (WindowKind::Day, "2024-02-29T12:00:00Z", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"),
            (WindowKind::Week, "2026-11-29T23:59:59Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"),
            (WindowKind::Week, "2026-11-30T00:00:00Z", "2026-11-30T00:00:00Z", "2026-12-07T00:00:00Z"),
            (WindowKind::Week, "1970-01-01T00:00:00Z", "1969-12-29T00:00:00Z", "1970-01-05T00:00:00Z"),
            (WindowKind::Month, "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            (WindowKind::Month, "2024-02-01T00:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"),
        ];
        for (kind, moment, start, end) in cases {
            assert_eq!(
                kind.window_at(at(moment)),
                Window { start: at(start), end: Some(at(end)) },
                "{kind:?} {moment}"
            );
        }
        assert_eq!(WindowKind::Total.window_at(at("2026-01-01T00:00:00Z")).end, None);
    }

    proptest! {
        #[test]
        fn a_window_holds_its_moment_and_the_next_begins_where_it_ends(us in -4_000_000_000_000_000i64..200_000_000_000_000_000) {
            for kind in WindowKind::ALL {
                let window = kind.window_at(Timestamp(us));
                let Some(end) = window.end else { continue };
                prop_assert!(window.start.0 <= us && us < end.0);
                prop_assert_eq!(kind.window_at(Timestamp(end.0 - 1)), window);
                prop_assert_eq!(kind.window_at(end).start, end);
            }
        }

        #[test]
        fn no_moment_panics(us in any::<i64>()) {
            for kind in WindowKind::ALL {
                let _ = kind.window_at(Timestamp(us));
            }
        }
    }
}
