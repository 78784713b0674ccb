//! Exact numbers: whole ones that fit a machine word, else 512-bit binary floats as Terraform's.
//!
//! Arithmetic is here; the float itself is in `float`, reading and printing in `text`.

mod float;
mod text;

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use dashu_base::BitTest as _;
use dashu_int::UBig;

use float::{Finite, Form};
pub use text::{Decimal, Digits};

/// Bits of precision of a number that isn't a double.
const PRECISION: usize = 512;
/// Bits of precision of a double.
const DOUBLE: usize = 53;

/// A number. Equal numbers compare equal whatever their form.
#[derive(Clone)]
pub enum Number {
    /// A whole number that fits.
    Int(i64),
    /// Any other, with 512 bits of precision (53 if it was a double), rounded half to even; may be infinite.
    Big(Arc<Big>),
}

/// The big form (hides the big-number crate).
pub struct Big(Form);

/// Why a text is not a number.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
#[error("not a number")]
pub struct NotANumber;

/// Arithmetic that has no result.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
pub enum ArithmeticError {
    /// `0 / 0`
    #[error("zero divided by zero has no value")]
    ZeroByZero,
    /// Infinity minus infinity, infinity by infinity, zero times infinity.
    #[error("the result of this operation on an infinity has no value")]
    Infinities,
}

type Arithmetic = Result<Number, ArithmeticError>;

/// Making and looking at numbers.
impl Number {
    /// Zero.
    pub const ZERO: Number = Number::Int(0);

    /// Positive infinity, or negative infinity.
    pub fn infinity(negative: bool) -> Number {
        Number::Big(Arc::new(Big(Form::Infinite { negative })))
    }
    /// A double; whole ones beyond 2^53 print with the digits that a double has. NaN is no number.
    pub fn from_f64(value: f64) -> Result<Number, NotANumber> {
        if value.is_nan() {
            return Err(NotANumber);
        }
        if value.is_infinite() {
            return Ok(Number::infinity(value < 0.0));
        }
        let bits = value.to_bits();
        let (fraction, exponent) = (bits & ((1 << 52) - 1), ((bits >> 52) & 0x7ff) as i64);
        let (mantissa, exponent) =
            if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) };
        Ok(float::round(value < 0.0, UBig::from(mantissa), exponent, DOUBLE))
    }
    /// The whole number, if it is one that fits.
    pub fn to_i64(&self) -> Option<i64> {
        match self {
            Number::Int(n) => Some(*n),
            Number::Big(big) => big.finite()?.to_i64(),
        }
    }
    /// The whole number, if it is one that fits and is not negative.
    pub fn to_usize(&self) -> Option<usize> {
        self.to_i64().and_then(|n| usize::try_from(n).ok())
    }
    /// The nearest double (infinite if it is too big for one).
    pub fn to_f64(&self) -> f64 {
        match self {
            Number::Int(n) => *n as f64,
            Number::Big(big) => match &big.0 {
                Form::Infinite { negative } => float::signed(*negative, f64::INFINITY),
                Form::Finite(finite) => finite.to_f64(),
            },
        }
    }
    /// True if it has no fraction (an infinity has no fraction either, but isn't whole).
    pub fn is_integer(&self) -> bool {
        match self {
            Number::Int(_) => true,
            Number::Big(big) => big.finite().is_some_and(|f| f.exponent >= 0),
        }
    }
    /// True for the two infinities.
    pub fn is_infinite(&self) -> bool {
        matches!(self, Number::Big(big) if matches!(big.0, Form::Infinite { .. }))
    }
    /// About how many bits it has written out in full, which can be many more than it has in memory.
    pub(crate) fn bits(&self) -> u64 {
        match self {
            Number::Big(big) => {
                big.finite().map_or(0, |f| f.exponent.unsigned_abs() + f.mantissa.bit_len() as u64)
            }
            Number::Int(_) => 64,
        }
    }
    /// -1, 0 or 1.
    pub fn signum(&self) -> i64 {
        match self {
            Number::Int(n) => n.signum(),
            Number::Big(big) if big.negative() => -1,
            Number::Big(_) => 1,
        }
    }
    /// A form that is the same for equal numbers and different for different ones.
    pub(crate) fn write_canonical(&self, out: &mut Vec<u8>) {
        if let Some(n) = self.to_i64() {
            out.push(b'i');
            out.extend_from_slice(&n.to_le_bytes());
            return;
        }
        match self {
            Number::Int(_) => {}
            Number::Big(big) => match &big.0 {
                Form::Infinite { negative } => out.push(if *negative { b'-' } else { b'+' }),
                Form::Finite(finite) => {
                    out.push(if finite.negative { b'n' } else { b'p' });
                    out.extend_from_slice(&finite.exponent.to_le_bytes());
                    let mantissa = finite.mantissa.to_le_bytes();
                    out.extend_from_slice(&(mantissa.len() as u32).to_le_bytes());
                    out.extend_from_slice(&mantissa);
                }
            },
        }
    }

    fn form(&self) -> Form {
        match self {
            Number::Int(n) => Form::Finite(Finite::from_i64(*n)),
            Number::Big(big) => big.0.clone(),
        }
    }
}

