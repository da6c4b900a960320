import { canonicalIp, fail, LIMITS, ok, type Result, type WorkloadId, workloadId } from '@sekisho/core'
import { type Attachment, isAttachmentName } from '../gate/attachments.ts'
import { list, object, readJson, type Shape, text } from '../shape.ts'

/** What the plugin `sekisho-cni` asks, read from the file that it leaves. */
export type CniRequest =
  | {
      readonly kind: 'add'
      /** The attachment's file: the sandbox's id and the interface in it. */
      readonly name: string
      readonly attachment: Attachment
      /** Result of the plugins before, as JSON: what the runtime is to be told. */
      readonly result: string
      /** The plugin listens for so long. */
      readonly waitMs: number
    }
  | { readonly kind: 'check'; readonly name: string }
  | { readonly kind: 'gc'; readonly kept: ReadonlySet<string> }

const FIELDS = ['command', 'container', 'interface', 'args', 'wait'] as const
type Field = (typeof FIELDS)[number]
const WAIT_MOST_SECONDS = 120

/** `key=value` lines; the configuration, which may hold anything, is the rest after `config=`. */
function split(source: string): {
  readonly fields: Readonly<Record<Field, string>>
  readonly config: string
} {
  const [, head = '', config = ''] = /^(.*?)^config=(.*)$/ms.exec(source) ?? []
  const lines = new Map(head.split('\n').map(line => [line.slice(0, line.indexOf('=')), line]))
  const value = (field: Field) => lines.get(field)?.slice(field.length + 1) ?? ''
  return {
    fields: {
      command: value('command'),
      container: value('container'),
      interface: value('interface'),
      args: value('args'),
      wait: value('wait'),
    },
    config,
  }
}

/** What the file asks, or why it cannot be answered. */
export function parseRequest(source: string): Result<CniRequest, string> {
  const { fields, config } = split(source)
  const name = `${fields.container}.${fields.interface}`
  switch (fields.command) {
    case 'ADD':
      return isAttachmentName(name) ? parseAdd(name, fields, config) : fail('the container’s id is not valid')
    case 'CHECK':
      return isAttachmentName(name) ? ok({ kind: 'check', name }) : fail('the container’s id is not valid')
    case 'GC':
      return parseGc(config)
    default:
      return fail(`${JSON.stringify(fields.command.slice(0, 20))} is not asked of an agent`)
  }
}

const previous: Shape<{ readonly prevResult: { readonly ips: readonly { readonly address: string }[] } }> =
  object({
    prevResult: object({ ips: list(object({ address: text(64) }), LIMITS.addressesPerWorkload.value) }),
  })

function parseAdd(
  name: string,
  { args, wait }: Readonly<Record<Field, string>>,
  config: string,
): Result<CniRequest, string> {
  const read = readJson(previous, config)
  if (!read.ok) return read
  const workload = podOf(args)
  if (!workload) return fail('CNI_ARGS name no pod: K8S_POD_NAMESPACE and K8S_POD_NAME')
  const addresses: string[] = []
  for (const { address } of read.value.prevResult.ips) {
    const ip = canonicalIp(address.replace(/\/\d{1,3}$/, ''))
    if (ip === undefined) return fail(`${JSON.stringify(address)} is not an address`)
    addresses.push(ip)
  }
  if (addresses.length === 0) return fail('the plugins before gave the pod no address')
  // The object that was just read: whatever else it holds is the runtime's.
  const result = JSON.stringify((JSON.parse(config) as { readonly prevResult: object }).prevResult)
  const waitMs = Math.min(Number(wait) || 0, WAIT_MOST_SECONDS) * 1_000
  return ok({ kind: 'add', name, attachment: { workload, addresses }, result, waitMs })
}

/** `A=1;B=2`: https://www.cni.dev/docs/conventions/#cni_args */
function podOf(args: string): WorkloadId | undefined {
  const values = new Map(
    args.split(';').map(pair => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  )
  const [namespace, pod] = [values.get('K8S_POD_NAMESPACE'), values.get('K8S_POD_NAME')]
  return namespace && pod ? workloadId('pod', namespace, pod) : undefined
}

const MANY = 100_000
const valid: Shape<readonly { readonly containerID: string; readonly ifname: string }[]> = list(
  object({ containerID: text(255), ifname: text(64) }),
  MANY,
)

function parseGc(config: string): Result<CniRequest, string> {
  const read = readJson<{ readonly 'cni.dev/valid-attachments': Parameters<typeof keep>[0] }>(
    object({ 'cni.dev/valid-attachments': valid }),
    config,
  )
  return read.ok ? ok({ kind: 'gc', kept: keep(read.value['cni.dev/valid-attachments']) }) : read
}

const keep = (
  all: readonly { readonly containerID: string; readonly ifname: string }[],
): ReadonlySet<string> => new Set(all.map(({ containerID, ifname }) => `${containerID}.${ifname}`))
