variable "name" {
  type = string
}

variable "anchor" {
  type = string
}

resource "terraform_data" "root" {
  input = "/srv/${var.name}"

  lifecycle {
    precondition {
      condition     = var.name != ""
      error_message = "A site has a name."
    }
  }
}

resource "terraform_data" "link" {
  input = [terraform_data.root.id, var.anchor]
}

output "id" {
  value = terraform_data.root.id
}
