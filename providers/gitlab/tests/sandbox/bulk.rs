//! An estate is read in few calls.

use futures::StreamExt as _;
use pilotis_sdk::value::Value;
use pilotis_sdk::{ListRequest, Listing, ReadRequest};

use crate::{World, get, text};

impl World {
    async fn list(&self, type_name: &str, scopes: Vec<Value>, wanted: Vec<Vec<Value>>) -> Vec<Listing> {
        let request = ListRequest { type_name: type_name.to_owned(), scopes, wanted };
        self.connection.list(request).await.into_iter().map(|l| l.unwrap()).collect()
    }
}

#[tokio::test]
async fn children_of_many_projects_come_together() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let user = world.user("marie.durand").await;
    let mut projects = Vec::new();
    for i in 0..12 {
        let namespace = Value::number(get(&group, "id").parse::<i64>().unwrap());
        let project = world
            .make("gitlab_project", &[("name", text(&format!("p{i}"))), ("namespace_id", namespace)])
            .await;
        let id = text(&get(&project, "id"));
        let member =
            [("project", id.clone()), ("user_id", Value::number(user)), ("access_level", text("developer"))];
        world.make("gitlab_project_membership", &member).await;
        let variable = [("project", id.clone()), ("key", text("K")), ("value", text("v"))];
        world.make("gitlab_project_variable", &variable).await;
        let rule =
            [("project", id.clone()), ("branch", text("dev")), ("push_access_level", text("developer"))];
        world.make("gitlab_branch_protection", &rule).await;
        world.make("gitlab_pipeline_trigger", &[("project", id), ("description", text("t"))]).await;
        projects.push(project);
    }
    let scopes: Vec<Value> =
        projects.iter().map(|p| Value::object_of([("project", text(&get(p, "id")))])).collect();
    let types = [
        ("gitlab_project_membership", "access_level", "developer"),
        ("gitlab_project_variable", "key", "K"),
        ("gitlab_branch_protection", "push_access_level", "developer"),
        ("gitlab_pipeline_trigger", "description", "t"),
    ];
    let reads = || world.connection.calls().0;
    for (type_name, attribute, value) in types {
        let before = reads();
        let listings = world.list(type_name, scopes.clone(), vec![Vec::new(); scopes.len()]).await;
        assert!(reads() - before <= 2, "{type_name}: {} calls", reads() - before);
        assert_eq!(listings.len(), projects.len());
        for listing in listings {
            assert!(listing.complete);
            let all: Vec<_> = listing.objects.iter().map(|o| get(o, attribute)).collect();
            assert_eq!(all, [value], "{type_name}");
        }
    }
    let before = reads();
    let listings =
        world.list("gitlab_project", vec![Value::object_of::<&str>([])], vec![projects.clone()]).await;
    assert!(reads() - before <= 1, "projects: {} calls", reads() - before);
    assert_eq!(listings[0].objects.len(), projects.len());
    for project in &projects {
        let listed = listings[0].objects.iter().find(|o| o.get("id") == project.get("id")).unwrap();
        assert_eq!(listed, project, "a listing says the same as the create");
    }
}

#[tokio::test]
async fn children_of_many_groups_come_together() {
    let world = World::start().await;
    let top = world.group("forge").await;
    let user = world.user("marie.durand").await;
    let mut groups = vec![top.clone()];
    for i in 0..6 {
        let name = format!("g{i}");
        let parent = Value::number(get(&top, "id").parse::<i64>().unwrap());
        let group = world
            .make("gitlab_group", &[("name", text(&name)), ("path", text(&name)), ("parent_id", parent)])
            .await;
        let id = Value::number(get(&group, "id").parse::<i64>().unwrap());
        let member = [("group_id", id), ("user_id", Value::number(user)), ("access_level", text("reporter"))];
        world.make("gitlab_group_membership", &member).await;
        let variable = [("group", text(&get(&group, "id"))), ("key", text("K")), ("value", text("v"))];
        world.make("gitlab_group_variable", &variable).await;
        groups.push(group);
    }
    let reads = || world.connection.calls().0;
    let before = reads();
    let listings = world.list("gitlab_group", vec![Value::object_of::<&str>([])], vec![groups.clone()]).await;
    assert!(reads() - before <= 2, "{} calls", reads() - before);
    for group in &groups {
        let listed = listings[0].objects.iter().find(|o| o.get("id") == group.get("id")).unwrap();
        assert_eq!(listed, group, "a listing says the same as the create");
    }
    let subgroups = &groups[1..];
    let of = |name: &str, numeric: bool| -> Vec<Value> {
        let id = |g: &Value| {
            if numeric { Value::number(get(g, "id").parse::<i64>().unwrap()) } else { text(&get(g, "id")) }
        };
        subgroups.iter().map(|g| Value::object_of([(name, id(g))])).collect()
    };
    for (type_name, scopes) in
        [("gitlab_group_membership", of("group_id", true)), ("gitlab_group_variable", of("group", false))]
    {
        let before = reads();
        let listings = world.list(type_name, scopes, vec![Vec::new(); subgroups.len()]).await;
        assert_eq!(reads() - before, 1, "{type_name}");
        assert!(listings.iter().all(|l| l.complete && !l.objects.is_empty()));
    }
}

