//! Numbers as a JSON document writes them, of any length and with any exponent, and exact.

use std::cmp::Ordering;

use crate::cel::Number;

/// A number that is not 0, as `digits` times a power of ten.
struct Digits<'a> {
    /// Digits and a point.
    mantissa: &'a [u8],
    /// Of the last digit that is not 0.
    exponent: i128,
}

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    Number::parse(a.as_bytes()).compare(&Number::parse(b.as_bytes()))
}

pub(super) fn equal(a: &str, b: &str) -> bool {
    compare(a, b).is_eq()
}

pub(super) fn is_whole(number: &str) -> bool {
    let plain = number.bytes().all(|byte| byte != b'.' && byte != b'e' && byte != b'E');
    plain || Digits::of(number).is_none_or(|digits| digits.exponent >= 0)
}

// === impl Digits ===

impl<'a> Digits<'a> {
    /// None, if it is 0.
    fn of(number: &'a str) -> Option<Self> {
        let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        // Beyond 10^38 one exponent is as good as the other.
        let exponent: i128 = exponent.parse().unwrap_or(if exponent.starts_with('-') { i128::MIN } else { i128::MAX });
        let mantissa = mantissa.trim_start_matches('-').as_bytes();
        let last = mantissa.iter().rposition(|byte| matches!(byte, b'1'..=b'9'))?;
        let point = mantissa.iter().position(|byte| *byte == b'.').unwrap_or(mantissa.len());
        let behind = if last < point { (point - last - 1) as i128 } else { -((last - point) as i128) };
        Some(Self { mantissa: &mantissa[..=last], exponent: exponent.saturating_add(behind) })
    }

    fn digits(&self) -> impl Iterator<Item = u128> + '_ {
        self.mantissa.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| u128::from(byte - b'0'))
    }
}

/// What a number may have to be a multiple of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Below 2^64.
    digits: u128,
    exponent: i128,
}

// === impl Step ===

impl Step {
    /// None, if it is not above 0, or has more digits than 64 bits hold.
    pub(super) fn new(number: &str) -> Option<Self> {
        let found = Digits::of(number).filter(|_| !number.starts_with('-'))?;
        let mut all = 0_u128;
        for digit in found.digits() {
            all = all.checked_mul(10)?.checked_add(digit)?;
        }
        Some(Self { digits: u64::try_from(all).ok()?.into(), exponent: found.exponent })
    }

    pub(super) fn divides(self, number: &str) -> bool {
        self.divides_small(number).unwrap_or_else(|| self.divides_any(number))
    }

    /// None, if 64 bits do not hold what it takes.
    fn divides_small(self, number: &str) -> Option<bool> {
        let (mantissa, scale) = match Number::parse(number.as_bytes()) {
            Number::Int(whole) => (whole, 0),
            Number::Decimal { mantissa, scale } => (mantissa, scale),
            Number::Long(_) => return None,
        };
        let exponent = i64::try_from(self.exponent).ok()?.checked_add(scale.into())?;
        let power = 10_u64.checked_pow(exponent.unsigned_abs().try_into().ok()?)?;
        let (digits, mantissa) = (u64::try_from(self.digits).ok()?, mantissa.unsigned_abs());
        Some(match exponent > 0 {
            true => mantissa.is_multiple_of(digits.checked_mul(power)?),
            false => mantissa.checked_mul(power)?.is_multiple_of(digits),
        })
    }

    fn divides_any(self, number: &str) -> bool {
        let Some(number) = Digits::of(number) else { return true };
        // Its last digit is not 0, so that no power of ten divides what its digits come to.
        let Ok(power) = u128::try_from(number.exponent.saturating_sub(self.exponent)) else { return false };
        let rest = number.digits().fold(0, |rest, digit| (rest * 10 + digit) % self.digits);
        (rest * power_of_ten(power, self.digits)).is_multiple_of(self.digits)
    }
}

/// What is left of it when it is divided.
fn power_of_ten(mut exponent: u128, divisor: u128) -> u128 {
    let (mut power, mut base) = (1 % divisor, 10 % divisor);
    while exponent > 0 {
        if exponent % 2 == 1 {
            power = power * base % divisor;
        }
        base = base * base % divisor;
        exponent /= 2;
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_may_be_written_in_many_ways() {
        for whole in ["0", "-0", "0.0", "0e-9", "1.0", "-12", "1e400", "1.50e1", "100e-2", "12345678901234567890.0"] {
            assert!(is_whole(whole), "{whole}");
        }
        for broken in [
            "0.5",
            "1.05e1",
            "1e-1",
            "12345678901234567890.12",
            "10e-2",
            "1e-400",
            "1.5E-170141183460469231731687303715884105728",
        ] {
            assert!(!is_whole(broken), "{broken}");
        }
    }

    #[test]
    fn multiples_are_exact() {
        let divides = |step: &str, number: &str| Step::new(step).expect("a step").divides(number);
        for (step, number) in [
            ("0.01", "12345678901234567890.12"),
            ("0.01", "1070468.14"),
            ("0.01", "0"),
            ("0.01", "-0.07"),
            ("0.01", "1e400"),
            ("1", "3.0"),
            ("0.25", "1.75"),
            ("100", "1.5e3"),
            ("18446744073709551615", "36893488147419103230"),
            ("2.5e-3", "0.0075"),
        ] {
            assert!(divides(step, number), "{number} of {step}");
        }
        for (step, number) in [
            ("0.01", "12345678901234567890.123"),
            ("0.01", "0.005"),
            ("0.01", "1e-400"),
            ("7", "1e400"),
            ("100", "150"),
            ("18446744073709551615", "36893488147419103231"),
            ("0.3", "1"),
        ] {
            assert!(!divides(step, number), "{number} of {step}");
        }
    }

    #[test]
    fn a_step_is_above_zero_and_fits() {
        for none in ["0", "0.0", "-1", "18446744073709551617"] {
            assert_eq!(Step::new(none), None, "{none}");
        }
        assert_eq!(Step::new("18446744073709551620"), Step::new("1844674407370955162e1"));
    }
}
