//! What people see as one character, as Terraform counts it.

use unicode_segmentation::UnicodeSegmentation as _;

/// The grapheme clusters of a text by Unicode 15.0: later versions keep the conjuncts of Indic scripts together, Terraform
/// doesn't.
pub(super) fn clusters(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    text.graphemes(true).flat_map(|cluster| {
        let mut parts = Vec::new();
        let mut from = 0;
        for (at, c) in cluster.char_indices().skip(1) {
            if is_consonant(c) {
                parts.push(&cluster[from..at]);
                from = at;
            }
        }
        parts.push(&cluster[from..]);
        parts
    })
}

/// How many there are.
pub(super) fn count(text: &str) -> usize {
    if text.is_ascii() && !text.contains('\r') { text.len() } else { clusters(text).count() }
}

/// The consonants that make conjuncts: Devanagari, Bengali, Gujarati, Oriya, Telugu, Malayalam.
fn is_consonant(c: char) -> bool {
    matches!(c,
        '\u{915}'..='\u{939}' | '\u{958}'..='\u{95f}' | '\u{978}'..='\u{97f}'
        | '\u{995}'..='\u{9b9}' | '\u{9dc}'..='\u{9df}' | '\u{9f0}' | '\u{9f1}'
        | '\u{a95}'..='\u{ab9}' | '\u{af9}'
        | '\u{b15}'..='\u{b39}' | '\u{b5c}'..='\u{b5f}' | '\u{b71}'
        | '\u{c15}'..='\u{c39}' | '\u{c58}'..='\u{c5a}'
        | '\u{d15}'..='\u{d3a}')
}
