//! Texts and values in other notations: base 64, URLs, JSON, other character sets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pilotis_value::{Value, json};

use super::{
    FunctionDef, FunctionError, MAX_TEXT, Outcome, Param, any, fail, fail_argument, gives_any, gives_string,
    made, string, text,
};
use crate::Surroundings;

const STR: Param = Param::new("str", string);

pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef {
        name: "base64decode",
        params: &[STR],
        variadic: None,
        returns: gives_string,
        call: base64_decode,
        doc: "The text that is written in base 64.",
    },
    FunctionDef {
        name: "base64encode",
        params: &[STR],
        variadic: None,
        returns: gives_string,
        call: |args, _| made(BASE64.encode(text(args, 0)?)),
        doc: "The text (its UTF-8 bytes) in base 64.",
    },
    FunctionDef {
        name: "base64gzip",
        params: &[STR],
        variadic: None,
        returns: gives_string,
        call: base64_gzip,
        doc: "The text compressed with gzip, in base 64.",
    },
    FunctionDef {
        name: "base64gunzip",
        params: &[STR],
        variadic: None,
        returns: gives_string,
        call: base64_gunzip,
        doc: "The text that is compressed with gzip and written in base 64.",
    },
    FunctionDef {
        name: "urldecode",
        params: &[STR],
        variadic: None,
        returns: gives_string,
        call: url_decode,
        doc: "The text that urlencode() has written, or another that a URL's query holds.",
    },
    FunctionDef {
        name: "urlencode",
        params: &[STR],
        variadic: None,
        returns: gives_string,
        call: |args, _| made(url_encode(text(args, 0)?)),
        doc: "The text as a URL's query can hold it: a space is +.",
    },
    FunctionDef {
        name: "jsondecode",
        params: &[STR],
        variadic: None,
        returns: gives_any,
        call: |args, _| {
            json::from_json_text(text(args, 0)?).map_err(|error| FunctionError::new(error.to_string()))
        },
        doc: "The value that is written in JSON: objects and tuples.",
    },
    FunctionDef {
        name: "jsonencode",
        params: &[Param::new("val", any).nullable()],
        variadic: None,
        returns: gives_string,
        call: |args, _| match json::to_json_text(&args[0]) {
            Ok(text) => made(text),
            Err(error) => fail(error.to_string()),
        },
        doc: "The value in JSON, compact, with sorted keys.",
    },
    FunctionDef {
        name: "textencodebase64",
        params: &[Param::new("string", string), Param::new("encoding", string)],
        variadic: None,
        returns: gives_string,
        call: text_encode,
        doc: "The text in another character set (like UTF-16LE), in base 64.",
    },
    FunctionDef {
        name: "textdecodebase64",
        params: &[Param::new("source", string), Param::new("encoding", string)],
        variadic: None,
        returns: gives_string,
        call: text_decode,
        doc: "The text that is written in another character set, in base 64.",
    },
];

/// Line ends inside are passed over, as in Go.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    BASE64.decode(text).ok()
}

fn base64_decode(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let text = text(args, 0)?;
    let Some(bytes) = from_base64(text) else {
        return fail(format!("{text:?} is not base 64 (with padding)"));
    };
    match String::from_utf8(bytes) {
        Ok(decoded) => Ok(Value::string(decoded)),
        Err(_) => fail("what is written there is no text in UTF-8"),
    }
}

fn base64_gzip(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    use std::io::Write as _;
    // No time in the header: the same text always gives the same bytes.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let compressed = encoder.write_all(text(args, 0)?.as_bytes()).and_then(|()| encoder.finish());
    match compressed {
        Ok(bytes) => Ok(Value::string(BASE64.encode(bytes))),
        Err(error) => fail(error.to_string()),
    }
}

/// <https://opentofu.org/docs/language/functions/base64gunzip/>
fn base64_gunzip(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    use std::io::Read as _;
    let Some(compressed) = from_base64(text(args, 0)?) else {
        return fail_argument(0, "the given value is not base 64");
    };
    let mut bytes = Vec::new();
    // A few kilobytes can be written for terabytes.
    let most = MAX_TEXT as u64 + 1;
    let read = flate2::read::MultiGzDecoder::new(compressed.as_slice()).take(most).read_to_end(&mut bytes);
    if let Err(error) = read {
        return fail_argument(0, format!("it is not compressed with gzip: {error}"));
    }
    if bytes.len() > MAX_TEXT {
        return fail_argument(0, format!("the text would be longer than {MAX_TEXT} bytes"));
    }
    String::from_utf8(bytes)
        .map(Value::string)
        .or_else(|_| fail("what is compressed there is no text in UTF-8"))
}

