import { LIMITS } from '@sekisho/core'
import { EXTERNAL_PORTS, NODE_NAME, TRANSPORTS } from '../documents/external-workload.ts'
import { integer, list, object, oneOf, text } from './schema.ts'

const PORT = object(
  {
    name: text(15, /^[a-z0-9](?:-?[a-z0-9])*$/),
    port: integer(1, 65_535),
    protocol: oneOf(TRANSPORTS, { default: 'TCP' }),
  },
  { required: ['name', 'port'] },
)

/** A machine outside of the cluster, or addresses without one's own agent. */
export const EXTERNAL_WORKLOAD_SPEC = object(
  {
    addresses: list(text(45, /^[0-9A-Fa-f:.]+$/), LIMITS.addressesPerWorkload.value, {
      minItems: 1,
      description: 'Its addresses, of both families.',
      'x-kubernetes-list-type': 'set',
      'x-kubernetes-validations': [
        {
          rule: "!self.exists(address, address.startsWith('127.') || address == '::1')",
          message: 'is a loopback address, which is no machine’s own',
        },
      ],
    }),
    ports: list(PORT, EXTERNAL_PORTS, {
      description: 'Ports that rules may name.',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    }),
    serviceAccount: text(253, undefined, { description: 'By which policies may select it too.' }),
    node: text(253, NODE_NAME, {
      description:
        'The name under which the agent on this machine joined: policies that select it are enforced there. Without one it is known only as a peer.',
    }),
  },
  { required: ['addresses'] },
)
