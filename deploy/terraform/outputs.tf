output "namespace" {
  value = helm_release.sekisho.namespace
}

output "login" {
  description = "Prints a link to log in, good once."
  value       = "kubectl --namespace ${helm_release.sekisho.namespace} exec service/sekisho-server -- /opt/sekisho/bin/sekisho-server login-link --data /var/lib/sekisho/server"
}
