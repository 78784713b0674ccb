//! What goes wrong between the provider and the API server: what is told, what is tried again, and what may have been done.

use std::time::{Duration, Instant};

use pilotis_sandbox::{Action, Fault};
use pilotis_sdk::{Error, ErrorKind, Found, Outcome};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::world::World;

const MAP: &str = "kubernetes_config_map";

fn map(namespace: &str) -> Json {
    json!({"metadata": {"name": "x", "namespace": namespace}, "data": {"a": "1"}})
}

/// A namespace in which a fault strikes every POST of a config map.
async fn struck(namespace: &str, action: Action) -> World {
    let world = World::impatient().await;
    world.namespace(namespace).await;
    let path = format!("^/api/v1/namespaces/{namespace}/configmaps");
    world.fault(Fault::new(action).methods(&["POST"]).path(&path));
    world
}

async fn create_fails(namespace: &str, action: Action) -> (World, Error) {
    let world = struck(namespace, action).await;
    let error = world.try_create(MAP, &map(namespace)).await.unwrap_err();
    (world, error)
}

/// The object is there, past the provider.
async fn is_there(world: &World, namespace: &str) -> bool {
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/x");
    world.ask("GET", &path, "application/json", None).await.0 == 200
}

#[tokio::test]
async fn a_server_that_is_down() {
    let world = World::elsewhere("http://127.0.0.1:1").await;
    let error = world.try_create(MAP, &map("a")).await.unwrap_err();
    insta::assert_snapshot!(world.shown(&error), @r#"
    Unreachable NotDone
    The Kubernetes API server can't be reached: client error (Connect): tcp connect error: Connection refused (os error 111)
    request: POST https://api/api/v1/namespaces/a/configmaps
    credential: the sandbox
    help: Is the cluster up, and is the address (host, or the kubeconfig's context) the right one?
    "#);
}

#[tokio::test]
async fn a_name_that_nobody_has() {
    let world = World::elsewhere("https://no-such-host.invalid").await;
    let error = world.try_create(MAP, &map("a")).await.unwrap_err();
    assert_eq!((error.kind, error.outcome), (ErrorKind::Unreachable, Outcome::NotDone));
}

#[tokio::test]
async fn a_credential_that_is_refused() {
    let world = World::with_token("sha256~expired").await;
    let error = world.try_create(MAP, &map("default")).await.unwrap_err();
    insta::assert_snapshot!(world.shown(&error), @r#"
    Unauthenticated NotDone
    Kubernetes refused the credential: Unauthorized
    request: POST https://api/api/v1/namespaces/default/configmaps
    credential: the sandbox
    help: Renew the token or certificate; `kubectl auth whoami` with the same credential tells more.
    "#);
}

#[tokio::test]
async fn a_right_that_is_lacking() {
    let (world, error) = create_fails("fault-403", Action::Forbidden).await;
    insta::assert_snapshot!(world.shown(&error), @r#"
    Forbidden NotDone
    Kubernetes doesn't allow it: forbidden by a fault of the sandbox
    request: POST https://api/api/v1/namespaces/fault-403/configmaps
    credential: the sandbox
    help: Give the credential this right with a role binding, or use another credential.
    "#);
}

#[tokio::test]
async fn a_namespace_that_is_missing() {
    let world = World::impatient().await;
    let error = world.try_create(MAP, &map("fault-missing")).await.unwrap_err();
    insta::assert_snapshot!(world.shown(&error), @r#"
    NotFound NotDone
    There is no namespace fault-missing: namespaces "fault-missing" not found
    request: POST https://api/api/v1/namespaces/fault-missing/configmaps
    credential: the sandbox
    help: Make it by the same configuration, and refer to it: namespace = kubernetes_namespace.NAME.metadata[0].name
    "#);
}

#[tokio::test]
async fn an_object_that_is_there_already() {
    let world = World::impatient().await;
    world.namespace("fault-409").await;
    world.create(MAP, &map("fault-409")).await;
    let error = world.try_create(MAP, &map("fault-409")).await.unwrap_err();
    insta::assert_snapshot!(world.shown(&error), @r#"
    AlreadyExists NotDone
    An object of this name is there already: configmaps "x" already exists
    request: POST https://api/api/v1/namespaces/fault-409/configmaps
    credential: the sandbox
    help: Import the object, or choose another name.
    "#);
}

#[tokio::test]
async fn values_that_are_wrong() {
    let world = World::impatient().await;
    world.namespace("fault-422").await;
    let given = json!({"metadata": {"name": "Not A Name", "namespace": "fault-422"}, "spec": {"hard": {"pods": "many"}}});
    let error = world.try_create("kubernetes_resource_quota", &given).await.unwrap_err();
    insta::assert_snapshot!(world.shown(&error), @r#"
    Invalid NotDone
    Kubernetes doesn't take these values: ResourceQuota in version "v1" cannot be handled as a ResourceQuota: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'
    request: POST https://api/api/v1/namespaces/fault-422/resourcequotas
    credential: the sandbox
    "#);
}

/// The server's words are shown without what the object keeps secret.
#[tokio::test]
async fn a_secret_that_the_server_repeats() {
    let world = World::elsewhere(&answers(|request| {
        let data = request.split("\"password\":\"").nth(1).and_then(|r| r.split('"').next()).unwrap_or_default();
        let message = format!("data[password]: Invalid value: {data:?} (hunter2-hunter2)");
        let body = json!({"kind": "Status", "status": "Failure", "reason": "Invalid", "code": 422, "message": message});
        response("422 Unprocessable Entity", "", &body.to_string())
    }).await).await;
    let given = json!({"metadata": {"name": "x", "namespace": "a"}, "data": {"password": "hunter2-hunter2"}});
    let error = world.try_create("kubernetes_secret", &given).await.unwrap_err();
    insta::assert_snapshot!(world.shown(&error), @r#"
    Invalid NotDone
    Kubernetes doesn't take these values: data[password]: Invalid value: "(sensitive)" ((sensitive))
    request: POST https://api/api/v1/namespaces/a/secrets
    credential: the sandbox
    "#);
}

#[tokio::test]
async fn too_many_requests() {
    let action = Action::TooManyRequests { retry_after: None };
    let (world, error) = create_fails("fault-429", action).await;
    insta::assert_snapshot!(world.shown(&error), @r#"
    RateLimited NotDone
    Kubernetes asked to slow down: too many requests, please try again later.
    request: POST https://api/api/v1/namespaces/fault-429/configmaps
    credential: the sandbox
    help: Try again later, or with fewer calls at once (-parallelism).
    "#);
}

/// Refused before anything was done: a create is tried again, after the time that the server asked for.
#[tokio::test]
async fn too_many_requests_for_a_while() {
    let world = World::impatient().await;
    world.namespace("fault-429-once").await;
    let path = "^/api/v1/namespaces/fault-429-once/configmaps";
    world.fault(
        Fault::new(Action::TooManyRequests { retry_after: Some(1) }).methods(&["POST"]).path(path).next(1),
    );
    let start = Instant::now();
    world.create(MAP, &map("fault-429-once")).await;
    assert!(start.elapsed() >= Duration::from_secs(1), "Retry-After isn't kept");
}

#[tokio::test]
async fn server_errors() {
    let mut seen = String::new();
    for status in [500, 502, 503, 504] {
        let namespace = format!("fault-{status}");
        let (world, error) = create_fails(&namespace, Action::ServerError { status }).await;
        seen.push_str(&format!(
            "{status}: {}\n",
            world.shown(&error).lines().take(2).collect::<Vec<_>>().join(" | ")
        ));
        let path = format!("^/api/v1/namespaces/{namespace}/configmaps");
        world.fault(Fault::new(Action::ServerError { status }).methods(&["GET"]).path(&path).next(2));
        let planned = world.plan(MAP, &map(&namespace), None);
        let found = world.connection.find(MAP, &planned).await.expect("a read is tried again");
        assert!(matches!(found, Found::Absent), "{found:?}");
    }
    insta::assert_snapshot!(seen, @r#"
    500: ServerError Unknown | The Kubernetes API server failed: an error on the server has prevented the request from succeeding
    502: ServerError Unknown | The Kubernetes API server failed: an error on the server has prevented the request from succeeding
    503: ServerError NotDone | The Kubernetes API server failed: the server is currently unable to handle the request
    504: ServerError Unknown | The Kubernetes API server failed: the request timed out
    "#);
}

#[tokio::test]
async fn a_page_in_place_of_an_answer() {
    let (world, error) = create_fails("fault-html", Action::Html).await;
    insta::assert_snapshot!(world.shown(&error), @r#"
    Garbage Unknown
    The answer is not one of a Kubernetes API server: the answer is not a JSON object
    request: POST https://api/api/v1/namespaces/fault-html/configmaps
    credential: the sandbox
    help: Is the address that of the API server, and not of a proxy or a console before it?
    "#);
}

/// Half an answer to a create: it is done, and found.
#[tokio::test]
async fn half_an_answer() {
    let (world, error) = create_fails("fault-half", Action::Truncated).await;
    insta::assert_snapshot!(world.shown(&error), @r#"
    Unreachable Unknown
    The Kubernetes API server gave no answer: the answer broke off
    request: POST https://api/api/v1/namespaces/fault-half/configmaps
    credential: the sandbox
    help: Is a proxy or load balancer before it that cuts connections?
    "#);
    let found = world.connection.find(MAP, &world.plan(MAP, &map("fault-half"), None)).await.unwrap();
    assert!(matches!(found, Found::Object(_)), "{found:?}");
}

#[tokio::test]
async fn half_an_answer_to_a_read() {
    let world = World::impatient().await;
    world.namespace("fault-half-read").await;
    let made = world.create(MAP, &map("fault-half-read")).await;
    let path = "^/api/v1/namespaces/fault-half-read/configmaps/x";
    world.fault(Fault::new(Action::Truncated).path(path).next(2));
    assert_eq!(world.read(MAP, &made).await.unwrap(), Some(made));
}

#[tokio::test]
async fn a_connection_that_ends_before_the_effect() {
    let (world, error) = create_fails("fault-before", Action::DropBefore).await;
    assert_eq!((error.kind, error.outcome), (ErrorKind::Unreachable, Outcome::Unknown));
    let found = world.connection.find(MAP, &world.plan(MAP, &map("fault-before"), None)).await.unwrap();
    assert!(matches!(found, Found::Absent), "{found:?}");
    assert!(!is_there(&world, "fault-before").await, "it was sent again");
}

#[tokio::test]
async fn a_connection_that_ends_after_the_effect() {
    let (world, error) = create_fails("fault-after", Action::DropAfter).await;
    insta::assert_snapshot!(world.shown(&error), @r#"
    Unreachable Unknown
    The Kubernetes API server gave no answer: client error (SendRequest): connection error: peer closed connection without sending TLS close_notify
    request: POST https://api/api/v1/namespaces/fault-after/configmaps
    credential: the sandbox
    help: Is a proxy or load balancer before it that cuts connections?
    "#);
    let planned = world.plan(MAP, &map("fault-after"), None);
    let Found::Object(found) = world.connection.find(MAP, &planned).await.unwrap() else {
        panic!("not found")
    };
    assert_eq!(world.read(MAP, &found).await.unwrap(), Some(found));
}

/// Changes and deletions may be done twice: they are, and nobody notices.
#[tokio::test]
async fn a_lost_answer_to_a_change() {
    let world = World::impatient().await;
    world.namespace("fault-change").await;
    let made = world.create(MAP, &map("fault-change")).await;
    let path = "^/api/v1/namespaces/fault-change/configmaps/x";
    for action in [Action::DropAfter, Action::DropBefore, Action::Truncated] {
        world.fault(Fault::new(action).methods(&["PATCH", "DELETE"]).path(path).next(1));
        let given = json!({"metadata": {"name": "x", "namespace": "fault-change"}, "data": {"a": "2"}});
        let planned = world.plan(MAP, &given, Some(&made));
        world.connection.update(MAP, &made, &planned).await.unwrap();
    }
    world.fault(Fault::new(Action::DropAfter).methods(&["DELETE"]).path(path).next(1));
    world.connection.delete(MAP, &made).await.unwrap();
}

/// The answer that was lost said that the object is there already: it is somebody else's, and not taken over.
#[tokio::test]
async fn a_lost_refusal_is_no_creation() {
    for (type_name, given) in [
        (MAP, map("fault-theirs")),
        (
            "kubernetes_manifest",
            json!({"manifest": {"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "x", "namespace": "fault-theirs"}, "data": {"a": "1"}}}),
        ),
    ] {
        let world = World::impatient().await;
        let (status, _) = world.ask("GET", "/api/v1/namespaces/fault-theirs", "application/json", None).await;
        if status == 404 {
            world.namespace("fault-theirs").await;
            let theirs = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "1"}});
            world
                .call(
                    "POST",
                    "/api/v1/namespaces/fault-theirs/configmaps?fieldManager=kubectl",
                    Some(&theirs),
                )
                .await;
        }
        let found = world.connection.find(type_name, &world.plan(type_name, &given, None)).await.unwrap();
        assert!(matches!(found, Found::Absent), "{type_name}: {found:?}");
        let error = world.try_create(type_name, &given).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::AlreadyExists, "{type_name}");
    }
}

#[tokio::test]
async fn an_answer_that_takes_too_long() {
    let action = Action::Latency { milliseconds: 1500, jitter_milliseconds: 0 };
    let (world, error) = create_fails("fault-slow", action).await;
    insta::assert_snapshot!(world.shown(&error), @r#"
    Unreachable Unknown
    The Kubernetes API server gave no answer: it took longer than 400 ms
    request: POST https://api/api/v1/namespaces/fault-slow/configmaps
    credential: the sandbox
    help: Is a proxy or load balancer before it that cuts connections?
    "#);
}

/// A path that the server doesn't have says nothing of the object: it must not look deleted.
#[tokio::test]
async fn a_404_that_is_no_deletion() {
    let html =
        World::elsewhere(&answers(|_| response("404 Not Found", "", "<html>not here</html>")).await).await;
    let text =
        World::elsewhere(&answers(|_| response("404 Not Found", "", "404 page not found\n")).await).await;
    let unserved = World::elsewhere(&answers(|_| {
        let message = "the server could not find the requested resource";
        let body = json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404, "message": message, "details": {}});
        response("404 Not Found", "", &body.to_string())
    }).await).await;
    for world in [html, text, unserved] {
        for (type_name, given) in [
            (MAP, map("a")),
            ("openshift_project", json!({"name": "a"})),
            (
                "kubernetes_manifest",
                json!({"manifest": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}}),
            ),
        ] {
            let prior = world.plan(type_name, &given, None);
            world.read(type_name, &prior).await.expect_err(type_name);
        }
    }
}

#[tokio::test]
async fn a_webhook_that_is_down() {
    let world = World::elsewhere(&answers(|_| {
        let message = "Internal error occurred: failed calling webhook \"check.example\": connection refused";
        let body = json!({"kind": "Status", "status": "Failure", "reason": "InternalError", "code": 500, "message": message});
        response("500 Internal Server Error", "", &body.to_string())
    }).await).await;
    let error = world.try_create(MAP, &map("a")).await.unwrap_err();
    insta::assert_snapshot!(world.shown(&error), @r#"
    ServerError NotDone
    A webhook of the cluster doesn't answer: Internal error occurred: failed calling webhook "check.example": connection refused
    request: POST https://api/api/v1/namespaces/a/configmaps
    credential: the sandbox
    help: Bring the webhook's service up; nothing can be changed before.
    "#);
}

/// 503 with a time to come back: nothing was done, and it is tried again.
#[tokio::test]
async fn unavailable_for_a_while() {
    let first = std::sync::atomic::AtomicBool::new(true);
    let world = World::elsewhere(
        &answers(move |_| {
            let body =
                json!({"kind": "Status", "status": "Failure", "reason": "ServiceUnavailable", "code": 503});
            if first.swap(false, std::sync::atomic::Ordering::Relaxed) {
                return response("503 Service Unavailable", "Retry-After: 0\r\n", &body.to_string());
            }
            let made =
                json!({"kind": "ConfigMap", "metadata": {"name": "x", "namespace": "a"}, "data": {"a": "1"}});
            response("201 Created", "", &made.to_string())
        })
        .await,
    )
    .await;
    world.create(MAP, &map("a")).await;
}

/// A certificate that nobody vouches for.
#[tokio::test]
async fn a_certificate_that_is_not_trusted() {
    let sandbox = World::impatient().await;
    let world = World::elsewhere(&sandbox.connection.host()).await;
    let error = world.try_create(MAP, &map("a")).await.unwrap_err();
    insta::assert_snapshot!(world.shown(&error), @r#"
    Unreachable NotDone
    The certificate of the Kubernetes API server is refused: client error (Connect): invalid peer certificate: UnknownIssuer
    request: POST https://api/api/v1/namespaces/a/configmaps
    credential: the sandbox
    help: Nobody that is trusted here has signed it: name the authority that did with cluster_ca_certificate, if you trust it.
    "#);
}

fn response(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

/// A server that gives an answer for each request; its address.
async fn answers(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 64 << 10];
            let mut length = 0;
            // Headers and body come in one or two pieces.
            while let Ok(Ok(more)) =
                tokio::time::timeout(Duration::from_millis(30), stream.read(&mut request[length..])).await
            {
                length += more;
                if more == 0 {
                    break;
                }
            }
            let text = answer(&String::from_utf8_lossy(&request[..length]));
            let _ = stream.write_all(text.as_bytes()).await;
        }
    });
    url
}
