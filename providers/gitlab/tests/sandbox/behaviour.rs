//! What is particular to GitLab.

use std::time::Duration;

use pilotis_sandbox::gitlab;
use pilotis_sdk::value::Value;
use pilotis_sdk::{ErrorKind, Found};

use crate::{World, get, text, texts, yes};

fn number(object: &Value, name: &str) -> Value {
    Value::number(get(object, name).parse::<i64>().unwrap())
}

#[tokio::test]
async fn a_marked_group_is_gone() {
    let world = World::start().await;
    let group = world.group("forge").await;
    world.connection.delete("gitlab_group", &group).await.unwrap();
    assert_eq!(world.read("gitlab_group", &group).await.unwrap(), None);
}

#[tokio::test]
async fn a_path_that_a_marked_project_keeps_is_explained() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let project = world.project(&group, "api").await;
    world.connection.delete("gitlab_project", &project).await.unwrap();
    let config = [("name", text("api")), ("namespace_id", number(&group, "id"))];
    let error = world.try_make("gitlab_project", &config).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::AlreadyExists);
    assert!(error.help.iter().any(|h| h.contains("marked for deletion")), "{:?}", error.help);
}

#[tokio::test]
async fn a_project_is_made_again_while_its_former_self_is_deleted() {
    let world = World::with(gitlab::GitLab::new().deletion_delay(Duration::from_millis(600))).await;
    let group = world.group("forge").await;
    let config = [
        ("name", text("api")),
        ("namespace_id", number(&group, "id")),
        ("permanently_delete_on_destroy", yes()),
    ];
    let first = world.make("gitlab_project", &config).await;
    let delete = world.connection.delete("gitlab_project", &first);
    let again = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        world.make("gitlab_project", &config).await
    };
    let (deleted, second) = tokio::join!(delete, again);
    deleted.unwrap();
    assert_ne!(get(&first, "id"), get(&second, "id"));
}

#[tokio::test]
async fn gitlabs_own_rule_for_the_default_branch_is_taken_over() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let project = world.project(&group, "api").await;
    let config = [
        ("project", text(&get(&project, "id"))),
        ("branch", text("main")),
        ("push_access_level", text("no one")),
        ("merge_access_level", text("developer")),
    ];
    let rule = world.make("gitlab_branch_protection", &config).await;
    assert_eq!(get(&rule, "push_access_level"), "no one");
    let mut other = config.clone();
    other[1].1 = text("dev");
    world.make("gitlab_branch_protection", &other).await;
    let error = world.try_make("gitlab_branch_protection", &other).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::AlreadyExists, "another's rule is not");
    assert!(error.help.iter().any(|h| h.contains(":dev")), "{:?}", error.help);
}

#[tokio::test]
async fn entries_of_a_protection_come_and_go() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let project = world.project(&group, "api").await;
    let (a, b) = (world.user("a.one").await, world.user("b.two").await);
    for user in [a, b] {
        let config = [
            ("project", text(&get(&project, "id"))),
            ("user_id", Value::number(user)),
            ("access_level", text("developer")),
        ];
        world.make("gitlab_project_membership", &config).await;
    }
    let schema = &pilotis_sdk::Provider::schema(&world.provider).resources["gitlab_branch_protection"];
    let element = schema.block.attributes["allowed_to_push"].ty.without_optional().element().unwrap().clone();
    let entry = |user: i64| {
        let null = Value::null(pilotis_sdk::value::Type::Number);
        Value::object_of([
            ("access_level", Value::null(pilotis_sdk::value::Type::String)),
            ("deploy_key_id", null.clone()),
            ("group_id", null),
            ("user_id", Value::number(user)),
        ])
    };
    let config = |users: &[i64]| {
        [
            ("project", text(&get(&project, "id"))),
            ("branch", text("dev")),
            ("push_access_level", text("maintainer")),
            ("allowed_to_push", Value::set(element.clone(), users.iter().map(|u| entry(*u)).collect())),
        ]
    };
    let rule = world.make("gitlab_branch_protection", &config(&[a])).await;
    assert_eq!(rule.get("allowed_to_push").unwrap().as_elements().unwrap(), [entry(a)]);
    let rule = world.change("gitlab_branch_protection", &rule, &config(&[b])).await.unwrap();
    assert_eq!(rule.get("allowed_to_push").unwrap().as_elements().unwrap(), [entry(b)]);
    assert_eq!(get(&rule, "push_access_level"), "maintainer");
}

