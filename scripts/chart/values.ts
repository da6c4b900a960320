import { PROTECTION_WORDS } from '@sekisho/core'

/** One value of the chart: what it is for, what may be written, and what it is where nothing is. */
export interface Leaf {
  readonly about: string
  readonly default: unknown
  /** JSON Schema, without description and default. */
  readonly schema: Readonly<Record<string, unknown>>
}

export interface Section {
  readonly about: string
  readonly values: Readonly<Record<string, Leaf | Section>>
}

export const isLeaf = (value: Leaf | Section): value is Leaf => 'schema' in value

const text = (about: string, preset = '', schema: object = {}): Leaf => ({
  about,
  default: preset,
  schema: { type: 'string', ...schema },
})
/** Of a directory of the node. */
const path = (about: string, preset: string): Leaf => text(about, preset, { pattern: '^/[^\\s]+$' })
const truth = (about: string, preset: boolean): Leaf => ({
  about,
  default: preset,
  schema: { type: 'boolean' },
})
const number = (about: string, preset: number, [minimum, maximum]: readonly [number, number]): Leaf => ({
  about,
  default: preset,
  schema: { type: 'number', minimum, maximum },
})
const choice = (about: string, preset: string, of: readonly string[]): Leaf => ({
  about,
  default: preset,
  schema: { type: 'string', enum: of },
})
const list = (about: string, preset: readonly unknown[], items: object): Leaf => ({
  about,
  default: preset,
  schema: { type: 'array', items },
})
/** Passed on to Kubernetes as it is, which checks it. */
const map = (about: string, preset: object = {}): Leaf => ({
  about,
  default: preset,
  schema: { type: 'object' },
})

const TEXT = { type: 'string' }
const PORT = { type: 'integer', minimum: 1, maximum: 65_535 }
const LINUX = { 'kubernetes.io/os': 'linux' }

const resources = (cpu: string, request: string, limit: string) =>
  map('Requests and limits. No limit on processors: it would delay what must not be late.', {
    requests: { cpu, memory: request },
    limits: { memory: limit },
  })

