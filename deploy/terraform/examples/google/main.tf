# Sekisho in a GKE cluster that is there.
variable "cluster" { type = string }
variable "location" { type = string }
variable "repository" { type = string }

data "google_client_config" "this" {}

data "google_container_cluster" "this" {
  name     = var.cluster
  location = var.location
}

provider "helm" {
  kubernetes = {
    host                   = "https://${data.google_container_cluster.this.endpoint}"
    cluster_ca_certificate = base64decode(data.google_container_cluster.this.master_auth[0].cluster_ca_certificate)
    token                  = data.google_client_config.this.access_token
  }
}

module "sekisho" {
  source = "../.."
  image  = { repository = var.repository }
  # Critical pods outside of kube-system need a quota here.
  values = { priorityQuota = true }
}
