import { textAt } from '@sekisho/core'
import { isConflict, type KubeClient, KubeObjects, PODS, type ResourceType } from '../src/index.ts'

export interface PodPlace {
  readonly namespace: string
  readonly account: string
  readonly node: string
  readonly audience: string
}

const SERVICE_ACCOUNTS: ResourceType = {
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  namespaced: true,
}

/** As the kubelet of that node asks for it: the token of a pod there, which is made with its account. */
export async function podToken(client: KubeClient, place: PodPlace): Promise<string> {
  const { namespace, account, node, audience } = place
  const name = `${account}-${node}`
  const spec = { nodeName: node, serviceAccountName: account, containers: [{ name: 'main', image: 'none' }] }
  const make = (type: ResourceType, json: object) =>
    new KubeObjects(client, type).create({ namespace }, { ...json }).catch(unlessThere)
  await make(SERVICE_ACCOUNTS, { metadata: { name: account } })
  await make(PODS, { metadata: { name }, spec })
  const answer = await client.call({
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { audiences: [audience], boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name } },
    },
  })
  const token = textAt(answer, 'status', 'token')
  if (token === undefined) throw new TypeError('no token was made')
  return token
}

function unlessThere(error: unknown): void {
  if (!isConflict(error)) throw error
}
