//! Numbers: whole ones of 64 bits, and exact decimals of any length.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use bigdecimal::num_bigint::BigInt;
use bigdecimal::{BigDecimal, RoundingMode, Zero};

/// A number, as a JSON document or an expression has it.
#[derive(Clone, Debug)]
pub enum Number<'a> {
    /// A whole number: one without a point and an exponent that 64 bits hold.
    Int(i64),
    /// `mantissa` / 10^`scale`. It keeps the zeros that it was written with.
    Decimal { mantissa: i64, scale: u8 },
    /// Any other decimal, as JSON writes it.
    Long(Cow<'a, str>),
}

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Two whole numbers have none that 64 bits hold.
    Overflow,
    ByZero,
    /// Longer than [`MAX_DIGITS`].
    TooLong,
    /// `%` is for whole numbers.
    NotWhole,
}

/// The digits and the exponent of what is reckoned with, together: a record must not choose how much memory that takes.
/// Numbers of any length are compared.
pub(super) const MAX_DIGITS: u64 = 1000;

/// The significant digits of a quotient of decimals that has no end, as many as a decimal128 (IEEE 754) has.
pub(super) const QUOTIENT_DIGITS: u64 = 34;

/// Bytes that a number takes as text which is not long.
const TEXT: usize = 32;

// === impl Number ===

impl<'a> Number<'a> {
    /// Reads what is a number of JSON.
    #[inline]
    pub(crate) fn parse(text: &'a [u8]) -> Self {
        let (negative, digits) = match text {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        // So many digits always fit into 64 bits.
        if digits.len() > 18 {
            return Self::long(text);
        }
        let (mut mantissa, mut scale, mut has_point) = (0_i64, 0_u8, false);
        for byte in digits {
            match byte {
                b'0'..=b'9' => {
                    mantissa = mantissa * 10 + i64::from(byte - b'0');
                    scale += u8::from(has_point);
                }
                b'.' => has_point = true,
                _ => return Self::long(text),
            }
        }
        match (has_point, negative) {
            // Only its text keeps the sign.
            (_, true) if mantissa == 0 => Self::long(text),
            (false, _) => Self::Int(if negative { -mantissa } else { mantissa }),
            (true, _) => Self::Decimal { mantissa: if negative { -mantissa } else { mantissa }, scale },
        }
    }

    #[cold]
    fn long(text: &'a [u8]) -> Self {
        // A document that was checked is UTF-8.
        let text = std::str::from_utf8(text).unwrap_or_default();
        match text.parse() {
            Ok(whole) if text != "-0" => Self::Int(whole),
            _ => Self::Long(Cow::Borrowed(text)),
        }
    }

    pub(crate) fn into_owned(self) -> Number<'static> {
        match self {
            Self::Int(whole) => Number::Int(whole),
            Self::Decimal { mantissa, scale } => Number::Decimal { mantissa, scale },
            Self::Long(text) => Number::Long(Cow::Owned(text.into_owned())),
        }
    }

