//! `why -json`: what an object is derived from. `format_version` 1.0, ours.

use pilotis_diag::{SourceMap, Span};
use pilotis_plan::why::{Argument, Block, Linked, Source, Why};
use serde_json::{Map, Value as Json, json as object};

use super::marked::{self, Secrets};
use super::modules::index;

/// The document. Sensitive values are left out.
pub fn why(why: &Why, sources: &SourceMap) -> Json {
    let writer = Writer { sources };
    object!({
        "format_version": "1.0",
        "address": why.address,
        "display": why.display,
        "blocks": why.blocks.iter().map(|b| writer.block(b)).collect::<Vec<_>>(),
        "arguments": why.arguments.iter().map(|a| writer.argument(a)).collect::<Vec<_>>(),
        "needs": why.needs.iter().map(|l| writer.linked(l)).collect::<Vec<_>>(),
        "needed_by": why.needed_by.iter().map(|l| writer.linked(l)).collect::<Vec<_>>(),
        "contents": why.contents.iter().map(|l| writer.linked(l)).collect::<Vec<_>>(),
    })
}

struct Writer<'a> {
    sources: &'a SourceMap,
}

impl Writer<'_> {
    fn block(&self, block: &Block) -> Json {
        let mut out = Map::new();
        out.insert("block".into(), block.text.as_str().into());
        out.insert("range".into(), self.place(block.span));
        if let Some((word, span)) = block.repetition {
            out.insert("repetition".into(), object!({ "argument": word, "range": self.place(span) }));
            out.insert("from".into(), self.all(&block.from));
        }
        if let Some(key) = &block.key {
            out.insert("index".into(), index(key));
        }
        Json::Object(out)
    }

    fn argument(&self, argument: &Argument) -> Json {
        let mut out = Map::new();
        out.insert("name".into(), argument.name.as_str().into());
        if let Some(span) = argument.span {
            out.insert("range".into(), self.place(span));
        }
        if let Some(value) = &argument.value {
            out.insert("constant_value".into(), marked::value(value, Secrets::Hide));
        }
        out.insert("from".into(), self.all(&argument.from));
        Json::Object(out)
    }

    fn all(&self, from: &[Source]) -> Json {
        from.iter().map(|s| self.source(s)).collect()
    }

    fn source(&self, source: &Source) -> Json {
        let mut out = Map::new();
        out.insert("reference".into(), source.text.as_str().into());
        if let Some(span) = source.span {
            out.insert("range".into(), self.place(span));
        }
        if let Some(span) = source.given {
            out.insert("given".into(), self.place(span));
        }
        if !source.note.is_empty() {
            out.insert("note".into(), source.note.into());
        }
        if !source.from.is_empty() {
            out.insert("from".into(), self.all(&source.from));
        }
        Json::Object(out)
    }

    fn linked(&self, linked: &Linked) -> Json {
        let mut out = Map::new();
        out.insert("address".into(), linked.address.as_str().into());
        out.insert("display".into(), linked.display.as_str().into());
        if let Some(span) = linked.span {
            out.insert("range".into(), self.place(span));
        }
        out.insert("explicit".into(), linked.explicit.into());
        Json::Object(out)
    }

    fn place(&self, span: Span) -> Json {
        let file = self.sources.file(span.file);
        let (line, column) = file.line_column(span.start);
        object!({ "filename": &*file.name, "line": line, "column": column })
    }
}
