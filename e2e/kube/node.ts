import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type ClusterAccess,
  EXTERNAL_WORKLOADS,
  KubeObjects,
  NAMESPACES,
  openKubeClient,
  PODS,
  type ResourceType,
  SECURITY_POLICIES,
} from '@sekisho/kube'
import { openApiServerDouble } from '../../packages/kube/test/double/api-server.ts'
import { systemTimers as timers } from '../../packages/kube/test/system-timers.ts'
import { createProber, type Prober } from '../dataplane/prober.ts'
import { buildTopology, type Topology, type TopologyOptions } from '../topology.ts'
import { startFor } from './cluster.ts'

const AGENT = join(import.meta.dirname, '../../apps/agent/src/main.ts')

/** One node of a cluster, its pods in namespace `shop`, and a server for the cluster; no agent yet. */
export interface ClusterNode {
  readonly topology: Topology
  readonly prober: Prober
  readonly pods: KubeObjects
  readonly policies: KubeObjects
  objects(type: ResourceType): KubeObjects
  readonly externals: KubeObjects
  readonly server: Awaited<ReturnType<typeof startFor>>
  podOf(name: string, labels: Readonly<Record<string, string>>): Parameters<KubeObjects['create']>[1]
  /** Of the server and the agents. */
  readonly directory: string
  /** @param machine by name; without one, that of the node. It ends with the node, unless it did before. */
  startAgent(machine?: string): ChildProcess
  /** Whether a connection is answered, by version 4 and by version 6 of the protocol. */
  reaches(way: Way): readonly boolean[]
}
/** From a pod or machine to another, and its port. */
export type Way = readonly [from: string, to: string, port: number]

interface NodeOptions extends TopologyOptions {
  /** Machines of no cluster, by name, that are a router away as pods are. */
  readonly machines?: readonly string[]
}

export async function openClusterNode(
  resources: AsyncDisposableStack,
  { machines = [], ...options }: NodeOptions,
): Promise<ClusterNode> {
  const directory = mkdtempSync(join(tmpdir(), 'sekisho-node-'))
  resources.defer(() => rmSync(directory, { recursive: true }))
  const topology = resources.use(buildTopology({ ...options, pods: [...options.pods, ...machines] }))
  const prober = resources.use(createProber())
  const double = resources.use(await openApiServerDouble())
  const access: ClusterAccess = { server: double.url, credentials: { kind: 'none' }, namespace: 'sekisho' }
  const client = resources.use(openKubeClient({ access, userAgent: 'test/0', timers }))
  const pods = new KubeObjects(client, PODS)
  const podOf: ClusterNode['podOf'] = (name, labels) => ({
    metadata: { name, labels },
    spec: { nodeName: 'node-0', containers: [{ name: 'main', image: 'none' }] },
    status: { phase: 'Running', podIPs: topology.pod(name).addresses.map(ip => ({ ip })) },
  })
  await new KubeObjects(client, NAMESPACES).create({}, { metadata: { name: 'shop' } })
  for (const name of options.pods) await pods.create({ namespace: 'shop' }, podOf(name, { app: name }))
  const server = resources.use(await startFor(access, directory, { podConditions: true }))
  return {
    topology,
    prober,
    pods,
    policies: new KubeObjects(client, SECURITY_POLICIES),
    objects: type => new KubeObjects(client, type),
    externals: new KubeObjects(client, EXTERNAL_WORKLOADS),
    server,
    podOf,
    directory,
    startAgent(machine) {
      const agent = spawn(
        process.execPath,
        [
          AGENT,
          `--server=https://127.0.0.1:${server.agentsPort}`,
          `--state=${join(directory, machine ?? 'agent')}`,
          // No source of workloads: what this node has is what the cluster says.
          `--node=${machine ?? 'node-0'}`,
          `--netns=${machine === undefined ? topology.node : topology.pod(machine).netns}`,
          '--identify=off',
        ],
        {
          stdio: ['ignore', 'ignore', 'inherit'],
          env: { ...process.env, SEKISHO_JOIN_TOKEN: server.joinToken() },
        },
      )
      resources.defer(() => ended(agent))
      return agent
    },
    reaches([from, to, port]) {
      const [source, destination] = [topology.pod(from), topology.pod(to)]
      return prober
        .send(
          ([0, 1] as const).map(family => ({
            from: source.netns,
            source: source.addresses[family],
            destination: destination.addresses[family],
            protocol: 'TCP' as const,
            port,
          })),
        )
        .map(answered => answered === true)
    },
  }
}

async function ended(agent: ChildProcess): Promise<void> {
  if (agent.exitCode !== null || agent.signalCode !== null) return
  agent.kill('SIGTERM')
  await once(agent, 'exit')
}
