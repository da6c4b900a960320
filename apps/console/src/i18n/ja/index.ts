import type { Dictionary } from '../en/index.ts'
import { app } from './app.ts'
import { flows } from './flows.ts'
import { map } from './map.ts'
import { overview } from './overview.ts'
import { policies } from './policies.ts'
import { records } from './records.ts'
import { terms } from './terms.ts'

export const ja: Dictionary = { app, flows, map, overview, policies, records, terms }
