import { get } from 'node:http'
import type { NamedPort } from '@sekisho/core'
import { dictionary, integer, list, object, oneOf, readJson, type Shape, text } from '../../shape.ts'
import { isMissing } from '../../state-directory.ts'
import { boundedLabels, type ContainerFacts, type FactsReader } from './facts.ts'

/** Docker's Engine API; Podman serves the same on a socket of its own. */
const SOCKETS = ['/var/run/docker.sock', '/run/podman/podman.sock'] as const
const ANSWER_MOST = 16_777_216
const ANSWER_TIMEOUT_MS = 5_000

interface Listed {
  readonly Id: string
  readonly Names: readonly string[]
  readonly Image: string
  readonly Labels?: Readonly<Record<string, string>>
  readonly Ports?: readonly { readonly PrivatePort: number; readonly Type: string }[]
}

const MANY = 100_000
const listed: Shape<readonly Listed[]> = list(
  object<Listed>(
    {
      Id: text(128),
      Names: list(text(1_024), 64),
      Image: text(4_096),
      Labels: dictionary(text(1_048_576), MANY),
      Ports: list(object({ PrivatePort: integer(65_535), Type: oneOf(['tcp', 'udp', 'sctp']) }), MANY),
    },
    ['Labels', 'Ports'],
  ),
  MANY,
)

function portsOf({ Ports = [] }: Listed): NamedPort[] {
  const ports = new Map<string, NamedPort>()
  for (const { PrivatePort: port, Type } of Ports) {
    const protocol = Type.toUpperCase() as 'TCP' | 'UDP' | 'SCTP' // its shape says so
    ports.set(`${protocol}/${port}`, { name: `${Type}-${port}`, protocol, port })
  }
  return [...ports.values()]
}

const factsOf = (container: Listed): ContainerFacts => ({
  id: container.Id,
  name: container.Names[0]?.replace(/^\//, '') ?? container.Id.slice(0, 12),
  image: container.Image,
  labels: boundedLabels(container.Labels ?? {}),
  ports: portsOf(container),
})

/** Docker's list of running containers. @throws when it answers something that is not one. */
export async function readDocker(socketPath: string): Promise<readonly ContainerFacts[]> {
  const body = await ask(socketPath)
  if (body === undefined) return []
  const containers = readJson(listed, body)
  if (!containers.ok) throw new Error(`${socketPath}: ${containers.error}`)
  return containers.value.map(factsOf)
}

/** Undefined where nobody listens. */
async function ask(socketPath: string): Promise<string | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>()
  const request = get({ socketPath, path: '/containers/json', timeout: ANSWER_TIMEOUT_MS }, response => {
    let body = ''
    response.setEncoding('utf8')
    response.on('data', (part: string) => {
      body += part
      if (body.length > ANSWER_MOST) request.destroy(new Error('the answer is too long'))
    })
    response.once('end', () => resolve(response.statusCode === 200 ? body : undefined))
    response.once('error', reject)
  })
  request.once('timeout', () => request.destroy(new Error(`${socketPath} does not answer`)))
  request.once('error', error => (isMissing(error) || isRefused(error) ? resolve(undefined) : reject(error)))
  return promise
}

const isRefused = (error: Error): boolean => 'code' in error && error.code === 'ECONNREFUSED'

export const dockerFacts: FactsReader = async () => (await Promise.all(SOCKETS.map(readDocker))).flat()
