variable "namespace" {
  description = "Namespace of the installation; it is made."
  type        = string
  default     = "sekisho"
}

variable "image" {
  description = "Where you have put the image that deploy/images/Dockerfile makes."
  type = object({
    repository = string
    tag        = optional(string, "")
    digest     = optional(string, "")
  })
}

variable "mode" {
  description = "observe: NetworkPolicies only report what they would deny. enforce: as Kubernetes means them."
  type        = string
  default     = "observe"
  validation {
    condition     = contains(["observe", "enforce"], var.mode)
    error_message = "The mode is observe or enforce."
  }
}

variable "values" {
  description = "More values of the chart (docs/VALUES.md). They are stronger than what is set here."
  type        = any
  default     = {}
}