/// Arithmetic. Never panics; results are rounded half to even.
impl Number {
    /// Sum.
    pub fn add(&self, other: &Number) -> Arithmetic {
        if let (Number::Int(a), Number::Int(b)) = (self, other)
            && let Some(sum) = a.checked_add(*b)
        {
            return Ok(Number::Int(sum));
        }
        match (self.form(), other.form()) {
            (Form::Finite(a), Form::Finite(b)) => Ok(a.add(&b)),
            (Form::Infinite { negative: a }, Form::Infinite { negative: b }) if a != b => {
                Err(ArithmeticError::Infinities)
            }
            (Form::Infinite { negative }, _) | (_, Form::Infinite { negative }) => {
                Ok(Number::infinity(negative))
            }
        }
    }
    /// Difference.
    pub fn sub(&self, other: &Number) -> Arithmetic {
        if let (Number::Int(a), Number::Int(b)) = (self, other)
            && let Some(difference) = a.checked_sub(*b)
        {
            return Ok(Number::Int(difference));
        }
        self.add(&other.negate())
    }
    /// Product.
    pub fn mul(&self, other: &Number) -> Arithmetic {
        if let (Number::Int(a), Number::Int(b)) = (self, other)
            && let Some(product) = a.checked_mul(*b)
        {
            return Ok(Number::Int(product));
        }
        match (self.form(), other.form()) {
            (Form::Finite(a), Form::Finite(b)) => Ok(a.mul(&b)),
            (a, b) if a.is_zero() || b.is_zero() => Err(ArithmeticError::Infinities),
            (a, b) => Ok(Number::infinity(a.negative() != b.negative())),
        }
    }
    /// Quotient; an infinity if only the divisor is zero.
    pub fn div(&self, other: &Number) -> Arithmetic {
        if let (Number::Int(a), Number::Int(b)) = (self, other)
            && let (Some(quotient), Some(0)) = (a.checked_div(*b), a.checked_rem(*b))
        {
            return Ok(Number::Int(quotient));
        }
        match (self.form(), other.form()) {
            (Form::Infinite { .. }, Form::Infinite { .. }) => Err(ArithmeticError::Infinities),
            (Form::Finite(_), Form::Infinite { .. }) => Ok(Number::ZERO),
            (Form::Infinite { negative }, b) => Ok(Number::infinity(negative != b.negative())),
            (Form::Finite(a), Form::Finite(b)) => match (a.is_zero(), b.is_zero()) {
                (true, true) => Err(ArithmeticError::ZeroByZero),
                (false, true) => Ok(Number::infinity(a.negative)),
                _ => Ok(a.div(&b)),
            },
        }
    }
    /// Remainder of a division towards zero (the sign is the dividend's); `a % 0` is `a`, as in Terraform.
    pub fn rem(&self, other: &Number) -> Arithmetic {
        if self.is_infinite() || other.is_infinite() {
            return self.mul(other);
        }
        if other.signum() == 0 {
            return Ok(self.clone());
        }
        if let (Number::Int(a), Number::Int(b)) = (self, other) {
            return Ok(Number::Int(a.checked_rem(*b).unwrap_or(0)));
        }
        self.sub(&self.div(other)?.trunc().mul(other)?)
    }
    /// The number with the other sign.
    pub fn negate(&self) -> Number {
        if let Number::Int(n) = self
            && let Some(negated) = n.checked_neg()
        {
            return Number::Int(negated);
        }
        match self.form() {
            Form::Infinite { negative } => Number::infinity(!negative),
            Form::Finite(f) => float::round(!f.negative, f.mantissa, f.exponent, f.precision),
        }
    }
    /// The number without its sign.
    pub fn abs(&self) -> Number {
        if self.signum() < 0 { self.negate() } else { self.clone() }
    }
    /// The whole number next to it towards zero.
    pub fn trunc(&self) -> Number {
        self.to_whole(|_, _| false)
    }
    /// The greatest whole number that isn't greater.
    pub fn floor(&self) -> Number {
        self.to_whole(|negative, fraction| negative && fraction)
    }
    /// The least whole number that isn't less.
    pub fn ceil(&self) -> Number {
        self.to_whole(|negative, fraction| !negative && fraction)
    }

    /// Cuts the fraction off; `away(negative, there_was_a_fraction)` says if the result is one further from zero.
    fn to_whole(&self, away: impl Fn(bool, bool) -> bool) -> Number {
        let Number::Big(big) = self else { return self.clone() };
        let Some(finite) = big.finite() else { return self.clone() };
        if finite.exponent >= 0 {
            return self.clone();
        }
        let whole = &finite.mantissa >> finite.exponent.unsigned_abs() as usize;
        let whole = if away(finite.negative, true) { whole + UBig::ONE } else { whole };
        float::round(finite.negative, whole, 0, PRECISION)
    }
}

impl Big {
    fn finite(&self) -> Option<&Finite> {
        match &self.0 {
            Form::Finite(finite) => Some(finite),
            Form::Infinite { .. } => None,
        }
    }
    fn negative(&self) -> bool {
        self.0.negative()
    }
}

impl From<i64> for Number {
    fn from(n: i64) -> Number {
        Number::Int(n)
    }
}
impl From<i32> for Number {
    fn from(n: i32) -> Number {
        Number::Int(n.into())
    }
}
impl From<u32> for Number {
    fn from(n: u32) -> Number {
        Number::Int(n.into())
    }
}
impl From<u64> for Number {
    fn from(n: u64) -> Number {
        match i64::try_from(n) {
            Ok(n) => Number::Int(n),
            Err(_) => float::round(false, UBig::from(n), 0, PRECISION),
        }
    }
}
impl From<u128> for Number {
    fn from(n: u128) -> Number {
        float::round(false, UBig::from(n), 0, PRECISION)
    }
}
impl From<usize> for Number {
    fn from(n: usize) -> Number {
        Number::from(n as u64)
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Number {}
impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Number {
    fn cmp(&self, other: &Number) -> Ordering {
        match (self, other) {
            (Number::Int(a), Number::Int(b)) => a.cmp(b),
            _ => self.form().cmp(&other.form()),
        }
    }
}
impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut bytes = Vec::with_capacity(9);
        self.write_canonical(&mut bytes);
        state.write(&bytes);
    }
}

#[cfg(test)]
mod tests;
