//! A binary float of bounded precision over big integers: the four operations, rounded half to even.

use std::cmp::Ordering;
use std::sync::Arc;

use dashu_base::{BitTest as _, DivRem as _};
use dashu_int::UBig;

use super::{Big, DOUBLE, Number, PRECISION};

/// Beyond 2^MAX_EXPONENT (about 10^120000) a number is infinite, below 2^-MAX_EXPONENT it is zero. This bounds the work
/// of every operation and the length of every printed number.
const MAX_EXPONENT: i64 = 400_000;

/// Finite or not.
#[derive(Clone)]
pub(super) enum Form {
    Finite(Finite),
    Infinite { negative: bool },
}

/// `mantissa * 2^exponent`, the mantissa odd (zero only for zero itself).
#[derive(Clone)]
pub(super) struct Finite {
    pub(super) negative: bool,
    pub(super) mantissa: UBig,
    pub(super) exponent: i64,
    /// Bits that a result of an operation on it may have, and that its shortest decimal must tell apart.
    pub(super) precision: usize,
}

/// A number from its parts, rounded to a precision and brought to its normal form.
pub(super) fn round(negative: bool, mantissa: UBig, exponent: i64, precision: usize) -> Number {
    round_sticky(negative, mantissa, exponent, precision, false)
}

/// As [`round`]; `sticky` says that something less than the last bit was cut off. Then the mantissa must have more bits
/// than the precision.
fn round_sticky(negative: bool, mantissa: UBig, exponent: i64, precision: usize, sticky: bool) -> Number {
    let (mut mantissa, mut exponent) = (mantissa, exponent);
    let length = mantissa.bit_len();
    if length > precision {
        let cut = length - precision;
        let half = mantissa.bit(cut - 1);
        let below = sticky || mantissa.trailing_zeros().is_some_and(|zeros| zeros < cut - 1);
        mantissa >>= cut;
        exponent += cut as i64;
        if half && (below || mantissa.bit(0)) {
            mantissa += UBig::ONE;
        }
    }
    let Some(zeros) = mantissa.trailing_zeros() else { return Number::ZERO };
    mantissa >>= zeros;
    exponent += zeros as i64;
    let top = exponent + mantissa.bit_len() as i64;
    if top > MAX_EXPONENT {
        return Number::infinity(negative);
    }
    if exponent < -MAX_EXPONENT - PRECISION as i64 {
        return Number::ZERO;
    }
    let finite = Finite { negative, mantissa, exponent, precision };
    // A double beyond 2^53 keeps its form, because it prints with fewer digits than the whole number has.
    if (precision == PRECISION || top <= DOUBLE as i64)
        && let Some(n) = finite.to_i64()
    {
        return Number::Int(n);
    }
    Number::Big(Arc::new(Big(Form::Finite(finite))))
}

pub(super) fn signed(negative: bool, value: f64) -> f64 {
    if negative { -value } else { value }
}

