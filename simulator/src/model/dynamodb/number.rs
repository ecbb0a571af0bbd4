//! DynamoDB's numbers: decimals of up to 38 significant digits.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// The largest power of ten whose multiple a mantissa of 38 digits may hold.
const SIGNIFICANT_DIGITS: u32 = 38;
/// Magnitudes reach from 1E-130 to 9.9…E+125.
const LARGEST_MAGNITUDE: i32 = 125;
const SMALLEST_MAGNITUDE: i32 = -130;

/// `mantissa × 10^exponent`, with no trailing zero in the mantissa: equal numbers have one form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Decimal {
    mantissa: i128,
    exponent: i32,
}

/// Why a text or a sum is not a DynamoDB number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumberError {
    NotNumeric,
    TooManyDigits,
    Overflow,
    Underflow,
}

impl NumberError {
    /// DynamoDB's text for it.
    pub(crate) fn message(self, text: &str) -> String {
        match self {
            NumberError::NotNumeric if text.is_empty() => {
                "The parameter cannot be converted to a numeric value".to_owned()
            }
            NumberError::NotNumeric => format!("The parameter cannot be converted to a numeric value: {text}"),
            NumberError::TooManyDigits => "Attempting to store more than 38 significant digits in a Number".to_owned(),
            NumberError::Overflow => {
                "Number overflow. Attempting to store a number with magnitude larger than supported range".to_owned()
            }
            NumberError::Underflow => {
                "Number underflow. Attempting to store a number with magnitude smaller than supported range".to_owned()
            }
        }
    }
}

impl Decimal {
    pub(crate) const ZERO: Decimal = Decimal { mantissa: 0, exponent: 0 };

    fn normalized(mut mantissa: i128, mut exponent: i32) -> Result<Decimal, NumberError> {
        if mantissa == 0 {
            return Ok(Decimal::ZERO);
        }
        while mantissa % 10 == 0 {
            mantissa /= 10;
            exponent += 1;
        }
        let decimal = Decimal { mantissa, exponent };
        if decimal.digits() > SIGNIFICANT_DIGITS {
            Err(NumberError::TooManyDigits)
        } else if decimal.magnitude() > LARGEST_MAGNITUDE {
            Err(NumberError::Overflow)
        } else if decimal.magnitude() < SMALLEST_MAGNITUDE {
            Err(NumberError::Underflow)
        } else {
            Ok(decimal)
        }
    }

    /// How many digits the mantissa has.
    fn digits(self) -> u32 {
        self.mantissa.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1)
    }

    /// The power of ten of the first digit.
    fn magnitude(self) -> i32 {
        self.exponent + i32::try_from(self.digits()).unwrap_or(0) - 1
    }

    /// The mantissa at a smaller exponent, if it fits.
    fn mantissa_at(self, exponent: i32) -> Option<i128> {
        let shift = u32::try_from(self.exponent - exponent).ok()?;
        self.mantissa.checked_mul(10_i128.checked_pow(shift)?)
    }

    pub(crate) fn add(self, other: Decimal) -> Result<Decimal, NumberError> {
        if self.mantissa == 0 {
            return Ok(other);
        }
        if other.mantissa == 0 {
            return Ok(self);
        }
        let exponent = self.exponent.min(other.exponent);
        let (Some(left), Some(right)) = (self.mantissa_at(exponent), other.mantissa_at(exponent)) else {
            return Err(NumberError::TooManyDigits);
        };
        Decimal::normalized(left.checked_add(right).ok_or(NumberError::TooManyDigits)?, exponent)
    }

    pub(crate) fn negated(self) -> Decimal {
        Decimal { mantissa: -self.mantissa, exponent: self.exponent }
    }
}