/// <https://opentofu.org/docs/language/functions/urldecode/>
fn url_decode(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let text = text(args, 0)?;
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digit = |at: usize| rest.get(at).and_then(|b| char::from(*b).to_digit(16));
                let Some(byte) = digit(0).zip(digit(1)).and_then(|(a, b)| u8::try_from(a * 16 + b).ok())
                else {
                    return fail_argument(0, "there is a % without two hexadecimal digits after it");
                };
                bytes.push(byte);
                rest = &rest[2..];
            }
            byte => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).map(Value::string).or_else(|_| fail("what is written there is no text in UTF-8"))
}

fn url_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte as char),
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

const BYTE_ORDER_MARK: u16 = 0xfeff;

/// A character set.
enum Charset {
    /// With a mark of the order of bytes before it, if the name leaves the order open.
    Utf16 {
        big: bool,
        mark: bool,
    },
    /// Code points below 128.
    Ascii,
    /// All code points below 256.
    Latin1,
    Other(&'static encoding_rs::Encoding),
}

impl Charset {
    fn find(name: &str) -> Result<Charset, FunctionError> {
        match name.to_ascii_uppercase().as_str() {
            "UTF-16LE" => Ok(Charset::Utf16 { big: false, mark: false }),
            "UTF-16BE" => Ok(Charset::Utf16 { big: true, mark: false }),
            "UTF-16" => Ok(Charset::Utf16 { big: true, mark: true }),
            "US-ASCII" | "ASCII" => Ok(Charset::Ascii),
            "ISO-8859-1" | "LATIN1" => Ok(Charset::Latin1),
            _ => encoding_rs::Encoding::for_label(name.as_bytes()).map(Charset::Other).ok_or_else(|| {
                FunctionError::argument(
                    1,
                    format!("{name:?} is not the name of a character set that is supported"),
                )
            }),
        }
    }
    fn encode(&self, text: &str) -> Option<Vec<u8>> {
        match self {
            Charset::Utf16 { big, mark } => {
                let units = mark.then_some(BYTE_ORDER_MARK).into_iter().chain(text.encode_utf16());
                let bytes = |unit: u16| if *big { unit.to_be_bytes() } else { unit.to_le_bytes() };
                Some(units.flat_map(bytes).collect())
            }
            Charset::Ascii => text.is_ascii().then(|| text.as_bytes().to_vec()),
            Charset::Latin1 => text.chars().map(|c| u8::try_from(c as u32).ok()).collect(),
            Charset::Other(encoding) => {
                let (bytes, _, unmappable) = encoding.encode(text);
                if unmappable { None } else { Some(bytes.into_owned()) }
            }
        }
    }
    fn decode(&self, bytes: &[u8]) -> Option<String> {
        match self {
            Charset::Utf16 { big, mark } => {
                let swapped = *mark && bytes.starts_with(&BYTE_ORDER_MARK.to_le_bytes());
                let big = *big && !swapped;
                let unit = |pair: &[u8]| {
                    let pair = [pair[0], pair[1]];
                    if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
                };
                let mut units: Vec<u16> = bytes.chunks_exact(2).map(unit).collect();
                if *mark && units.first() == Some(&BYTE_ORDER_MARK) {
                    units.remove(0);
                }
                if bytes.len() % 2 == 1 { None } else { String::from_utf16(&units).ok() }
            }
            Charset::Ascii => String::from_utf8(bytes.to_vec()).ok().filter(|text| text.is_ascii()),
            Charset::Latin1 => Some(bytes.iter().map(|b| char::from(*b)).collect()),
            Charset::Other(encoding) => encoding
                .decode_without_bom_handling_and_without_replacement(bytes)
                .map(|text| text.into_owned()),
        }
    }
}

fn text_encode(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let name = text(args, 1)?;
    match Charset::find(name)?.encode(text(args, 0)?) {
        Some(bytes) => made(BASE64.encode(bytes)),
        None => fail_argument(0, format!("the text has characters that {name} can't represent")),
    }
}

fn text_decode(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let name = text(args, 1)?;
    let charset = Charset::find(name)?;
    let Some(bytes) = from_base64(text(args, 0)?) else {
        return fail_argument(0, "the given value is not base 64");
    };
    match charset.decode(&bytes) {
        Some(text) => Ok(Value::string(text)),
        None => fail_argument(0, format!("the bytes are no text in {name}")),
    }
}
