//! Passwords and keys: `bcrypt`, `rsadecrypt`. Hashes that need no secret are in `hash`.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, Pkcs1PrivateDecryptingKey, PrivateDecryptingKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pilotis_value::{Type, Value};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;

use super::{
    FunctionDef, Outcome, Param, fail, fail_argument, gives_string, number, string, text, unknown, whole,
};
use crate::Surroundings;

/// What is used when no cost, or one that is too low, is given.
const BCRYPT_COST: u32 = 10;
/// Each step doubles the time: this many take some seconds, 31 (the most that the notation has) take a day.
const MAX_BCRYPT_COST: i64 = 16;
/// More isn't hashed: <https://en.wikipedia.org/wiki/Bcrypt#Maximum_password_length>
const MAX_PASSWORD: usize = 72;

pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef {
        name: "bcrypt",
        params: &[Param::new("str", string)],
        variadic: Some(Param::new("cost", number)),
        returns: gives_string,
        call: bcrypt,
        doc: "The bcrypt hash of a password, with a new salt at each apply and not known before; the cost is 10 if it isn't given.",
    },
    FunctionDef {
        name: "rsadecrypt",
        params: &[Param::new("ciphertext", string), Param::new("privatekey", string)],
        variadic: None,
        returns: gives_string,
        call: |args, _| rsa_decrypt(text(args, 0)?, text(args, 1)?),
        doc: "The text that was encrypted with RSA (PKCS #1 v1.5) and is written in base 64, by the private key in PEM.",
    },
];

fn bcrypt(args: &[Value], around: &Surroundings<'_>) -> Outcome {
    let password = text(args, 0)?;
    if args.len() > 2 {
        return fail("bcrypt() takes no more than two arguments");
    }
    let cost = match args.get(1) {
        Some(_) => whole(args, 1)?,
        None => i64::from(BCRYPT_COST),
    };
    if cost > MAX_BCRYPT_COST {
        return fail(format!(
            "cost {cost} is outside of the allowed range (4 to {MAX_BCRYPT_COST}): each step doubles the time that it takes"
        ));
    }
    // The notation has no lower cost than 4; what is below that gets the default.
    let cost = u32::try_from(cost).ok().filter(|c| *c >= 4).unwrap_or(BCRYPT_COST);
    if password.len() > MAX_PASSWORD {
        return fail(format!("the password is longer than {MAX_PASSWORD} bytes"));
    }
    if around.apply_time_ms.is_none() {
        return Ok(unknown(Type::String));
    }
    match bcrypt::hash_with_result(password, cost) {
        Ok(hash) => Ok(Value::string(hash.format_for_version(bcrypt::Version::TwoA))),
        Err(error) => fail(error.to_string()),
    }
}

fn rsa_decrypt(ciphertext: &str, key: &str) -> Outcome {
    let Ok(encrypted) = BASE64.decode(ciphertext) else {
        return fail_argument(0, "failed to decode the input: cipher text must be base64-encoded");
    };
    let key = match decrypting_key(key) {
        Ok(key) => key,
        Err(message) => return fail_argument(1, format!("invalid private key: {message}")),
    };
    let mut room = vec![0; key.min_output_size()];
    let Ok(plain) = key.decrypt(&encrypted, &mut room) else {
        return fail("failed to decrypt: the text wasn't encrypted for this key with PKCS #1 v1.5");
    };
    match std::str::from_utf8(plain) {
        Ok(plain) => Ok(Value::string(plain)),
        Err(_) => fail("what was encrypted is no text in UTF-8"),
    }
}

/// The key of a PEM text. A password on it would have to be given too, so it must have none.
fn decrypting_key(pem: &str) -> Result<Pkcs1PrivateDecryptingKey, &'static str> {
    if pem.contains("Proc-Type: 4,ENCRYPTED") || pem.contains("BEGIN ENCRYPTED PRIVATE KEY") {
        return Err("password protected keys are not supported, please decrypt the key prior to use");
    }
    if pem.contains("BEGIN OPENSSH PRIVATE KEY") {
        return Err("it is in OpenSSH's own format; write it as PEM with `ssh-keygen -p -m PEM -f FILE`");
    }
    let unusable = "it is no RSA key of 2048 to 8192 bits";
    let private = match PrivateKeyDer::from_pem_slice(pem.as_bytes()) {
        Ok(PrivateKeyDer::Pkcs8(der)) => PrivateDecryptingKey::from_pkcs8(der.secret_pkcs8_der()),
        Ok(PrivateKeyDer::Pkcs1(der)) => {
            let pair = KeyPair::from_der(der.secret_pkcs1_der()).map_err(|_| unusable)?;
            let pkcs8 = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map_err(|_| unusable)?;
            PrivateDecryptingKey::from_pkcs8(pkcs8.as_ref())
        }
        Ok(_) => return Err(unusable),
        Err(_) => {
            return Err(
                "no key found; a text that begins with -----BEGIN RSA PRIVATE KEY----- or -----BEGIN PRIVATE KEY----- is wanted",
            );
        }
    };
    Pkcs1PrivateDecryptingKey::new(private.map_err(|_| unusable)?).map_err(|_| unusable)
}
