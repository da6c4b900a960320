import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { dictionary, object, readJson, type Shape, text } from '../../shape.ts'
import { isMissing } from '../../state-directory.ts'
import type { ContainerFacts, FactsReader } from './facts.ts'

/** containerd keeps one bundle per running task: `<namespace>/<id>/config.json`, an OCI runtime spec. */
const TASKS = '/run/containerd/io.containerd.runtime.v2.task'

interface Specification {
  readonly annotations?: Readonly<Record<string, string>>
}
const specification: Shape<Specification> = object<Specification>(
  { annotations: dictionary(text(1_048_576), 10_000) },
  ['annotations'],
)

/** The CRI plugin's annotations (containerd internal/cri/annotations); nerdctl's. */
const CRI = 'io.kubernetes.cri.'
const NERDCTL_NAME = 'nerdctl/name'

function factsOf(id: string, annotations: Readonly<Record<string, string>>): ContainerFacts {
  const namespace = annotations[`${CRI}sandbox-namespace`]
  const pod = annotations[`${CRI}sandbox-name`]
  const image = annotations[`${CRI}image-name`]
  return {
    id,
    name: annotations[`${CRI}container-name`] ?? annotations[NERDCTL_NAME] ?? id.slice(0, 12),
    labels: {},
    ports: [],
    ...(image !== undefined && { image }),
    ...(namespace !== undefined && pod !== undefined && { pod: { namespace, name: pod } }),
  }
}

/** @param root where the bundles are. A bundle that goes away or cannot be read is left out. */
export async function readContainerd(root: string): Promise<readonly ContainerFacts[]> {
  const found: ContainerFacts[] = []
  for (const namespace of await namesIn(root)) {
    for (const id of await namesIn(join(root, namespace))) {
      const source = await readOrNothing(join(root, namespace, id, 'config.json'))
      const spec = source === undefined ? undefined : readJson(specification, source)
      if (spec?.ok) found.push(factsOf(id, spec.value.annotations ?? {}))
    }
  }
  return found
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

async function readOrNothing(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

export const containerdFacts: FactsReader = () => readContainerd(TASKS)
