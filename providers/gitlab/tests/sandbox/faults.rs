//! When GitLab or the line fails: nothing is lost, nothing is made twice, nothing is taken for deleted.

use pilotis_sandbox::{Action, Fault};
use pilotis_sdk::testkit::plan;
use pilotis_sdk::value::Value;
use pilotis_sdk::{ErrorKind, Found, ListRequest, Outcome, Provider as _, ReadRequest};

use crate::{World, get, text, texts, yes};

impl World {
    fn fault(&self, fault: Fault) {
        self.sandbox.faults("gitlab").unwrap().add(fault).unwrap();
    }

    /// Makes something whose answer is lost, and says what became of it.
    async fn make_and_lose(&self, type_name: &str, config: &[(&str, Value)]) -> Found {
        let planned = plan(&self.provider.schema().resources[type_name], config, None);
        for action in [Action::DropAfter, Action::DropBefore] {
            let before = matches!(action, Action::DropBefore);
            if before {
                // Nothing was done: that is proven.
                self.fault(Fault::new(action).methods(&["POST"]).next(1));
                let error = self.connection.create(type_name, &planned).await.unwrap_err();
                assert_eq!(error.outcome, Outcome::Unknown, "{type_name}: {error:?}");
                let found = self.connection.find(type_name, &planned).await.unwrap();
                assert!(matches!(found, Found::Absent), "{type_name}: {found:?}");
            }
        }
        self.fault(Fault::new(Action::DropAfter).methods(&["POST"]).next(1));
        let error = self.connection.create(type_name, &planned).await.unwrap_err();
        assert_eq!((error.outcome, error.kind), (Outcome::Unknown, ErrorKind::Unreachable), "{type_name}");
        self.connection.find(type_name, &planned).await.unwrap()
    }
}

#[tokio::test]
async fn what_was_made_and_not_answered_is_found() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let project = world.project(&group, "api").await;
    let user = world.user("marie.durand").await;
    let (group_id, project_id) = (get(&group, "id"), get(&project, "id"));
    let number = Value::number(group_id.parse::<i64>().unwrap());
    let cases: Vec<(&str, Vec<(&str, Value)>)> = vec![
        ("gitlab_group", vec![("name", text("Sub")), ("path", text("sub")), ("parent_id", number.clone())]),
        (
            "gitlab_project",
            vec![("name", text("Web")), ("path", text("web")), ("namespace_id", number.clone())],
        ),
        (
            "gitlab_group_membership",
            vec![("group_id", number), ("user_id", Value::number(user)), ("access_level", text("guest"))],
        ),
        ("gitlab_group_variable", vec![("group", text(&group_id)), ("key", text("K")), ("value", text("v"))]),
        ("gitlab_branch_protection", vec![("project", text(&project_id)), ("branch", text("dev"))]),
        ("gitlab_pipeline_trigger", vec![("project", text(&project_id)), ("description", text("t"))]),
        (
            "gitlab_project_push_mirror",
            vec![("project", text(&project_id)), ("url", text("https://a:b@forge.example/x.git"))],
        ),
        (
            "gitlab_repository_file",
            vec![
                ("project", text(&project_id)),
                ("branch", text("main")),
                ("file_path", text("a.txt")),
                ("content", text("a")),
            ],
        ),
    ];
    for (type_name, config) in cases {
        let found = world.make_and_lose(type_name, &config).await;
        let Found::Object(object) = found else { panic!("{type_name}: {found:?}") };
        assert!(object.is_wholly_known());
        assert_eq!(object.ty(), world.provider.schema().resources[type_name].block.implied_type());
        world.connection.delete(type_name, &object).await.unwrap();
    }
}

