import { app } from './app.ts'
import { flows } from './flows.ts'
import { map } from './map.ts'
import { overview } from './overview.ts'
import { policies } from './policies.ts'
import { records } from './records.ts'
import { terms } from './terms.ts'

export const en = { app, flows, map, overview, policies, records, terms }

/** Every language must have all of it: a missing string does not compile. */
export type Dictionary = typeof en
