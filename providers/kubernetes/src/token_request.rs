//! `kubernetes_token_request_v1`: a token of a service account, for one run.

use pilotis_sdk::typed::{Ephemeral as Typed, Opened};
use pilotis_sdk::{Ephemeral, Error, ErrorKind, Nested, Secret};
use serde_json::{Map, Value as Json, json};

use crate::client::Client;
use crate::object::{Endpoint, Place};

const ACCOUNTS: Endpoint =
    Endpoint { api_version: "v1", kind: "ServiceAccount", plural: "serviceaccounts", namespaced: true };

/// A token of a service account. <https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/>
///
/// It ends by itself at `expiration_timestamp`; a run that takes longer asks for more with `expiration_seconds`.
#[derive(Clone, Debug, Ephemeral)]
#[ephemeral(type = "kubernetes_token_request_v1")]
pub(crate) struct TokenRequest {
    /// Which service account.
    #[attr(block, min = 1, max = 1)]
    pub(crate) metadata: Vec<Account>,
    /// What the token is for.
    #[attr(block, max = 1)]
    pub(crate) spec: Vec<Spec>,
    /// The token.
    #[attr(computed, secret = "made_shown_once")]
    pub(crate) token: Secret,
    /// When it ends.
    #[attr(computed)]
    pub(crate) expiration_timestamp: String,
}

/// A service account.
#[derive(Clone, Debug, Nested)]
pub(crate) struct Account {
    /// Its name.
    pub(crate) name: String,
    /// Its namespace.
    #[attr(default = "default")]
    pub(crate) namespace: String,
}

/// What the token is for.
#[derive(Clone, Debug, Nested)]
pub(crate) struct Spec {
    /// Who may accept it; the cluster's own API if nobody is named.
    pub(crate) audiences: Option<Vec<String>>,
    /// It is good only for as long as this object is there.
    #[attr(block, max = 1)]
    pub(crate) bound_object_ref: Vec<BoundObject>,
    /// How long it is to be good: at least 600. The server may choose another time.
    pub(crate) expiration_seconds: Option<i64>,
}

/// An object of the account's namespace.
#[derive(Clone, Debug, Nested)]
pub(crate) struct BoundObject {
    /// Its API version.
    pub(crate) api_version: Option<String>,
    /// `Pod` or `Secret`.
    pub(crate) kind: Option<String>,
    /// Its name.
    pub(crate) name: Option<String>,
    /// The server's id of it.
    pub(crate) uid: Option<String>,
}

impl Typed for TokenRequest {
    type Client = Client;

    /// A token can't be taken back, and needn't: there is nothing to close.
    async fn open(client: &Client, arguments: TokenRequest) -> Result<Opened<TokenRequest>, Error> {
        let account = arguments.metadata.first().cloned();
        let account = account.ok_or_else(|| Error::new(ErrorKind::Invalid, "No service account is named"))?;
        let place = Place { namespace: Some(account.namespace), name: account.name };
        let request = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": spec(arguments.spec.first()),
        });
        let answer = client.post(&format!("{}/token", ACCOUNTS.object(&place)), &request).await?;
        let text = |name: &str| answer["status"][name].as_str().filter(|t| !t.is_empty()).map(str::to_owned);
        let (Some(token), Some(end)) = (text("token"), text("expirationTimestamp")) else {
            return Err(Error::new(ErrorKind::Garbage, "The answer to a token request has no token"));
        };
        Ok(TokenRequest { token: token.into(), expiration_timestamp: end, ..arguments }.into())
    }
}

fn spec(spec: Option<&Spec>) -> Json {
    let mut out = Map::new();
    let Some(spec) = spec else { return out.into() };
    if let Some(audiences) = &spec.audiences {
        out.insert("audiences".into(), json!(audiences));
    }
    if let Some(seconds) = spec.expiration_seconds {
        out.insert("expirationSeconds".into(), json!(seconds));
    }
    if let Some(bound) = spec.bound_object_ref.first() {
        let members = [
            ("apiVersion", &bound.api_version),
            ("kind", &bound.kind),
            ("name", &bound.name),
            ("uid", &bound.uid),
        ];
        let given =
            members.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text.as_ref()?))));
        out.insert("boundObjectRef".into(), Json::Object(given.collect()));
    }
    out.into()
}
