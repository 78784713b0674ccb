# What is there before a team is made.

resource "gitlab_group" "parent" {
  name = "Ministry"
  path = "ministry"
}

output "parent_id" {
  value = gitlab_group.parent.id
}
