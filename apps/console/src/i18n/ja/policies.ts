import type { Dictionary } from '../en/index.ts'

export const policies: Dictionary['policies'] = { title: '' }
