import type { HttpApplication } from './application.ts'

/**
 * The Kubernetes API: resources of the core group below "/api/v1", others below "/apis/" group "/" version. Many an
 * application has an "/api/v1" of its own, so only the core group's resources count.
 */
export const kubernetes: HttpApplication = {
  application: 'kubernetes',
  paths:
    /^\/(?:api\/v1\/(?:watch\/)?(?:namespaces|nodes|pods|services|endpoints|configmaps|secrets|persistentvolumes|persistentvolumeclaims|serviceaccounts|replicationcontrollers|componentstatuses|limitranges|resourcequotas|podtemplates)(?:\/|$)|apis\/(?:apps|batch|autoscaling|policy|[a-z0-9-]+(?:\.[a-z0-9-]+)+)\/v\d+(?:(?:alpha|beta)\d+)?(?:\/|$))/,
  asks: notes =>
    /^(?:kubectl|kubelet|kube-[a-z-]+)\//.test(notes['user-agent'] ?? '') ? 'User-Agent' : undefined,
  answers: notes =>
    notes['x-kubernetes-pf-flowschema-uid'] === undefined
      ? undefined
      : 'header "X-Kubernetes-PF-FlowSchema-UID"',
}
