//! Enums of texts.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Fields, LitStr};

pub(crate) fn string_enum(input: &DeriveInput) -> syn::Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(syn::Error::new_spanned(&input.ident, "StringEnum is for enums"));
    };
    let mut variants = Vec::new();
    let mut texts = Vec::new();
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(syn::Error::new_spanned(variant, "a variant of a StringEnum has no fields"));
        }
        let mut text = snake_case(&variant.ident.to_string());
        for attribute in variant.attrs.iter().filter(|a| a.path().is_ident("attr")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("name") {
                    text = meta.value()?.parse::<LitStr>()?.value();
                    return Ok(());
                }
                Err(meta.error("expected name"))
            })?;
        }
        variants.push(&variant.ident);
        texts.push(text);
    }
    let ident = &input.ident;
    Ok(quote! {
        impl #ident {
            /// The text that the service and the configuration use.
            pub const fn as_str(&self) -> &'static str {
                match self { #(Self::#variants => #texts,)* }
            }
            /// The variant of a text.
            pub fn parse(text: &str) -> ::std::option::Option<Self> {
                match text { #(#texts => ::std::option::Option::Some(Self::#variants),)* _ => ::std::option::Option::None }
            }
        }
        impl ::pilotis_sdk::model::Attr for #ident {
            fn ty() -> ::pilotis_sdk::value::Type {
                ::pilotis_sdk::value::Type::String
            }
            fn one_of() -> ::std::vec::Vec<::std::string::String> {
                ::std::vec![#(::std::string::String::from(#texts)),*]
            }
            fn to_value(&self) -> ::pilotis_sdk::value::Value {
                ::pilotis_sdk::value::Value::string(self.as_str())
            }
            fn from_value(value: &::pilotis_sdk::value::Value) -> ::std::result::Result<Self, ::pilotis_sdk::model::ModelError> {
                let text = <::std::string::String as ::pilotis_sdk::model::Attr>::from_value(value)?;
                Self::parse(&text).ok_or_else(|| ::pilotis_sdk::model::ModelError::not_one_of(&[#(#texts),*]))
            }
        }
    })
}

fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}
