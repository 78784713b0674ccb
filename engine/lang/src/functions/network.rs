//! Address arithmetic: blocks in CIDR notation, of both families, on 128 bits.

use std::net::{Ipv4Addr, Ipv6Addr};

use pilotis_value::{Number, Value};

use super::{
    FunctionDef, FunctionError, Outcome, Param, fail, fail_argument, gives_bool, gives_string, gives_strings,
    number, numeral, string, strings_list, text, whole,
};
use crate::Surroundings;

const PREFIX: Param = Param::new("prefix", string);

pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef {
        name: "cidrcontains",
        params: &[Param::new("containing_prefix", string), Param::new("contained_ip_or_prefix", string)],
        variadic: None,
        returns: gives_bool,
        call: contains,
        doc: "True if an address or a block lies wholly inside of a block.",
    },
    FunctionDef {
        name: "cidrhost",
        params: &[PREFIX, Param::new("hostnum", number)],
        variadic: None,
        returns: gives_string,
        call: |args, _| host(args),
        doc: "The address of a host by its number in a block (negative: from the end).",
    },
    FunctionDef {
        name: "cidrnetmask",
        params: &[PREFIX],
        variadic: None,
        returns: gives_string,
        call: netmask,
        doc: "The netmask of an IPv4 block.",
    },
    FunctionDef {
        name: "cidrsubnet",
        params: &[PREFIX, Param::new("newbits", number), Param::new("netnum", number)],
        variadic: None,
        returns: gives_string,
        call: |args, _| subnet(args),
        doc: "A block inside of a block, by how many bits longer its prefix is, and its number.",
    },
    FunctionDef {
        name: "cidrsubnets",
        params: &[PREFIX],
        variadic: Some(Param::new("newbits", number)),
        returns: gives_strings,
        call: subnets,
        doc: "Blocks inside of a block, one after the other, by how many bits longer their prefixes are.",
    },
];

/// An address with the length of its prefix.
#[derive(Clone, Copy)]
struct Block {
    address: u128,
    length: u32,
    /// 32 or 128.
    width: u32,
}

impl Block {
    fn parse(text: &str) -> Result<Block, String> {
        let wrong = || {
            format!(
                "invalid CIDR expression: {text:?} is no address with the length of a prefix, like 10.1.0.0/16"
            )
        };
        let (address, length) = text.split_once('/').ok_or_else(wrong)?;
        if length.len() > 3 || length.is_empty() || !length.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        let length: u32 = length.parse().map_err(|_| wrong())?;
        let (address, width) = match (parse_v4(address), address.parse::<Ipv6Addr>()) {
            (Some(v4), _) => (u128::from(v4), 32),
            (None, Ok(v6)) => (u128::from(v6), 128),
            _ => return Err(wrong()),
        };
        if length > width {
            return Err(wrong());
        }
        Ok(Block { address, length, width })
    }
    fn of(args: &[Value]) -> Result<Block, FunctionError> {
        Block::parse(text(args, 0)?).map_err(FunctionError::new)
    }
    /// How many bits come after the prefix.
    fn rest(self) -> u32 {
        self.width - self.length
    }
    /// The lowest bits, as many as said.
    fn low(bits: u32) -> u128 {
        if bits >= 128 { u128::MAX } else { (1 << bits) - 1 }
    }
    /// The first address.
    fn first(self) -> u128 {
        self.address & !Block::low(self.rest())
    }
    fn show(self, address: u128) -> String {
        if self.width == 32 {
            Ipv4Addr::from(address as u32).to_string()
        } else {
            Ipv6Addr::from(address).to_string()
        }
    }
    fn name(self) -> String {
        format!("{}/{}", self.show(self.first()), self.length)
    }
}

/// Four decimal numbers; zeros before them don't make them octal.
fn parse_v4(text: &str) -> Option<u32> {
    let mut address: u32 = 0;
    let mut count = 0;
    for part in text.split('.') {
        if part.is_empty() || part.len() > 16 || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        address = address.checked_mul(256)? | u32::from(part.parse::<u8>().ok()?);
        count += 1;
        if count > 4 {
            return None;
        }
    }
    (count == 4).then_some(address)
}

