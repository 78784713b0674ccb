//! A test file read: its syntax, its blocks, and what is wrong with them whatever the configuration is.

use std::collections::BTreeMap;

use pilotis_diag::{Diagnostic, Diagnostics, SourceMap, Span};
use pilotis_syntax::ast::{Block, Body};
use pilotis_syntax::json::parse_json;
use pilotis_syntax::parse_file;

use super::{Mock, ProviderKind, TestFile, TestProvider, blocks, mocks};
use crate::json::{self, Vocabulary, Words};
use crate::shape::{self, Shape};
use crate::types::Types;
use crate::{ProviderRef, Schemas, Sources, codes, settings};

const FILE: Shape = Shape {
    required: &[],
    optional: &[],
    blocks: &[
        "run",
        "variables",
        "provider",
        "mock_provider",
        "override_resource",
        "override_data",
        "override_module",
        "test",
    ],
};

/// `*.tftest.hcl` and `*.tftest.json`.
pub fn is_test_file(name: &str) -> bool {
    name.ends_with(".tftest.hcl") || name.ends_with(".tftest.json")
}

/// `*.tfmock.hcl` and `*.tfmock.json`: what the `source` of a `mock_provider` holds.
pub fn is_mock_file(name: &str) -> bool {
    name.ends_with(".tfmock.hcl") || name.ends_with(".tfmock.json")
}

/// Reads a test file. What is said of it holds for any configuration; what it says of one is compiled for each of its runs
/// ([`TestFile::prepare`]).
pub fn read_test(
    path: &str,
    text: String,
    map: &mut SourceMap,
    sources: &dyn Sources,
    schemas: &Schemas,
) -> (TestFile, Diagnostics) {
    let mut diags = Diagnostics::new();
    let mut reader = Reader { map, sources, schemas, diags: &mut diags };
    let body = reader.body(path, text);
    let file = reader.file(path, &body);
    (file, diags)
}

/// What reading a test file needs.
pub(super) struct Reader<'a> {
    map: &'a mut SourceMap,
    pub(super) sources: &'a dyn Sources,
    schemas: &'a Schemas,
    pub(super) diags: &'a mut Diagnostics,
}

impl Reader<'_> {
    /// The body of a file, in either syntax.
    pub(super) fn body(&mut self, path: &str, text: String) -> Body {
        let file = self.map.add(path, text);
        if json::is_json(path) {
            let (node, diags) = parse_json(self.map, file);
            self.diags.extend(diags);
            let types = Types::new(self.schemas);
            let vocabulary = Vocabulary { types: &types, words: &Words::new() };
            return json::test_file(&node, &vocabulary, self.map, self.diags);
        }
        let (body, diags) = parse_file(self.map, file);
        self.diags.extend(diags);
        body
    }

    fn file(&mut self, path: &str, body: &Body) -> TestFile {
        FILE.check(body, body.span, self.diags);
        let mut file = TestFile {
            path: path.to_owned(),
            variables: Vec::new(),
            providers: Vec::new(),
            overrides: mocks::overrides(body, self.diags),
            runs: Vec::new(),
        };
        if let Some(block) = self.only(body, "variables") {
            file.variables = blocks::arguments(block, self.diags);
        }
        if let Some(block) = self.only(body, "test") {
            const TEST: Shape = Shape { required: &[], optional: &["parallel"], blocks: &[] };
            shape::labels(block, [], self.diags);
            TEST.check(&block.body, block.header, self.diags);
            shape::flag(&block.body, "parallel", self.diags);
        }
        self.providers(body, &mut file.providers);
        let mut seen: BTreeMap<String, Span> = BTreeMap::new();
        for block in shape::blocks(body, "run") {
            let Some(run) = blocks::run(block, self.diags) else { continue };
            if let Some(first) = seen.insert(run.name.clone(), run.span) {
                let detail = format!("This test file already has a run block named \"{}\".", run.name);
                self.diags.push(shape::duplicate("Duplicate \"run\" block names", detail, run.span, first));
                continue;
            }
            file.runs.push(run);
        }
        file
    }

    /// The one block of a kind that there may be.
    fn only<'b>(&mut self, body: &'b Body, kind: &'static str) -> Option<&'b Block> {
        let mut all = shape::blocks(body, kind);
        let first = all.next()?;
        for other in all {
            let detail = format!("This test file already has a {kind} block.");
            let summary = format!("Multiple \"{kind}\" blocks");
            self.diags.push(shape::duplicate(summary, detail, other.header, first.header));
        }
        Some(first)
    }

    fn providers(&mut self, body: &Body, found: &mut Vec<TestProvider>) {
        for block in &body.blocks {
            let is_mock = match block.kind.text.as_str() {
                "provider" => false,
                "mock_provider" => true,
                _ => continue,
            };
            let Some([name]) = shape::labels(block, ["name"], self.diags) else { continue };
            if !self.schemas.providers.contains_key(name.text.as_str()) {
                self.diags.push(settings::unknown_provider(&name.text, name.span, self.schemas));
                continue;
            }
            let alias = shape::text(&block.body, "alias", self.diags);
            let alias = Some(alias).filter(|a| !a.is_empty());
            let reference = ProviderRef::new(name.text.as_str(), alias.as_deref());
            let kind = match is_mock {
                true => ProviderKind::Mock(self.mock(block)),
                false => ProviderKind::Real(block.clone()),
            };
            if let Some(first) = found.iter().find(|p| p.reference == reference) {
                let detail = format!("A provider for {reference} is already defined in this test file.");
                let d = shape::duplicate("Duplicate provider block", detail, block.header, first.span);
                self.diags.push(d);
                continue;
            }
            found.push(TestProvider { reference, kind, span: block.header });
        }
    }

    fn mock(&mut self, block: &Block) -> Mock {
        let mut mock = mocks::mock(block, self.diags);
        let Some(source) = shape::attribute(&block.body, "source") else { return mock };
        let Some(dir) = shape::literal_text(&source.expr) else {
            self.diags.push(shape::wrong_type("source", "a literal text is required", source.expr.span));
            return mock;
        };
        let files = match self.sources.mock_files(&dir) {
            Ok(files) => files,
            Err(why) => {
                self.diags.push(
                    Diagnostic::error("Unreadable mock data")
                        .code(codes::TEST_FILE)
                        .detail(format!("The folder {dir:?} can't be read: {why}."))
                        .at(source.expr.span)
                        .help("It is a folder of files that end in .tfmock.hcl or .tfmock.json, and its path starts where the command is run."),
                );
                return mock;
            }
        };
        for (name, text) in files {
            let body = self.body(&name, text);
            mocks::mock_file(&body, &mut mock, self.diags);
        }
        mock
    }
}
