//! Arithmetic, rounding, reading and printing.

use proptest::prelude::*;

use super::*;

fn n(text: &str) -> Number {
    Number::parse(text).expect("a number")
}
fn shows(number: Result<Number, ArithmeticError>) -> String {
    number.expect("a result").to_string()
}

#[test]
fn decimal_fractions_behave_as_people_expect() {
    assert_eq!(n("0.1").add(&n("0.2")), Ok(n("0.3")));
    assert_eq!(n("1").div(&n("3")).and_then(|third| third.mul(&n("3"))), Ok(n("1")));
    assert_eq!(n("0.1").mul(&n("3")), Ok(n("0.3")));
}

#[test]
fn a_third_prints_with_all_the_digits_that_tell_it_apart() {
    let third = shows(n("1").div(&n("3")));
    assert!(third.starts_with("0.33333") && third.ends_with("3335"), "{third}");
    assert_eq!(third.len(), 157);
}

#[test]
fn printing() {
    for (text, printed) in [
        ("0", "0"),
        ("-0", "0"),
        ("007", "7"),
        ("1.50", "1.5"),
        ("-0.50", "-0.5"),
        (".5", "0.5"),
        ("1e3", "1000"),
        ("1E-3", "0.001"),
        ("1e21", "1000000000000000000000"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("-99999999999999999999999999", "-99999999999999999999999999"),
        ("9223372036854775807", "9223372036854775807"),
        ("-9223372036854775808", "-9223372036854775808"),
        (
            "3.14159265358979323846264338327950288419716939937510582",
            "3.14159265358979323846264338327950288419716939937510582",
        ),
    ] {
        assert_eq!(n(text).to_string(), printed);
    }
    assert_eq!(n("1e500").to_string(), format!("1{}", "0".repeat(500)));
    assert_eq!(n("1e-500").to_string(), format!("0.{}1", "0".repeat(499)));
}

#[test]
fn what_is_no_number() {
    for text in [
        "",
        "-",
        ".",
        "abc",
        "0x1",
        " 1",
        "1 ",
        "1e",
        "1e+",
        "1_000",
        "--1",
        "inf",
        "1.2.3",
        "é",
        "1e99999999999999",
    ] {
        assert_eq!(Number::parse(text), Err(NotANumber), "{text:?}");
    }
    assert!(Number::parse(&"9".repeat(2_000_000)).is_err());
}

#[test]
fn whole_numbers_leave_the_machine_word_and_come_back() {
    let max = Number::Int(i64::MAX);
    assert_eq!(shows(max.add(&Number::Int(1))), "9223372036854775808");
    assert_eq!(shows(max.mul(&max)), "85070591730234615847396907784232501249");
    assert_eq!(shows(Number::Int(i64::MIN).sub(&Number::Int(1))), "-9223372036854775809");
    assert_eq!(Number::Int(i64::MIN).negate().to_string(), "9223372036854775808");
    let back = max.add(&Number::Int(1)).and_then(|x| x.sub(&Number::Int(1))).expect("a result");
    assert!(matches!(back, Number::Int(i64::MAX)));
    assert_eq!(shows(Number::Int(i64::MIN).div(&Number::Int(-1))), "9223372036854775808");
    assert_eq!(Number::Int(i64::MIN).rem(&Number::Int(-1)), Ok(Number::ZERO));
}

#[test]
fn remainders_take_the_sign_of_the_dividend() {
    for (a, b, remainder) in [
        ("7", "3", "1"),
        ("-7", "3", "-1"),
        ("7", "-3", "1"),
        ("7", "0", "7"),
        ("7.5", "2", "1.5"),
        ("-7.5", "2", "-1.5"),
    ] {
        assert_eq!(shows(n(a).rem(&n(b))), remainder, "{a} % {b}");
    }
}

#[test]
fn infinities_are_numbers_but_not_everything_has_a_result() {
    let infinity = n("1").div(&n("0")).expect("infinity");
    assert!(infinity > n("1e500") && infinity.negate() < n("-1e500"));
    assert_eq!(infinity.to_string(), "+Inf");
    assert_eq!(infinity.add(&infinity), Ok(infinity.clone()));
    assert_eq!(n("0").div(&n("0")), Err(ArithmeticError::ZeroByZero));
    assert_eq!(infinity.sub(&infinity), Err(ArithmeticError::Infinities));
    assert_eq!(infinity.mul(&n("0")), Err(ArithmeticError::Infinities));
    assert_eq!(infinity.div(&infinity), Err(ArithmeticError::Infinities));
    assert_eq!(n("1").div(&infinity), Ok(Number::ZERO));
    assert_eq!(infinity.to_i64(), None);
    assert_eq!(infinity.floor(), infinity);
}

#[test]
fn growth_is_bounded() {
    let mut x = n("1e90000");
    for _ in 0..3 {
        x = x.mul(&x).expect("a result");
    }
    assert!(x.is_infinite());
    let mut x = n("1e-90000");
    for _ in 0..3 {
        x = x.mul(&x).expect("a result");
    }
    assert_eq!(x, Number::ZERO);
    assert_eq!(n("1e90000").add(&n("1e-90000")), Ok(n("1e90000")));
}

#[test]
fn doubles_print_as_doubles() {
    let two_to_64 = Number::from_f64(2f64.powi(64)).expect("finite");
    assert_eq!(two_to_64.to_string(), "18446744073709550000");
    assert_eq!(two_to_64, n("18446744073709551616"));
    assert_eq!(Number::from_f64(0.1).expect("finite").to_string(), "0.1");
    assert_eq!(Number::from_f64(8.0), Ok(Number::Int(8)));
    assert_eq!(Number::from_f64(-0.0), Ok(Number::ZERO));
    assert_eq!(Number::from_f64(f64::NAN), Err(NotANumber));
    assert_eq!(Number::from_f64(5e-324).expect("finite").to_f64(), 5e-324);
}

#[test]
fn rounding_to_whole_numbers() {
    for (text, floor, ceil) in [("5.9", 5, 6), ("-5.1", -6, -5), ("-0.5", -1, 0), ("3", 3, 3), ("0.5", 0, 1)]
    {
        assert_eq!((n(text).floor(), n(text).ceil()), (Number::Int(floor), Number::Int(ceil)), "{text}");
    }
    assert_eq!(n("12345678901234567890.5").ceil(), n("12345678901234567891"));
}

#[test]
fn wanted_digits() {
    let decimal = |text: &str, digits| n(text).to_decimal(digits).expect("finite");
    assert_eq!(decimal("2.675", Digits::AfterPoint(2)).fixed(2), "2.67");
    assert_eq!(decimal("1234.5", Digits::AfterPoint(0)).fixed(0), "1234");
    assert_eq!(decimal("0.4", Digits::AfterPoint(0)).fixed(0), "0");
    assert_eq!(decimal("0.6", Digits::AfterPoint(0)).fixed(0), "1");
    assert_eq!(decimal("9.99", Digits::AfterPoint(1)).fixed(1), "10.0");
    assert_eq!(decimal("12345678", Digits::Significant(3)).scientific(), "1.23e+07");
    assert_eq!(decimal("0", Digits::Shortest).scientific(), "0e+00");
}

#[test]
fn bases() {
    assert_eq!(Number::parse_radix("ff", 16), Ok(Number::Int(255)));
    assert_eq!(Number::parse_radix("FF", 16), Ok(Number::Int(255)));
    assert_eq!(Number::parse_radix("-1010", 2), Ok(Number::Int(-10)));
    assert_eq!(Number::parse_radix("aA", 62), Ok(Number::Int(10 * 62 + 36)));
    assert_eq!(Number::parse_radix("12", 2), Err(NotANumber));
    assert_eq!(Number::parse_radix("", 10), Err(NotANumber));
    assert_eq!(n("255").to_radix(16).as_deref(), Some("ff"));
    assert_eq!(n("-36893488147419103232").to_radix(2), Some(format!("-1{}", "0".repeat(65))));
}

/// Numbers of every shape.
fn any_number() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<i64>().prop_map(Number::Int),
        (-1000i64..1000).prop_map(Number::Int),
        any::<f64>().prop_filter_map("finite", |f| Number::from_f64(f).ok()),
        "-?[0-9]{1,40}(\\.[0-9]{1,40})?(e-?[0-9]{1,3})?".prop_map(|s| n(&s)),
        (any::<i64>(), 1i64..1000).prop_map(|(a, b)| Number::Int(a).div(&Number::Int(b)).expect("a result")),
    ]
}