/// A whole number of any size that addresses can have, and whether it is negative; beyond that it is too big for every
/// block.
fn big_whole(n: &Number) -> Result<(u128, bool), FunctionError> {
    if !n.is_integer() {
        return fail("value must be a whole number");
    }
    match n.abs().to_string().parse() {
        Ok(magnitude) => Ok((magnitude, n.signum() < 0)),
        Err(_) => fail("the number is too big for any block"),
    }
}

fn host(args: &[Value]) -> Outcome {
    let block = Block::of(args)?;
    let wanted = numeral(args, 1)?;
    let last = Block::low(block.rest());
    let number = match big_whole(wanted)? {
        (magnitude, true) => last.checked_sub(magnitude - 1),
        (magnitude, false) => Some(magnitude),
    };
    match number.filter(|n| *n <= last) {
        Some(n) => Ok(Value::string(block.show(block.first() | n))),
        None => fail(format!("prefix of {} does not accommodate a host numbered {wanted}", block.length)),
    }
}

/// <https://opentofu.org/docs/language/functions/cidrcontains/>
fn contains(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let outer = Block::parse(text(args, 0)?).map_err(|e| FunctionError::argument(0, e))?;
    let wanted = text(args, 1)?;
    let width = if wanted.contains(':') { 128 } else { 32 };
    let as_block = if wanted.contains('/') { wanted.to_owned() } else { format!("{wanted}/{width}") };
    let Ok(inner) = Block::parse(&as_block) else {
        return fail_argument(1, format!("invalid IP address or prefix: {wanted:?}"));
    };
    if inner.width != outer.width {
        return fail("one is of IPv4 and the other of IPv6");
    }
    let is_inside =
        inner.length >= outer.length && inner.first() & !Block::low(outer.rest()) == outer.first();
    Ok(Value::bool(is_inside))
}

fn netmask(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let block = Block::of(args)?;
    if block.width == 128 {
        return fail(format!("an IPv6 block has no netmask: {}", text(args, 0)?));
    }
    Ok(Value::string(block.show(!Block::low(block.rest()) & Block::low(32))))
}

fn subnet(args: &[Value]) -> Outcome {
    let block = Block::of(args)?;
    let (new_bits, number) = (whole(args, 1)?, numeral(args, 2)?);
    let length = i64::from(block.length).checked_add(new_bits);
    let Some(length) = length.and_then(|l| u32::try_from(l).ok()).filter(|l| *l <= block.width) else {
        return fail(format!(
            "insufficient address space to extend prefix of {} by {new_bits}",
            block.length
        ));
    };
    let extended = length.saturating_sub(block.length);
    let (magnitude, negative) = big_whole(number)?;
    if negative || magnitude > Block::low(extended) {
        return fail(format!(
            "prefix extension of {new_bits} does not accommodate a subnet numbered {number}"
        ));
    }
    let shifted = magnitude.checked_shl(block.width - length).unwrap_or(0);
    let subnet = Block { address: block.first() | shifted, length, ..block };
    Ok(Value::string(subnet.name()))
}

fn subnets(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let block = Block::parse(text(args, 0)?).map_err(|e| FunctionError::argument(0, e))?;
    let end = block.first() | Block::low(block.rest());
    let mut next = Some(block.first());
    let mut last = block.name();
    let mut found = Vec::new();
    for i in 1..args.len() {
        let new_bits = whole(args, i).map_err(|e| FunctionError::argument(i, e.message))?;
        if new_bits < 1 {
            return fail_argument(i, "a prefix can be made longer by one bit at least");
        }
        if new_bits > 32 {
            return fail_argument(i, "a prefix can be made longer by 32 bits at most");
        }
        let length = block.length + new_bits as u32;
        if length > block.width {
            let family = if block.width == 32 { "IPv4" } else { "IPv6" };
            return fail_argument(
                i,
                format!("the prefix would have {length} bits, which is too long for an {family} address"),
            );
        }
        let size = Block::low(block.width - length);
        // The next address at which a block of this size may begin.
        let start = next.and_then(|n| n.checked_add(size)).map(|n| n & !size);
        let Some(start) = start.filter(|s| *s <= end && end - *s >= size) else {
            return fail_argument(
                i,
                format!("no room is left for a subnet with a prefix of {length} bits after {last}"),
            );
        };
        let subnet = Block { address: start, length, ..block };
        last = subnet.name();
        found.push(last.clone());
        next = (start | size).checked_add(1);
    }
    Ok(strings_list(found))
}
