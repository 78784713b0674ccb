//! Numbers as text: reading decimal literals and digits of any base, printing the shortest decimal or a wanted number
//! of digits, all exactly.

use std::fmt;

use dashu_base::BitTest as _;
use dashu_int::{UBig, Word};

use super::float::{Finite, Form, round};
use super::{NotANumber, Number, PRECISION};

/// A longer literal is refused: reading it could take seconds.
const MAX_DIGITS: usize = 100_000;
/// A greater exponent is refused.
const MAX_EXPONENT: i64 = 100_000;

/// How many digits a decimal shall have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digits {
    /// As many as it takes to read back the same number.
    Shortest,
    /// All that the binary number has.
    Exact,
    /// So many after the point, rounded half to even.
    AfterPoint(usize),
    /// So many in all (one at least), rounded half to even.
    Significant(usize),
}

/// A number in decimal: `0.d1d2d3… * 10^point`. No digits means zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// Below zero.
    pub negative: bool,
    /// ASCII digits, without zeros at either end.
    pub digits: Vec<u8>,
    /// How many of the digits stand before the point (may be negative, or more than there are).
    pub point: i64,
}

impl Number {
    /// Reads a decimal literal: digits, fraction, exponent.
    pub fn parse(text: &str) -> Result<Number, NotANumber> {
        let (negative, rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        if rest.len() <= 18 && !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()) {
            let n: i64 = rest.parse().map_err(|_| NotANumber)?;
            return Ok(Number::Int(if negative { -n } else { n }));
        }
        let (digits, exponent) = match rest.find(['e', 'E']) {
            Some(at) => (&rest[..at], parse_exponent(&rest[at + 1..])?),
            None => (rest, 0),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let length = whole.len() + fraction.len();
        if length == 0
            || length > MAX_DIGITS
            || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit())
        {
            return Err(NotANumber);
        }
        let fraction = fraction.trim_end_matches('0');
        let mantissa = UBig::from_str_radix(&format!("0{whole}{fraction}"), 10).map_err(|_| NotANumber)?;
        Ok(scale(negative, mantissa, exponent - fraction.len() as i64))
    }

    /// Reads a whole number written in a base from 2 to 62: digits, then letters without regard to case; above base 36
    /// lower case letters come before upper case ones.
    pub fn parse_radix(text: &str, base: u32) -> Result<Number, NotANumber> {
        let (negative, rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        if rest.is_empty() || rest.len() > MAX_DIGITS / 10 || !(2..=62).contains(&base) {
            return Err(NotANumber);
        }
        let digit = |b: u8| {
            let value = match b {
                b'0'..=b'9' => b - b'0',
                b'a'..=b'z' => b - b'a' + 10,
                b'A'..=b'Z' if base <= 36 => b - b'A' + 10,
                b'A'..=b'Z' => b - b'A' + 36,
                _ => return None,
            };
            (u32::from(value) < base).then_some(Word::from(value))
        };
        let digits: Option<Vec<Word>> = rest.bytes().map(digit).collect();
        let mantissa =
            UBig::from_digits(Word::from(base), &digits.ok_or(NotANumber)?).map_err(|_| NotANumber)?;
        Ok(round(negative, mantissa, 0, PRECISION))
    }

    /// Writes the whole part in a base from 2 to 36, with lower case letters; none for an infinity.
    pub fn to_radix(&self, base: u8) -> Option<String> {
        let (negative, whole) = match self.trunc() {
            Number::Int(n) => (n < 0, UBig::from(n.unsigned_abs())),
            Number::Big(big) => {
                let finite = big.finite()?;
                (finite.negative, &finite.mantissa << finite.exponent as usize)
            }
        };
        let digits = whole.in_radix(base.clamp(2, 36)).to_string();
        Some(if negative { format!("-{digits}") } else { digits })
    }

    /// The number in decimal; none for an infinity.
    pub fn to_decimal(&self, digits: Digits) -> Option<Decimal> {
        match self.form() {
            Form::Infinite { .. } => None,
            Form::Finite(finite) => Some(Decimal::of_finite(&finite, digits)),
        }
    }

    /// All digits that it takes to read back the same number at full precision (Display may write fewer for what was a
    /// double). None for an infinity.
    pub(crate) fn to_lossless(&self) -> Option<String> {
        match self.form() {
            Form::Infinite { .. } => None,
            Form::Finite(mut finite) => {
                finite.precision = PRECISION;
                Some(Decimal::of_finite(&finite, Digits::Shortest).to_string())
            }
        }
    }
}

/// An exponent as written; `e` alone is no exponent.
fn parse_exponent(text: &str) -> Result<i64, NotANumber> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || digits.len() > 12 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NotANumber);
    }
    let exponent: i64 = text.parse().map_err(|_| NotANumber)?;
    if exponent.abs() > MAX_EXPONENT { Err(NotANumber) } else { Ok(exponent) }
}

