# Sekisho in an EKS cluster that is there.
variable "cluster" { type = string }
variable "repository" { type = string }

data "aws_eks_cluster" "this" {
  name = var.cluster
}

provider "helm" {
  kubernetes = {
    host                   = data.aws_eks_cluster.this.endpoint
    cluster_ca_certificate = base64decode(data.aws_eks_cluster.this.certificate_authority[0].data)
    exec = {
      api_version = "client.authentication.k8s.io/v1"
      command     = "aws"
      args        = ["eks", "get-token", "--cluster-name", var.cluster]
    }
  }
}

module "sekisho" {
  source = "../.."
  image  = { repository = var.repository }
  values = { server = { persistence = { storageClass = "gp3" } } }
}