    /// Whether it is a whole number to the language; `-0` is one that is 0.
    pub(super) fn whole(&self) -> Option<i64> {
        match self {
            Self::Int(whole) => Some(*whole),
            Self::Long(text) if text == "-0" => Some(0),
            _ => None,
        }
    }

    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        match (self.small(), other.small()) {
            (Some((a, 0)), Some((b, 0))) => a.cmp(&b),
            // 64 bits times 10^18 fit into 128 bits.
            (Some((a, a_scale)), Some((b, b_scale))) => {
                let scale = a_scale.max(b_scale);
                (i128::from(a) * power(scale - a_scale)).cmp(&(i128::from(b) * power(scale - b_scale)))
            }
            _ => {
                let (mut ours, mut theirs) = ([0; TEXT], [0; TEXT]);
                Digits::of(self.text(&mut ours)).compare(&Digits::of(other.text(&mut theirs)))
            }
        }
    }

    /// Mantissa and scale, which is at most 18.
    fn small(&self) -> Option<(i64, u8)> {
        match self {
            Self::Int(whole) => Some((*whole, 0)),
            Self::Decimal { mantissa, scale } => Some((*mantissa, *scale)),
            Self::Long(_) => None,
        }
    }

    /// As JSON has it, without taking memory.
    fn text<'b>(&'b self, buffer: &'b mut [u8; TEXT]) -> &'b str {
        use std::io::Write as _;
        if let Self::Long(text) = self {
            return text;
        }
        let mut rest = &mut buffer[..];
        // There is room for every number of 64 bits.
        let _ = write!(rest, "{self}");
        let length = TEXT - rest.len();
        std::str::from_utf8(&buffer[..length]).unwrap_or_default()
    }

    pub(super) fn negate(&self) -> Result<Number<'static>, Refused> {
        match (self.whole(), self) {
            (Some(whole), _) => whole.checked_neg().map(Number::Int).ok_or(Refused::Overflow),
            (None, Self::Decimal { mantissa, scale }) if *mantissa != i64::MIN => {
                Ok(Number::Decimal { mantissa: -mantissa, scale: *scale })
            }
            _ => Ok(from_big(&-self.big()?)),
        }
    }

    pub(super) fn add(&self, other: &Self) -> Result<Number<'static>, Refused> {
        self.sum(other, i64::checked_add, |a, b| a + b, |a, b| a + b)
    }

    pub(super) fn subtract(&self, other: &Self) -> Result<Number<'static>, Refused> {
        self.sum(other, i64::checked_sub, |a, b| a - b, |a, b| a - b)
    }

    fn sum(
        &self,
        other: &Self,
        whole: fn(i64, i64) -> Option<i64>,
        small: fn(i128, i128) -> i128,
        big: fn(BigDecimal, BigDecimal) -> BigDecimal,
    ) -> Result<Number<'static>, Refused> {
        if let (Some(a), Some(b)) = (self.whole(), other.whole()) {
            return whole(a, b).map(Number::Int).ok_or(Refused::Overflow);
        }
        if let (Some((a, a_scale)), Some((b, b_scale))) = (self.small(), other.small()) {
            let scale = a_scale.max(b_scale);
            // Each is below 2^63 * 10^18 < 2^123, so that the sum is in range.
            let sum = small(i128::from(a) * power(scale - a_scale), i128::from(b) * power(scale - b_scale));
            if let Ok(mantissa) = i64::try_from(sum) {
                return Ok(Number::Decimal { mantissa, scale });
            }
        }
        Ok(from_big(&big(self.big()?, other.big()?)))
    }

    pub(super) fn multiply(&self, other: &Self) -> Result<Number<'static>, Refused> {
        if let (Some(a), Some(b)) = (self.whole(), other.whole()) {
            return a.checked_mul(b).map(Number::Int).ok_or(Refused::Overflow);
        }
        if let (Some((a, a_scale)), Some((b, b_scale))) = (self.small(), other.small())
            && let (Some(mantissa), scale @ ..=18) = (a.checked_mul(b), a_scale + b_scale)
        {
            return Ok(Number::Decimal { mantissa, scale });
        }
        Ok(from_big(&(self.big()? * other.big()?)))
    }

    /// Of two whole numbers the quotient without what is behind the point. Else a decimal: exact if it has an end within
    /// [`QUOTIENT_DIGITS`], or that many of its digits, a half rounded to the even digit.
    pub(super) fn divide(&self, other: &Self) -> Result<Number<'static>, Refused> {
        if let (Some(a), Some(b)) = (self.whole(), other.whole()) {
            return if b == 0 {
                Err(Refused::ByZero)
            } else {
                a.checked_div(b).map(Number::Int).ok_or(Refused::Overflow)
            };
        }
        let (a, b) = (self.big()?, other.big()?);
        if b.is_zero() {
            return Err(Refused::ByZero);
        }
        let ((above, a_scale), (below, b_scale)) = (a.as_bigint_and_exponent(), b.as_bigint_and_exponent());
        let shift = (QUOTIENT_DIGITS + 1 + below.magnitude().to_string().len() as u64)
            .saturating_sub(above.magnitude().to_string().len() as u64);
        let above = above * BigInt::from(10).pow(u32::try_from(shift).unwrap_or(u32::MAX));
        let (quotient, rest) = (&above / &below, &above % &below);
        let scale = a_scale - b_scale + i64::try_from(shift).unwrap_or(i64::MAX);
        // A digit behind the others tells that something is left, so that it is rounded once.
        let left = match (rest.is_zero(), above.sign() == below.sign()) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => -1,
        };
        let long = BigDecimal::new(quotient * 10 + left, scale + 1);
        let precision = std::num::NonZeroU64::new(QUOTIENT_DIGITS).ok_or(Refused::TooLong)?;
        Ok(from_big(&long.with_precision_round(precision, RoundingMode::HalfEven).normalized()))
    }

    /// The sign is that of `self`, as of Rust's `%`.
    pub(super) fn remainder(&self, other: &Self) -> Result<Number<'static>, Refused> {
        match (self.whole(), other.whole()) {
            (Some(_), Some(0)) => Err(Refused::ByZero),
            (Some(a), Some(b)) => a.checked_rem(b).map(Number::Int).ok_or(Refused::Overflow),
            _ => Err(Refused::NotWhole),
        }
    }

    /// Without what is behind the point.
    pub(super) fn truncate(&self) -> Result<i64, Refused> {
        match self {
            Self::Int(whole) => Ok(*whole),
            Self::Decimal { mantissa, scale } => {
                Ok(i64::try_from(i128::from(*mantissa) / power(*scale)).map_err(|_| Refused::Overflow)?)
            }
            Self::Long(text) => {
                let digits = Digits::of(text);
                match digits.magnitude {
                    None => Ok(0),
                    Some(..=0) => Ok(0),
                    Some(20..) => Err(Refused::Overflow),
                    Some(_) => {
                        let whole = self.big()?.with_scale_round(0, RoundingMode::Down);
                        whole.to_plain_string().parse().map_err(|_| Refused::Overflow)
                    }
                }
            }
        }
    }

    /// The same number as a decimal.
    pub(super) fn into_decimal(self) -> Self {
        match self {
            Self::Int(mantissa) => Self::Decimal { mantissa, scale: 0 },
            other => other,
        }
    }

    fn big(&self) -> Result<BigDecimal, Refused> {
        let text = match self {
            Self::Int(whole) => return Ok(BigDecimal::from(*whole)),
            Self::Decimal { mantissa, scale } => return Ok(BigDecimal::new((*mantissa).into(), (*scale).into())),
            Self::Long(text) => text,
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent: i64 = exponent.parse().map_err(|_| Refused::TooLong)?;
        if mantissa.len() as u64 + exponent.unsigned_abs() > MAX_DIGITS {
            return Err(Refused::TooLong);
        }
        BigDecimal::from_str(text).map_err(|_| Refused::TooLong)
    }
}

