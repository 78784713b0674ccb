//! Structs: their block, and the conversions from and to a value.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Fields, Lit, LitStr};

use crate::parse::{FieldArgs, TypeArgs, doc};

fn fields(input: &DeriveInput) -> syn::Result<Vec<FieldArgs>> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(named) => named.named.iter().map(FieldArgs::of).collect(),
            _ => Err(syn::Error::new_spanned(&input.ident, "fields need names")),
        },
        _ => Err(syn::Error::new_spanned(&input.ident, "this derive is for structs")),
    }
}

/// `Model` alone.
pub(crate) fn model(input: &DeriveInput) -> syn::Result<TokenStream> {
    let fields = fields(input)?;
    let ident = &input.ident;
    let block = block(&doc(&input.attrs), &fields)?;
    let to = fields.iter().map(to_value);
    let from = fields.iter().map(from_value);
    Ok(quote! {
        impl ::pilotis_sdk::model::Model for #ident {
            fn block() -> ::pilotis_sdk::schema::Block {
                #block
            }
            fn to_value(&self) -> ::pilotis_sdk::value::Value {
                ::pilotis_sdk::value::Value::object_of::<&str>([#(#to),*])
            }
            fn from_value(
                value: &::pilotis_sdk::value::Value,
            ) -> ::std::result::Result<Self, ::pilotis_sdk::model::ModelError> {
                ::pilotis_sdk::model::expect_object(value)?;
                ::std::result::Result::Ok(#ident { #(#from),* })
            }
        }
    })
}

/// `Model` and `Attr`.
pub(crate) fn nested(input: &DeriveInput) -> syn::Result<TokenStream> {
    let model = model(input)?;
    let ident = &input.ident;
    let optional: Vec<_> = fields(input)?
        .into_iter()
        .filter(|f| f.is_option() || f.default.is_some() || f.computed || f.optional)
        .map(|f| f.name)
        .collect();
    Ok(quote! {
        #model
        impl ::pilotis_sdk::model::Attr for #ident {
            fn ty() -> ::pilotis_sdk::value::Type {
                <#ident as ::pilotis_sdk::model::Model>::block().implied_type()
            }
            fn written_ty() -> ::pilotis_sdk::value::Type {
                ::pilotis_sdk::model::with_optional(<#ident as ::pilotis_sdk::model::Model>::block(), &[#(#optional),*])
            }
            fn to_value(&self) -> ::pilotis_sdk::value::Value {
                ::pilotis_sdk::model::Model::to_value(self)
            }
            fn from_value(
                value: &::pilotis_sdk::value::Value,
            ) -> ::std::result::Result<Self, ::pilotis_sdk::model::ModelError> {
                <#ident as ::pilotis_sdk::model::Model>::from_value(value)
            }
        }
    })
}

/// `Model` and `Described`.
pub(crate) fn described(input: &DeriveInput) -> syn::Result<TokenStream> {
    let args = TypeArgs::of(&input.attrs)?;
    let ident = &input.ident;
    let type_name = args
        .type_name
        .as_ref()
        .ok_or_else(|| syn::Error::new_spanned(ident, "say its type: #[resource(type = \"…\")]"))?;
    let fields = fields(input)?;
    check_names(ident, &args, &fields)?;
    let model = model(input)?;
    let doc = doc(&input.attrs);
    let version = args.version;
    let strings = |names: &[String]| quote!(::std::vec![#(::std::string::String::from(#names)),*]);
    let scope = match &args.scope {
        Some(names) => {
            let names = strings(names);
            quote!(::std::option::Option::Some(#names))
        }
        None => quote!(::std::option::Option::None),
    };
    let (key, natural_key, lacks) = (strings(&args.key), strings(&args.natural_key), strings(&args.lacks));
    let local = fields.iter().filter(|f| f.local).map(|f| &f.name);
    let api = fields.iter().filter(|f| !f.local && f.api.as_deref() != Some("")).map(|f| {
        let (name, api) = (&f.name, f.api.as_ref().unwrap_or(&f.name));
        quote!((#name, #api))
    });
    Ok(quote! {
        #model
        impl ::pilotis_sdk::model::Described for #ident {
            const TYPE_NAME: &'static str = #type_name;
            const LOCAL: &'static [&'static str] = &[#(#local),*];
            const API: &'static [(&'static str, &'static str)] = &[#(#api),*];
            fn shared_schema() -> &'static ::pilotis_sdk::schema::ResourceSchema {
                static SCHEMA: ::std::sync::OnceLock<::pilotis_sdk::schema::ResourceSchema> = ::std::sync::OnceLock::new();
                SCHEMA.get_or_init(<Self as ::pilotis_sdk::model::Described>::schema)
            }
            fn schema() -> ::pilotis_sdk::schema::ResourceSchema {
                ::pilotis_sdk::schema::ResourceSchema {
                    version: #version,
                    block: <#ident as ::pilotis_sdk::model::Model>::block(),
                    refresh: ::pilotis_sdk::schema::Refresh {
                        scope: #scope,
                        key: #key,
                        natural_key: #natural_key,
                        list_lacks: #lacks,
                    },
                    doc: ::std::string::String::from(#doc),
                }
            }
        }
    })
}

/// A name in `scope`, `key` … that is no attribute is a slip.
fn check_names(ident: &syn::Ident, args: &TypeArgs, fields: &[FieldArgs]) -> syn::Result<()> {
    let all = args.scope.iter().flatten().chain(&args.key).chain(&args.natural_key).chain(&args.lacks);
    for name in all {
        if !fields.iter().any(|f| f.name == *name) {
            return Err(syn::Error::new_spanned(ident, format!("there is no attribute `{name}`")));
        }
    }
    Ok(())
}

fn block(doc: &str, fields: &[FieldArgs]) -> syn::Result<TokenStream> {
    let attributes = fields.iter().filter(|f| !f.block).map(attribute).collect::<syn::Result<Vec<_>>>()?;
    let blocks = fields.iter().filter(|f| f.block).map(|f| {
        let (name, ty, doc, min) = (&f.name, &f.ty, &f.doc, f.min);
        let max = match f.max {
            Some(n) => quote!(::std::option::Option::Some(#n)),
            None => quote!(::std::option::Option::None),
        };
        quote!(block.blocks.insert(
            ::std::string::String::from(#name),
            ::pilotis_sdk::model::nested_block::<#ty>(#doc, #min, #max),
        );)
    });
    Ok(quote! {
        let mut block = ::pilotis_sdk::schema::Block { doc: ::std::string::String::from(#doc), ..::std::default::Default::default() };
        #(#attributes)*
        #(#blocks)*
        block
    })
}

fn attribute(f: &FieldArgs) -> syn::Result<TokenStream> {
    let (name, ty, doc) = (&f.name, &f.ty, &f.doc);
    let presence = presence(f);
    let mut set = Vec::new();
    if let Some(default) = &f.default {
        let value = literal(default)?;
        set.push(quote!(attribute.default = ::std::option::Option::Some(#value);));
    }
    for (flag, on) in [("force_new", f.force_new), ("write_only", f.write_only), ("volatile", f.volatile)] {
        let flag = syn::Ident::new(flag, proc_macro2::Span::call_site());
        if on {
            set.push(quote!(attribute.#flag = true;));
        }
    }
    if let Some(secret) = &f.secret {
        let kind = secret_kind(secret)?;
        set.push(
            quote!(attribute.secret = ::std::option::Option::Some(::pilotis_sdk::schema::SecretKind::#kind);),
        );
    }
    if let Some(compare) = &f.compare {
        let compare = comparison(compare)?;
        set.push(quote!(attribute.compare = ::pilotis_sdk::schema::Compare::#compare;));
    }
    if !f.one_of.is_empty() {
        let texts = &f.one_of;
        set.push(quote!(attribute.one_of = ::std::vec![#(::std::string::String::from(#texts)),*];));
    }
    if let Some(text) = &f.deprecated {
        set.push(
            quote!(attribute.deprecated = ::std::option::Option::Some(::std::string::String::from(#text));),
        );
    }
    Ok(quote! {{
        let mut attribute = ::pilotis_sdk::model::attribute::<#ty>(::pilotis_sdk::schema::Presence::#presence, #doc);
        #(#set)*
        block.attributes.insert(::std::string::String::from(#name), attribute);
    }})
}

fn presence(f: &FieldArgs) -> TokenStream {
    match (f.optional, f.computed) {
        (true, true) => quote!(OptionalComputed),
        (false, true) => quote!(Computed),
        _ if f.required => quote!(Required),
        (true, false) => quote!(Optional),
        _ if f.is_option() || f.default.is_some() => quote!(Optional),
        _ => quote!(Required),
    }
}

fn literal(lit: &Lit) -> syn::Result<TokenStream> {
    Ok(match lit {
        Lit::Str(s) => quote!(::pilotis_sdk::value::Value::string(#s)),
        Lit::Bool(b) => quote!(::pilotis_sdk::value::Value::bool(#b)),
        Lit::Int(n) => {
            let n: i64 = n.base10_parse()?;
            quote!(::pilotis_sdk::value::Value::number(#n))
        }
        other => {
            return Err(syn::Error::new_spanned(other, "a default is a string, a bool or a whole number"));
        }
    })
}

fn secret_kind(kind: &LitStr) -> syn::Result<TokenStream> {
    Ok(match kind.value().as_str() {
        "given_never_returned" => quote!(GivenNeverReturned),
        "given_masked" => quote!(GivenMasked),
        "made_shown_once" => quote!(MadeShownOnce),
        "made_readable" => quote!(MadeReadable),
        "readable" => quote!(Readable),
        _ => {
            let all =
                "expected given_never_returned, given_masked, made_shown_once, made_readable or readable";
            return Err(syn::Error::new_spanned(kind, all));
        }
    })
}

fn comparison(compare: &LitStr) -> syn::Result<TokenStream> {
    Ok(match compare.value().as_str() {
        "exact" => quote!(Exact),
        "quantity" => quote!(Quantity),
        "case_insensitive" => quote!(CaseInsensitive),
        "json" => quote!(Json),
        "trailing_space" => quote!(TrailingSpace),
        "instant" => quote!(Instant),
        _ => {
            let all = "expected exact, quantity, case_insensitive, json, trailing_space or instant";
            return Err(syn::Error::new_spanned(compare, all));
        }
    })
}

fn to_value(f: &FieldArgs) -> TokenStream {
    let (ident, name, ty) = (&f.ident, &f.name, &f.ty);
    let value = quote!(<#ty as ::pilotis_sdk::model::Attr>::to_value(&self.#ident));
    if f.secret.is_some() {
        quote!((#name, ::pilotis_sdk::model::sensitive(#value)))
    } else {
        quote!((#name, #value))
    }
}

fn from_value(f: &FieldArgs) -> TokenStream {
    let (ident, name, ty) = (&f.ident, &f.name, &f.ty);
    if f.is_dynamic() {
        return quote!(#ident: ::pilotis_sdk::model::dynamic_field(value, #name));
    }
    let read = if f.computed || f.block {
        quote!(computed_field::<#ty>(value, #name)?)
    } else if let Some(Ok(default)) = f.default.as_ref().map(literal) {
        quote!(default_field::<#ty>(value, #name, #default)?)
    } else if f.is_option() || f.optional {
        quote!(optional_field::<#ty>(value, #name)?)
    } else {
        quote!(required_field::<#ty>(value, #name)?)
    };
    quote!(#ident: ::pilotis_sdk::model::#read)
}
