//! Resources that exist in the state only: made once, read from what is stored, forgotten when deleted.

use std::future::Future;

use pilotis_sdk::model::Described;
use pilotis_sdk::{Error, ErrorKind};

/// A resource that nothing but the state holds.
pub(crate) trait Kept: Described + Clone + Send + Sync + 'static {
    /// Makes it: fills what is computed.
    fn make(planned: Self) -> impl Future<Output = Result<Self, Error>> + Send;

    /// It still holds; what doesn't is made anew.
    fn holds(&self) -> bool {
        true
    }

    /// Takes changed arguments over; those that make a new object don't come here.
    fn change(_prior: Self, planned: Self) -> impl Future<Output = Result<Self, Error>> + Send {
        async { Ok(planned) }
    }

    /// What is done before it is forgotten.
    fn leave(self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Reads an import id.
    fn of_import(_id: &str) -> Result<Self, Error> {
        Err(no_import(Self::TYPE_NAME))
    }
}

/// The established provider can't import the type either.
pub(crate) fn no_import(type_name: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("A {type_name} can't be imported"))
        .detail("There is nothing outside of the state that it could be read from.")
}

/// An import id that isn't like the type's.
pub(crate) fn wrong_import(type_name: &str, form: &str) -> Error {
    Error::new(ErrorKind::Invalid, format!("That is not the import id of a {type_name}"))
        .detail(format!("It has the form `{form}`."))
}

/// An argument that can't be.
pub(crate) fn invalid(attribute: &str, summary: impl Into<String>) -> Error {
    let mut error = Error::new(ErrorKind::Invalid, summary);
    error.attribute = Some(attribute.to_owned());
    error
}

/// Makes a [`Kept`] type a resource.
macro_rules! kept {
    ($($name:ident),+) => {$(
        impl pilotis_sdk::typed::Resource for $name {
            type Client = $crate::Here;
            async fn create(
                _: &Self::Client,
                planned: $name,
            ) -> Result<pilotis_sdk::typed::Made<$name>, pilotis_sdk::Error> {
                <$name as $crate::kept::Kept>::make(planned).await.map(Into::into)
            }
            async fn read(_: &Self::Client, prior: $name) -> Result<Option<$name>, pilotis_sdk::Error> {
                Ok(Some(prior).filter(<$name as $crate::kept::Kept>::holds))
            }
            async fn update(_: &Self::Client, prior: $name, planned: $name) -> Result<$name, pilotis_sdk::Error> {
                <$name as $crate::kept::Kept>::change(prior, planned).await
            }
            async fn delete(_: &Self::Client, prior: $name) -> Result<(), pilotis_sdk::Error> {
                <$name as $crate::kept::Kept>::leave(prior).await;
                Ok(())
            }
            // What was made before a crash and isn't in the state is nowhere.
            async fn find(
                _: &Self::Client,
                _: $name,
            ) -> Result<pilotis_sdk::typed::Match<$name>, pilotis_sdk::Error> {
                Ok(pilotis_sdk::typed::Match::Absent)
            }
            async fn import(_: &Self::Client, id: &str) -> Result<$name, pilotis_sdk::Error> {
                <$name as $crate::kept::Kept>::of_import(id)
            }
        }
    )+};
}
pub(crate) use kept;