proptest! {
    #[test]
    fn text_reads_back_as_the_same_number(x in any_number()) {
        if let Some(text) = x.to_lossless() {
            prop_assert_eq!(n(&text), x);
        }
    }
    #[test]
    fn doubles_survive(f in any::<f64>()) {
        if let Ok(x) = Number::from_f64(f) {
            prop_assert_eq!(x.to_f64(), f);
            if f.is_finite() {
                prop_assert_eq!(x.to_string().parse::<f64>().expect("a double"), f);
            }
        }
    }
    #[test]
    fn the_nearest_double_is_the_one_that_parsing_gives(text in "-?[0-9]{1,30}\\.[0-9]{1,30}(e-?[0-9]{1,2})?") {
        prop_assert_eq!(n(&text).to_f64(), text.parse::<f64>().expect("a double"));
    }
    #[test]
    fn sums_do_not_depend_on_the_order(a in any_number(), b in any_number()) {
        prop_assert_eq!(a.add(&b), b.add(&a));
        prop_assert_eq!(a.mul(&b), b.mul(&a));
        prop_assert_eq!(a.sub(&b).map(|d| d.signum()), Ok(match a.cmp(&b) {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        }));
    }
    #[test]
    fn whole_arithmetic_agrees_with_i128(a in any::<i64>(), b in any::<i64>()) {
        let (x, y) = (Number::Int(a), Number::Int(b));
        prop_assert_eq!(shows(x.add(&y)), (i128::from(a) + i128::from(b)).to_string());
        prop_assert_eq!(shows(x.sub(&y)), (i128::from(a) - i128::from(b)).to_string());
        prop_assert_eq!(shows(x.mul(&y)), (i128::from(a) * i128::from(b)).to_string());
        if b != 0 {
            prop_assert_eq!(shows(x.rem(&y)), (i128::from(a) % i128::from(b)).to_string());
        }
    }
    #[test]
    fn equal_numbers_hash_equally(a in any_number(), b in any_number()) {
        let hash = |x: &Number| {
            let mut bytes = Vec::new();
            x.write_canonical(&mut bytes);
            bytes
        };
        prop_assert_eq!(a == b, hash(&a) == hash(&b));
        prop_assert_eq!(hash(&a), hash(&a.negate().negate()));
    }
    #[test]
    fn reading_never_panics(text in "[-+0-9.eE]{0,12}|\\PC{0,8}") {
        if let Ok(x) = Number::parse(&text) {
            let _ = x.to_string();
        }
    }
}
