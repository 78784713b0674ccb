//! Loading: from the root folder to a whole Configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use pilotis_diag::{Diagnostic, Diagnostics, SourceMap, Span};
use pilotis_syntax::ast::{Block, Body};
use pilotis_syntax::json::{Node, parse_json};
use pilotis_syntax::parse_file;

use crate::declare::{Declarations, declarations};
use crate::json::{self, Vocabulary, Words};
use crate::names::{CallName, Names, Repeats, ResourceName};
use crate::shape::{self, Shape, literal_text};
use crate::source::{self, BadSource, FETCHED};
use crate::types::Types;
use crate::{
    Configuration, Module, ModuleId, ModuleSource, ProviderRef, Schemas, Settings, Sources, codes, compile,
    is_mock_file, is_test_file, overrides, settings,
};

/// What a load may be told.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// The root folder, as [`Sources`] knows it (usually `.`).
    pub root: String,
    /// This program's version, for `required_version`.
    pub version: String,
    /// Text that was read before: what is read now comes after it.
    pub sources: SourceMap,
    /// Provider configurations that are given from outside of the root module, in the place of its own.
    pub providers: Vec<GivenProvider>,
}

/// A provider configuration of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenProvider {
    /// What the root module calls it.
    pub reference: ProviderRef,
    /// Where it is written.
    pub span: Span,
}

/// How deep modules may call each other.
const MAX_DEPTH: usize = 64;

/// Reads, checks and compiles everything. All mistakes of all files come back together; the Configuration is usable for planning
/// only if none is an error.
pub fn load(options: &LoadOptions, sources: &dyn Sources, schemas: &Schemas) -> (Configuration, Diagnostics) {
    let Loaded { configuration, structure: mut diags, meaning } = load_apart(options, sources, schemas);
    diags.extend(meaning);
    diags.sort();
    (configuration, diags)
}

/// The same, with mistakes of structure (without which modules can be found) and of meaning kept apart.
pub fn load_apart(options: &LoadOptions, sources: &dyn Sources, schemas: &Schemas) -> Loaded {
    let mut loader = Loader {
        options,
        sources,
        types: Types::new(schemas),
        map: options.sources.clone(),
        modules: Vec::new(),
        by_dir: BTreeMap::new(),
        loading: Vec::new(),
        fetched: BTreeSet::new(),
        settings: Settings::default(),
        missing: None,
        diags: Diagnostics::new(),
        meaning: Diagnostics::new(),
    };
    if let Err(failure) = loader.module(&normal(&options.root)) {
        let diagnostic = failure.diagnostic(&options.root, None);
        loader.diags.push(diagnostic);
        if loader.modules.is_empty() {
            loader.modules.push(Module::empty(&options.root));
        }
    }
    let configuration =
        Configuration { modules: loader.modules, sources: loader.map, settings: loader.settings };
    Loaded { configuration, structure: loader.diags, meaning: loader.meaning }
}

/// A configuration and what is wrong with it.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub configuration: Configuration,
    /// Mistakes of blocks and their places: what files and modules there are may be misread because of them.
    pub structure: Diagnostics,
    /// Mistakes of what stands in the blocks: names that mean nothing, arguments that a type doesn't have.
    pub meaning: Diagnostics,
}

pub(crate) struct Loader<'a> {
    pub(crate) options: &'a LoadOptions,
    sources: &'a dyn Sources,
    pub(crate) types: Types<'a>,
    map: SourceMap,
    pub(crate) modules: Vec<Module>,
    by_dir: BTreeMap<String, ModuleId>,
    /// Folders of the modules that are being read, outermost first.
    loading: Vec<String>,
    /// Trees of Git modules that are there as they were locked.
    fetched: BTreeSet<String>,
    settings: Settings,
    /// Stands for modules that can't be read.
    pub(crate) missing: Option<ModuleId>,
    pub(crate) diags: Diagnostics,
    /// Mistakes that don't keep modules from being found.
    pub(crate) meaning: Diagnostics,
}

/// A file that was read; what a property in JSON is depends on the others.
enum Text {
    Native(Body),
    Json(Node),
}

/// Why a module can't be had.
enum Failure {
    Unreadable(String),
    Cycle(Vec<String>),
    TooDeep,
}

