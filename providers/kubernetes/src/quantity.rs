//! Kubernetes quantities: `500m`, `4Gi`, `1e3`. Two texts may mean the same.
//!
//! <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>

use pilotis_sdk::value::Number;

/// True if both are quantities and mean the same.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a == b || matches!((parse(a), parse(b)), (Some(a), Some(b)) if a == b)
}

/// The exact number that a quantity means.
fn parse(text: &str) -> Option<Number> {
    let split =
        text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-'))).unwrap_or(text.len());
    let (digits, suffix) = text.split_at(split);
    let digits = digits.strip_prefix('+').unwrap_or(digits);
    if digits.is_empty() || digits.len() > 64 {
        return None;
    }
    let number = Number::parse(digits).ok()?;
    let scale = match suffix {
        "" => return Some(number),
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => Some(Number::Int(1 << 10)),
        "Mi" => Some(Number::Int(1 << 20)),
        "Gi" => Some(Number::Int(1 << 30)),
        "Ti" => Some(Number::Int(1 << 40)),
        "Pi" => Some(Number::Int(1 << 50)),
        "Ei" => Some(Number::Int(1 << 60)),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            decimal(exponent.parse::<i32>().ok().filter(|e| e.abs() <= 30)?)
        }
    }?;
    number.mul(&scale).ok()
}

fn decimal(exponent: i32) -> Option<Number> {
    Number::parse(&format!("1e{exponent}")).ok()
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn texts_that_mean_the_same() {
        for (a, b) in [
            ("1000m", "1"),
            ("1024Mi", "1Gi"),
            ("0.5", "500m"),
            ("1e3", "1k"),
            ("2", "2.0"),
            ("4Gi", "4294967296"),
            ("1E3", "1000"),
        ] {
            assert!(same(a, b), "{a} is {b}");
        }
    }

    #[test]
    fn texts_that_do_not() {
        for (a, b) in [("1", "2"), ("1Gi", "1G"), ("x", "y"), ("", "0"), ("1e999999", "1"), ("4Gi", "4GI")] {
            assert!(!same(a, b), "{a} is not {b}");
        }
    }
}