#[tokio::test]
async fn a_token_that_was_made_and_not_answered_is_revoked() {
    let world = World::start().await;
    let group = world.group("forge").await;
    for (type_name, scopes) in
        [("gitlab_group_access_token", "read_api"), ("gitlab_group_deploy_token", "read_registry")]
    {
        let config =
            [("group", text(&get(&group, "id"))), ("name", text("bot")), ("scopes", texts(&[scopes]))];
        let found = world.make_and_lose(type_name, &config).await;
        assert!(matches!(found, Found::Revoked), "{type_name}: {found:?}");
    }
}

#[tokio::test]
async fn a_project_whose_settings_fail_is_made_all_the_same() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let namespace = Value::number(get(&group, "id").parse::<i64>().unwrap());
    world.fault(Fault::new(Action::Forbidden).methods(&["POST"]).path("/archive$").next(1));
    let config = [("name", text("api")), ("namespace_id", namespace), ("archived", yes())];
    let created = world.try_make("gitlab_project", &config).await.unwrap();
    assert_eq!(created.error.unwrap().kind, ErrorKind::Forbidden);
    assert!(created.object.is_wholly_known());
    world.connection.delete("gitlab_project", &created.object).await.unwrap();
}

#[tokio::test]
async fn what_the_token_may_not_see_is_not_deleted() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let project = world.project(&group, "api").await;
    let stranger = world.as_user(world.user("marie.durand").await).await;
    for (type_name, object) in [("gitlab_group", &group), ("gitlab_project", &project)] {
        let request = ReadRequest { type_name: type_name.to_owned(), prior: object.clone() };
        let error = stranger.read(vec![request]).await.remove(0).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Forbidden, "{type_name}");
        assert!(error.summary.contains("hides"), "{}", error.summary);
        let wanted = vec![vec![object.clone(); 5]];
        let scopes = vec![Value::object_of::<&str>([])];
        let request = ListRequest { type_name: type_name.to_owned(), scopes, wanted };
        let listing = stranger.list(request).await.remove(0);
        assert!(listing.is_err(), "{type_name}: {listing:?}");
    }
    world.connection.delete("gitlab_project", &project).await.unwrap();
    assert_eq!(world.read("gitlab_project", &project).await.unwrap(), None, "what is gone is gone");
}

#[tokio::test]
async fn without_graphql_lists_are_read_one_by_one() {
    let world = World::start().await;
    world.fault(Fault::new(Action::ServerError { status: 501 }).path("graphql"));
    let group = world.group("forge").await;
    let mut scopes = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let project = world.project(&group, name).await;
        scopes.push(Value::object_of([("project", text(&get(&project, "id")))]));
    }
    let request = ListRequest {
        type_name: "gitlab_branch_protection".to_owned(),
        wanted: vec![Vec::new(); scopes.len()],
        scopes,
    };
    for listing in world.connection.list(request).await {
        let listing = listing.unwrap();
        assert!(listing.complete);
        assert_eq!(get(&listing.objects[0], "branch"), "main");
    }
}

#[tokio::test]
async fn a_list_that_is_refused_is_an_error_and_not_empty() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let project = world.project(&group, "api").await;
    world.fault(Fault::new(Action::Forbidden).path("/variables"));
    let request = ListRequest {
        type_name: "gitlab_project_variable".to_owned(),
        scopes: vec![Value::object_of([("project", text(&get(&project, "id")))])],
        wanted: vec![Vec::new()],
    };
    assert_eq!(world.connection.list(request).await.remove(0).unwrap_err().kind, ErrorKind::Forbidden);
}

#[tokio::test]
async fn a_busy_gitlab_is_waited_for() {
    let world = World::start().await;
    let group = world.group("forge").await;
    world.fault(Fault::new(Action::TooManyRequests { retry_after: Some(1) }).next(2));
    world.fault(Fault::new(Action::ServerError { status: 503 }).methods(&["GET"]).skip(2).next(1));
    let namespace = Value::number(get(&group, "id").parse::<i64>().unwrap());
    let project = world.make("gitlab_project", &[("name", text("api")), ("namespace_id", namespace)]).await;
    assert!(world.read("gitlab_project", &project).await.unwrap().is_some());
}