impl Failure {
    fn diagnostic(self, source: &str, span: Option<Span>) -> Diagnostic {
        let d = match self {
            Failure::Unreadable(why) => Diagnostic::error("Unreadable module")
                .code(codes::MODULE)
                .detail(format!("The module {source:?} can't be read: {why}.")),
            Failure::Cycle(path) => Diagnostic::error("Module calls itself")
                .code(codes::MODULE_CYCLE)
                .detail(format!("This call would never end: {}.", path.join(" → "))),
            Failure::TooDeep => Diagnostic::error("Modules nested too deeply")
                .code(codes::MODULE_CYCLE)
                .detail(format!("Modules may call each other {MAX_DEPTH} levels deep.")),
        };
        match span {
            Some(span) => d.at(span),
            None => d,
        }
    }
}

impl Loader<'_> {
    /// The module of a folder, read and compiled if it wasn't yet.
    fn module(&mut self, dir: &str) -> Result<ModuleId, Failure> {
        if self.loading.iter().any(|d| d == dir) {
            let mut path: Vec<String> = self.loading.iter().skip_while(|d| *d != dir).cloned().collect();
            path.push(dir.to_owned());
            return Err(Failure::Cycle(path));
        }
        if let Some(id) = self.by_dir.get(dir) {
            return Ok(*id);
        }
        if self.loading.len() >= MAX_DEPTH {
            return Err(Failure::TooDeep);
        }
        let files = self.sources.module_files(dir).map_err(Failure::Unreadable)?;
        let id = ModuleId(self.modules.len() as u32);
        self.modules.push(Module::empty(dir));
        self.by_dir.insert(dir.to_owned(), id);
        self.loading.push(dir.to_owned());
        let bodies = self.parse(id, files);
        self.fill(id, &bodies);
        self.loading.pop();
        Ok(id)
    }

    fn parse(&mut self, id: ModuleId, files: Vec<(String, String)>) -> Vec<Body> {
        let mut texts = Vec::new();
        for (name, text) in files {
            if !is_configuration(&name) {
                continue;
            }
            let (is_json, is_override) = (json::is_json(&name), overrides::is_override(&name));
            let file = self.map.add(name, text);
            let (text, diags) = if is_json {
                let (node, diags) = parse_json(&self.map, file);
                (Text::Json(node), diags)
            } else {
                let (body, diags) = parse_file(&self.map, file);
                (Text::Native(body), diags)
            };
            self.diags.extend(diags);
            texts.push((text, is_override));
        }
        let words = self.words(id, &texts);
        let mut base = Vec::new();
        let mut changes = Vec::new();
        for (text, is_override) in texts {
            let body = self.body(text, &words);
            if is_override { &mut changes } else { &mut base }.push(body);
        }
        for body in changes {
            overrides::apply(&mut base, body, &mut self.diags);
        }
        base
    }

    fn body(&mut self, text: Text, words: &Words) -> Body {
        match text {
            Text::Native(body) => body,
            Text::Json(node) => {
                let vocabulary = Vocabulary { types: &self.types, words };
                json::file(&node, &vocabulary, &self.map, &mut self.diags)
            }
        }
    }

    /// What the blueprints' blocks of files in JSON syntax are made of: the blueprints, whose declarations may stand in any file,
    /// are read first. What is wrong with them is said when they are declared.
    fn words(&mut self, id: ModuleId, texts: &[(Text, bool)]) -> Words {
        let mut words = Words::new();
        if texts.iter().all(|(text, _)| matches!(text, Text::Native(_))) {
            return words;
        }
        let mut declared = Vec::new();
        for (text, _) in texts {
            let of_json;
            let body = match text {
                Text::Native(body) => body,
                Text::Json(node) => {
                    let vocabulary = Vocabulary { types: &self.types, words: &words };
                    of_json = json::file(node, &vocabulary, &self.map, &mut Diagnostics::new());
                    &of_json
                }
            };
            for block in shape::blocks(body, "blueprint") {
                let source = shape::attribute(&block.body, "source");
                let text = source.and_then(|s| Some((literal_text(&s.expr)?, s.expr.span, block.header)));
                declared.extend(block.labels.first().map(|l| l.text.clone()).zip(text));
            }
        }
        for (word, (source, span, header)) in declared {
            if let Some(module) = self.source(id, &source, span, header) {
                words.insert(word, crate::blueprint::members(&self.modules[module.0 as usize]));
            }
        }
        words
    }

    fn fill(&mut self, id: ModuleId, bodies: &[Body]) {
        let all = declarations(bodies, &mut self.diags);
        self.modules[id.0 as usize].required = settings::check(
            &all.settings,
            id.0 == 0,
            self.options,
            self.types.schemas,
            &mut self.settings,
            &mut self.diags,
        );
        self.blueprints(id, &all);
        let calls: Vec<Option<ModuleId>> = all.modules.iter().map(|b| self.called(id, b)).collect();
        let mut names = Names::default();
        names.schemas = self.types.schemas.clone();
        names.required = self.modules[id.0 as usize].required.clone();
        names.module_name = match id.0 {
            0 => "the root module".to_owned(),
            _ => format!("the module {}", self.modules[id.0 as usize].dir),
        };
        self.declare(id, &all, &calls, &mut names);
        names.assign();
        compile::module(self, id, &all, &calls, &names);
        let module = &mut self.modules[id.0 as usize];
        module.symbols = names.symbols.clone();
        module.names = Arc::new(names);
    }

    /// The module that a `module` block calls; none after an error.
    fn called(&mut self, caller: ModuleId, block: &Block) -> Option<ModuleId> {
        let Some(source) = shape::attribute(&block.body, "source") else {
            self.diags.push(shape::missing_argument("source", block.header));
            return None;
        };
        let Some(text) = literal_text(&source.expr) else {
            self.diags.push(
                Diagnostic::error("Invalid module source")
                    .code(codes::MODULE)
                    .detail("The module source address must be a literal text: it is read before anything is evaluated.")
                    .at(source.expr.span),
            );
            return None;
        };
        self.source(caller, &text, source.expr.span, block.header)
    }

    /// The module at a source address.
    fn source(&mut self, caller: ModuleId, text: &str, span: Span, header: Span) -> Option<ModuleId> {
        let dir = match self.folder_of(caller, text) {
            Ok(dir) => dir,
            Err(bad) => {
                self.diags.push(
                    Diagnostic::error("Invalid module source address")
                        .code(codes::MODULE)
                        .detail(bad.detail)
                        .at(if bad.is_secret { header } else { span })
                        .help(bad.help),
                );
                return None;
            }
        };
        match dir.map_err(Failure::Unreadable).and_then(|dir| self.module(&dir)) {
            Ok(id) => Some(id),
            Err(failure) => {
                let mut d = failure.diagnostic(text, Some(span));
                if !text.starts_with('.') && !text.contains("://") && !text.contains('@') {
                    d = d.help(format!("A folder is written with a leading dot: \"./{text}\"."));
                }
                self.diags.push(d);
                None
            }
        }
    }

    /// The folder that a source address means; inside, why it is not there.
    fn folder_of(&mut self, caller: ModuleId, text: &str) -> Result<Result<String, String>, BadSource> {
        folder_of(&self.modules[caller.0 as usize].dir, text, self.sources, &mut self.fetched)
    }

    fn blueprints(&mut self, id: ModuleId, all: &Declarations<'_>) {
        const BLUEPRINT: Shape = Shape { required: &["source"], optional: &["description"], blocks: &[] };
        let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
        for block in &all.blueprints {
            let Some([word]) = shape::labels(block, ["word"], &mut self.diags) else { continue };
            BLUEPRINT.check(&block.body, block.header, &mut self.diags);
            shape::check_name(word, "blueprint", &mut self.diags);
            if let Some(first) = seen.insert(&word.text, block.header) {
                let detail = format!("A blueprint named \"{}\" was already declared.", word.text);
                self.diags.push(shape::duplicate("Duplicate blueprint", detail, block.header, first));
                continue;
            }
            let Some(source) = shape::attribute(&block.body, "source") else { continue };
            let Some(text) = literal_text(&source.expr) else {
                self.diags.push(shape::wrong_type("source", "a literal text is required", source.expr.span));
                continue;
            };
            let Some(module) = self.source(id, &text, source.expr.span, block.header) else { continue };
            let label = crate::blueprint::label_variable(&self.modules[module.0 as usize]);
            let (word, source) = (word.text.to_string(), text.to_string());
            let blueprint = crate::Blueprint { word, module, source, label, span: block.header };
            self.modules[id.0 as usize].blueprints.push(blueprint);
        }
    }

    /// Gives everything that can be referred to its index, and reports doubles.
    fn declare(
        &mut self,
        id: ModuleId,
        all: &Declarations<'_>,
        calls: &[Option<ModuleId>],
        names: &mut Names,
    ) {
        let diags = &mut self.diags;
        let mut spans: BTreeMap<String, Span> = BTreeMap::new();
        let mut fresh = |key: String, what: &str, name: &str, span: Span, diags: &mut Diagnostics| {
            let Some(first) = spans.get(&key) else {
                spans.insert(key, span);
                return true;
            };
            let article = if what.starts_with('o') { "An" } else { "A" };
            let kind = match what {
                "variable" => "declaration",
                "local value" | "output" => "definition",
                "module" => "call",
                _ => "configuration",
            };
            diags.push(shape::duplicate(
                format!("Duplicate {what} {kind}"),
                format!(
                    "{article} {what} named \"{name}\" was already declared; names must be unique within a module."
                ),
                span,
                *first,
            ));
            false
        };
        for block in &all.variables {
            let Some(name) = block.labels.first() else { continue };
            if fresh(format!("var.{}", name.text), "variable", &name.text, block.header, diags) {
                names.variables.insert(name.text.clone(), names.variables.len() as u32);
            }
        }
        for attribute in &all.locals {
            let name = &attribute.name;
            if fresh(format!("local.{}", name.text), "local value", &name.text, name.span, diags) {
                names.locals.insert(name.text.clone(), names.locals.len() as u32);
            }
        }
        for block in &all.outputs {
            if let Some(name) = block.labels.first() {
                fresh(format!("output.{}", name.text), "output", &name.text, block.header, diags);
            }
        }
        for (mode, block) in &all.resources {
            let [ty, name] = block.labels.as_slice() else { continue };
            let what = format!("{} \"{}\"", block.kind.text, ty.text);
            let key = format!("{mode:?}.{}.{}", ty.text, name.text);
            if fresh(key, &what, &name.text, block.header, diags) {
                let index = names.resources.len() as u32;
                let schema = self.types.get(*mode, &ty.text).map(|k| k.schema);
                let resource = ResourceName { index, repeats: repeats(block), schema };
                names.resources.insert((*mode, ty.text.clone(), name.text.clone()), resource);
            }
        }
        let mut index = 0;
        for (block, module) in all.modules.iter().zip(calls) {
            let Some(name) = block.labels.first() else { continue };
            if fresh(format!("module.{}", name.text), "module", &name.text, block.header, diags) {
                let outputs = module.map(|m| outputs(&self.modules[m.0 as usize]));
                let call = CallName { index, repeats: repeats(block), outputs };
                names.modules.insert(name.text.clone(), call);
                index += 1;
            }
        }
        for blueprint in &self.modules[id.0 as usize].blueprints {
            names.words.entry(blueprint.word.as_str().into()).or_default();
        }
        for block in &all.words {
            let word = block.kind.text.as_str();
            let Some(label) = block.labels.first() else { continue };
            let blueprint = self.modules[id.0 as usize].blueprints.iter().find(|b| b.word == word);
            let module = blueprint.map(|b| &self.modules[b.module.0 as usize]);
            if fresh(format!("word.{word}.{}", label.text), word, &label.text, block.header, diags) {
                let call = CallName { index, repeats: repeats(block), outputs: module.map(outputs) };
                names.words.entry(word.into()).or_default().insert(label.text.clone(), call);
                index += 1;
            }
        }
    }
}

