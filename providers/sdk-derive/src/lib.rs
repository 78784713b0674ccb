//! Derives that make a Rust struct a schema: `Resource`, `DataSource`, `Ephemeral`, `ProviderConfig`, `Nested` and `StringEnum`.
//!
//! Here live the parsing of `#[resource(…)]` and `#[attr(…)]` and the code that is made from them; what the made code calls is in
//! `pilotis-sdk`, whose `model` module documents every option. Nothing here knows of a service.

mod parse;
mod strings;
mod structs;

use proc_macro::TokenStream;

/// A managed resource: implements `Model` and `Described`. See `pilotis_sdk::model` for all options.
#[proc_macro_derive(Resource, attributes(resource, attr))]
pub fn resource(input: TokenStream) -> TokenStream {
    expand(input, structs::described)
}

/// A data source: implements `Model` and `Described`.
#[proc_macro_derive(DataSource, attributes(data_source, attr))]
pub fn data_source(input: TokenStream) -> TokenStream {
    expand(input, structs::described)
}

/// An ephemeral resource: implements `Model` and `Described`.
#[proc_macro_derive(Ephemeral, attributes(ephemeral, attr))]
pub fn ephemeral(input: TokenStream) -> TokenStream {
    expand(input, structs::described)
}

/// The arguments of a `provider` block: implements `Model`.
#[proc_macro_derive(ProviderConfig, attributes(attr))]
pub fn provider_config(input: TokenStream) -> TokenStream {
    expand(input, structs::model)
}

/// A nested object or nested block: implements `Model` and `Attr`.
#[proc_macro_derive(Nested, attributes(attr))]
pub fn nested(input: TokenStream) -> TokenStream {
    expand(input, structs::nested)
}

/// An enum whose variants without fields are texts: implements `Attr`, `as_str` and `parse`. A variant is written in snake case unless
/// it says `#[attr(name = "…")]`.
#[proc_macro_derive(StringEnum, attributes(attr))]
pub fn string_enum(input: TokenStream) -> TokenStream {
    expand(input, strings::string_enum)
}

fn expand(
    input: TokenStream,
    make: impl FnOnce(&syn::DeriveInput) -> syn::Result<proc_macro2::TokenStream>,
) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    make(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
