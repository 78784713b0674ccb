//! What the attributes on a struct and on its fields say.

use syn::{Attribute, Expr, ExprLit, Field, Lit, LitInt, LitStr, Meta, Token, punctuated::Punctuated};

/// What `#[resource(…)]`, `#[data_source(…)]` or `#[ephemeral(…)]` says.
#[derive(Default)]
pub(crate) struct TypeArgs {
    pub(crate) type_name: Option<LitStr>,
    pub(crate) version: u64,
    pub(crate) scope: Option<Vec<String>>,
    pub(crate) key: Vec<String>,
    pub(crate) natural_key: Vec<String>,
    pub(crate) lacks: Vec<String>,
}

/// One field, and what `#[attr(…)]` says about it.
pub(crate) struct FieldArgs {
    pub(crate) ident: syn::Ident,
    pub(crate) ty: syn::Type,
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) required: bool,
    pub(crate) optional: bool,
    pub(crate) computed: bool,
    pub(crate) default: Option<Lit>,
    pub(crate) force_new: bool,
    pub(crate) secret: Option<LitStr>,
    pub(crate) write_only: bool,
    pub(crate) volatile: bool,
    pub(crate) compare: Option<LitStr>,
    pub(crate) one_of: Vec<String>,
    pub(crate) deprecated: Option<String>,
    pub(crate) local: bool,
    pub(crate) api: Option<String>,
    pub(crate) block: bool,
    pub(crate) min: usize,
    pub(crate) max: Option<usize>,
}

impl TypeArgs {
    pub(crate) fn of(attributes: &[Attribute]) -> syn::Result<TypeArgs> {
        let mut args = TypeArgs::default();
        const NAMES: [&str; 3] = ["resource", "data_source", "ephemeral"];
        let ours = |a: &&Attribute| NAMES.iter().any(|name| a.path().is_ident(name));
        for attribute in attributes.iter().filter(ours) {
            attribute.parse_nested_meta(|meta| {
                let name = meta.path.require_ident()?.to_string();
                match name.as_str() {
                    "type" => args.type_name = Some(meta.value()?.parse()?),
                    "version" => args.version = meta.value()?.parse::<LitInt>()?.base10_parse()?,
                    "scope" => args.scope = Some(names(&meta)?),
                    "key" => args.key = names(&meta)?,
                    "natural_key" => args.natural_key = names(&meta)?,
                    "lacks" => args.lacks = names(&meta)?,
                    _ => return Err(meta.error("expected type, version, scope, key, natural_key or lacks")),
                }
                Ok(())
            })?;
        }
        Ok(args)
    }
}

/// Reads `(a, "b", c)`; `()` is an empty list.
fn names(meta: &syn::meta::ParseNestedMeta) -> syn::Result<Vec<String>> {
    let content;
    syn::parenthesized!(content in meta.input);
    let items = Punctuated::<Expr, Token![,]>::parse_terminated(&content)?;
    items.iter().map(name_of).collect()
}

fn name_of(e: &Expr) -> syn::Result<String> {
    match e {
        Expr::Path(p) => Ok(unraw(p.path.require_ident()?)),
        Expr::Lit(ExprLit { lit: Lit::Str(s), .. }) => Ok(s.value()),
        other => Err(syn::Error::new_spanned(other, "expected a name or a string")),
    }
}

/// An identifier without `r#`.
pub(crate) fn unraw(ident: &syn::Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").map(str::to_owned).unwrap_or(text)
}

/// Doc comments as Markdown: one leading blank of each line is dropped.
pub(crate) fn doc(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|a| match &a.meta {
        Meta::NameValue(nv) if nv.path.is_ident("doc") => match &nv.value {
            Expr::Lit(ExprLit { lit: Lit::Str(s), .. }) => {
                let line = s.value();
                Some(line.strip_prefix(' ').map(str::to_owned).unwrap_or(line))
            }
            _ => None,
        },
        _ => None,
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

impl FieldArgs {
    pub(crate) fn of(field: &Field) -> syn::Result<FieldArgs> {
        let ident = field.ident.clone().ok_or_else(|| syn::Error::new_spanned(field, "fields need names"))?;
        let mut args = FieldArgs {
            name: unraw(&ident),
            ident,
            ty: field.ty.clone(),
            doc: doc(&field.attrs),
            required: false,
            optional: false,
            computed: false,
            default: None,
            force_new: false,
            secret: None,
            write_only: false,
            volatile: false,
            compare: None,
            one_of: Vec::new(),
            deprecated: None,
            local: false,
            api: None,
            block: false,
            min: 0,
            max: None,
        };
        for attribute in field.attrs.iter().filter(|a| a.path().is_ident("attr")) {
            attribute.parse_nested_meta(|meta| args.option(&meta))?;
        }
        args.check()?;
        Ok(args)
    }

    fn option(&mut self, meta: &syn::meta::ParseNestedMeta) -> syn::Result<()> {
        let name = meta.path.require_ident()?.to_string();
        let text =
            |meta: &syn::meta::ParseNestedMeta| Ok::<_, syn::Error>(meta.value()?.parse::<LitStr>()?.value());
        match name.as_str() {
            "name" => self.name = text(meta)?,
            "required" => self.required = true,
            "optional" => self.optional = true,
            "computed" => self.computed = true,
            "default" => self.default = Some(meta.value()?.parse()?),
            "force_new" => self.force_new = true,
            "secret" => self.secret = Some(meta.value()?.parse()?),
            "write_only" => self.write_only = true,
            "volatile" => self.volatile = true,
            "compare" => self.compare = Some(meta.value()?.parse()?),
            "one_of" => self.one_of = names(meta)?,
            "deprecated" => self.deprecated = Some(text(meta)?),
            "local" => self.local = true,
            "api" => self.api = Some(text(meta)?),
            "block" => self.block = true,
            "min" => self.min = meta.value()?.parse::<LitInt>()?.base10_parse()?,
            "max" => self.max = Some(meta.value()?.parse::<LitInt>()?.base10_parse()?),
            _ => return Err(meta.error("unknown option; pilotis_sdk::model lists them")),
        }
        Ok(())
    }

    fn check(&self) -> syn::Result<()> {
        let refuse = |what: &str| Err(syn::Error::new_spanned(&self.ident, what));
        if self.required && (self.optional || self.computed) {
            return refuse("an attribute is required, or optional or computed");
        }
        if self.default.is_some() && (self.required || self.computed) {
            return refuse("only an optional attribute has a default");
        }
        if !self.block && (self.min > 0 || self.max.is_some()) {
            return refuse("min and max are for blocks");
        }
        Ok(())
    }

    /// The type is written `Option<…>`.
    pub(crate) fn is_option(&self) -> bool {
        self.last_segment().is_some_and(|s| s == "Option")
    }

    /// The type is written `Value`: anything, passed through.
    pub(crate) fn is_dynamic(&self) -> bool {
        self.last_segment().is_some_and(|s| s == "Value")
    }

    fn last_segment(&self) -> Option<String> {
        match &self.ty {
            syn::Type::Path(p) => p.path.segments.last().map(|s| s.ident.to_string()),
            _ => None,
        }
    }
}
