import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findHelm, plainManifests } from './chart/helm.ts'

const program = findHelm()
if (typeof program === 'string') throw new Error(program)
writeFileSync(join(import.meta.dirname, '../deploy/manifests/sekisho.yaml'), plainManifests(program))
