import { text } from '../arguments.ts'
import { EXIT, type Invocation } from '../command.ts'
import { type Installation, isWell, type NodeStatus, readInstallation } from '../kubernetes/installation.ts'
import { openKubectl } from '../kubernetes/kubectl.ts'
import { NAMESPACE } from '../kubernetes/manifests.ts'

/** Nodes that are as they should be are counted, not listed. */
function nodeLines(nodes: readonly NodeStatus[]): readonly string[] {
  return nodes.flatMap(({ node, agent, reason, cannot }) => [
    ...(agent === 'ready' ? [] : [`Node         ${node}: agent ${agent}${reason ? `, ${reason}` : ''}`]),
    ...cannot.map(why => `Degraded     ${node}: ${why}`),
  ])
}

function serverLines({ server, webhook }: Installation): readonly string[] {
  const { desired, ready, version, images, leader, trouble } = server
  const what = version === undefined ? images.join(', ') : `${version} (${images.join(', ')})`
  const until = webhook?.authorityUntil === undefined ? '' : `, authority until ${webhook.authorityUntil}`
  return [
    desired === 0 ? 'Server       there is none' : `Server       ${ready} of ${desired} ready, ${what}`,
    ...(leader === undefined ? [] : [`Leader       ${leader}`]),
    ...(trouble === undefined ? [] : [`Trouble      the server could not be asked: ${trouble}`]),
    webhook
      ? `Webhook      registered, protection ${webhook.guardsProtection ? 'guarded' : 'not guarded'}${until}`
      : 'Webhook      not registered',
  ]
}

export function describeInstallation(installation: Installation): string {
  const { nodes, kinds, troubles, unread } = installation
  const those = (holds: (node: NodeStatus) => boolean) => nodes.filter(holds).length
  const lines = [
    ...serverLines(installation),
    `Agents       ${those(({ agent }) => agent === 'ready')} of ${nodes.length} nodes ready`,
    `New pods     wait for their rules on ${those(({ cni }) => cni === 'on')} of ${nodes.length} nodes`,
    ...nodeLines(nodes),
    ...kinds.map(
      ({ kind, objects, accepted, programmed }) =>
        `Policies     ${kind}: ${objects}, ${accepted} accepted${programmed === undefined ? '' : `, ${programmed} programmed`}`,
    ),
    ...troubles.map(({ policy, reason, message }) => `Attention    ${policy}: ${reason}: ${message}`),
    ...unread.map(path => `Not read     ${path}: you may not`),
  ]
  return `${lines.join('\n')}\n`
}

/** An installation as the user's kubectl reaches it; no server needs to answer, and no token. */
export async function clusterStatus({ values, output }: Invocation): Promise<number> {
  const kubectl = openKubectl(text(values, 'context'))
  const installation = await readInstallation(kubectl, text(values, 'namespace') ?? NAMESPACE)
  await output.one(installation, { human: describeInstallation, name: () => 'status' })
  return isWell(installation) ? EXIT.ok : EXIT.failed
}
