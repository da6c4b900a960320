import type { Dictionary } from '../en/index.ts'

export const flows: Dictionary['flows'] = { title: '' }