/// `mantissa * 10^exponent`, rounded once.
fn scale(negative: bool, mantissa: UBig, exponent: i64) -> Number {
    if exponent >= 0 {
        let five = UBig::from(5u8).pow(exponent as usize);
        return round(negative, mantissa * five, exponent, PRECISION);
    }
    let power = exponent.unsigned_abs() as usize;
    let dividend = Finite { negative, mantissa, exponent, precision: PRECISION };
    let divisor =
        Finite { negative: false, mantissa: UBig::from(5u8).pow(power), exponent: 0, precision: PRECISION };
    dividend.div(&divisor)
}

impl Decimal {
    pub(super) fn of_finite(finite: &Finite, digits: Digits) -> Decimal {
        if finite.is_zero() {
            return Decimal { negative: false, digits: Vec::new(), point: 0 };
        }
        if digits == Digits::Shortest {
            return shortest(finite);
        }
        let (text, point) = expand(&finite.mantissa, finite.exponent);
        let exact = Decimal { negative: finite.negative, digits: text, point };
        match digits {
            Digits::AfterPoint(n) => exact.rounded(point.saturating_add(n as i64)),
            Digits::Significant(n) => exact.rounded(n.max(1) as i64),
            Digits::Exact | Digits::Shortest => exact.trimmed(),
        }
    }

    /// Keeps so many digits (none if negative), rounding half to even.
    fn rounded(mut self, keep: i64) -> Decimal {
        if keep < 0 {
            return Decimal { negative: self.negative, digits: Vec::new(), point: 0 };
        }
        let keep = keep as usize;
        if keep >= self.digits.len() {
            return self.trimmed();
        }
        let rest = &self.digits[keep..];
        let exactly_half = rest[0] == b'5' && rest[1..].iter().all(|d| *d == b'0');
        let odd = keep > 0 && self.digits[keep - 1] % 2 == 1;
        let up = if exactly_half { odd } else { rest[0] >= b'5' };
        self.digits.truncate(keep);
        if up {
            self.increment();
        }
        self.trimmed()
    }
    /// One more in the last place.
    fn increment(&mut self) {
        while let Some(last) = self.digits.pop() {
            if last < b'9' {
                self.digits.push(last + 1);
                return;
            }
        }
        self.digits.push(b'1');
        self.point += 1;
    }
    fn trimmed(mut self) -> Decimal {
        while self.digits.last() == Some(&b'0') {
            self.digits.pop();
        }
        let zeros = self.digits.iter().take_while(|d| **d == b'0').count();
        self.digits.drain(..zeros);
        self.point -= zeros as i64;
        if self.digits.is_empty() {
            self.point = 0;
        }
        self
    }

    /// Written without an exponent, with so many digits after the point at least.
    pub fn fixed(&self, decimals: usize) -> String {
        let mut out = String::new();
        if self.negative {
            out.push('-');
        }
        let digit = |i: i64| -> char {
            usize::try_from(i).ok().and_then(|i| self.digits.get(i)).map_or('0', |d| *d as char)
        };
        if self.point <= 0 {
            out.push('0');
        }
        (0..self.point.max(0)).for_each(|i| out.push(digit(i)));
        let decimals = (decimals as i64).max(self.digits.len() as i64 - self.point);
        if decimals > 0 {
            out.push('.');
            (0..decimals).for_each(|i| out.push(digit(self.point + i)));
        }
        out
    }
    /// The exponent of ten in scientific notation, with one digit before the point.
    pub fn exponent(&self) -> i64 {
        if self.digits.is_empty() { 0 } else { self.point - 1 }
    }
    /// Written as `d.ddde+xx`, with two digits of exponent at least.
    pub fn scientific(&self) -> String {
        let mut out = String::new();
        if self.negative {
            out.push('-');
        }
        out.push(self.digits.first().map_or('0', |d| *d as char));
        if self.digits.len() > 1 {
            out.push('.');
            out.extend(self.digits[1..].iter().map(|d| *d as char));
        }
        let exponent = self.exponent();
        let sign = if exponent < 0 { '-' } else { '+' };
        out.push_str(&format!("e{sign}{:02}", exponent.abs()));
        out
    }
}