/** Everything that may be set. `values.yaml`, `values.schema.json` and docs/VALUES.md are made from it. */
export const VALUES: Section = {
  about: 'Values of the chart.',
  values: {
    mode: choice(
      'observe: NetworkPolicies and ClusterNetworkPolicies that do not say `sekisho.dev/mode: Enforce` only report what they would deny. enforce: they are enforced as Kubernetes means them.',
      'observe',
      ['observe', 'enforce'],
    ),
    firewall: choice(
      'Whether policies are enforced for pods that, like their namespaces, do not say it with `sekisho.dev/firewall`. `required`: and none may say otherwise.',
      'enabled',
      PROTECTION_WORDS,
    ),
    image: {
      about: 'One image has both programs; deploy/images/Dockerfile makes it.',
      values: {
        repository: text('Where you have put it.', 'localhost/sekisho', { minLength: 1 }),
        tag: text('Empty: the version of the chart.'),
        digest: text('`sha256:…`; comes before the tag.', '', { pattern: '^(sha256:[0-9a-f]{64})?$' }),
        pullPolicy: choice('When nodes ask the registry.', 'IfNotPresent', [
          'Always',
          'IfNotPresent',
          'Never',
        ]),
        pullSecrets: list('Secrets for it, as in a pod.', [], { type: 'object' }),
      },
    },
    crds: {
      about: 'Custom resources.',
      values: {
        install: truth('Install and upgrade them. They stay when the release is removed.', true),
      },
    },
    server: {
      about: 'The server: console, API, records.',
      values: {
        replicas: {
          about:
            'One, or two or three of which one answers and the others stand by, each with records of its own (docs/replicas.md).',
          default: 1,
          schema: { type: 'integer', minimum: 1, maximum: 3 },
        },
        bind: choice(
          'Addresses it listens on: of IPv4, or of both families where nodes have IPv6.',
          '0.0.0.0',
          ['0.0.0.0', '[::]'],
        ),
        names: list('More names that people reach it by, for its certificate.', [], TEXT),
        retention: {
          about: 'How long records are kept: whichever is reached first.',
          values: {
            days: number('Days.', 30, [1, 3_650]),
            gigabytes: number('Gigabytes; less than the volume holds.', 4, [0.01, 10_000]),
          },
        },
        persistence: {
          about: 'Its directory: records and accounts. Without a volume they are gone with the pod.',
          values: {
            enabled: truth('Ask for a volume.', true),
            size: text('Of the volume.', '10Gi', { pattern: '^[0-9.]+[KMGTP]i?$' }),
            storageClass: text('Empty: the default of the cluster.'),
            existingClaim: text('A claim that is there already; for one server.'),
          },
        },
        service: {
          about: 'How it is reached in the cluster.',
          values: {
            type: choice('Type of the Service.', 'ClusterIP', ['ClusterIP', 'NodePort', 'LoadBalancer']),
            annotations: map('Its annotations.'),
          },
        },
        webhook: {
          about:
            'Refuses policies with mistakes before they are stored. It lets all pass while the server is away.',
          values: {
            enabled: truth('Register it.', true),
            guard: {
              about:
                'Who makes something say less of its protection (`sekisho.dev/firewall`) needs the right to.',
              values: {
                enabled: truth(
                  'Ask for the verb `unprotect` on `protections` of `sekisho.dev`; administrators have it.',
                  true,
                ),
                exempt: list('Namespaces where nobody is asked, beside its own.', ['kube-system'], TEXT),
              },
            },
          },
        },
        podConditions: truth(
          'Tell each pod, by its condition `sekisho.dev/Enforced`, when its rules are in the kernel: about one call of the API for each pod that is made, and the right to write statuses of pods.',
          false,
        ),
        resources: resources('100m', '256Mi', '1Gi'),
        priorityClassName: text('Of its pod.', 'system-cluster-critical'),
        nodeSelector: map('Nodes it may be on.', LINUX),
        tolerations: list('Taints it may be on.', [], { type: 'object' }),
        affinity: map('Where it would rather be; several, where this says nothing, on nodes of their own.'),
      },
    },
    agent: {
      about: 'The agent, on every node.',
      values: {
        stateDirectory: path(
          'On the node: keys, last state, records not yet sent.',
          '/var/lib/sekisho/agent',
        ),
        port: {
          about: 'Of its health and metrics, on the loopback address of the node.',
          default: 7446,
          schema: PORT,
        },
        identify: choice('What is read though no policy asks.', 'services', ['services', 'all', 'off']),
        inspection: truth(
          'Read conversations. Without it policies about applications and requests are not enforced.',
          true,
        ),
        expiredNames: choice('Connections to a name whose time is over.', 'keep', ['keep', 'cut']),
        resolvers: list(
          'Addresses of resolvers whose answers say where names lead, beside those in /etc/resolv.conf of its pod.',
          [],
          TEXT,
        ),
        cni: {
          about: 'Let the networks of new pods wait until their rules are in the kernel.',
          values: {
            enabled: truth('Add a plugin to the network configuration of every node.', false),
            config: text(
              'Where the container runtime finds network configurations. Agents have the folder also where this is not enabled, to take the plugin out of it; empty: never.',
              '/etc/cni/net.d',
              { pattern: '^(/[^\\s]+)?$' },
            ),
            plugins: path('Where it finds its programs.', '/opt/cni/bin'),
            fallback: choice('Pods whose rules cannot be there in time.', 'closed', ['closed', 'open']),
            wait: {
              about: 'Seconds that a pod’s start waits each time.',
              default: 10,
              schema: { type: 'integer', minimum: 1, maximum: 100 },
            },
            exempt: list('Namespaces whose pods never wait, beside its own.', ['kube-system'], TEXT),
          },
        },
        nri: {
          about:
            'Or let new pods wait where their container runtime asks its own plugins; `fallback`, `wait` and `exempt` are those of `cni`.',
          values: {
            enabled: truth('Where the network configuration of nodes may not be touched.', false),
            socket: path('Of the container runtime.', '/var/run/nri/nri.sock'),
          },
        },
        remove: truth(
          'Remove the kernel’s rules from every node and rest, before the release is removed: rules outlive their agent.',
          false,
        ),
        privileged: truth(
          'Run it privileged instead of with listed capabilities, where the node’s security modules refuse those.',
          false,
        ),
        seLinuxOptions: map('Of its containers; `type: spc_t` where SELinux is enforced.'),
        maxUnavailable: {
          about: 'Nodes that get a new version at the same time, or a share of them; their rules stay.',
          default: '10%',
          schema: {
            anyOf: [
              { type: 'integer', minimum: 1 },
              { type: 'string', pattern: '^[0-9]+%$' },
            ],
          },
        },
        resources: resources('100m', '150Mi', '1Gi'),
        priorityClassName: text('Of its pods.', 'system-node-critical'),
        nodeSelector: map('Nodes it is on.', LINUX),
        tolerations: list('Taints it is on: all.', [{ operator: 'Exists' }], { type: 'object' }),
      },
    },
    networkPolicy: {
      about: 'NetworkPolicies of Sekisho itself.',
      values: {
        enabled: truth('Make them.', true),
        apiServerPorts: list('Ports that the API server has behind its Service.', [443, 6443], PORT),
      },
    },
    priorityQuota: truth(
      'A ResourceQuota that admits critical pods, which some clusters (GKE) want outside of kube-system.',
      false,
    ),
    podMonitor: {
      about: 'For the Prometheus operator and Grafana.',
      values: {
        enabled: truth(
          'A PodMonitor for the metrics of the server; needs the operator’s custom resources.',
          false,
        ),
        alerts: truth('A PrometheusRule with alerts.', false),
        runbooks: text('Where docs/runbooks.md is to be read, for links in alerts.', 'docs/runbooks.md', {
          minLength: 1,
        }),
        dashboard: truth('A ConfigMap with a dashboard, as Grafana’s sidecar looks for it.', false),
        labels: map('As your Prometheus selects them.'),
        interval: text('Between two scrapes.', '30s', { pattern: '^[0-9]+(s|m)$' }),
        tokenSecret: {
          about: 'Secret of the namespace with an API token (`sekisho-server token`).',
          values: {
            name: text('Its name.', 'sekisho-metrics'),
            key: text('Its key.', 'token'),
          },
        },
      },
    },
    createNamespace: truth('Make the namespace, where `helm install` does not; for plain manifests.', false),
  },
}
