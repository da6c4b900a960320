resource "helm_release" "sekisho" {
  name             = "sekisho"
  namespace        = var.namespace
  create_namespace = true
  chart            = "${path.module}/../helm/sekisho"
  # Agents are ready when the kernel of their node is programmed.
  wait    = true
  timeout = 900

  values = [
    yamlencode({ mode = var.mode, image = var.image }),
    yamlencode(var.values),
  ]
}
