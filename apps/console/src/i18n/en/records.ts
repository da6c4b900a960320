export const records = { title: '' }