impl Form {
    pub(super) fn negative(&self) -> bool {
        match self {
            Form::Finite(finite) => finite.negative,
            Form::Infinite { negative } => *negative,
        }
    }
    pub(super) fn is_zero(&self) -> bool {
        matches!(self, Form::Finite(finite) if finite.is_zero())
    }
    pub(super) fn cmp(&self, other: &Form) -> Ordering {
        match (self, other) {
            (Form::Infinite { negative: a }, Form::Infinite { negative: b }) => b.cmp(a),
            (Form::Infinite { negative }, _) => {
                if *negative {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
            (_, Form::Infinite { negative }) => {
                if *negative {
                    Ordering::Greater
                } else {
                    Ordering::Less
                }
            }
            (Form::Finite(a), Form::Finite(b)) => a.cmp(b),
        }
    }
}

impl Finite {
    pub(super) fn from_i64(n: i64) -> Finite {
        let magnitude = n.unsigned_abs();
        let zeros = if magnitude == 0 { 0 } else { magnitude.trailing_zeros() };
        Finite {
            negative: n < 0,
            mantissa: UBig::from(magnitude >> zeros),
            exponent: zeros.into(),
            precision: PRECISION,
        }
    }
    pub(super) fn is_zero(&self) -> bool {
        self.mantissa.is_zero()
    }
    /// The power of two that is just greater than the magnitude.
    fn top(&self) -> i64 {
        self.exponent + self.mantissa.bit_len() as i64
    }
    pub(super) fn to_i64(&self) -> Option<i64> {
        if self.exponent < 0 || self.top() > 64 {
            return None;
        }
        let magnitude = i128::try_from(&self.mantissa << self.exponent as usize).ok()?;
        i64::try_from(if self.negative { -magnitude } else { magnitude }).ok()
    }
    pub(super) fn to_f64(&self) -> f64 {
        let top = self.top();
        if top > 1024 {
            return signed(self.negative, f64::INFINITY);
        }
        if top < -1021 {
            // Below the normal doubles the text is read back: rounding twice would be wrong.
            let decimal = super::Decimal::of_finite(self, super::Digits::Shortest);
            return decimal.scientific().parse().unwrap_or(0.0);
        }
        let big = match round(self.negative, self.mantissa.clone(), self.exponent, DOUBLE) {
            Number::Int(n) => return n as f64,
            Number::Big(big) => big,
        };
        let Some(rounded) = big.finite() else { return signed(self.negative, f64::INFINITY) };
        let mantissa = u64::try_from(&rounded.mantissa).unwrap_or(0) as f64;
        let half = rounded.exponent / 2;
        let scaled = mantissa * 2f64.powi(half as i32) * 2f64.powi((rounded.exponent - half) as i32);
        signed(self.negative, scaled)
    }
    fn cmp(&self, other: &Finite) -> Ordering {
        let rank = |f: &Finite| match (f.is_zero(), f.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        match rank(self).cmp(&rank(other)) {
            Ordering::Equal if self.is_zero() => Ordering::Equal,
            Ordering::Equal if self.negative => other.cmp_magnitude(self),
            Ordering::Equal => self.cmp_magnitude(other),
            unequal => unequal,
        }
    }
    fn cmp_magnitude(&self, other: &Finite) -> Ordering {
        self.top().cmp(&other.top()).then_with(|| {
            // Equal tops: the exponents differ by no more than the precision.
            let common = self.exponent.min(other.exponent);
            let at = |f: &Finite| &f.mantissa << (f.exponent - common) as usize;
            at(self).cmp(&at(other))
        })
    }
    pub(super) fn add(&self, other: &Finite) -> Number {
        let precision = self.precision.max(other.precision);
        if self.is_zero() || other.is_zero() {
            let f = if self.is_zero() { other } else { self };
            return round(f.negative, f.mantissa.clone(), f.exponent, precision);
        }
        let (big, small) = if self.top() >= other.top() { (self, other) } else { (other, self) };
        let far = precision as i64 + 8;
        // One that is too small to change more than the direction of rounding is replaced by the least that does.
        let nudge =
            Finite { negative: small.negative, mantissa: UBig::ONE, exponent: big.top() - far, precision };
        let small = if big.top() - small.top() > far { &nudge } else { small };
        let common = big.exponent.min(small.exponent);
        let at = |f: &Finite| &f.mantissa << (f.exponent - common) as usize;
        let (a, b) = (at(big), at(small));
        if big.negative == small.negative {
            return round(big.negative, a + b, common, precision);
        }
        if a >= b {
            round(big.negative, a - b, common, precision)
        } else {
            round(small.negative, b - a, common, precision)
        }
    }
    pub(super) fn mul(&self, other: &Finite) -> Number {
        let product = &self.mantissa * &other.mantissa;
        // A product of two doubles keeps the bits that it needs.
        let precision = self.precision.max(other.precision).max(product.bit_len().min(PRECISION));
        round(self.negative != other.negative, product, self.exponent + other.exponent, precision)
    }
    /// The divisor isn't zero.
    pub(super) fn div(&self, other: &Finite) -> Number {
        let precision = self.precision.max(other.precision);
        let shift = (precision + 2 + other.mantissa.bit_len()).saturating_sub(self.mantissa.bit_len());
        let (quotient, remainder) = (&self.mantissa << shift).div_rem(&other.mantissa);
        let exponent = self.exponent - other.exponent - shift as i64;
        round_sticky(self.negative != other.negative, quotient, exponent, precision, !remainder.is_zero())
    }
}
