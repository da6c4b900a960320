import type { Dictionary } from '../en/index.ts'

export const records: Dictionary['records'] = { title: '' }
