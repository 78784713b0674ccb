//! The life of one object of each type: made, read, listed, changed, found, imported, deleted.

use pilotis_sdk::testkit::{Life, live};
use pilotis_sdk::value::Value;

use crate::{World, get, text, texts, yes};

async fn lives(world: &World, life: Life<'_>) {
    live(&world.provider, &*world.connection, life).await;
}

fn by_id(object: &Value) -> String {
    get(object, "id")
}

#[tokio::test]
async fn group() {
    let world = World::start().await;
    let top = world.group("forge").await;
    let parent = Value::number(get(&top, "id").parse::<i64>().unwrap());
    let life = Life {
        type_name: "gitlab_group",
        config: vec![
            ("name", text("Carto")),
            ("path", text("carto")),
            ("parent_id", parent),
            ("project_creation_level", text("maintainer")),
            ("request_access_enabled", Value::bool(false)),
            ("permanently_remove_on_delete", yes()),
        ],
        change: vec![("description", text("Cartographie")), ("path", text("cartographie"))],
        import_id: Some(Box::new(by_id)),
        lost: vec!["permanently_remove_on_delete"],
    };
    lives(&world, life).await;
}

#[tokio::test]
async fn project() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let namespace = Value::number(get(&group, "id").parse::<i64>().unwrap());
    let life = Life {
        type_name: "gitlab_project",
        config: vec![
            ("name", text("API")),
            ("path", text("api")),
            ("namespace_id", namespace),
            ("initialize_with_readme", yes()),
            ("topics", texts(&["plugin-managed", "carto"])),
            ("visibility_level", text("private")),
            ("wiki_access_level", text("disabled")),
        ],
        change: vec![("ci_config_path", text(".gitlab-ci-dso.yml")), ("merge_method", text("ff"))],
        import_id: Some(Box::new(by_id)),
        lost: vec!["initialize_with_readme"],
    };
    lives(&world, life).await;
}

#[tokio::test]
async fn group_membership() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let user = world.user("marie.durand").await;
    let life = Life {
        type_name: "gitlab_group_membership",
        config: vec![
            ("group_id", Value::number(get(&group, "id").parse::<i64>().unwrap())),
            ("user_id", Value::number(user)),
            ("access_level", text("developer")),
            ("expires_at", text("2099-12-31")),
        ],
        change: vec![("access_level", text("maintainer")), ("expires_at", text("2098-01-01"))],
        import_id: Some(Box::new(by_id)),
        lost: vec![],
    };
    lives(&world, life).await;
}

#[tokio::test]
async fn project_membership() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let project = world.project(&group, "api").await;
    let user = world.user("marie.durand").await;
    let life = Life {
        type_name: "gitlab_project_membership",
        config: vec![
            ("project", text(&get(&project, "id"))),
            ("user_id", Value::number(user)),
            ("access_level", text("developer")),
        ],
        change: vec![("access_level", text("maintainer"))],
        import_id: Some(Box::new(by_id)),
        lost: vec![],
    };
    lives(&world, life).await;
}

#[tokio::test]
async fn group_variable() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let life = Life {
        type_name: "gitlab_group_variable",
        config: vec![
            ("group", text(&get(&group, "id"))),
            ("key", text("SONAR_TOKEN")),
            ("value", text("squ_0123456789")),
            ("masked", yes()),
        ],
        change: vec![("value", text("squ_9876543210")), ("description", text("Sonar"))],
        import_id: Some(Box::new(by_id)),
        lost: vec![],
    };
    lives(&world, life).await;
}

#[tokio::test]
async fn project_variable() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let project = world.project(&group, "api").await;
    let life = Life {
        type_name: "gitlab_project_variable",
        config: vec![
            ("project", text(&get(&project, "id"))),
            ("key", text("PROPERTIES")),
            ("value", text("a=b\nc=d\n")),
            ("environment_scope", text("production")),
            ("variable_type", text("file")),
        ],
        change: vec![("value", text("a=c")), ("protected", yes())],
        import_id: Some(Box::new(by_id)),
        lost: vec![],
    };
    lives(&world, life).await;
}