#[tokio::test]
async fn the_creator_of_a_group_is_its_owner_already() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let me = world.data("gitlab_current_user", &[]).await.unwrap();
    let config =
        [("group_id", number(&group, "id")), ("user_id", number(&me, "id")), ("access_level", text("owner"))];
    world.make("gitlab_group_membership", &config).await;
    let other = world.user("marie.durand").await;
    let config = [
        ("group_id", number(&group, "id")),
        ("user_id", Value::number(other)),
        ("access_level", text("guest")),
    ];
    world.make("gitlab_group_membership", &config).await;
    let error = world.try_make("gitlab_group_membership", &config).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::AlreadyExists);
}

#[tokio::test]
async fn a_hidden_variable_keeps_the_value_that_is_known() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let config = [
        ("group", text(&get(&group, "id"))),
        ("key", text("TOKEN")),
        ("value", text("abcdefgh1234")),
        ("hidden", yes()),
    ];
    let variable = world.make("gitlab_group_variable", &config).await;
    let read = world.read("gitlab_group_variable", &variable).await.unwrap().unwrap();
    assert_eq!(read.get("value"), variable.get("value"));
    assert!(read.get("value").unwrap().has_sensitive());
}

#[tokio::test]
async fn a_value_that_cant_be_masked_says_how_it_must_be() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let config = [
        ("group", text(&get(&group, "id"))),
        ("key", text("TOKEN")),
        ("value", text("short")),
        ("masked", yes()),
    ];
    let error = world.try_make("gitlab_group_variable", &config).await.unwrap_err();
    assert_eq!((error.kind, error.attribute.as_deref()), (ErrorKind::Invalid, Some("value")));
    assert!(error.help[0].contains("8 characters"), "{:?}", error.help);
}

#[tokio::test]
async fn a_token_whose_secret_was_lost_is_revoked() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let config = [
        ("group", text(&get(&group, "id"))),
        ("name", text("forge-bot")),
        ("scopes", texts(&["read_api"])),
        ("access_level", text("developer")),
    ];
    let token = world.make("gitlab_group_access_token", &config).await;
    let schema = &pilotis_sdk::Provider::schema(&world.provider).resources["gitlab_group_access_token"];
    let planned = pilotis_sdk::testkit::plan(schema, &config, None);
    assert!(matches!(
        world.connection.find("gitlab_group_access_token", &planned).await.unwrap(),
        Found::Revoked
    ));
    assert_eq!(world.read("gitlab_group_access_token", &token).await.unwrap(), None);
    assert!(matches!(
        world.connection.find("gitlab_group_access_token", &planned).await.unwrap(),
        Found::Absent
    ));
}

#[tokio::test]
async fn a_group_and_a_project_move() {
    let world = World::start().await;
    let (a, b) = (world.group("a").await, world.group("b").await);
    let sub = [("name", text("sub")), ("path", text("sub")), ("parent_id", number(&a, "id"))];
    let group = world.make("gitlab_group", &sub).await;
    let project = world.project(&a, "api").await;
    let moved = [("name", text("sub")), ("path", text("sub")), ("parent_id", number(&b, "id"))];
    let group = world.change("gitlab_group", &group, &moved).await.unwrap();
    assert_eq!(get(&group, "full_path"), "b/sub");
    let config = [("name", text("api")), ("namespace_id", number(&group, "id"))];
    let project = world.change("gitlab_project", &project, &config).await.unwrap();
    assert_eq!(get(&project, "path_with_namespace"), "b/sub/api");
}

#[tokio::test]
async fn an_update_sends_only_what_changed() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let writes = || world.connection.calls().1;
    let before = writes();
    let config = [("name", text("forge")), ("path", text("forge")), ("archive_on_destroy", yes())];
    let group = world.change("gitlab_group", &group, &config).await.unwrap();
    assert_eq!(writes(), before, "what GitLab doesn't store is no call");
    assert_eq!(group.get("archive_on_destroy"), Some(&yes()));
}

#[tokio::test]
async fn data_sources() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let project = world.project(&group, "api").await;
    let found = world.data("gitlab_group", &[("full_path", text("forge"))]).await.unwrap();
    assert_eq!(get(&found, "id"), get(&group, "id"));
    let found = world.data("gitlab_project", &[("path_with_namespace", text("forge/api"))]).await.unwrap();
    assert_eq!(get(&found, "id"), get(&project, "id"));
    assert!(get(&world.data("gitlab_metadata", &[]).await.unwrap(), "version").starts_with("1"));
    let error = world.data("gitlab_group", &[("full_path", text("nothing"))]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    let error = world.data("gitlab_user", &[]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
}
