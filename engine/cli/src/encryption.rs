//! The keys of a run: the `encryption` block of the configuration, or of the environment, made into keyrings.

mod memory;
mod openbao;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use pilotis_apply::RootFrame;
use pilotis_config::{
    BodyContext, Configuration, Encryption, EncryptionMethod, EncryptionTarget, KeyProvider, KeyProviderKind,
    LoadOptions, RootVariables, Schemas, Sources, given_variables, load,
};
use pilotis_diag::{Diagnostics, SourceMap};
use pilotis_lang::Surroundings;
use pilotis_plan::planfile::PlanFile;
use pilotis_state_encryption::{Age, Argon2, Keyring, Pbkdf2, Pbkdf2Hash, SecretKey, is_sealed};
use pilotis_value::Value;
use zeroize::Zeroizing;

use crate::args::VariableArgs;
use crate::folder::Folder;

pub(crate) use memory::Serials;

/// Environment variables with the inside of an `encryption` block, which replaces the configuration's.
const ENVIRONMENT: [&str; 2] = ["PILOTIS_ENCRYPTION", "TF_ENCRYPTION"];
/// Where the identity of the person at work lies, a file of `age-keygen`.
const IDENTITY: &str = "PILOTIS_AGE_IDENTITY_FILE";
/// What a saved plan is bound to.
const PLAN: &[&str] = &["plan"];

/// What encrypts the state and saved plans, and what opens other states.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// The state.
    pub(crate) state: Keyring,
    /// Saved plans.
    pub(crate) plan: Keyring,
    /// States that `terraform_remote_state` reads.
    pub(crate) remote_states: Keyring,
}

impl Folder {
    /// The keys of a configuration, with variables from the environment and from files.
    pub(crate) fn keys(&self, configuration: &Configuration) -> anyhow::Result<Keys> {
        let needed = configuration.modules.first().is_some_and(|root| root.encryption.is_some());
        let mut variables = RootVariables::default();
        if needed {
            let given = self.variable_sources(&VariableArgs::default())?;
            let mut sources = SourceMap::default();
            // What is wrong with the values of other variables is none of ours.
            variables =
                given_variables(&configuration.modules[0], &given, &mut sources, &mut Diagnostics::new());
        }
        self.keys_with(configuration, &variables)
    }

    /// The keys of a configuration, with these variables.
    pub(crate) fn keys_with(
        &self,
        configuration: &Configuration,
        variables: &RootVariables,
    ) -> anyhow::Result<Keys> {
        if let Some((name, configuration)) = from_environment()? {
            return Making {
                folder: self,
                configuration: &configuration,
                variables: &RootVariables::default(),
            }
            .keys()
            .with_context(|| format!("{name} gives no keys"));
        }
        Making { folder: self, configuration, variables }.keys()
    }

    /// The bytes of a saved plan, which may be encrypted: then with the keys of the configuration that lies here, or of the environment.
    /// Where those say that plans are encrypted, one in clear is refused.
    pub(crate) fn unsealed_plan<'a>(&self, bytes: &'a [u8]) -> anyhow::Result<Cow<'a, [u8]>> {
        if !is_sealed(bytes) && !self.names_encryption() {
            return Ok(Cow::Borrowed(bytes));
        }
        let keys = self.keys(&self.configuration().0)?.plan;
        let text = std::str::from_utf8(bytes).context("it is damaged")?;
        let plain = keys.open(PLAN, text).map_err(|e| anyhow!("the saved plan {e}"))?;
        Ok(Cow::Owned(plain.as_bytes().to_vec()))
    }

    /// There may be an `encryption` block: to look for the word is faster than to read ten thousand blocks.
    fn names_encryption(&self) -> bool {
        let named = |text: &str| text.contains("encryption");
        ENVIRONMENT.iter().any(|name| std::env::var_os(name).is_some())
            || self.disk.module_files(".").is_ok_and(|files| files.iter().any(|(_, text)| named(text)))
    }
}

impl Keys {
    /// The bytes of a saved plan's file.
    pub(crate) fn write_plan(&self, file: &PlanFile) -> anyhow::Result<Vec<u8>> {
        let bytes = file.write()?;
        if !self.plan.seals() {
            return Ok(bytes);
        }
        let text = Zeroizing::new(String::from_utf8(bytes).context("a plan is text")?);
        Ok(self.plan.seal(PLAN, &text)?.into_bytes())
    }
}

