# Sekisho in an AKS cluster that is there.
variable "cluster" { type = string }
variable "resource_group" { type = string }
variable "repository" { type = string }

provider "azurerm" {
  features {}
}

data "azurerm_kubernetes_cluster" "this" {
  name                = var.cluster
  resource_group_name = var.resource_group
}

locals {
  access = data.azurerm_kubernetes_cluster.this.kube_config[0]
}

provider "helm" {
  kubernetes = {
    host                   = local.access.host
    cluster_ca_certificate = base64decode(local.access.cluster_ca_certificate)
    client_certificate     = base64decode(local.access.client_certificate)
    client_key             = base64decode(local.access.client_key)
  }
}

module "sekisho" {
  source = "../.."
  image  = { repository = var.repository }
}