impl FromStr for Decimal {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Decimal, NumberError> {
        let (coefficient, exponent) = match text.split_once(['e', 'E']) {
            Some((coefficient, exponent)) => {
                (coefficient, exponent.parse::<i32>().map_err(|_| NumberError::NotNumeric)?)
            }
            None => (text, 0),
        };
        let (negative, unsigned) = match coefficient.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, coefficient.strip_prefix('+').unwrap_or(coefficient)),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(NumberError::NotNumeric);
        }
        if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
            return Err(NumberError::NotNumeric);
        }
        // Zeros at either end are not significant; with them gone, 38 digits fit the mantissa.
        let all: String = [whole, fraction].concat();
        let kept = all.trim_end_matches('0');
        let dropped = all.len() - kept.len();
        let significant = kept.trim_start_matches('0');
        if significant.is_empty() {
            return Ok(Decimal::ZERO);
        }
        if significant.len() > SIGNIFICANT_DIGITS as usize {
            return Err(NumberError::TooManyDigits);
        }
        let mantissa: i128 = significant.parse().map_err(|_| NumberError::NotNumeric)?;
        let shift = i32::try_from(dropped)
            .unwrap_or(i32::MAX)
            .saturating_sub(i32::try_from(fraction.len()).unwrap_or(i32::MAX));
        let exponent = exponent.saturating_add(shift).clamp(-100_000, 100_000);
        Decimal::normalized(if negative { -mantissa } else { mantissa }, exponent)
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Decimal) -> Ordering {
        let signs = self.mantissa.signum().cmp(&other.mantissa.signum());
        if signs != Ordering::Equal || self.mantissa == 0 {
            return signs;
        }
        let positive = self.mantissa > 0;
        let by_size = self.magnitude().cmp(&other.magnitude()).then_with(|| {
            // With equal magnitudes the shorter mantissa grows to the longer one's length, which fits.
            let exponent = self.exponent.min(other.exponent);
            let size = |decimal: &Decimal| decimal.mantissa_at(exponent).map(i128::unsigned_abs);
            size(self).cmp(&size(other))
        });
        if positive { by_size } else { by_size.reverse() }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Decimal) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Decimal {
    /// Plain digits where they are short, as DynamoDB gives them back; else with an exponent.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.mantissa.unsigned_abs().to_string();
        if self.mantissa < 0 {
            out.write_str("-")?;
        }
        match self.exponent {
            0 => out.write_str(&digits),
            zeros @ 1..=38 => {
                out.write_str(&digits)?;
                (0..zeros).try_for_each(|_| out.write_str("0"))
            }
            places @ -38..=-1 => {
                let places = places.unsigned_abs() as usize;
                if digits.len() > places {
                    let (whole, fraction) = digits.split_at(digits.len() - places);
                    write!(out, "{whole}.{fraction}")
                } else {
                    out.write_str("0.")?;
                    (digits.len()..places).try_for_each(|_| out.write_str("0"))?;
                    out.write_str(&digits)
                }
            }
            exponent => write!(out, "{digits}E{exponent:+}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn one_number_has_one_form() {
        for (left, right) in [("1", "1.0"), ("100", "1e2"), ("0.5", ".5"), ("-0", "0"), ("+7", "7"), ("1E-3", "0.001")]
        {
            assert_eq!(decimal(left), decimal(right), "{left} {right}");
        }
        for text in [
            "0",
            "1",
            "-1",
            "100",
            "0.001",
            "-12.5",
            "1764000000",
            "1764000000.123",
            "99999999999999999999999999999999999999",
        ] {
            assert_eq!(decimal(text).to_string(), text);
        }
        assert_eq!(decimal("1e100").to_string(), "1E+100");
        assert_eq!(decimal(&decimal("1e100").to_string()), decimal("1e100"));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", ".", "abc", "1e", "1e1.5", "NaN", "0x10", " 1", "--1"] {
            assert_eq!(text.parse::<Decimal>(), Err(NumberError::NotNumeric), "{text}");
        }
        assert_eq!("1e126".parse::<Decimal>(), Err(NumberError::Overflow));
        assert_eq!("1e99999999".parse::<Decimal>(), Err(NumberError::Overflow));
        assert_eq!("1e-131".parse::<Decimal>(), Err(NumberError::Underflow));
        assert_eq!("1".repeat(39).parse::<Decimal>(), Err(NumberError::TooManyDigits));
        assert!(format!("{}{}", "1".repeat(38), "0".repeat(20)).parse::<Decimal>().is_ok());
    }

    #[test]
    fn order_is_by_value() {
        let ascending =
            ["-1e10", "-2", "-1.5", "-0.001", "0", "1e-130", "0.1", "0.11", "1", "9", "10", "10.5", "1e20", "9.9e125"];
        for pair in ascending.windows(2) {
            assert!(decimal(pair[0]) < decimal(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn sums_are_exact() {
        assert_eq!(decimal("0.1").add(decimal("0.2")).unwrap(), decimal("0.3"));
        assert_eq!(decimal("1e37").add(decimal("-1")).unwrap().to_string(), "9".repeat(37));
        assert_eq!(decimal("5").add(decimal("5").negated()).unwrap(), Decimal::ZERO);
        assert_eq!(decimal("1e60").add(decimal("1")), Err(NumberError::TooManyDigits));
    }
}
