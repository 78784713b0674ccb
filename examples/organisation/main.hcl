# An organisation of 200 projects from an inventory: about 10,000 objects from one page.

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
  stages = ["dev", "formation", "recette", "preprod"]
}

cluster "prod1" {
  stages = ["prod"]
}

locals {
  lignes = csvdecode(file("${path.module}/inventaire.csv"))
  parc   = { for l in local.lignes : l.nom => l if l.etat == "actif" }

  quotas = {
    s  = { cpu = 2, memory = "4Gi" }
    m  = { cpu = 4, memory = "8Gi" }
    l  = { cpu = 6, memory = "12Gi" }
    xl = { cpu = 8, memory = "16Gi" }
  }
  gabarits = {
    standard = { dev = "s", recette = "s", preprod = "s", prod = "m" }
    etendu   = { dev = "s", formation = "s", recette = "m", preprod = "m", prod = "xl" }
  }
}

project "parc" {
  for_each    = local.parc
  slug        = each.key
  description = each.value.libelle
  owner       = each.value.responsable
  members = {
    (each.value.devops)       = ["devops"]
    (each.value.developpeurs) = ["developer"]
  }

  dynamic "repo" {
    for_each = toset(split(" ", each.value.depots))
    labels   = [repo.value]
    content {
      source = "https://forge.example/dgtn/${each.key}-${repo.value}.git"
    }
  }
  repo "infra" {
    infra = true
  }

  dynamic "environment" {
    for_each = local.gabarits[each.value.gabarit]
    labels   = [environment.key]
    content {
      on       = environment.key == "prod" ? cluster.prod1.stage.prod : cluster.hp1.stage[environment.key]
      quota    = local.quotas[environment.value]
      autosync = environment.key != "prod"
    }
  }
}

output "portefeuille" {
  value = {
    projets = length(project.parc)
    cpu     = sum([for p in project.parc : p.consumption.cpu])
  }
}
