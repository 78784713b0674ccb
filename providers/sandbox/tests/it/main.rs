//! The sandbox over real HTTP, one module a subject.

#![allow(clippy::unwrap_used, reason = "the helpers of tests may panic too")]

mod faults;
mod gitlab_access;
mod gitlab_deletion;
mod gitlab_graphql;
mod gitlab_groups;
mod gitlab_members;
mod gitlab_projects;
mod gitlab_repository;
mod gitlab_state;
mod gitlab_tokens;
mod gitlab_variables;
mod kubernetes;
mod lab;
mod running;