fn power(exponent: u8) -> i128 {
    10_i128.pow(exponent.into())
}

fn from_big(big: &BigDecimal) -> Number<'static> {
    let scale = big.fractional_digit_count().max(0);
    let big = big.with_scale(scale);
    let small = i64::try_from(big.as_bigint_and_exponent().0).ok();
    match (small, u8::try_from(scale)) {
        (Some(mantissa), Ok(scale @ ..=18)) => Number::Decimal { mantissa, scale },
        _ => Number::Long(big.to_plain_string().into()),
    }
}

/// As in JSON.
impl fmt::Display for Number<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(whole) | Self::Decimal { mantissa: whole, scale: 0 } => write!(out, "{whole}"),
            Self::Decimal { mantissa, scale } => {
                let (sign, power) = (if *mantissa < 0 { "-" } else { "" }, 10_u64.pow((*scale).into()));
                let digits = mantissa.unsigned_abs();
                write!(out, "{sign}{}.{:0width$}", digits / power, digits % power, width = usize::from(*scale))
            }
            Self::Long(text) => out.write_str(text),
        }
    }
}

/// A decimal as its digits, however many there are.
struct Digits<'a> {
    negative: bool,
    /// From the first that is not 0, the point left out.
    digits: &'a [u8],
    /// How many digits are before the point, or minus how many zeros are behind it; `None` for 0.
    magnitude: Option<i128>,
}

// === impl Digits ===

impl<'a> Digits<'a> {
    fn of(text: &'a str) -> Self {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let negative = mantissa.starts_with('-');
        let digits = mantissa.trim_start_matches('-').as_bytes();
        // Beyond 10^38 one exponent is as good as the other.
        let exponent = exponent.parse().unwrap_or(if exponent.starts_with('-') { i128::MIN } else { i128::MAX });
        let point = digits.iter().position(|byte| *byte == b'.').unwrap_or(digits.len());
        let Some(first) = digits.iter().position(|byte| matches!(byte, b'1'..=b'9')) else {
            return Self { negative: false, digits: &[], magnitude: None };
        };
        let before = point.saturating_sub(first);
        let zeros = first.saturating_sub(point + 1);
        let magnitude = exponent.saturating_add(before as i128 - zeros as i128);
        Self { negative, digits: &digits[first..], magnitude: Some(magnitude) }
    }

    fn compare(&self, other: &Self) -> Ordering {
        let sign = |digits: &Self| match (digits.magnitude, digits.negative) {
            (None, _) => 0,
            (Some(_), true) => -1,
            (Some(_), false) => 1,
        };
        let (a, b) = (sign(self), sign(other));
        if a != b || a == 0 {
            return a.cmp(&b);
        }
        let size = self.magnitude.cmp(&other.magnitude).then_with(|| self.compare_digits(other));
        if self.negative { size.reverse() } else { size }
    }

    /// Zeros at the end count for nothing.
    fn compare_digits(&self, other: &Self) -> Ordering {
        let digits = |digits: &'a [u8]| digits.iter().copied().filter(u8::is_ascii_digit);
        let (mut a, mut b) = (digits(self.digits), other.digits.iter().copied().filter(u8::is_ascii_digit));
        loop {
            match (a.next(), b.next()) {
                (None, None) => return Ordering::Equal,
                (a, b) => match a.unwrap_or(b'0').cmp(&b.unwrap_or(b'0')) {
                    Ordering::Equal => {}
                    unequal => return unequal,
                },
            }
        }
    }
}