/// The folder that the source of a test's module means, as seen from the root folder.
pub fn module_folder(source: &ModuleSource, sources: &dyn Sources) -> Result<String, Box<Diagnostic>> {
    let found = folder_of(".", &source.text, sources, &mut BTreeSet::new());
    let (detail, help, is_secret) = match found {
        Ok(Ok(dir)) => match sources.module_files(&dir) {
            Ok(_) => return Ok(dir),
            Err(why) => (format!("The module {:?} can't be read: {why}.", source.text), None, false),
        },
        Ok(Err(why)) => (format!("The module {:?} can't be read: {why}.", source.text), None, false),
        Err(bad) => (bad.detail, Some(bad.help), bad.is_secret),
    };
    let d = Diagnostic::error("Unreadable module").code(codes::MODULE).detail(detail);
    let d = d.at(if is_secret { source.header } else { source.span });
    Err(Box::new(match help {
        Some(help) => d.help(help),
        None => d,
    }))
}

/// The folder that a source address means; inside, why it is not there. `fetched`: trees that are known to be there.
fn folder_of(
    caller: &str,
    text: &str,
    sources: &dyn Sources,
    fetched: &mut BTreeSet<String>,
) -> Result<Result<String, String>, BadSource> {
    let git = match source::remote(text).filter(|_| !is_local(text)) {
        Some(found) => found?,
        None => return resolve_source(caller, text).map(Ok),
    };
    let tree = git.tree();
    if !fetched.contains(&tree) {
        if let Err(why) = sources.fetched(&git) {
            return Ok(Err(why));
        }
        fetched.insert(tree.clone());
    }
    Ok(Ok(normal(&format!("{tree}/{}", git.folder))))
}