#[tokio::test]
async fn branch_protection() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let project = world.project(&group, "api").await;
    let life = Life {
        type_name: "gitlab_branch_protection",
        config: vec![
            ("project", text(&get(&project, "id"))),
            ("branch", text("release/*")),
            ("push_access_level", text("no one")),
            ("merge_access_level", text("maintainer")),
        ],
        change: vec![("push_access_level", text("maintainer")), ("allow_force_push", yes())],
        import_id: Some(Box::new(by_id)),
        lost: vec![],
    };
    lives(&world, life).await;
}

#[tokio::test]
async fn deploy_tokens() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let project = world.project(&group, "api").await;
    let of = [
        ("gitlab_project_deploy_token", "project", &project),
        ("gitlab_group_deploy_token", "group", &group),
    ];
    for (type_name, parent, object) in of {
        let life = Life {
            type_name,
            config: vec![
                (parent, text(&get(object, "id"))),
                ("name", text("reader")),
                ("scopes", texts(&["read_registry", "read_repository"])),
            ],
            change: vec![],
            import_id: Some(Box::new(by_id)),
            lost: vec![],
        };
        lives(&world, life).await;
    }
}

#[tokio::test]
async fn access_tokens() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let project = world.project(&group, "api").await;
    let of = [
        ("gitlab_project_access_token", "project", &project),
        ("gitlab_group_access_token", "group", &group),
    ];
    for (type_name, parent, object) in of {
        let life = Life {
            type_name,
            config: vec![
                (parent, text(&get(object, "id"))),
                ("name", text("forge-bot")),
                ("scopes", texts(&["read_api", "write_repository"])),
                ("access_level", text("developer")),
            ],
            change: vec![],
            import_id: Some(Box::new(by_id)),
            lost: vec![],
        };
        lives(&world, life).await;
    }
}

#[tokio::test]
async fn pipeline_trigger() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let project = world.project(&group, "mirror").await;
    let life = Life {
        type_name: "gitlab_pipeline_trigger",
        config: vec![
            ("project", text(&get(&project, "id"))),
            ("description", text("mirroring-from-external-repo")),
        ],
        change: vec![("description", text("mirroring"))],
        import_id: Some(Box::new(by_id)),
        lost: vec![],
    };
    lives(&world, life).await;
}

#[tokio::test]
async fn push_mirror() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let project = world.project(&group, "api").await;
    for type_name in ["gitlab_project_push_mirror", "gitlab_project_mirror"] {
        let life = Life {
            type_name,
            config: vec![
                ("project", text(&get(&project, "id"))),
                ("url", text("https://bot:s3cret@forge.example/api.git")),
                ("enabled", yes()),
            ],
            change: vec![("only_protected_branches", yes())],
            import_id: None,
            lost: vec![],
        };
        lives(&world, life).await;
    }
}

#[tokio::test]
async fn pull_mirror() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let project = world.project(&group, "api").await;
    let life = Life {
        type_name: "gitlab_project_pull_mirror",
        config: vec![
            ("project", text(&get(&project, "id"))),
            ("url", text("https://forge.example/api.git")),
            ("auth_user", text("bot")),
            ("auth_password", text("s3cret")),
        ],
        change: vec![("mirror_trigger_builds", yes())],
        import_id: Some(Box::new(by_id)),
        lost: vec!["auth_user"],
    };
    lives(&world, life).await;
}

#[tokio::test]
async fn repository_file() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let project = world.project(&group, "mirror").await;
    let life = Life {
        type_name: "gitlab_repository_file",
        config: vec![
            ("project", text(&get(&project, "id"))),
            ("branch", text("main")),
            ("file_path", text("ci/mirror.sh")),
            ("content", text("#!/bin/sh\necho é\n")),
            ("execute_filemode", yes()),
            ("commit_message", text("ci: first mirror")),
        ],
        change: vec![("content", text("#!/bin/sh\n"))],
        import_id: Some(Box::new(by_id)),
        lost: vec!["commit_message"],
    };
    lives(&world, life).await;
}

