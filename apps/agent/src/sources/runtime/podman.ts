import { readFile } from 'node:fs/promises'
import { list, object, readJson, type Shape, text } from '../../shape.ts'
import { isMissing } from '../../state-directory.ts'
import type { ContainerFacts, FactsReader } from './facts.ts'

/** Podman has no daemon: where its socket is off, its storage's list still names what there is. */
const STORAGE = '/var/lib/containers/storage/overlay-containers/containers.json'

interface Stored {
  readonly id: string
  readonly names?: readonly string[]
  /** JSON inside JSON: `{"image-name": …}`. */
  readonly metadata?: string
}

const stored: Shape<readonly Stored[]> = list(
  object<Stored>({ id: text(128), names: list(text(1_024), 64), metadata: text(65_536) }, [
    'names',
    'metadata',
  ]),
  100_000,
)
interface Details {
  readonly 'image-name'?: string
}
const details: Shape<Details> = object<Details>({ 'image-name': text(4_096) }, ['image-name'])

function factsOf({ id, names = [], metadata }: Stored): ContainerFacts {
  const read = metadata === undefined ? undefined : readJson(details, metadata)
  const image = read?.ok ? read.value['image-name'] : undefined
  return {
    id,
    name: names[0] ?? id.slice(0, 12),
    labels: {},
    ports: [],
    ...(image !== undefined && { image }),
  }
}

/** @throws when the list is there and is not one. */
export async function readPodmanStorage(path: string): Promise<readonly ContainerFacts[]> {
  let source: string
  try {
    source = await readFile(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
  const containers = readJson(stored, source)
  if (!containers.ok) throw new Error(`${path}: ${containers.error}`)
  return containers.value.map(factsOf)
}

export const podmanFacts: FactsReader = () => readPodmanStorage(STORAGE)
