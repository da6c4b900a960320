import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from '../arguments.ts'

/** What `helm template` makes of the chart: the same objects, without Helm. */
const PATH = join(import.meta.dirname, '../../../../deploy/manifests/sekisho.yaml')
export const NAMESPACE = 'sekisho'
export const MODES = ['observe', 'enforce'] as const

export interface Installation {
  readonly mode: (typeof MODES)[number]
  /** `REGISTRY/sekisho:0.1.0`; absent: as in the file. */
  readonly image?: string | undefined
}

const IMAGE = /^( +image: )\S+$/gm
const OBSERVE = /^ +- --network-policies=Audit\n/m

/** The objects of an installation, as YAML for `kubectl apply`. */
export function manifests({ mode, image }: Installation): string {
  const rendered = readFileSync(PATH, 'utf8')
  // It stands in the file as it is: nothing else of YAML may come in with it.
  if (image !== undefined && !/^[\w./:@-]+$/.test(image))
    throw new UsageError(`--image is no image: ${image}`)
  const named = image === undefined ? rendered : rendered.replaceAll(IMAGE, `$1${image}`)
  return mode === 'observe' ? named : named.replace(OBSERVE, '')
}

/** What the manifests make, in their order. */
export interface Made {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
}

export async function made(yaml: string): Promise<readonly Made[]> {
  const { parseAllDocuments } = await import('yaml')
  return parseAllDocuments(yaml)
    .map(document => document.toJS() as Made | null) // our own file
    .filter(object => object !== null)
}