fn outputs(module: &Module) -> BTreeSet<String> {
    module.outputs.iter().map(|o| o.name.clone()).collect()
}

fn repeats(block: &Block) -> Repeats {
    if shape::attribute(&block.body, "for_each").is_some() {
        Repeats::ForEach
    } else if shape::attribute(&block.body, "count").is_some() {
        Repeats::Count
    } else {
        Repeats::One
    }
}

/// True for the name of a file that holds configuration.
pub(crate) fn is_configuration(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let hidden =
        file.starts_with('.') || file.ends_with('~') || (file.starts_with('#') && file.ends_with('#'));
    let syntax = file.strip_suffix(".json").unwrap_or(file);
    let of_tests = is_test_file(file) || is_mock_file(file);
    !hidden
        && !of_tests
        && (syntax.ends_with(".hcl") || syntax.ends_with(".tf"))
        && file != ".terraform.lock.hcl"
}

fn is_local(source: &str) -> bool {
    source.starts_with("./")
        || source.starts_with("../")
        || source.starts_with('/')
        || source == "."
        || source == ".."
}

/// The folder that an address means which is not remote, or what to do instead.
fn resolve_source(caller: &str, source: &str) -> Result<String, BadSource> {
    let bad = |detail: String, help: String| BadSource { detail, help, is_secret: false };
    if is_local(source) {
        let dir = match caller.strip_prefix("builtin:") {
            _ if source.starts_with('/') => normal(source),
            Some(inside) => format!("builtin:{}", normal(&format!("{inside}/{source}"))),
            None if caller == "." => normal(source),
            None => normal(&format!("{caller}/{source}")),
        };
        return match tree_of(caller).is_none_or(|tree| Path::new(&dir).starts_with(tree)) {
            true => Ok(dir),
            false => Err(bad(
                format!("{source:?} leads out of the repository that this module was fetched from."),
                "A fetched module may call modules of its own repository, and others by a Git address."
                    .into(),
            )),
        };
    }
    let mut parts = source.split('/');
    match (parts.next(), parts.next()) {
        (Some(owner), Some(name)) if !owner.is_empty() && !name.is_empty() && !source.contains('.') => {
            Ok(format!("builtin:{source}"))
        }
        _ => Err(bad(
            format!("{source:?} is neither a folder, a built-in blueprint nor a Git repository."),
            format!("A folder is written with a leading dot: \"./{source}\"."),
        )),
    }
}

/// The fetched tree that a folder lies in.
fn tree_of(dir: &str) -> Option<&Path> {
    let inside = dir.strip_prefix(FETCHED)?.strip_prefix('/')?;
    let name = inside.split('/').next()?;
    Some(Path::new(&dir[..dir.len() - inside.len() + name.len()]))
}

/// A path without `.` and `..` where they can be resolved.
fn normal(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|p| *p != "..") => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    let joined = parts.join("/");
    match (absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

impl Module {
    pub(crate) fn empty(dir: &str) -> Module {
        Module {
            dir: dir.to_owned(),
            symbols: Vec::new(),
            names: Arc::default(),
            required: Vec::new(),
            proxies: Vec::new(),
            encryption: None,
            variables: Vec::new(),
            locals: Vec::new(),
            outputs: Vec::new(),
            resources: Vec::new(),
            calls: Vec::new(),
            blueprints: Vec::new(),
            providers: Vec::new(),
            moved: Vec::new(),
            imports: Vec::new(),
            removed: Vec::new(),
            checks: Vec::new(),
        }
    }
}