#[tokio::test]
async fn many_users_come_together() {
    let world = World::start().await;
    let names = ["a.one", "b.two", "c.three", "d.four"];
    for name in names {
        world.user(name).await;
    }
    let configs: Vec<Vec<(&str, Value)>> = names.iter().map(|n| vec![("username", text(n))]).collect();
    let configs: Vec<&[(&str, Value)]> = configs.iter().map(Vec::as_slice).collect();
    let before = world.connection.calls().0;
    let users = world.all_data("gitlab_user", &configs).await;
    assert_eq!(world.connection.calls().0 - before, 1);
    for (user, name) in users.iter().zip(names) {
        assert_eq!(get(user.as_ref().unwrap(), "username"), name);
    }
}

/// 150 projects with what belongs to them: at most one call for 50 objects.
#[tokio::test]
async fn an_estate() {
    const PROJECTS: usize = 150;
    let world = World::start().await;
    let group = world.group("forge").await;
    let user = world.user("marie.durand").await;
    let namespace = Value::number(get(&group, "id").parse::<i64>().unwrap());
    let one = |i: usize| {
        let (world, namespace) = (&world, namespace.clone());
        async move {
            let name = format!("p{i}");
            let project =
                world.make("gitlab_project", &[("name", text(&name)), ("namespace_id", namespace)]).await;
            let id = text(&get(&project, "id"));
            let member = [
                ("project", id.clone()),
                ("user_id", Value::number(user)),
                ("access_level", text("developer")),
            ];
            let variable = [("project", id.clone()), ("key", text("K")), ("value", text("v"))];
            let rule = [("project", id), ("branch", text("dev")), ("push_access_level", text("developer"))];
            [
                ("gitlab_project_membership", world.make("gitlab_project_membership", &member).await),
                ("gitlab_project_variable", world.make("gitlab_project_variable", &variable).await),
                ("gitlab_branch_protection", world.make("gitlab_branch_protection", &rule).await),
                ("gitlab_project", project),
            ]
        }
    };
    let made: Vec<_> = futures::stream::iter((0..PROJECTS).map(one)).buffered(8).collect().await;
    let objects: Vec<(&str, Value)> = made.into_iter().flatten().collect();
    let before = world.connection.calls().0;
    for type_name in ["gitlab_project_membership", "gitlab_project_variable", "gitlab_branch_protection"] {
        // One object a project: as the engine asks for them, singly, a hundred at a time.
        let of_type: Vec<&Value> = objects.iter().filter(|(t, _)| *t == type_name).map(|(_, o)| o).collect();
        for batch in of_type.chunks(100) {
            let request = |o: &&Value| ReadRequest { type_name: type_name.to_owned(), prior: (*o).clone() };
            let read = world.connection.read(batch.iter().map(request).collect()).await;
            for (read, known) in read.into_iter().zip(batch) {
                assert_eq!(read.unwrap().as_ref(), Some(*known));
            }
        }
    }
    let wanted: Vec<Value> =
        objects.iter().filter(|(t, _)| *t == "gitlab_project").map(|(_, o)| o.clone()).collect();
    let listings =
        world.list("gitlab_project", vec![Value::object_of::<&str>([])], vec![wanted.clone()]).await;
    assert_eq!(listings[0].objects.len(), wanted.len());
    let calls = world.connection.calls().0 - before;
    assert!(calls as usize * 50 <= objects.len(), "{calls} calls for {} objects", objects.len());
}
