//! Points in time as log lines write them, in UTC.

use std::time::{SystemTime, UNIX_EPOCH};

/// `2026-11-23T14:09:11.123Z`, made anew only when another millisecond has begun.
#[derive(Clone, Debug)]
pub struct Time {
    millis: u64,
    text: [u8; 24],
}

// === impl Time ===

impl Time {
    pub fn now() -> Self {
        Self::at(millis_now())
    }

    /// `millis` since 1970.
    fn at(millis: u64) -> Self {
        Self { millis, text: text(millis) }
    }

    pub(crate) fn update(&mut self) {
        let millis = millis_now();
        if millis != self.millis {
            *self = Self::at(millis);
        }
    }

    /// `2026-11-23T14:09:11.123Z`.
    pub(crate) fn rfc3339(&self) -> &[u8; 24] {
        &self.text
    }

    /// `2026-11-23 14:09:11,123`.
    pub(crate) fn spaced(&self) -> [u8; 23] {
        let mut spaced = [0; 23];
        spaced.copy_from_slice(&self.text[..23]);
        spaced[10] = b' ';
        spaced[19] = b',';
        spaced
    }
}

fn millis_now() -> u64 {
    // A clock before 1970 is wrong whatever is made of it.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn text(millis: u64) -> [u8; 24] {
    let (seconds, days) = (millis / 1000, millis / 86_400_000);
    let (year, month, day) = date(days);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    for (at, length, number) in [
        (0, 4, year),
        (5, 2, month),
        (8, 2, day),
        (11, 2, seconds / 3600 % 24),
        (14, 2, seconds / 60 % 60),
        (17, 2, seconds % 60),
        (20, 3, millis % 1000),
    ] {
        let mut rest = number;
        for digit in text[at..at + length].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    }
    text
}

/// Year, month and day of so many days after 1970-01-01. Years are counted from March, so that a leap day is the last
/// of its year, and in eras of 400 years, which are all of one length.
fn date(days: u64) -> (u64, u64, u64) {
    const ERA: u64 = 146_097;
    let since_march_0000 = days + 719_468;
    let (era, day) = (since_march_0000 / ERA, since_march_0000 % ERA);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next_year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_the_calendars() {
        for (millis, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (1_709_251_199_001, "2024-02-29T23:59:59.001Z"),
            (1_795_442_951_123, "2026-11-23T14:09:11.123Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(str::from_utf8(Time::at(millis).rfc3339()), Ok(expected), "{millis}");
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut last = date(0);
        for days in 1..200_000 {
            let (year, month, day) = date(days);
            let follows = match (year - last.0, month, day) {
                (0, same, next) if same == last.1 => next == last.2 + 1,
                (0, next, 1) => next == last.1 + 1 && last.2 >= 28,
                (1, 1, 1) => (last.1, last.2) == (12, 31),
                _ => false,
            };
            assert!(follows, "{last:?} and then {:?}", (year, month, day));
            last = (year, month, day);
        }
    }

    #[test]
    fn a_line_has_a_space_and_a_comma() {
        assert_eq!(&Time::at(1_795_442_951_123).spaced(), b"2026-11-23 14:09:11,123");
    }
}
