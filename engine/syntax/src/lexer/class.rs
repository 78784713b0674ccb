//! What a byte can be, looked up in a table: what the lexer asks of nearly each byte of a text.

/// `a` to `z`, `A` to `Z`, `_`.
pub(super) const NAME_START: u8 = 1;
/// The same, digits and `-`.
pub(super) const NAME: u8 = 2;
/// What text in quotes may end at: its quote, an escape, a line feed or carriage return, a template sequence.
pub(super) const QUOTED_STOP: u8 = 4;
/// What other text of a template may end at: a line feed, a template sequence.
pub(super) const LINE_STOP: u8 = 8;

/// What may start an escape: `\\`, `$`, `%`.
pub(super) const ESCAPE: u8 = 16;

/// True if text of a template stands for itself: it has no escapes.
pub(crate) fn is_plain(text: &str) -> bool {
    !text.bytes().any(|b| has(b, ESCAPE))
}

/// True if the byte is of (one of) these classes.
#[inline]
pub(super) fn has(byte: u8, classes: u8) -> bool {
    TABLE[byte as usize] & classes != 0
}

static TABLE: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        let b = byte as u8;
        table[byte] = match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => NAME_START | NAME,
            b'0'..=b'9' | b'-' => NAME,
            b'"' => QUOTED_STOP,
            b'\r' => QUOTED_STOP,
            b'\\' => QUOTED_STOP | ESCAPE,
            b'\n' => QUOTED_STOP | LINE_STOP,
            b'$' | b'%' => QUOTED_STOP | LINE_STOP | ESCAPE,
            _ => 0,
        };
        byte += 1;
    }
    table
};