/// The digits of `mantissa * 2^exponent`, and where the point is.
fn expand(mantissa: &UBig, exponent: i64) -> (Vec<u8>, i64) {
    if exponent >= 0 {
        let digits = (mantissa << exponent as usize).to_string().into_bytes();
        let point = digits.len() as i64;
        return (digits, point);
    }
    let power = exponent.unsigned_abs() as usize;
    let digits = (mantissa * UBig::from(5u8).pow(power)).to_string().into_bytes();
    let point = digits.len() as i64 - power as i64;
    (digits, point)
}

/// The fewest digits that only this number is nearest to, at its precision.
///
/// Every decimal strictly between the two half-way points to the neighbours reads back as this number, and the half-way
/// points themselves do if the mantissa is even. The digits are taken from the left until cutting there, or cutting and
/// adding one, lands between them.
fn shortest(finite: &Finite) -> Decimal {
    let negative = finite.negative;
    if finite.exponent >= 0 && finite.mantissa.bit_len() as i64 + finite.exponent <= finite.precision as i64 {
        let (digits, point) = expand(&finite.mantissa, finite.exponent);
        return Decimal { negative, digits, point }.trimmed();
    }
    // Scaled so that one is half a unit in the last place.
    let shift = finite.precision + 1 - finite.mantissa.bit_len();
    let middle = &finite.mantissa << shift;
    let exponent = finite.exponent - shift as i64;
    let inclusive = !middle.bit(1);
    let (upper, point) = expand(&(&middle + UBig::ONE), exponent);
    let pad = |(mut digits, at): (Vec<u8>, i64)| {
        let missing = (point - at) as usize;
        digits.splice(0..0, std::iter::repeat_n(b'0', missing));
        digits
    };
    let lower = pad(expand(&(&middle - UBig::ONE), exponent));
    let digits = pad(expand(&middle, exponent));
    let between = |candidate: &[u8]| {
        let at = |bound: &[u8]| compare_padded(candidate, bound);
        match (at(&lower), at(&upper)) {
            (std::cmp::Ordering::Greater, std::cmp::Ordering::Less) => true,
            (std::cmp::Ordering::Equal, _) | (_, std::cmp::Ordering::Equal) => inclusive,
            _ => false,
        }
    };
    // Cutting can only work where the bounds begin to differ.
    let common = lower.iter().zip(&upper).take_while(|(l, u)| l == u).count();
    for keep in common.min(digits.len())..digits.len() {
        let down = Decimal { negative, digits: digits[..keep].to_vec(), point };
        let mut up = down.clone();
        up.increment();
        let (fits_down, fits_up) = (between(&down.digits), up.point == point && between(&up.digits));
        if fits_down && fits_up {
            return Decimal { negative, digits, point }.rounded(keep as i64);
        }
        if fits_down {
            return down.trimmed();
        }
        if fits_up {
            return up.trimmed();
        }
    }
    Decimal { negative, digits, point }.trimmed()
}

/// Compares two rows of digits after the same point, the shorter one followed by zeros.
fn compare_padded(a: &[u8], b: &[u8]) -> std::cmp::Ordering {
    let shared = a.len().min(b.len());
    a[..shared].cmp(&b[..shared]).then_with(|| {
        let rest_is_zero = |digits: &[u8]| digits[shared..].iter().all(|d| *d == b'0');
        match (rest_is_zero(a), rest_is_zero(b)) {
            (true, true) => std::cmp::Ordering::Equal,
            (true, false) => std::cmp::Ordering::Less,
            (false, _) => std::cmp::Ordering::Greater,
        }
    })
}

/// The shortest decimal that reads back as the same number, as Terraform prints it; never with an exponent.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Int(n) => write!(f, "{n}"),
            Number::Big(big) => match big.finite() {
                Some(finite) => write!(f, "{}", Decimal::of_finite(finite, Digits::Shortest)),
                None if big.negative() => f.write_str("-Inf"),
                None => f.write_str("+Inf"),
            },
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Without an exponent, with the digits that there are.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fixed(0))
    }
}