/// The configuration of the environment, which has an `encryption` block and nothing else.
fn from_environment() -> anyhow::Result<Option<(&'static str, Configuration)>> {
    struct Text(String);
    impl Sources for Text {
        fn module_files(&self, _dir: &str) -> Result<Vec<(String, String)>, String> {
            Ok(vec![match self.0.trim_start().starts_with('{') {
                true => (
                    "encryption.tf.json".into(),
                    format!("{{\"terraform\": {{\"encryption\": {}}}}}", self.0),
                ),
                false => {
                    ("encryption.tf".into(), format!("terraform {{\n  encryption {{\n{}\n  }}\n}}\n", self.0))
                }
            }])
        }
    }
    let given = |name| Some((name, std::env::var(name).ok().filter(|text| !text.trim().is_empty())?));
    let Some((name, text)) = ENVIRONMENT.into_iter().find_map(given) else { return Ok(None) };
    let options =
        LoadOptions { root: ".".into(), version: env!("CARGO_PKG_VERSION").into(), ..LoadOptions::default() };
    let (configuration, diagnostics) = load(&options, &Text(text), &Schemas { providers: BTreeMap::new() });
    if diagnostics.has_errors() {
        // The snippets would show what may be a passphrase.
        let said = diagnostics.iter().map(|d| format!("{}: {}", d.summary, d.detail));
        bail!("{name} can't be used: {}", said.collect::<Vec<_>>().join("; "));
    }
    Ok(Some((name, configuration)))
}

/// Keys being made.
struct Making<'a> {
    folder: &'a Folder,
    configuration: &'a Configuration,
    variables: &'a RootVariables,
}

