# Two projects of a ministry, on the sandbox: nothing else has to be installed.
#
#   pilotis apply
#
# makes them; change a quota below and apply again.

provider "gitlab" {
  sandbox = true
}

provider "kubernetes" {
  sandbox = true
}

blueprint "cluster" {
  source = "cloud-pi-native/cluster"
}

blueprint "project" {
  source = "cloud-pi-native/project"
}

cluster "hp1" {
  stages = ["dev", "recette"]
}

cluster "prod1" {
  stages = ["prod"]
}

project "titresejour" {
  description = "Dépôt en ligne des demandes de titre de séjour"
  owner       = "claire.moreau@interieur.example"
  members = {
    "karim.benali@interieur.example"   = ["devops"]
    "lucie.perrin@prestataire.example" = ["developer"]
  }

  repo "api" {
    source = "https://forge.example/dgtn/titresejour-api.git"
  }
  repo "web" {
    source    = "https://forge.example/dgtn/titresejour-web.git"
    variables = { NODE_ENV = "production" }
  }
  repo "infra" {
    infra = true
  }

  environment "dev" {
    on = cluster.hp1.stage.dev
    quota {
      cpu    = 2
      memory = "4Gi"
    }
  }
  environment "prod" {
    on = cluster.prod1.stage.prod
    quota {
      cpu    = 6
      memory = "12Gi"
    }
    autosync = false
  }
}

project "carto" {
  description = "Cartographie des interventions"
  owner       = "marie.durand@interieur.example"

  repo "api" {
    source = "https://forge.example/carto/api.git"
  }

  environment "dev" {
    on = cluster.hp1.stage.dev
    quota {
      cpu    = 2
      memory = "4Gi"
    }
  }
}

output "projects" {
  description = "Where the projects are."
  value       = { for name, p in project : name => p.url }
}

output "namespaces" {
  value = { for name, p in project : name => p.namespaces }
}
