//! Terraform state kept in GitLab.

use reqwest::Method;
use serde_json::json;

use crate::lab::lab;

#[tokio::test]
async fn a_state_is_locked_written_read_and_unlocked() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    let project = lab.project("infra", forge).await;
    let state = format!("/projects/{project}/terraform/state/prod.v1");
    lab.get(&state).await.expect(404);
    let info = |id: &str, info: &str| {
        json!({
            "ID": id, "Who": "marie@laptop", "Operation": "OperationTypeApply", "Info": info, "Version": "1", "Path": "",
            "Created": "2026-02-01T09:30:00Z",
        })
    };
    let mine = info("1", "mine");
    let short = lab.post(&format!("{state}/lock"), json!({ "ID": "1", "Info": "" })).await.expect(400);
    assert!(short["error"].as_str().unwrap().contains("Operation is missing, Who is missing"), "{short}");
    let held = lab.post(&format!("{state}/lock"), mine.clone()).await.expect(200);
    assert_eq!((&held["ID"], &held["Who"]), (&json!("1"), &json!("root")), "the user, not what was said");
    lab.get(&state).await.expect(204);
    let taken = lab.post(&format!("{state}/lock"), info("2", "theirs")).await.expect(409);
    assert_eq!(
        (&taken["ID"], &taken["Who"], &taken["Created"]),
        (&held["ID"], &held["Who"], &held["Created"])
    );
    assert_eq!(taken["Info"], "theirs", "of whoever asks");
    lab.delete(&state).await.expect(200);
    lab.get(&state).await.expect(204);
    lab.post(&state, json!({ "serial": 1, "lineage": "x" })).await.expect(409);
    lab.post(&format!("{state}?ID=1"), json!({ "serial": 1, "lineage": "x" })).await.expect(200);
    lab.post(&format!("{state}?ID=1"), json!({ "serial": 1, "lineage": "x" })).await.expect(422);
    lab.post(&format!("{state}?ID=1"), json!({ "lineage": "x" })).await.expect(422);
    lab.post(&format!("{state}?ID=1"), json!({ "serial": 10, "lineage": "x" })).await.expect(200);
    assert_eq!(lab.get(&state).await.expect(200)["serial"], 10);
    assert_eq!(lab.get(&format!("{state}/versions/1")).await.expect(200)["serial"], 1);
    let lock = format!("{state}/lock");
    lab.send_as(&lab.token, Method::DELETE, &lock, Some(json!({ "ID": "2" }))).await.expect(409);
    lab.send_as(&lab.token, Method::DELETE, &lock, Some(mine)).await.expect(200);
    lab.post(&format!("{state}?ID=1"), json!({ "serial": 11, "lineage": "x" })).await.expect(409);
    let basic = lab.http.get(format!("{}/api/v4{state}", lab.url)).basic_auth("anyone", Some(&lab.token));
    assert_eq!(basic.send().await.unwrap().status(), 200);
    lab.delete(&state).await.expect(200);
    lab.get(&state).await.expect(404);
}