impl Making<'_> {
    fn keys(&self) -> anyhow::Result<Keys> {
        let encryption = self.configuration.modules.first().and_then(|root| root.encryption.as_ref());
        let Some(encryption) = encryption else {
            let clear = Keyring::clear;
            return Ok(Keys { state: clear(), plan: clear(), remote_states: clear() });
        };
        let of = |target: &Option<EncryptionTarget>| match target {
            Some(target) => self.keyring(encryption, target),
            None => Ok(Keyring::clear()),
        };
        let (state, remote_states) = (of(&encryption.state)?, of(&encryption.remote_states)?);
        // A saved plan holds what the state holds: it is encrypted as that is, unless something else is said of it.
        let plan = match &encryption.plan {
            Some(target) => self.keyring(encryption, target)?,
            None => state.clone(),
        };
        Ok(Keys { state, plan, remote_states })
    }

    fn keyring(&self, encryption: &Encryption, target: &EncryptionTarget) -> anyhow::Result<Keyring> {
        let mut chain = target.methods.iter().map(|method| match method {
            EncryptionMethod::Unencrypted => Ok(None),
            EncryptionMethod::Keys(place) => self.provider(&encryption.key_providers[*place]).map(Some),
        });
        let primary = chain.next().transpose()?.flatten();
        let rest: Vec<Option<_>> = chain.collect::<anyhow::Result<_>>()?;
        let accepts_clear = primary.is_none() || rest.iter().any(Option::is_none);
        Ok(Keyring::new(primary, rest.into_iter().flatten().collect(), accepts_clear))
    }

    fn provider(
        &self,
        provider: &KeyProvider,
    ) -> anyhow::Result<Box<dyn pilotis_state_encryption::KeyProvider>> {
        let arguments = self.arguments(provider)?;
        let name = provider.name.as_str();
        Ok(match provider.kind {
            KeyProviderKind::Argon2 => {
                let made = Argon2::new(name, arguments.secret("passphrase")?)?;
                let cost = ["memory_kib", "iterations", "parallelism"].map(|name| arguments.number(name));
                let [memory, iterations, parallelism] = cost;
                Box::new(made.cost(memory?, iterations?, parallelism?)?)
            }
            KeyProviderKind::Pbkdf2 => {
                let hash = match arguments.text("hash_function") {
                    Some("sha256") => Pbkdf2Hash::Sha256,
                    _ => Pbkdf2Hash::Sha512,
                };
                let passphrase = arguments.secret("passphrase")?;
                Box::new(Pbkdf2::new(name, passphrase, arguments.number("iterations")?, hash)?)
            }
            KeyProviderKind::File => {
                let path = arguments.text("path").unwrap_or_default();
                let bytes = read_key(&self.folder.disk.cwd.join(path))
                    .with_context(|| format!("key_provider.{name} gives no key: {path} can't be read"))?;
                Box::new(SecretKey::read(name, &bytes)?)
            }
            KeyProviderKind::Environment => {
                let variable = arguments.text("variable").unwrap_or_default();
                let given = std::env::var(variable).ok().filter(|text| !text.is_empty());
                let text = given.with_context(|| {
                    format!("key_provider.{name} gives no key: {variable} is not set in the environment")
                })?;
                Box::new(SecretKey::read(name, Zeroizing::new(text).as_bytes())?)
            }
            KeyProviderKind::Openbao => Box::new(openbao::Transit::new(name, &arguments)?),
            KeyProviderKind::Age => {
                let identities = self.identities(name, &arguments)?;
                let identities = identities.as_ref().map(|text| text.as_str());
                Box::new(Age::new(name, &arguments.texts("recipients"), identities)?)
            }
        })
    }

    /// Identities of age: as the configuration names them, else those of the person at work. Without any it only seals.
    fn identities(&self, name: &str, arguments: &Arguments) -> anyhow::Result<Option<Zeroizing<String>>> {
        if let Some(text) = arguments.text("identity") {
            return Ok(Some(Zeroizing::new(text.to_owned())));
        }
        let own = || std::env::var(IDENTITY).ok().filter(|path| !path.is_empty());
        let Some(path) = arguments.text("identity_file").map(str::to_owned).or_else(own) else {
            return Ok(None);
        };
        let bytes = read_key(&self.folder.disk.cwd.join(&path))
            .with_context(|| format!("key_provider.{name} gives no key: {path} can't be read"))?;
        Ok(Some(Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned())))
    }

    /// The arguments of a key provider. All must be known: they are read before anything is evaluated.
    fn arguments(&self, provider: &KeyProvider) -> anyhow::Result<Arguments> {
        let frame = RootFrame { root: &self.configuration.modules[0], variables: self.variables };
        let surroundings = Surroundings {
            files: &*self.folder.disk,
            plan_time_ms: crate::clock::now().0,
            apply_time_ms: None,
        };
        let mut found = Diagnostics::new();
        let value = provider.body.eval(&BodyContext { frame: &frame, surroundings }, &mut found);
        if let Some(wrong) = found.iter().find(|d| d.severity == pilotis_diag::Severity::Error) {
            bail!("key_provider.{} gives no key: {}: {}", provider.name, wrong.summary, wrong.detail);
        }
        if !value.is_wholly_known() {
            bail!(
                "key_provider.{} gives no key: a variable that it refers to has no value; give it in the environment as PILOTIS_VAR_NAME",
                provider.name
            );
        }
        Ok(Arguments { provider: provider.name.clone(), value })
    }
}

/// A key is short: what is longer is another file, and may be a device without an end.
fn read_key(path: &Path) -> std::io::Result<Zeroizing<Vec<u8>>> {
    use std::io::Read as _;
    let mut bytes = Zeroizing::new(Vec::new());
    std::fs::File::open(path)?.take(16 * 1024).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The arguments of a key provider, evaluated.
pub(crate) struct Arguments {
    provider: String,
    value: Value,
}

impl Arguments {
    /// A text; none if it is null.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.value.get(name)?.as_str()
    }

    /// Texts; none of them where it is null.
    fn texts(&self, name: &str) -> Vec<String> {
        let all = self.value.get(name).and_then(Value::as_elements).unwrap_or_default();
        all.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// A text that is a secret.
    fn secret(&self, name: &str) -> anyhow::Result<Zeroizing<String>> {
        let text = self.text(name);
        let text = text.with_context(|| format!("key_provider.{} needs a {name}", self.provider))?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// A whole number; none if it is null.
    fn number(&self, name: &str) -> anyhow::Result<Option<u32>> {
        let Some(value) = self.value.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
        let number = value.as_i64().and_then(|n| u32::try_from(n).ok());
        let wrong = || format!("{name} of key_provider.{} must be a whole number", self.provider);
        number.with_context(wrong).map(Some)
    }
}
