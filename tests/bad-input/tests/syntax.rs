//! Text and AST: what is printed is read back, however it is spaced, and a layout keeps it.

mod support;

use pilotis_bad_input::meaning;
use proptest::prelude::*;
use support::{made, read};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_printed_is_read_back(e in made(), gap in prop::sample::select(vec!["", " ", "  ", "\n", " /* c */ ", " # c\n"])) {
        // Between quotes no comment can stand before the next quote in some places; spaces can.
        let text = e.text(gap);
        prop_assert_eq!(read(&text), meaning::bare(e.expr()), "{}", text);
    }

    #[test]
    fn a_layout_keeps_what_is_meant(items in prop::collection::vec((made(), any::<bool>()), 1..5)) {
        let mut text = String::new();
        for (i, (e, block)) in items.iter().enumerate() {
            let value = e.text(if *block { "  " } else { "" });
            let line = format!("a{i}={value} # c{i}\n");
            text += &if *block { format!("b \"x\" y {{\n{line}}}\n") } else { line };
        }
        pilotis_bad_input::format(text.as_bytes());
        let once = pilotis_syntax::format(&text).expect("a valid text");
        prop_assert_eq!(meaning::of(&once), meaning::of(&text));
        prop_assert_eq!(pilotis_bad_input::comments(&once).len(), items.len());
    }
}