#[tokio::test]
async fn webhooks() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let project = world.project(&group, "api").await;
    for (type_name, parent, object) in
        [("gitlab_project_hook", "project", &project), ("gitlab_group_hook", "group", &group)]
    {
        let life = Life {
            type_name,
            config: vec![
                (parent, text(&get(object, "id"))),
                ("url", text("https://hooks.example/gitlab")),
                ("token", text("s3cret").with_marks(pilotis_sdk::value::Marks::SENSITIVE)),
                ("push_events", Value::bool(false)),
                ("pipeline_events", yes()),
            ],
            change: vec![("merge_requests_events", yes()), ("pipeline_events", Value::bool(false))],
            import_id: Some(Box::new(by_id)),
            lost: vec![],
        };
        lives(&world, life).await;
    }
}

#[tokio::test]
async fn labels() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let project = world.project(&group, "api").await;
    for (type_name, parent, object) in
        [("gitlab_project_label", "project", &project), ("gitlab_group_label", "group", &group)]
    {
        let parent_id = get(object, "id");
        let life = Life {
            type_name,
            config: vec![(parent, text(&parent_id)), ("name", text("bug")), ("color", text("#FFAABB"))],
            change: vec![("description", text("A defect")), ("color", text("#112233"))],
            import_id: Some(Box::new(move |_| format!("{parent_id}:bug"))),
            lost: vec![],
        };
        lives(&world, life).await;
    }
}

#[tokio::test]
async fn shares() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let other = world.group("readers").await;
    let project = world.project(&group, "api").await;
    let number = Value::number(get(&other, "id").parse::<i64>().unwrap());
    let cases = [
        ("gitlab_project_share_group", "project", &project, "group_id"),
        ("gitlab_group_share_group", "group_id", &group, "share_group_id"),
    ];
    for (type_name, parent, object, with) in cases {
        let life = Life {
            type_name,
            config: vec![
                (parent, text(&get(object, "id"))),
                (with, number.clone()),
                ("group_access", text("reporter")),
                ("expires_at", text("2099-12-31")),
            ],
            change: vec![],
            import_id: Some(Box::new(by_id)),
            lost: vec![],
        };
        lives(&world, life).await;
    }
}

#[tokio::test]
async fn what_a_project_has_besides() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let project = world.project(&group, "api").await;
    let of = |more: Vec<(&'static str, Value)>| {
        let mut config = vec![("project", text(&get(&project, "id")))];
        config.extend(more);
        config
    };
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE5wVvhBNyYx4mbrU6WUpyUUD0GsSVuP4RTbHpH5Kp9g bot";
    let cases = [
        (
            "gitlab_deploy_key",
            of(vec![("title", text("bot")), ("key", text(key)), ("can_push", yes())]),
            vec![],
        ),
        (
            "gitlab_project_environment",
            of(vec![("name", text("dev")), ("stop_before_destroy", yes())]),
            vec![("external_url", text("https://dev.example")), ("tier", text("development"))],
        ),
        (
            "gitlab_pipeline_schedule",
            of(vec![
                ("description", text("nightly")),
                ("ref", text("refs/heads/main")),
                ("cron", text("0 1 * * *")),
                ("cron_timezone", text("Europe/Paris")),
            ]),
            vec![("active", Value::bool(false))],
        ),
        (
            "gitlab_tag_protection",
            of(vec![("tag", text("v*")), ("create_access_level", text("maintainer"))]),
            vec![],
        ),
    ];
    for (type_name, config, change) in cases {
        let lost = vec!["stop_before_destroy"];
        let life = Life { type_name, config, change, import_id: Some(Box::new(by_id)), lost };
        lives(&world, life).await;
    }
}

#[tokio::test]
async fn user() {
    let world = World::start().await;
    let life = Life {
        type_name: "gitlab_user",
        config: vec![
            ("username", text("marie.durand")),
            ("name", text("Marie Durand")),
            ("email", text("marie.durand@interieur.example")),
            ("can_create_group", Value::bool(false)),
        ],
        change: vec![("name", text("Marie Durand-Petit")), ("state", text("blocked"))],
        import_id: Some(Box::new(by_id)),
        lost: vec![],
    };
    lives(&world, life).await;
}

#[tokio::test]
async fn branch() {
    let world = World::start().await;
    let group = world.group("forge").await;
    let project = world.project(&group, "api").await;
    let life = Life {
        type_name: "gitlab_branch",
        config: vec![("project", text(&get(&project, "id"))), ("name", text("dev")), ("ref", text("main"))],
        change: vec![],
        import_id: None,
        lost: vec![],
    };
    lives(&world, life).await;
}
