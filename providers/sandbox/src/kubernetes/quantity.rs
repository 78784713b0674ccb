//! Quantities: `500m`, `1Gi`, `2e3`: exact, with the canonical form that the API server writes back.
//! <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>

use std::fmt;

use serde_json::Value;

const NANO: i128 = 1_000_000_000;

/// An amount. Compares by value: `1024Mi` equals `1Gi`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quantity {
    nanos: i128,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Decimal,
    Binary,
    Exponent,
}

const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

impl Quantity {
    pub(crate) const ZERO: Quantity = Quantity { nanos: 0, form: Form::Decimal };

    /// A whole number of things.
    pub(crate) fn count(number: usize) -> Quantity {
        Quantity { nanos: i128::try_from(number).unwrap_or(0) * NANO, form: Form::Decimal }
    }

    /// From JSON text or number.
    pub(crate) fn of(value: &Value) -> Option<Quantity> {
        match value {
            Value::String(text) => Quantity::parse(text),
            Value::Number(number) => Quantity::parse(&number.to_string()),
            _ => None,
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Quantity> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(end);
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && part.is_empty()) || part.contains('.') || whole.len() + part.len() > 30 {
            return None;
        }
        let digits: i128 = format!("{whole}{part}").parse().ok()?;
        let (scale, form) = suffix_scale(suffix)?;
        let point = u32::try_from(part.len()).ok()?;
        let nanos = match scale {
            Scale::Power(power) => {
                let power = power + 9 - i32::try_from(point).ok()?;
                let factor = 10_i128.checked_pow(power.unsigned_abs())?;
                // Less than a billionth is rounded up, as the API server does.
                if power >= 0 {
                    digits.checked_mul(factor)?
                } else {
                    (digits + factor - 1).div_euclid(factor)
                }
            }
            Scale::Binary(shift) => {
                let scaled = digits.checked_mul(1_i128 << shift)?.checked_mul(NANO)?;
                let factor = 10_i128.checked_pow(point)?;
                (scaled + factor - 1).div_euclid(factor)
            }
        };
        Some(Quantity { nanos: if negative { -nanos } else { nanos }, form })
    }

    pub(crate) fn is_negative(self) -> bool {
        self.nanos < 0
    }

    pub(crate) fn is_whole(self) -> bool {
        self.nanos % NANO == 0
    }

    pub(crate) fn is_zero(self) -> bool {
        self.nanos == 0
    }

    /// The sum, in the form of the first that is not zero.
    pub(crate) fn plus(self, other: Quantity) -> Quantity {
        let form = if self.nanos == 0 { other.form } else { self.form };
        Quantity { nanos: self.nanos.saturating_add(other.nanos), form }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Quantity) -> bool {
        self.nanos == other.nanos
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Quantity) -> Option<std::cmp::Ordering> {
        self.nanos.partial_cmp(&other.nanos)
    }
}

enum Scale {
    Power(i32),
    Binary(u32),
}

fn suffix_scale(suffix: &str) -> Option<(Scale, Form)> {
    if let Some(at) = BINARY.iter().position(|known| *known == suffix).filter(|at| *at > 0) {
        return Some((Scale::Binary(10 * u32::try_from(at).ok()?), Form::Binary));
    }
    if let Some((_, power)) = DECIMAL.iter().find(|(known, _)| *known == suffix) {
        return Some((Scale::Power(*power), Form::Decimal));
    }
    let power: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    (-18..=18).contains(&power).then_some((Scale::Power(power), Form::Exponent))
}

impl fmt::Display for Quantity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.nanos / NANO;
        if self.form == Form::Binary && self.is_whole() && whole.abs() >= 1024 {
            let (mut number, mut step) = (whole, 0);
            while number % 1024 == 0 && step + 1 < BINARY.len() {
                number /= 1024;
                step += 1;
            }
            return write!(out, "{number}{}", BINARY[step]);
        }
        let (mut number, mut step) = (self.nanos, 0);
        if number == 0 {
            return out.write_str("0");
        }
        while number % 1000 == 0 && step + 1 < DECIMAL.len() {
            number /= 1000;
            step += 1;
        }
        let (suffix, power) = DECIMAL[step];
        match self.form {
            Form::Exponent if power != 0 => write!(out, "{number}e{power}"),
            _ => write!(out, "{number}{suffix}"),
        }
    }
}
